//! Starts: a job that begins and never ends is noticed, whatever its run ids, and one that is well
//! is not alarmed for a run of it that died.

use proptest::prelude::*;

use super::*;
use HeartbeatStatus::{Down, Late, Up};

const BEGIN: &str = "2026-11-25T02:00:00Z";

/// How a job names its runs.
#[derive(Clone, Copy, Debug)]
enum Rids {
    None,
    Same,
    Unique,
}

const RIDS: [Rids; 3] = [Rids::None, Rids::Same, Rids::Unique];

impl Rids {
    fn of(self, run: u64) -> Option<String> {
        match self {
            Self::None => None,
            Self::Same => Some("job".to_owned()),
            Self::Unique => Some(format!("k{run}")),
        }
    }
}

impl World {
    fn begins(&mut self, rids: Rids, run: u64) {
        self.run_says(Signal::Start, rids.of(run).as_deref());
    }

    fn ends(&mut self, rids: Rids, run: u64) {
        self.run_says(Signal::Success, rids.of(run).as_deref());
    }
}

#[test]
fn a_job_that_only_ever_starts_is_missed_one_interval_later() {
    for (rids, minutes) in RIDS.into_iter().flat_map(|rids| [(rids, 0), (rids, 10)]) {
        let mut draft = every(hours(1));
        draft.grace = Some(mins(minutes));
        let mut world = World::begin(&draft, at(BEGIN));
        world.success();
        world.pass(mins(50));
        world.begins(rids, 1);
        let mut run = 2;
        while world.now < at(BEGIN) + mins(50) + hours(1) {
            world.pass(mins(12));
            assert_eq!(world.status(), Up, "{rids:?}");
            world.begins(rids, run);
            run += 1;
        }
        if minutes > 0 {
            world.pass(mins(2));
            world.begins(rids, run);
            assert_eq!(world.status(), Late, "one more start changes nothing");
            let view = world.state.view(world.now);
            assert!(view.reason.starts_with("the end of a run is "), "{view:?}");
        }
        world.pass(mins(10));
        let open = world.open();
        assert_eq!(open.reason.code, ReasonCode::HeartbeatMissed);
        let text = "runs begin, none has ended since 2026-11-25 02:00";
        assert!(open.reason.text.starts_with(text), "{open:?}");
        assert_eq!(open.started_at, at(BEGIN) + mins(50) + hours(1));
        let evidence = open.transitions[0].evidence.as_ref().unwrap();
        assert!(evidence.rule.ends_with(match minutes {
            0 => ": expected every 1h",
            _ => ": expected every 1h, grace 10m",
        }));
        let otherwise = "the end of a run by 2026-11-25 0";
        assert!(evidence.otherwise.starts_with(otherwise), "{evidence:?}");
        world.begins(rids, run);
        assert_eq!(world.status(), Down);
        world.ends(rids, run);
        assert_eq!((world.status(), world.incidents.len()), (Up, 1));
        world.pass(mins(50));
        world.begins(rids, run + 1);
        assert_eq!(world.state.brief().due, Some(world.now + hours(1)));
    }
}

#[test]
fn a_job_that_never_ended_even_once_is_missed_too() {
    for rids in RIDS {
        let mut world = World::begin(&every(hours(1)), at(BEGIN));
        for run in 0..5 {
            world.begins(rids, run);
            world.pass(mins(20));
        }
        assert_eq!(world.open().reason.text, "runs begin, none has ended yet");
        assert_eq!(world.open().started_at, at(BEGIN) + hours(1));
    }
}

#[test]
fn a_cron_job_that_only_ever_starts_is_missed_at_its_next_time() {
    for rids in RIDS {
        let mut world = World::begin(&cron("0 2 * * *", "UTC"), at(BEGIN));
        world.success();
        for (run, day) in [(1, "2026-11-26T02:00:01Z"), (2, "2026-11-27T02:00:01Z")] {
            world.pass_to(at(day));
            assert!(world.incidents.is_empty());
            world.begins(rids, run);
        }
        assert_eq!(world.status(), Late);
        world.restart();
        world.pass(mins(10));
        let open = world.open();
        assert_eq!(open.reason.code, ReasonCode::HeartbeatMissed);
        assert_eq!(open.started_at, at("2026-11-27T02:00:00Z"));
    }
}

#[test]
fn a_job_that_only_ever_starts_is_noticed_also_where_a_run_may_take_long() {
    for rids in RIDS {
        let mut draft = every(mins(6));
        draft.max_run = Some(hours(2));
        let mut world = World::begin(&draft, at(BEGIN));
        // Runs are given up before their limits: for the next one, or for want of room.
        for run in 0..30 {
            world.begins(rids, run);
            world.pass(mins(5));
        }
        let open = world.open();
        assert_eq!(open.reason.code, ReasonCode::HeartbeatMissed);
        assert_eq!(open.transitions[0].at, at(BEGIN) + mins(126) + MILLI);
    }
}

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn a_run_that_died_is_no_alarm_where_the_next_one_ends_in_time() {
    for rids in RIDS {
        let mut world = World::begin(&every(hours(25)), at(BEGIN));
        for run in 0..20 {
            let day = at(BEGIN) + hours(24 * run);
            world.pass_to(day);
            world.begins(rids, run);
            world.pass_to(day + mins(40));
            if run % 3 != 1 {
                world.ends(rids, run);
            }
        }
        assert!(world.incidents.is_empty(), "{rids:?}");
        assert_eq!(world.state.view(world.now).never_finished, 6, "{rids:?}");
    }
}

#[test]
fn the_end_of_an_overlapping_run_counts_and_so_does_the_start_after_it() {
    let mut world = World::begin(&every(mins(6)), at(BEGIN));
    world.begins(Rids::Unique, 0);
    world.pass(mins(5));
    world.begins(Rids::Unique, 1);
    world.ends(Rids::Unique, 0);
    // The second one began before that end.
    world.pass(mins(4));
    world.begins(Rids::Unique, 2);
    assert_eq!(world.state.brief().due, Some(world.now + mins(6)));
    world.pass(mins(4));
    world.begins(Rids::Unique, 3);
    assert_eq!(world.state.brief().due, Some(world.now + mins(2)));
}

#[test]
fn a_start_counts_for_a_run_whose_end_we_may_not_have_heard() {
    for (deaf, is_up) in [(secs(40), true), (secs(20), false)] {
        let mut world = World::begin(&every(hours(1)), at(BEGIN));
        world.begins(Rids::Unique, 1);
        world.pass(mins(2));
        world.deaf(deaf);
        world.restart();
        world.pass(mins(50));
        world.begins(Rids::Unique, 2);
        world.pass(mins(20));
        assert_eq!(world.status() == Up, is_up, "{deaf:?}");
        world.begins(Rids::Unique, 3);
        world.pass(mins(50));
        assert_eq!(world.status(), Down, "the second one could be heard");
    }
}

#[test]
fn after_a_close_by_hand_one_start_counts_and_the_next_does_not() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    for run in 0..3 {
        world.begins(Rids::Unique, run);
        world.pass(mins(40));
    }
    let (by, force) = ("ada".to_owned(), true);
    world.put(Input::Resolve { by, force }).unwrap();
    world.pass(hours(5));
    assert_eq!(world.status(), Late, "closed by hand");
    world.begins(Rids::Unique, 3);
    assert_eq!(world.status(), Up);
    world.pass(mins(50));
    world.begins(Rids::Unique, 4);
    world.pass(mins(11));
    assert_eq!(world.incidents.len(), 2);
}

#[test]
fn a_success_that_a_start_overtook_counts_with_it() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    world.begins(Rids::Unique, 1);
    world.pass(mins(55));
    world.begins(Rids::Unique, 2);
    // Its body took longer.
    world.ping_read_at(world.now - secs(2), Signal::Success, Some("k1"));
    let due = Some(world.now + hours(1));
    assert_eq!(world.state.brief().due, due, "of the start");
    world.restart();
    assert_eq!(world.state.brief().due, due);
    world.pass(mins(50));
    world.begins(Rids::Unique, 3);
    world.pass(mins(11));
    world.begins(Rids::Unique, 4);
    assert_eq!(world.status(), Down, "and it was the only one");
    // Also where it closes what is open.
    world.ping_read_at(world.now - secs(2), Signal::Success, Some("k3"));
    assert_eq!((world.status(), world.incidents.len()), (Up, 1));
    world.pass(mins(59));
    assert_eq!(world.status(), Up);
}

#[test]
fn an_edit_and_a_pause_count_anew() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    world.begins(Rids::Unique, 1);
    world.pass(mins(30));
    world.save(|h| h.spec.schedule = Schedule::Every(hours(2)));
    let due = Some(world.now + hours(2));
    world.pass(mins(10));
    world.begins(Rids::Unique, 2);
    assert_eq!(world.state.brief().due, due, "the first one may be dead");
    world.save(|h| h.paused = true);
    world.begins(Rids::Unique, 3);
    world.pass(hours(9));
    world.save(|h| h.paused = false);
    world.pass(mins(90));
    world.begins(Rids::Unique, 4);
    assert_eq!(world.state.brief().due, Some(world.now + hours(2)));
}

/// What comes to a job that only ever starts.
#[derive(Clone, Debug)]
enum Event {
    Start(u64),
    ShortSpell(u64),
    Restart,
}

proptest! {
    #[test]
    fn never_is_a_job_that_only_starts_up_for_longer_than_two_allowances(
        (kind, grace, max_run) in (0..3_u64, 0..30_u64, prop_oneof![Just(0), 1..300_u64]),
        rids in (0..3_usize).prop_map(|n| RIDS[n]),
        events in prop::collection::vec(
            prop_oneof![
                // By thousandths of the allowance.
                10 => (0..=1_000_u64).prop_map(Event::Start),
                // So many that all of them together do not count as a long one.
                1 => (1..=4_000_u64).prop_map(Event::ShortSpell),
                1 => Just(Event::Restart),
            ],
            1..60,
        ),
    ) {
        let (mut draft, gap) = match kind {
            0 => (every(mins(40)), mins(40)),
            1 => (cron("*/15 * * * *", "Europe/Berlin"), mins(15) + mins(5)),
            // A ping settles up to five minutes early; one day has 25 hours.
            _ => (cron("30 2 * * *", "Europe/Berlin"), hours(25) + mins(5)),
        };
        draft.grace = Some(mins(grace));
        draft.max_run = Some(mins(max_run));
        let allowance = gap + mins(grace);
        let mut world = World::begin(&draft, at("2026-10-23T00:00:00Z"));
        world.success();
        let mut bound = world.now + allowance * 2 + mins(max_run);
        for (event, run) in events.iter().zip(0..) {
            match event {
                Event::Start(share) => {
                    world.begins(rids, run);
                    world.pass(allowance / 1_000 * u32::try_from(*share).unwrap());
                }
                Event::ShortSpell(millis) => {
                    let span = Duration::from_millis(*millis);
                    world.deaf(span);
                    // Once for the deadline, once for the run.
                    bound = bound + span * 2;
                }
                Event::Restart => world.restart(),
            }
            prop_assert!(world.now <= bound || world.status() == Down, "{:?}", world.now);
        }
    }

    #[test]
    fn never_is_a_job_alarmed_whose_runs_end_in_time_or_did_where_we_could_not_hear(
        rids in (0..3_usize).prop_map(|n| RIDS[n]),
        runs in prop::collection::vec((0..=240_u64, 0..=200_u64), 2..30),
        spells in prop::collection::vec((1..2_000_u64, 1..40_u64), 0..8),
    ) {
        // Every 25 hours; begins between 20 and 24 hours after the one before, and takes less.
        let mut world = World::begin(&every(hours(25)), at(BEGIN));
        let mut said = vec![(at(BEGIN), None)];
        let mut begins = at(BEGIN);
        for (run, (later, takes)) in (0_u64..).zip(&runs) {
            begins = begins + hours(20) + mins(*later);
            said.push((begins, Some((true, run))));
            said.push((begins + mins(*takes), Some((false, run))));
        }
        let mut spells = spells.into_iter();
        let mut spell = None;
        for (when, what) in said {
            let (from, to) = *spell.get_or_insert_with(|| next(&mut spells, world.now));
            if from <= when {
                world.pass_to(from);
                world.deaf(to.since(from));
                spell = Some(next(&mut spells, to));
            }
            if world.now > when {
                continue;
            }
            world.pass_to(when);
            match what {
                None => world.success(),
                Some((true, run)) => world.begins(rids, run),
                Some((false, run)) => world.ends(rids, run),
            }
            prop_assert!(world.incidents.is_empty(), "{:?}", world.incidents);
        }
    }
}

/// The next spell in which we cannot hear, so many minutes after another.
fn next(spells: &mut impl Iterator<Item = (u64, u64)>, after: Time) -> (Time, Time) {
    match spells.next() {
        Some((later, length)) => (after + mins(later), after + mins(later + length)),
        None => (Time::FAR_FUTURE, Time::FAR_FUTURE),
    }
}
