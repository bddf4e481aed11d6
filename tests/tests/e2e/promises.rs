//! What users are promised in numbers and in words, on the built programs: what counts as a
//! failure, how soon who hears of it, how often, and of what nobody is woken.

use std::time::{Duration, Instant};

use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::REGIONS;

use crate::scene::{ALERT_WITHIN, EVERY, HOOK, MAIL, SOON, Scene, first_answer, place};

/// From an outage to the alert, at an interval of a minute.
const WITHIN_TWO_MINUTES: Duration = Duration::from_secs(120);

#[test]
fn an_answer_that_is_not_2xx_or_does_not_come_in_time_is_a_failure() {
    let scene = Scene::start();
    let (broken, silent) = (Target::start(), Target::start());
    scene.watch("broken", &broken.url(), &[]);
    scene.watch("silent", &silent.url(), &[]);
    broken.behave(Behaviour::status(500));
    silent.behave(Behaviour::silent());
    for (monitor, code, text) in [
        ("broken", "http_status", "500 Internal Server Error"),
        ("silent", "timeout", "1s"),
    ] {
        let opened = scene.wait_for("incident.opened", monitor);
        let reason = &opened.body["data"]["reason"];
        assert_eq!(reason["code"], code);
        assert!(reason["text"].as_str().unwrap().contains(text), "{reason}");
    }
}

#[test]
fn statuses_are_expected_exactly_as_a_list_or_as_a_range() {
    let scene = Scene::start();
    let target = Target::start();
    let url = target.url();
    for (status, expected, code) in [
        (204, "2xx", 0),
        (204, "200", 1),
        (302, "302", 0),
        (302, "200,302", 0),
        (401, "400-404", 0),
        (410, "302,400-404", 1),
    ] {
        target.behave(Behaviour::status(status));
        let check = ["monitor", "check", &url, "--expect-status", expected];
        let done = scene.cli.run(&check);
        assert_eq!(
            done.code, code,
            "{status} where {expected} is expected: {done:#?}"
        );
    }
}

#[test]
fn a_region_that_fails_alone_for_long_is_told_where_a_route_asks_for_it() {
    let scene = Scene::start();
    let target = Target::start();
    scene.cli.ok(&["route", "add", "whole", "--to", HOOK]);
    let part = ["route", "add", "parts", "--scope", "regional", "--to", MAIL];
    scene.cli.ok(&part);
    scene.watch("site", &target.url(), &["--regional-after", "2s"]);

    target.behave_in("us-east", Behaviour::status(503));
    let mail = scene.wait_for_mail("REGIONAL: ", &place(&target.url()));
    let text = mail.text.unwrap();
    assert!(text.contains("US-East — 1 of 3"), "{text}");
    assert_eq!(scene.monitor("site")["status"], "up");
    target.behave(Behaviour::well());
    scene.wait_for_mail("UP: ", &place(&target.url()));
    assert_eq!(scene.told("site"), [""; 0], "the quorum never agreed");
}

#[test]
fn failures_in_a_row_are_counted_a_second_apart_and_wait_for_no_interval() {
    let scene = Scene::start();
    let target = Target::start();
    slow_monitor(&scene, &target, &["--every", "30s", "--failures", "3"]);

    target.behave(Behaviour::status(503));
    let opened = scene
        .receiver
        .wait_for(HOOK, "the alert", SOON * 2, |_| true);
    let first = first_answer(&target, 503).unwrap();
    let took = opened.at.duration_since(first);
    assert!(
        took <= ALERT_WITHIN,
        "{took:?} after the first failing answer"
    );
    for region in opened.regions("failing") {
        let before = |hit: &vigilmon_tests::target::Hit| {
            hit.region == region && hit.status == 503 && hit.at <= opened.at
        };
        let failures = target.hits().into_iter().filter(before).count();
        assert!(failures >= 3, "{region} failed {failures} times");
    }
}

#[test]
fn at_an_interval_of_a_minute_an_outage_is_told_within_two_and_seconds_after_it_was_seen() {
    let scene = Scene::start();
    let target = Target::start();
    slow_monitor(&scene, &target, &["--every", "60s"]);

    let broken = Instant::now();
    target.behave(Behaviour::status(503));
    let opened = scene
        .receiver
        .wait_for(HOOK, "the alert", WITHIN_TWO_MINUTES, |_| true);
    let seen = opened
        .at
        .duration_since(first_answer(&target, 503).unwrap());
    assert!(
        seen <= ALERT_WITHIN,
        "{seen:?} after the first failing answer"
    );
    // A third of an interval in the long run; after its first check, which is at once everywhere, a
    // monitor waits for slots that are at least half an interval away.
    let took = opened.at.duration_since(broken);
    let limit = Duration::from_secs(60) + ALERT_WITHIN;
    assert!(took <= limit, "{took:?} after the outage");
}

/// Adds a monitor that is checked rarely, and waits until every region has seen its target well.
fn slow_monitor(scene: &Scene, target: &Target, more: &[&str]) {
    let url = target.url();
    let add = ["monitor", "add", "slow", "--http", &url, "--timeout", "2s"];
    scene.cli.ok(&[&add, more].concat());
    scene.wait_for_status("slow", "up");
    vigilmon_tests::wait::until_true("every region has checked", SOON, || {
        REGIONS.iter().all(|region| target.hits_from(region) > 0)
    });
}

#[test]
fn sixty_failing_checks_make_one_message_a_channel() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    target.behave(Behaviour::status(503));
    scene.wait_for("incident.opened", "site");

    target.wait_for_hits(&REGIONS, 20, EVERY * 60);
    assert_eq!(scene.told("site"), ["incident.opened"]);
    assert_eq!(scene.mailed(&place(&target.url())).len(), 1);
}

#[test]
fn what_is_slow_is_degraded_and_wakes_nobody() {
    let scene = Scene::start();
    let target = Target::start();
    let limits = ["--degraded-latency", "200ms,800ms"];
    scene.watch("site", &target.url(), &limits);
    target.behave(Behaviour {
        after: Duration::from_millis(400),
        ..Behaviour::well()
    });
    scene.wait_for_status("site", "degraded");
    let results = scene
        .cli
        .rows(&["monitor", "results", "site", "--since", "1m"]);
    let slow = results.iter().find(|row| row["outcome"] == "degraded");
    assert_eq!(slow.unwrap()["reason"]["code"], "latency");
    target.behave(Behaviour::well());
    scene.wait_for_status("site", "up");
    assert_eq!(scene.messages(), 0);
    assert_eq!(scene.cli.rows(&["incident", "list"]).len(), 0);
}

#[test]
fn a_channel_hears_of_failures_or_of_recoveries_as_its_route_says() {
    let scene = Scene::start();
    let target = Target::start();
    for (route, event, to) in [("downs", "opened", HOOK), ("ups", "resolved", MAIL)] {
        scene
            .cli
            .ok(&["route", "add", route, "--event", event, "--to", to]);
    }
    scene.watch("site", &target.url(), &[]);
    target.behave(Behaviour::status(503));
    scene.wait_for("incident.opened", "site");
    target.behave(Behaviour::well());
    scene.wait_for_mail("UP: ", &place(&target.url()));
    scene.let_slots_pass(2);
    assert_eq!(scene.told("site"), ["incident.opened"]);
    assert_eq!(scene.mailed(&place(&target.url())).len(), 1);
}
