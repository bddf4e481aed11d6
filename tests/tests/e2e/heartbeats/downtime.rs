//! What the coordinator could not hear, since it was down itself, is not held against a job; what
//! it could is.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use vigilmon_tests::up::Options;
use vigilmon_tests::wait;

use super::{Ward, pass, ping, time};
use crate::scene::{ALERT_WITHIN, HOOK, SOON};

/// Shorter spells move deadlines, longer ones make a miss unobserved.
const SHORT: Duration = Duration::from_secs(30);
/// An alive mark is stored at least this often.
const MARK: Duration = Duration::from_secs(5);

#[test]
fn a_ping_that_was_due_in_a_long_downtime_is_listed_not_alarmed_and_the_next_one_counts() {
    let mut ward = Ward::start();
    let every = Duration::from_secs(6);
    let silent = ward.add("silent", &["--every", "1s"]);
    // Both are due while we are away; only one of them is due again while the test looks on.
    let due = [("reports", "20s"), ("backup", "6s")];
    let due = due.map(|(name, every)| ward.add(name, &["--every", every]));
    let later = ward.add("later", &["--every", "1h"]);
    ping(&silent);
    let missed = ward.wait_for("incident.opened", "silent");
    due.iter().chain([&later]).for_each(|url| ping(url));
    ward.up.process().kill();
    pass(Instant::now(), SHORT + Duration::from_secs(1));
    ward.up.start_again(&Options::coordinator());
    let back = Instant::now();

    let system = ward.receiver.wait_for(HOOK, "own_downtime", SOON, |told| {
        told.kind() == "system.opened"
    });
    let said = system.body.to_string();
    assert_eq!(system.body["data"]["reason"]["code"], "own_downtime");
    assert!(
        said.contains("reports") && said.contains("backup"),
        "{said}"
    );
    assert!(
        !said.contains("later") && !said.contains("silent"),
        "{said}"
    );
    for command in ["show", "why"] {
        let text = ward.cli.ok(&["incident", command, system.incident()]);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let times = said.matches("no ping could be heard from 20").count();
        assert_eq!(times, 1, "{text}");
        assert!(said.contains(" UTC ("), "{text}");
    }
    let shown = ward.show("reports");
    assert_eq!(shown["status"], "up", "{shown:#}");
    assert!(shown["unobserved_at"].is_string(), "{shown:#}");

    // One of them pings again, the other does not: what is due next counts.
    ping(&due[0]);
    let opened = ward.wait_for("incident.opened", "backup");
    let silent_for = opened.at.duration_since(back);
    assert!(silent_for >= every - MARK, "{silent_for:?}");
    assert!(silent_for <= every + ALERT_WITHIN, "{silent_for:?}");
    ping(&due[0]);
    ping(&due[1]);
    ward.wait_for("incident.resolved", "backup");
    ward.receiver.wait_for(HOOK, "its end", SOON, |told| {
        told.kind() == "system.resolved" && told.incident() == system.incident()
    });
    assert_eq!(ward.told("reports"), [""; 0]);
    assert_eq!(ward.told("later"), [""; 0]);
    assert_eq!(
        ward.told("silent"),
        ["incident.opened"],
        "told before, once"
    );
    ping(&silent);
    let resolved = ward.wait_for("incident.resolved", "silent");
    assert_eq!(resolved.incident(), missed.incident());
}

#[test]
fn a_short_downtime_moves_the_deadline_by_its_length() {
    let mut ward = Ward::start();
    let every = Duration::from_secs(5);
    let url = ward.add("job", &["--every", "5s"]);
    let down = Duration::from_secs(4);
    let before = Instant::now();
    ping(&url);
    ward.up.process().kill();
    let killed = Instant::now();
    pass(killed, down);
    ward.up.start_again(&Options::coordinator());
    let away = killed.elapsed();
    let opened = ward.wait_for("incident.opened", "job");
    let allowed = opened.at.duration_since(before);
    assert!(allowed >= every + down, "{allowed:?}");
    let latest = every + away + MARK + ALERT_WITHIN;
    assert!(opened.at <= killed + latest, "{allowed:?}, away {away:?}");
    let system = system_incidents(&ward);
    assert!(system.is_empty(), "nothing is unobserved: {system:#?}");
}

#[test]
fn while_its_process_stands_still_nothing_is_missed() {
    let mut ward = Ward::start();
    let every = Duration::from_secs(5);
    let url = ward.add("job", &["--every", "5s"]);
    // Stopped in the middle of what it does, not right at its start.
    ping(&url);
    ward.wait_for("incident.opened", "job");
    ping(&url);
    ward.wait_for("incident.resolved", "job");
    let pinged = Instant::now();
    ward.up.process().signal(Signal::STOP);
    pass(pinged, every * 3);
    ward.up.process().signal(Signal::CONT);
    let shown = ward.show("job");
    let deadline = time(&shown, "deadline_at").since(time(&shown, "last_ping_at"));
    assert!(deadline >= every * 3, "it moved: {shown:#}");
    ping(&url);
    assert_eq!(ward.show("job")["status"], "up");
    let expected = ["incident.opened", "incident.resolved"];
    assert_eq!(ward.told("job"), expected, "nobody was woken");
    // And what is missing from now on is.
    wait::until_true("it is missed", SOON, || ward.told("job").len() == 3);
    assert!(system_incidents(&ward).is_empty());
}

#[test]
fn a_ping_that_knocks_while_the_process_stands_still_for_a_moment_is_no_miss() {
    let mut ward = Ward::start();
    let every = Duration::from_secs(2);
    let url = ward.add("job", &["--every", "2s"]);
    for stall in [600, 1_000, 1_700, 2_500, 3_100].map(Duration::from_millis) {
        ping(&url);
        let pinged = Instant::now();
        // The deadline comes in the middle of it.
        pass(pinged, every - stall / 2);
        ward.up.process().signal(Signal::STOP);
        let stopped = Instant::now();
        let knocks = std::thread::spawn({
            let url = url.clone();
            move || ping(&url)
        });
        pass(stopped, stall);
        ward.up.process().signal(Signal::CONT);
        knocks.join().expect("it was answered");
    }
    assert_eq!(ward.told("job"), [""; 0], "it knocked in time");
    // Who does not knock is missed all the same.
    ward.up.process().signal(Signal::STOP);
    pass(Instant::now(), every);
    ward.up.process().signal(Signal::CONT);
    ward.wait_for("incident.opened", "job");
}

fn system_incidents(ward: &Ward) -> Vec<Value> {
    let incidents = ward.cli.rows(&["incident", "list"]);
    let of_system = |incident: &Value| incident["scope"] == "system";
    incidents.into_iter().filter(of_system).collect()
}
