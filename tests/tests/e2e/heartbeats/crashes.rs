//! The coordinator is killed under a load of pings, and at its worst moments: every ping that was
//! answered is there afterwards, no job that pinged in time is alarmed, and a miss is told once.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use vigilmon_tests::background;
use vigilmon_tests::crowd::{Crowd, Seen};
use vigilmon_tests::up::Options;
use vigilmon_tests::wait;

use super::{Ward, pass, ping, pings, time};
use crate::scene::SOON;

/// Jobs that ping at once.
const JOBS: usize = 24;
/// How often pings of each are expected: longer than all rest while two commands look at each job,
/// and shorter than the whole load.
const EVERY: Duration = Duration::from_secs(30);
/// Between two pings of a job: fewer of each in a second than are stored one by one.
const PACE: Duration = Duration::from_millis(14);
/// So often it is killed.
const KILLS: usize = 4;
/// Pings of a heartbeat that are kept.
const KEPT: usize = 100;

#[test]
fn every_answered_ping_is_there_after_each_kill_under_load_and_none_is_alarmed() {
    let mut ward = Ward::start();
    let name = |job: usize| format!("job-{job:02}");
    let every = format!("{}s", EVERY.as_secs());
    let urls: Vec<String> = (0..JOBS)
        .map(|job| ward.add(&name(job), &["--every", &every]))
        .collect();
    let crowd = Crowd::start(&urls, PACE);
    let begun = Instant::now();
    for kill in 1..=KILLS {
        let before = crowd.answered();
        let load = JOBS * 10;
        wait::until_true("the load is there again", SOON, || {
            crowd.answered() >= before + load
        });
        pass(Instant::now(), moment());
        ward.up.process().kill();
        let quiet = crowd.pause();
        ward.up.start_again(&Options::coordinator());
        for (job, seen) in crowd.seen().iter().enumerate() {
            let shown = ward.show(&name(job));
            all_are_there(&ward, &shown, seen);
            assert_eq!(shown["status"], "up", "kill {kill}: {shown:#}");
        }
        drop(quiet);
    }
    wait::until_true("it lasts longer than the interval", EVERY + SOON, || {
        begun.elapsed() > EVERY
    });
    let before = crowd.answered();
    wait::until_true("all still ping", SOON, || {
        crowd.answered() >= before + 10 * JOBS
    });
    drop(crowd);
    assert_eq!(ward.receiver.messages(crate::scene::HOOK).len(), 0);
    let incidents = ward.cli.rows(&["incident", "list"]);
    assert!(incidents.is_empty(), "{incidents:#?}");
}

/// A moment that no two runs share.
fn moment() -> Duration {
    let clock = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Duration::from_millis(u64::from(clock.unwrap().subsec_micros() % 200))
}

/// Of the pings that were answered those among its last are kept, and no fewer were stored than were
/// answered, no more than were sent.
#[track_caller]
fn all_are_there(ward: &Ward, shown: &Value, seen: &Seen) {
    let number = |ping: &Value| ping["rid"].as_str().unwrap().parse::<u64>().unwrap();
    let rows = ward
        .cli
        .rows(&["heartbeat", "pings", shown["name"].as_str().unwrap()]);
    let kept: BTreeSet<u64> = rows.iter().map(number).collect();
    let stored = shown["pings"].as_u64().unwrap();
    let answered = seen.answered.len() as u64;
    assert!(
        (answered..=seen.sent).contains(&stored),
        "{stored} are stored, {answered} were answered, {} were sent: {shown:#}",
        seen.sent
    );
    let oldest = match kept.len() < KEPT {
        true => 0,
        false => *kept.first().expect("there are a hundred"),
    };
    let due = seen.answered.iter().filter(|number| **number >= oldest);
    let lost: Vec<&u64> = due.filter(|number| !kept.contains(number)).collect();
    assert!(lost.is_empty(), "answered and lost: {lost:?} of {kept:?}");
    assert!(seen.refused.is_empty(), "{:?}", seen.refused);
}

/// One test for each named point that a ping passes on its way, and whether it is stored by then.
macro_rules! pinged_at {
    ($($name:ident: $point:literal $is_stored:literal,)*) => {$(
        #[test]
        fn $name() {
            what_was_answered_is_there_although_killed_at($point, $is_stored);
        }
    )*};
}

pinged_at! {
    killed_before_pings_are_stored: "history-before-commit" false,
    killed_when_pings_are_stored: "history-after-commit" true,
    killed_before_pings_are_judged: "after-pings" true,
}

fn what_was_answered_is_there_although_killed_at(point: &str, is_stored: bool) {
    let mut ward = Ward::start_with(|options, folder| {
        let armed = folder.join("armed");
        options.fault(&format!("{point}:0@{}", armed.display()))
    });
    let url = ward.add("job", &["--every", "1h"]);
    ping(&format!("{url}?rid=answered"));
    fs::write(ward.up.folder().join("armed"), "").unwrap();
    let lost = background::get(&format!("{url}?rid=unanswered"));
    assert!(lost.is_none(), "nothing is said of what is not settled");
    assert!(!ward.up.process().wait(SOON).success());
    ward.up.start_again(&Options::coordinator());
    let shown = ward.show("job");
    let there = pings(&shown);
    assert_eq!(there.len(), 1 + usize::from(is_stored), "{shown:#}");
    assert_eq!(there.last().unwrap()["rid"], "answered");
    ping(&format!("{url}?rid=again"));
    assert_eq!(pings(&ward.show("job"))[0]["rid"], "again");
}

/// One test for each named point between a missing ping and its message.
macro_rules! missed_at {
    ($($name:ident: $point:literal,)*) => {$(
        #[test]
        fn $name() {
            a_miss_is_told_once_although_killed_at($point);
        }
    )*};
}

missed_at! {
    killed_before_a_miss_is_committed: "before-commit",
    killed_when_a_miss_is_committed: "after-commit",
    killed_when_a_miss_was_told: "after-send",
}

fn a_miss_is_told_once_although_killed_at(point: &str) {
    // Longer than the ping and the look behind it, since what commits the ping may not be hit.
    let every = Duration::from_secs(5);
    let mut ward = Ward::start_with(|options, folder| {
        let armed = folder.join("armed");
        options.fault(&format!("{point}:0@{}", armed.display()))
    });
    let url = ward.add("job", &["--every", "5s"]);
    ping(&url);
    let last = time(&ward.show("job"), "last_ping_at");
    fs::write(ward.up.folder().join("armed"), "").unwrap();
    assert!(!ward.up.process().wait(SOON).success());

    ward.up.start_again(&Options::coordinator());
    let opened = ward.wait_for("incident.opened", "job");
    let started = time(&opened.body["data"]["incident"], "started_at");
    assert!(started.since(last) >= every, "{started:?} {last:?}");
    pass(opened.at, every / 2);
    assert_eq!(ward.told("job"), ["incident.opened"]);
    ping(&url);
    let resolved = ward.wait_for("incident.resolved", "job");
    assert_eq!(resolved.incident(), opened.incident());
}
