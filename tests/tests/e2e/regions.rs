//! How many regions must agree before anybody hears of it.

use std::time::Duration;

use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::REGIONS;
use vigilmon_tests::wait;

use crate::scene::{ALERT_WITHIN, EVERY, SOON, Scene, close, duration, first_answer, place};

#[test]
fn one_region_of_three_failing_alerts_nobody_and_is_visible() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);

    target.behave_in("us-east", Behaviour::status(503));
    target.wait_for_hits(&REGIONS, 8, EVERY * 30);

    assert_eq!(scene.messages(), 0);
    let site = scene.monitor("site");
    assert_eq!(site["status"], "up");
    let regions = site["regions"].as_array().unwrap();
    let vote = |region: &str| {
        let row = regions.iter().find(|row| row["region"] == region);
        row.unwrap_or_else(|| panic!("{region} is listed: {site:#}"))["vote"].clone()
    };
    assert_eq!([vote("us-east"), vote("eu-west")], ["down", "up"]);
    let shown = scene.cli.ok(&["monitor", "show", "site"]);
    assert!(shown.contains("majority (2 of 3)"), "{shown}");
    assert!(
        shown.contains("1 of 3 failing since") && shown.contains("(us-east); 2 needed"),
        "{shown}"
    );
}

#[test]
fn two_regions_of_three_failing_open_one_incident_that_names_them() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);

    target.behave_in("us-east", Behaviour::status(503));
    target.behave_in("eu-west", Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    let broken = first_answer(&target, 503).unwrap();
    assert!(opened.at.duration_since(broken) <= ALERT_WITHIN);
    assert_eq!(opened.regions("failing"), ["eu-west", "us-east"]);
    let mail = scene.wait_for_mail("DOWN: ", &place(&target.url()));
    let text = mail.text.unwrap();
    assert!(
        text.contains("US-East") && text.contains("EU-West") && text.contains("2 of 3"),
        "{text}"
    );
    assert!(!text.contains("AP-Southeast"), "it sees no failure: {text}");

    target.wait_for_hits(&REGIONS, 5, EVERY * 30);
    let shown = scene.monitor("site");
    assert_eq!(shown["status"], "down");

    target.behave(Behaviour::well());
    let mended = std::time::Instant::now();
    let resolved = scene.wait_for("incident.resolved", "site");
    close(
        duration(&resolved),
        mended.duration_since(broken),
        EVERY * 2,
    );
    scene.wait_for_mail("UP: ", &place(&target.url()));

    scene.let_slots_pass(3);
    assert_eq!(scene.told("site"), ["incident.opened", "incident.resolved"]);
    assert_eq!(scene.mailed(&place(&target.url())).len(), 2);
    assert_eq!(opened.incident(), resolved.incident());
}

#[test]
fn any_region_is_enough_where_the_quorum_says_so_but_one_lost_packet_is_not() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &["--quorum", "any"]);

    // One failing answer only: the second look, a second later, is well again.
    target.behave_once_in("us-east", Behaviour::status(503));
    wait::until_true("us-east saw one failure", EVERY * 10, || {
        first_answer(&target, 503).is_some()
    });
    target.wait_for_hits(&REGIONS, 4, EVERY * 20);
    let failures = target.hits().iter().filter(|hit| hit.status == 503).count();
    assert_eq!(failures, 1);
    assert_eq!(scene.messages(), 0);

    target.behave_in("us-east", Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    assert_eq!(opened.regions("failing"), ["us-east"]);
}

#[test]
fn an_alert_does_not_wait_for_the_interval() {
    let scene = Scene::start();
    let target = Target::start();
    let url = target.url();
    scene.cli.ok(&[
        "monitor",
        "add",
        "slow",
        "--http",
        &url,
        "--every",
        "30s",
        "--timeout",
        "2s",
    ]);
    scene.wait_for_status("slow", "up");

    target.behave(Behaviour::status(503));
    let within = Duration::from_secs(40);
    let opened =
        scene
            .receiver
            .wait_for(crate::scene::HOOK, "incident.opened", within, |delivery| {
                delivery.kind() == "incident.opened"
            });
    let broken = first_answer(&target, 503).unwrap();
    let took = opened.at.duration_since(broken);
    assert!(
        took <= ALERT_WITHIN,
        "{took:?} after the first failing answer"
    );
}

#[test]
fn a_new_monitor_is_checked_at_once_in_every_region() {
    let scene = Scene::start();
    let target = Target::start();
    let url = target.url();
    scene
        .cli
        .ok(&["monitor", "add", "rare", "--http", &url, "--every", "1h"]);
    let added = std::time::Instant::now();
    wait::until_true("every region has checked", SOON, || {
        REGIONS.iter().all(|region| target.hits_from(region) > 0)
    });
    scene.wait_for_status("rare", "up");
    for region in REGIONS {
        assert_eq!(target.hits_from(region), 1, "{region}");
    }
    for hit in target.hits() {
        let took = hit.at.saturating_duration_since(added);
        assert!(took < Duration::from_secs(5), "{took:?} in {}", hit.region);
    }
}
