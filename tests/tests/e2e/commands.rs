//! The commands as scripts use them: what they print as JSON, and how they exit.

use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::REGIONS;
use vigilmon_tests::wait;

use crate::scene::{EVERY, HOOK, SOON, Scene};

/// The width that tables keep to.
const COLUMNS: usize = 80;

#[test]
fn a_monitor_is_added_shown_edited_paused_resumed_and_removed() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch(
        "site",
        &target.url(),
        &["--label", "team=web", "--quorum", "all"],
    );

    let shown = scene.monitor("site");
    assert_eq!(shown["name"], "site");
    assert_eq!(shown["kind"], "http");
    assert_eq!(shown["target"], target.url());
    assert_eq!(shown["interval_seconds"], 1);
    assert_eq!(shown["labels"]["team"], "web");
    assert_eq!(shown["quorum"]["rule"], "all");
    assert_eq!(shown["quorum"]["required"], 3);
    assert_eq!(shown["quorum"]["assigned"], 3);
    assert_eq!(shown["regions"].as_array().unwrap().len(), 3);

    scene
        .cli
        .ok(&["monitor", "edit", "site", "--every", "2s", "--quorum", "2"]);
    let edited = scene.monitor("site");
    assert_eq!(
        (&edited["interval_seconds"], &edited["quorum"]["required"]),
        (&2.into(), &2.into())
    );
    assert_eq!(edited["id"], shown["id"]);

    scene.cli.ok(&["monitor", "pause", "site"]);
    assert_eq!(scene.monitor("site")["status"], "paused");
    let names = |rows: Vec<serde_json::Value>| -> Vec<String> {
        rows.iter()
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let listed = names(scene.cli.rows(&["monitor", "list"]));
    assert!(
        listed.contains(&"site".to_owned()),
        "paused ones are listed too: {listed:?}"
    );
    scene.cli.ok(&["monitor", "resume", "site"]);
    scene.wait_for_status("site", "up");

    let id = shown["id"].as_str().unwrap();
    scene.cli.ok(&["monitor", "remove", id]);
    assert_eq!(scene.cli.run(&["monitor", "show", "site"]).code, 3);
    let before = target.hits().len();
    scene.let_slots_pass(3);
    assert!(
        target.hits().len() <= before + REGIONS.len(),
        "nobody asks it any more"
    );
}

#[test]
fn a_check_by_hand_prints_what_each_region_saw_and_exits_by_it() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    let rows = scene.cli.rows(&["monitor", "check", "site"]);
    let mut seen: Vec<&str> = rows
        .iter()
        .map(|row| row["region"].as_str().unwrap())
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, ["ap-southeast", "eu-west", "us-east"]);
    for row in &rows {
        assert_eq!(row["outcome"], "up");
        assert!(row["phases"]["first_byte_ms"].is_number(), "{row:#}");
    }
    let url = target.url();
    let wrong = scene
        .cli
        .run(&["monitor", "check", &url, "--expect-status", "204"]);
    assert_eq!(wrong.code, 1, "{wrong:#?}");
    assert!(wrong.out.contains("200"), "{wrong:#?}");
    assert_eq!(scene.messages(), 0, "what was asked by hand makes no votes");
}

#[test]
fn a_check_by_hand_is_judged_by_the_quorum_of_its_monitor_or_the_one_given() {
    let scene = Scene::start();
    let target = Target::start();
    target.behave_in("us-east", Behaviour::status(503));
    let url = target.url();
    for (name, rule) in [("strict", "any"), ("lax", "2")] {
        scene
            .cli
            .ok(&["monitor", "add", name, "--http", &url, "--quorum", rule]);
    }
    let code = |words: &[&str]| scene.cli.run(&[&["monitor", "check"], words].concat()).code;
    assert_eq!((code(&["strict"]), code(&["lax"])), (1, 0));
    assert_eq!(code(&[&url]), 0, "a majority sees it up");
    assert_eq!(code(&[&url, "--quorum", "any"]), 1, "down in one region");
    assert_eq!(code(&[&url, "--quorum", "all"]), 1, "undecided");
    assert_eq!(code(&["nothing"]), 3);
}

#[test]
fn an_incident_is_acknowledged_and_refuses_to_be_closed_while_its_monitor_is_down() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    target.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    let id = opened.incident();

    scene.cli.ok(&["incident", "ack", id, "--note", "on it"]);
    assert_eq!(
        scene.cli.json(&["incident", "show", id])["status"],
        "acknowledged"
    );
    scene.wait_for("incident.updated", "site");
    let all_down = || {
        let site = scene.monitor("site");
        site["regions"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["vote"] == "down")
    };
    wait::until_a_command_says("all regions see it", SOON, all_down);
    let refused = scene.cli.run(&["incident", "resolve", id]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(
        refused.err.contains("3 of 3") && refused.err.contains("--force"),
        "{refused:#?}"
    );

    scene.cli.ok(&["incident", "resolve", id, "--force"]);
    let resolved = scene.wait_for("incident.resolved", "site");
    assert_eq!(resolved.body["data"]["incident"]["resolution"], "forced");
    target.wait_for_hits(&REGIONS, 3, EVERY * 20);
    assert!(
        scene.cli.rows(&["incident", "list", "--open"]).is_empty(),
        "none opens until it was up"
    );
}

#[test]
fn tables_keep_to_eighty_columns_and_routes_say_who_is_told() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("a-monitor-with-quite-a-long-name", &target.url(), &[]);
    scene.cli.ok(&[
        "route",
        "add",
        "web",
        "--severity",
        "critical",
        "--to",
        HOOK,
    ]);
    assert_eq!(scene.cli.rows(&["route", "list"]).len(), 1);
    let tables: [&[&str]; 6] = [
        &["monitor", "list"],
        &["monitor", "results", "a-monitor-with-quite-a-long-name"],
        &["incident", "list"],
        &["channel", "list"],
        &["route", "list"],
        &["agent", "list"],
    ];
    for table in tables {
        let out = scene.cli.ok(table);
        let wide = out.lines().find(|line| line.chars().count() > COLUMNS);
        assert_eq!(wide, None, "{table:?}");
    }
    scene.cli.ok(&["route", "remove", "web"]);
    let removed = scene.cli.run(&["channel", "remove", HOOK]);
    assert_eq!(removed.code, 0, "{removed:#?}");
}
