//! Incidents of heartbeats are incidents: failures and overruns open them, people take, explain and
//! close them, and they go where routes say, beside those of monitors.

use std::time::{Duration, Instant};

use serde_json::Value;
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::wait;

use crate::heartbeats::{pass, ping, time};
use crate::scene::{ALERT_WITHIN, EVERY, HOOK, MAIL, SOON, Scene, close, duration, place};

fn add(scene: &Scene, name: &str, more: &[&str]) -> String {
    let url = scene.cli.ok(&[&["heartbeat", "add", name], more].concat());
    url.trim().to_owned()
}

fn status(scene: &Scene, name: &str) -> Value {
    scene.cli.json(&["heartbeat", "show", name])["status"].clone()
}

#[test]
fn a_failure_is_told_at_once_and_once_and_the_next_success_ends_it() {
    let scene = Scene::start();
    let url = add(
        &scene,
        "import",
        &["--every", "1h", "--severity", "warning"],
    );
    ping(&url);
    let failed = Instant::now();
    ping(&format!("{url}/3"));
    let opened = scene.wait_for("incident.opened", "import");
    let took = opened.at.duration_since(failed);
    assert!(took <= ALERT_WITHIN, "{took:?} after it was said");
    let data = &opened.body["data"];
    assert_eq!(data["reason"]["code"], "heartbeat_failed");
    assert_eq!(data["reason"]["text"], "exit code 3");
    assert_eq!(data["incident"]["severity"], "warning");
    let mail = scene.wait_for_mail("FAILED: import heartbeat", "import");
    let text = mail.text.unwrap();
    assert!(text.contains("Reason: exit code 3"), "{text}");
    ping(&format!("{url}/fail"));
    ping(&format!("{url}/start"));
    ping(&format!("{url}/log"));
    assert_eq!(status(&scene, "import"), "down");
    let lasted = failed.elapsed();
    ping(&format!("{url}/0"));
    let resolved = scene.wait_for("incident.resolved", "import");
    close(duration(&resolved), lasted, Duration::from_secs(2));
    scene.let_slots_pass(1);
    assert_eq!(
        scene.told("import"),
        ["incident.opened", "incident.resolved"]
    );
}

#[test]
fn a_run_that_takes_too_long_is_told_while_it_runs_and_its_late_end_ends_it() {
    let scene = Scene::start();
    let limit = Duration::from_secs(2);
    let url = add(&scene, "export", &["--every", "1h", "--max-run", "2s"]);
    ping(&format!("{url}/start?rid=quick"));
    ping(&format!("{url}?rid=quick"));
    let before = Instant::now();
    ping(&format!("{url}/start?rid=slow"));
    let opened = scene.wait_for("incident.opened", "export");
    let took = opened.at.duration_since(before);
    assert!(took >= limit, "{took:?}");
    assert!(took <= limit + ALERT_WITHIN, "{took:?}");
    let reason = &opened.body["data"]["reason"];
    assert_eq!(reason["code"], "heartbeat_overrun");
    assert_eq!(reason["text"], "run slow has not ended in 2s");
    scene.wait_for_mail("OVERRUN: export heartbeat", "export");
    ping(&format!("{url}?rid=slow"));
    let resolved = scene.wait_for("incident.resolved", "export");
    assert_eq!(resolved.body["data"]["incident"]["resolution"], "recovered");
    assert_eq!(
        scene.told("export"),
        ["incident.opened", "incident.resolved"]
    );
}

#[test]
fn a_job_that_dies_in_every_run_is_missed_and_what_is_missing_is_told() {
    let scene = Scene::start();
    let url = add(&scene, "rotate", &["--every", "4s"]);
    ping(&url);
    // As all snippets do it: each run with an id of its own.
    let mut run = 0;
    wait::until_a_command_says("it is missed though it begins", SOON, || {
        run += 1;
        ping(&format!("{url}/start?rid=k{run}"));
        status(&scene, "rotate") == "down"
    });
    let opened = scene.wait_for("incident.opened", "rotate");
    let reason = &opened.body["data"]["reason"];
    assert_eq!(reason["code"], "heartbeat_missed");
    let text = reason["text"].as_str().unwrap();
    let missing = "runs begin, none has ended since ";
    assert!(text.starts_with(missing), "{text}");
    let mail = scene.wait_for_mail("MISSED: rotate heartbeat", "rotate");
    let text = mail.text.unwrap();
    assert!(text.contains(&format!("Reason: {missing}")), "{text}");
    ping(&format!("{url}/start?rid=well"));
    ping(&format!("{url}?rid=well"));
    scene.wait_for("incident.resolved", "rotate");
    // The runs that died are given up, and marked at their starts.
    let shown = scene.cli.json(&["heartbeat", "show", "rotate"]);
    let lost = shown["never_finished"].as_u64().unwrap();
    let pings = scene.cli.rows(&["heartbeat", "pings", "rotate"]);
    let marked = pings.iter().filter(|ping| ping["never_finished"] == true);
    assert!(lost > 0 && marked.count() == usize::try_from(lost).unwrap());
}

#[test]
fn an_incident_of_a_heartbeat_is_taken_explained_and_closed_by_hand() {
    let mut scene = Scene::start();
    let url = add(&scene, "backup", &["--every", "1s"]);
    ping(&url);
    let opened = scene.wait_for("incident.opened", "backup");
    let id = opened.incident();
    scene.cli.ok(&["incident", "ack", id, "--note", "on it"]);
    let updated = scene.wait_for("incident.updated", "backup");
    let kind = &updated.body["data"]["transition"]["kind"];
    assert_eq!(kind, "acknowledged");
    scene.wait_for_mail("ACKNOWLEDGED: backup heartbeat", "backup");
    scene.cli.ok(&["incident", "comment", id, "disk is full"]);
    let shown = scene.cli.json(&["incident", "show", id]);
    assert_eq!(shown["status"], "acknowledged");

    let refused = scene.cli.run(&["incident", "resolve", id]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.err.contains("--force"), "{refused:#?}");
    scene.cli.ok(&["incident", "resolve", id, "--force"]);
    let resolved = scene.wait_for("incident.resolved", "backup");
    assert_eq!(resolved.body["data"]["incident"]["resolution"], "forced");
    pass(Instant::now(), EVERY * 2);
    let open = scene.cli.rows(&["incident", "list", "--open"]);
    assert!(open.is_empty(), "none opens until it pinged: {open:?}");

    let why = scene.cli.ok(&["incident", "why", id]);
    for fact in ["every 1s", "backup"] {
        assert!(why.contains(fact), "{fact}: {why}");
    }
    scene
        .cli
        .ok(&["heartbeat", "edit", "backup", "--every", "2h"]);
    scene.restart();
    assert_eq!(scene.cli.ok(&["incident", "why", id]), why);
    ping(&url);
    assert_eq!(status(&scene, "backup"), "up");
}

#[test]
fn routes_tell_of_heartbeats_as_of_monitors_and_both_have_one_name_space() {
    let scene = Scene::start();
    let target = Target::start();
    let route = ["route", "add", "jobs", "--label", "team=jobs", "--to", MAIL];
    scene.cli.ok(&route);
    scene.watch("site", &target.url(), &[]);
    let route = ["route", "add", "sites", "--monitor", "site", "--to", HOOK];
    scene.cli.ok(&route);
    let labelled = ["--every", "1s", "--label", "team=jobs"];
    let url = add(&scene, "reports", &labelled);
    let taken = ["heartbeat", "add", "site", "--every", "1h"];
    let refused = scene.cli.run(&taken);
    assert!(
        refused.code == 1 && refused.err.contains("site"),
        "{refused:#?}"
    );
    let other = ["monitor", "add", "reports", "--http", &target.url()];
    assert_eq!(scene.cli.run(&other).code, 1);
    let names = |words: &[&str]| -> Vec<Value> {
        let rows = scene.cli.rows(words);
        rows.iter().map(|row| row["name"].clone()).collect()
    };
    assert_eq!(names(&["heartbeat", "list"]), ["reports"]);
    assert!(!names(&["monitor", "list"]).contains(&"reports".into()));

    ping(&url);
    target.behave(Behaviour::status(503));
    scene.wait_for_mail("MISSED: reports heartbeat", "reports");
    scene.wait_for("incident.opened", "site");
    assert_eq!(scene.told("reports"), [""; 0], "no route takes it there");
    assert_eq!(scene.mailed(&place(&target.url())), [""; 0]);
    let open = scene.cli.rows(&["incident", "list", "--open"]);
    assert_eq!(open.len(), 2, "{open:#?}");
    let last = time(
        &scene.cli.json(&["heartbeat", "show", "reports"]),
        "last_ping_at",
    );
    let missed = open.iter().find(|row| row["monitor"]["name"] == "reports");
    let missed = missed.unwrap_or_else(|| panic!("{open:#?}"));
    assert_eq!(
        time(missed, "started_at").since(last),
        Duration::from_secs(1)
    );
    ping(&url);
    target.behave(Behaviour::well());
    scene.wait_for_mail("UP: reports heartbeat", "reports");
    scene.wait_for("incident.resolved", "site");
}
