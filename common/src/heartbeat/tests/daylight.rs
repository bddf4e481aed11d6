//! Changes of the clocks, and what runners of jobs make of them: none of their ways is an alarm,
//! and a silent job is noticed through all of them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::*;

/// What a runner does with local times that do not exist or come twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Habit {
    /// Runs whenever the clock shows the time: twice in the repeated hour, never in the gap.
    Wall,
    /// Runs at the first of two, never in the gap.
    First,
    /// Runs at the second of two, never in the gap.
    Second,
    /// Runs at the end of the gap.
    GapEnd,
    /// Runs as much later as the gap is long.
    Shifted,
}

const HABITS: [Habit; 5] = [
    Habit::Wall,
    Habit::First,
    Habit::Second,
    Habit::GapEnd,
    Habit::Shifted,
];

/// The days of a change, and one without.
const CHANGES: [(&str, &str); 8] = [
    ("Europe/Berlin", "2026-03-29T00:00:00Z"),
    ("Europe/Berlin", "2026-10-25T00:00:00Z"),
    ("America/New_York", "2026-03-08T06:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:00:00Z"),
    ("Asia/Kathmandu", "2026-10-25T00:00:00Z"),
    ("UTC", "2026-10-25T00:00:00Z"),
];

const EXPRESSIONS: [&str; 13] = [
    "30 2 * * *",
    "0 2 * * *",
    "45 1 * * *",
    "15 1 * * *",
    "59 1 * * *",
    "0 3 * * *",
    "0 0 * * *",
    "*/10 2 * * *",
    "0,30 1-3 * * *",
    "*/10 * * * *",
    "7 * * * *",
    "*/30 * * * *",
    "*/4 * * * *",
];

fn stamp(time: Time) -> Timestamp {
    Timestamp::from_millisecond(time.as_millis()).unwrap()
}

fn time(stamp: Timestamp) -> Time {
    Time::from_millis(stamp.as_millisecond())
}

/// Local times that the expression names, by another reader of cron.
fn named(expression: &str, from: DateTime, to: DateTime) -> Vec<DateTime> {
    let crontab = cronexpr::parse_crontab(&format!("{expression} UTC")).unwrap();
    let utc = |local: DateTime| TimeZone::UTC.to_timestamp(local).unwrap();
    let mut times = Vec::new();
    let mut last = utc(from);
    loop {
        last = crontab.find_next(last).unwrap().timestamp();
        let local = TimeZone::UTC.to_datetime(last);
        if local > to {
            return times;
        }
        times.push(local);
    }
}

/// When a runner of this habit runs the job.
fn runs(expression: &str, zone: &str, habit: Habit, from: Time, to: Time) -> Vec<Time> {
    let zone = TimeZone::get(zone).unwrap();
    let (local_from, local_to) = (zone.to_datetime(stamp(from)), zone.to_datetime(stamp(to)));
    let mut times = Vec::new();
    for local in named(expression, local_from, local_to) {
        let ambiguous = zone.to_ambiguous_timestamp(local);
        let by = |offset: jiff::tz::Offset| time(offset.to_timestamp(local).unwrap());
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => times.push(by(offset)),
            AmbiguousOffset::Fold { before, after } => match habit {
                Habit::Wall => times.extend([by(before), by(after)]),
                Habit::Second => times.push(by(after)),
                Habit::First | Habit::GapEnd | Habit::Shifted => times.push(by(before)),
            },
            AmbiguousOffset::Gap { before, .. } => {
                let shifted = by(before);
                let change = zone.preceding(stamp(shifted)).next().unwrap();
                match habit {
                    Habit::GapEnd => times.push(time(change.timestamp())),
                    Habit::Shifted => times.push(shifted),
                    Habit::Wall | Habit::First | Habit::Second => {}
                }
            }
        }
    }
    times.sort();
    times.dedup();
    times
}

/// A job that has pinged a day before the change.
fn world(expression: &str, zone: &str, change: Time) -> World {
    let mut world = World::begin(&cron(expression, zone), change - hours(26));
    world.success();
    world
}

#[test]
fn no_habit_of_a_runner_is_an_alarm() {
    for (zone, change) in CHANGES {
        let change = at(change);
        for expression in EXPRESSIONS {
            for habit in HABITS {
                for (early, took) in [(secs(0), secs(0)), (secs(20), secs(0)), (secs(0), mins(9))] {
                    let mut world = world(expression, zone, change);
                    for run in runs(expression, zone, habit, world.now, change + hours(28)) {
                        world.pass_to(run - early + took);
                        world.success();
                    }
                    let what = format!("{expression} in {zone}, {habit:?}, {early:?} {took:?}");
                    assert!(world.incidents.is_empty(), "{what}: {:?}", world.incidents);
                    let was_late = world.statuses.contains(&HeartbeatStatus::Late);
                    assert!(took > early || !was_late, "{what}: late");
                }
            }
        }
    }
}

#[test]
fn a_job_that_falls_silent_is_noticed_whatever_the_clocks_do() {
    let grace = CRON_GRACE_DEFAULT;
    for (zone, change) in CHANGES {
        let change = at(change);
        for expression in EXPRESSIONS {
            for quarter in 0..12_u64 {
                let dies = change - hours(1) + mins(20 * quarter) + secs(7);
                let mut world = world(expression, zone, change);
                let end = change + hours(50);
                for run in runs(expression, zone, Habit::Wall, world.now, end) {
                    if run <= dies {
                        world.pass_to(run);
                        world.success();
                    }
                }
                // A time that comes twice counts at its second moment, up to an hour later; a ping
                // between settles all that comes twice.
                let firsts = runs(expression, zone, Habit::First, world.now, end);
                let missed = *firsts.iter().find(|run| **run > dies).unwrap();
                let what = format!("{expression} in {zone}, dead from {dies}");
                world.pass_to(missed + grace);
                assert!(world.incidents.is_empty(), "{what}: too early");
                world.pass_to(missed + hours(1) + grace + secs(1));
                assert_eq!(world.incidents.len(), 1, "{what}");
            }
        }
    }
}

#[test]
fn a_frequent_job_is_watched_through_the_repeated_hour() {
    // 02:00 to 03:00 comes twice: from 00:00 to 01:00 UTC and from 01:00 to 02:00 UTC.
    let change = at("2026-10-25T00:00:00Z");
    for (last, alarm) in [
        ("2026-10-24T23:50:00Z", "2026-10-25T01:10:00Z"),
        ("2026-10-25T00:00:00Z", "2026-10-25T01:20:00Z"),
        ("2026-10-25T00:30:00Z", "2026-10-25T01:50:00Z"),
        ("2026-10-25T01:00:00Z", "2026-10-25T02:10:00Z"),
        ("2026-10-25T02:00:00Z", "2026-10-25T02:20:00Z"),
    ] {
        let mut world = world("*/10 * * * *", "Europe/Berlin", change);
        while world.now < at(last) {
            world.pass(mins(10));
            world.success();
        }
        world.pass_to(at(alarm));
        assert!(world.incidents.is_empty(), "{last}");
        world.pass(secs(1));
        assert_eq!(world.incidents.len(), 1, "{last}");
    }
}

#[test]
fn a_time_that_does_not_exist_expects_nothing() {
    let mut world = World::begin(
        &cron("30 2 * * *", "Europe/Berlin"),
        at("2026-03-28T01:30:00Z"),
    );
    world.success();
    let due = world.state.brief().due;
    assert_eq!(due, Some(at("2026-03-30T00:30:00Z")));
}

#[test]
fn a_time_that_comes_twice_may_be_pinged_at_either() {
    let begin = at("2026-10-24T00:30:00Z");
    let mut world = World::begin(&cron("30 2 * * *", "Europe/Berlin"), begin);
    world.success();
    assert_eq!(world.state.brief().due, Some(at("2026-10-25T01:30:00Z")));
    let mut twice = world.clone();
    for run in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"] {
        twice.pass_to(at(run));
        twice.success();
        assert_eq!(
            twice.state.brief().due,
            Some(at("2026-10-26T01:30:00Z")),
            "{run}"
        );
    }
    world.pass_to(at("2026-10-25T01:40:00Z"));
    assert!(world.incidents.is_empty());
    world.pass(secs(1));
    assert_eq!(world.open().started_at, at("2026-10-25T01:30:00Z"));
}

#[test]
fn half_an_hour_of_lord_howe_is_half_an_hour() {
    // 01:30 to 02:00 comes twice on 5 April 2026; 02:00 to 02:30 is missing on 4 October.
    let begin = at("2026-04-03T14:45:00Z");
    let mut world = World::begin(&cron("45 1 * * *", "Australia/Lord_Howe"), begin);
    world.success();
    assert_eq!(world.state.brief().due, Some(at("2026-04-04T15:15:00Z")));
    world.pass_to(at("2026-04-04T14:45:00Z"));
    world.success();
    assert_eq!(world.state.brief().due, Some(at("2026-04-05T15:15:00Z")));

    let begin = at("2026-10-02T15:45:00Z");
    let mut world = World::begin(&cron("15 2 * * *", "Australia/Lord_Howe"), begin);
    world.success();
    assert_eq!(world.state.brief().due, Some(at("2026-10-04T15:15:00Z")));
}

#[test]
fn a_period_does_not_care_what_clocks_show() {
    let mut world = World::begin(&every(hours(25)), at("2026-10-20T00:30:00Z"));
    let from = world.now;
    for run in runs(
        "30 2 * * *",
        "Europe/Berlin",
        Habit::Second,
        from,
        from + hours(24 * 10),
    ) {
        world.pass_to(run);
        world.success();
    }
    assert!(world.incidents.is_empty());
}

#[test]
fn yearly_and_monthly_jobs_are_waited_for() {
    for (expression, begin, due) in [
        ("0 0 29 2 *", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"),
        ("0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 1 1 *", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"),
        ("0 0 L * *", "2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z"),
        ("0 0 31 * *", "2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z"),
        ("0 0 31 * *", "2027-01-31T00:00:00Z", "2027-03-31T00:00:00Z"),
        ("0 0 L 2 *", "2027-02-28T00:00:00Z", "2028-02-29T00:00:00Z"),
    ] {
        let mut world = World::begin(&cron(expression, "UTC"), at(begin));
        world.success();
        world.pass_to(at(due) + CRON_GRACE_DEFAULT);
        assert!(world.incidents.is_empty(), "{expression} from {begin}");
        world.pass(secs(1));
        assert_eq!(
            world.open().started_at,
            at(due),
            "{expression} from {begin}"
        );
    }
}
