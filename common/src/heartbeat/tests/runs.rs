//! Runs: what start, success, fail, exit codes and log say, and what takes too long.

use super::*;
use HeartbeatStatus::{Down, New, Up};

const BEGIN: &str = "2026-11-25T10:00:00Z";

/// A job every day that may take two hours.
fn limited() -> World {
    let mut draft = every(hours(25));
    draft.max_run = Some(hours(2));
    World::begin(&draft, at(BEGIN))
}

#[test]
fn a_failure_opens_at_once_and_once_and_a_success_closes() {
    for (signal, text) in [
        (Signal::Fail, "the job reported a failure"),
        (Signal::Exit(3), "exit code 3"),
        (Signal::Exit(255), "exit code 255"),
    ] {
        let mut world = World::begin(&every(hours(25)), at(BEGIN));
        world.says(signal);
        assert_eq!(world.status(), Down, "also by its first ping");
        assert_eq!(world.open().reason.code, ReasonCode::HeartbeatFailed);
        assert_eq!(world.open().reason.text, text);
        assert_eq!(world.state.view(world.now).reason, text);
        world.pass(mins(5));
        world.says(signal);
        // Silence on top of it is nothing new.
        world.pass(hours(100));
        assert_eq!(world.open().transitions.len(), 1);
        world.says(Signal::Exit(0));
        assert_eq!((world.status(), world.incidents.len()), (Up, 1));
        assert_eq!(world.incidents[0].duration(), Some(hours(100) + mins(5)));
        world.pass(mins(1));
        world.says(signal);
        assert_eq!(world.incidents.len(), 2, "the next failure is another one");
    }
}

#[test]
fn a_job_that_raises_does_not_ping_and_is_missed() {
    let mut world = World::begin(&every(mins(5)), at(BEGIN));
    for _ in 0..12 {
        world.success();
        world.pass(mins(4));
    }
    assert!(world.incidents.is_empty());
    world.pass(hours(1));
    assert_eq!(world.open().reason.code, ReasonCode::HeartbeatMissed);
    world.success();
    assert_eq!(world.status(), Up);
}

#[test]
fn a_log_changes_nothing() {
    let mut world = World::begin(&every(mins(5)), at(BEGIN));
    world.says(Signal::Log);
    assert_eq!(world.status(), New);
    world.success();
    world.pass(mins(4));
    world.says(Signal::Log);
    world.pass(mins(1) + secs(1));
    assert_eq!(world.status(), Down);
    world.says(Signal::Log);
    assert_eq!(world.status(), Down);
    let view = world.state.view(world.now);
    assert_eq!((view.pings, view.last_ping.unwrap().at), (4, at(BEGIN)));
}

#[test]
fn a_start_settles_what_is_due_and_its_end_is_waited_for() {
    let mut draft = cron("0 2 * * *", "UTC");
    draft.max_run = Some(hours(6));
    let mut world = World::begin(&draft, at("2026-11-25T02:00:00Z"));
    world.says(Signal::Start);
    assert_eq!(world.status(), Up);
    assert_eq!(world.state.brief().due, Some(at("2026-11-26T02:00:00Z")));
    world.pass(hours(5));
    assert_eq!(world.state.view(world.now).reason, "running for 5h");
    world.success();
    assert_eq!(world.state.view(world.now).last_run, Some(hours(5)));
    // Of a period, the deadline waits for the end of the run.
    let mut draft = every(hours(1));
    draft.max_run = Some(hours(6));
    let mut world = World::begin(&draft, at(BEGIN));
    world.says(Signal::Start);
    world.pass(hours(6));
    assert_eq!((world.status(), world.incidents.len()), (Up, 0));
    world.success();
    world.pass(hours(1));
    assert!(world.incidents.is_empty());
    world.pass(secs(1));
    assert_eq!(world.open().reason.code, ReasonCode::HeartbeatMissed);
}

#[test]
fn a_start_without_a_limit_holds_nothing() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    world.says(Signal::Start);
    world.pass(hours(1) + secs(1));
    assert_eq!(world.open().reason.code, ReasonCode::HeartbeatMissed);
}

#[test]
fn a_run_that_takes_too_long_alarms_and_its_late_end_closes() {
    let mut world = limited();
    world.says(Signal::Start);
    world.pass(hours(2));
    assert!(world.incidents.is_empty());
    world.pass(secs(1));
    assert_eq!(world.open().reason.code, ReasonCode::HeartbeatOverrun);
    assert_eq!(world.open().reason.text, "a run has not ended in 2h");
    assert_eq!(world.open().started_at, at(BEGIN) + hours(2));
    world.pass(hours(1));
    world.success();
    assert_eq!(world.status(), Up);
    assert_eq!(
        world.state.view(world.now).last_run,
        Some(hours(3) + secs(1))
    );
    world.pass(hours(25));
    assert_eq!(world.incidents.len(), 1);
}

#[test]
fn runs_with_ids_end_each_for_itself() {
    let mut world = limited();
    world.run_says(Signal::Start, Some("a"));
    world.pass(hours(1));
    world.run_says(Signal::Start, Some("b"));
    world.pass(mins(30));
    world.run_says(Signal::Success, Some("a"));
    assert_eq!(world.state.view(world.now).last_run, Some(mins(90)));
    assert_eq!(world.state.view(world.now).runs.len(), 1);
    world.run_says(Signal::Success, None);
    assert_eq!(world.state.view(world.now).runs.len(), 1, "another one");
    world.pass(mins(90));
    assert!(world.incidents.is_empty());
    world.pass(secs(1));
    assert_eq!(world.open().started_at, at(BEGIN) + hours(3));
    assert_eq!(world.open().reason.text, "run b has not ended in 2h");
}

#[test]
fn a_run_that_never_ended_is_counted() {
    let mut world = limited();
    world.says(Signal::Start);
    world.pass(hours(1));
    world.says(Signal::Start);
    let view = world.state.view(world.now);
    assert_eq!((view.never_finished, view.runs.len()), (1, 1));
    world.pass(hours(1) + secs(1));
    assert!(world.incidents.is_empty(), "the first one is given up");
    for n in 0..RUNS_MAX {
        world.run_says(Signal::Start, Some(&format!("run-{n}")));
    }
    let view = world.state.view(world.now);
    assert_eq!((view.never_finished, view.runs.len()), (2, RUNS_MAX));
}

#[test]
fn runs_whose_limits_pass_while_an_incident_is_open_open_no_further_one() {
    let mut draft = every(hours(1));
    draft.max_run = Some(mins(2));
    let begun = |world: &mut World, rid: &str| {
        world.run_says(Signal::Start, Some(rid));
        world.pass(mins(1));
    };
    // By a run that takes too long, by a failure, and closed by hand.
    for opener in [None, Some(Signal::Fail)] {
        for by_hand in [false, true] {
            let mut world = World::begin(&draft, at(BEGIN));
            begun(&mut world, "n1");
            if let Some(signal) = opener {
                world.run_says(signal, Some("n2"));
            }
            world.pass(mins(2));
            assert_eq!(world.status(), Down);
            for rid in ["n3", "n4", "n5", "n6"] {
                begun(&mut world, rid);
            }
            let view = world.state.view(world.now);
            let over: Vec<bool> = view.runs.iter().map(|run| run.overrun).collect();
            assert_eq!(
                over,
                [true, true, true, false, false],
                "told while it is open"
            );
            world.restart();
            if by_hand {
                let (by, force) = ("ada".to_owned(), true);
                world.put(Input::Resolve { by, force }).unwrap();
                assert_eq!(world.status(), Up);
                world.put(Input::Tick).unwrap();
                assert_eq!((world.status(), world.incidents.len()), (Up, 1));
                continue;
            }
            begun(&mut world, "n7");
            world.run_says(Signal::Success, Some("n7"));
            assert_eq!(world.status(), Up);
            world.restart();
            for n in 8..14 {
                world.pass(mins(50));
                begun(&mut world, &format!("n{n}"));
                world.run_says(Signal::Success, Some(&format!("n{n}")));
            }
            assert_eq!(world.incidents.len(), 1, "{opener:?}");
            let view = world.state.view(world.now);
            assert_eq!((view.never_finished, view.runs.len()), (5, 0));
        }
    }
}

#[test]
fn a_run_that_began_beside_the_one_that_ends_an_incident_is_waited_for_and_tells_nothing() {
    let mut draft = every(hours(1));
    draft.max_run = Some(hours(2));
    for is_well in [true, false] {
        let mut world = World::begin(&draft, at(BEGIN));
        world.says(Signal::Fail);
        assert_eq!(world.status(), Down);
        world.run_says(Signal::Start, Some("long"));
        world.pass(mins(1));
        world.run_says(Signal::Start, Some("short"));
        world.pass(mins(3));
        world.run_says(Signal::Success, Some("short"));
        world.restart();
        world.pass(mins(115));
        assert_eq!((world.status(), world.incidents.len()), (Up, 1));
        if is_well {
            world.run_says(Signal::Success, Some("long"));
            let view = world.state.view(world.now);
            assert_eq!(view.last_run, Some(mins(119)));
            assert_eq!((view.never_finished, view.runs.len()), (0, 0));
            continue;
        }
        // Nothing was heard of the job for two hours but this run, which is over its limit.
        world.pass(mins(1) + secs(1));
        assert_eq!(world.incidents.len(), 2);
        assert_eq!(world.open().reason.code, ReasonCode::HeartbeatMissed);
        world.says(Signal::Start);
        world.success();
        let view = world.state.view(world.now);
        assert_eq!((view.never_finished, view.runs.len()), (1, 0));
    }
}

#[test]
fn a_limit_that_was_shortened_by_mistake_and_is_put_right_holds_as_before() {
    let mut draft = every(hours(1));
    draft.max_run = Some(hours(3));
    let mut world = World::begin(&draft, at(BEGIN));
    world.says(Signal::Start);
    world.pass(mins(90));
    world.save(|h| h.spec.max_run = Some(hours(1)));
    assert!(world.state.view(world.now).runs[0].overrun);
    world.pass(mins(1));
    world.save(|h| h.spec.max_run = Some(hours(3)));
    world.pass(mins(89));
    assert_eq!((world.status(), world.incidents.len()), (Up, 0));
    world.pass(secs(1));
    assert_eq!(world.open().reason.code, ReasonCode::HeartbeatOverrun);
}

#[test]
fn a_run_that_began_before_a_failure_is_waited_for_as_ever() {
    let mut world = limited();
    world.run_says(Signal::Start, Some("long"));
    world.pass(hours(1));
    world.run_says(Signal::Fail, Some("other"));
    world.pass(mins(1));
    world.run_says(Signal::Start, Some("next"));
    world.pass(mins(1));
    world.run_says(Signal::Success, Some("next"));
    assert_eq!(world.status(), Up);
    world.pass(mins(58) + secs(1));
    assert_eq!(world.open().reason.text, "run long has not ended in 2h");
    assert_eq!(world.open().started_at, at(BEGIN) + hours(2));
}

#[test]
fn a_run_without_a_limit_is_given_up_once_it_is_old_and_a_later_one_ended_well() {
    let mut world = World::begin(&every(hours(25)), at(BEGIN));
    let counted = |world: &World| {
        let view = world.state.view(world.now);
        let open: Vec<u64> = view.runs.iter().map(|run| run.n).collect();
        (view.never_finished, view.given_up, open)
    };
    world.run_says(Signal::Start, Some("k1"));
    world.pass(hours(24));
    world.run_says(Signal::Start, Some("k2"));
    world.pass(mins(30));
    world.run_says(Signal::Success, Some("k2"));
    assert_eq!(counted(&world), (0, vec![], vec![1]), "it may yet end");
    world.pass(hours(24));
    world.run_says(Signal::Start, Some("k3"));
    world.pass(mins(30));
    world.run_says(Signal::Fail, Some("k3"));
    assert_eq!(counted(&world).0, 0, "no good end");
    world.success();
    assert_eq!(counted(&world).0, 0, "of no run that began later");
    world.run_says(Signal::Start, Some("k4"));
    world.run_says(Signal::Start, Some("k5"));
    world.run_says(Signal::Success, Some("k4"));
    assert_eq!(counted(&world), (1, vec![1], vec![8]));
    world.restart();
    assert_eq!(counted(&world), (1, vec![1], vec![8]));
}

#[test]
fn whatever_gives_a_run_up_is_marked_at_its_start() {
    let mut world = World::begin(&every(hours(25)), at(BEGIN));
    for n in 0..RUNS_MAX + 2 {
        world.run_says(Signal::Start, Some(&format!("r{n}")));
    }
    world.run_says(Signal::Start, Some("r5"));
    let given_up = |world: &World| {
        let view = world.state.view(world.now);
        let pings: Vec<Ping> = world.log.iter().rev().cloned().collect();
        let marks = marks(&pings, &view.given_up);
        let all = pings.iter().zip(marks);
        let marked = all.filter(|(_, mark)| mark.never_finished);
        let mut marked: Vec<u64> = marked.map(|(ping, _)| ping.n).collect();
        marked.reverse();
        assert_eq!(u64::try_from(marked.len()).unwrap(), view.never_finished);
        marked
    };
    assert_eq!(given_up(&world), [1, 2, 6]);
    // An end that comes all the same is none that is known.
    world.run_says(Signal::Success, Some("r0"));
    assert_eq!(given_up(&world), [1, 2, 6]);
    world.run_says(Signal::Success, Some("r5"));
    assert_eq!(world.state.view(world.now).runs.len(), RUNS_MAX - 1);
    // Of the pings that are not kept any more nothing is.
    world.pass(mins(1));
    for n in 0..PINGS_KEPT {
        world.run_says(Signal::Start, Some(&format!("s{n}")));
    }
    let view = world.state.view(world.now);
    assert_eq!(view.given_up.len(), PINGS_KEPT - RUNS_MAX);
    assert!(view.given_up.iter().all(|n| n + 100 > view.pings));
}

#[test]
fn of_two_pings_read_at_once_the_older_opens_and_closes_nothing() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    world.pass(secs(10));
    world.success();
    world.ping_read_at(at(BEGIN) + secs(9), Signal::Fail, None);
    assert!(world.incidents.is_empty());
    world.pass(secs(10));
    world.says(Signal::Fail);
    world.ping_read_at(at(BEGIN) + secs(19), Signal::Success, None);
    assert_eq!(world.status(), Down);
    world.ping_read_at(at(BEGIN) + secs(20), Signal::Success, None);
    assert_eq!(
        world.status(),
        Up,
        "of the same millisecond the later one counts"
    );
}

#[test]
fn a_start_that_overtakes_the_end_of_the_run_before_hides_nothing() {
    let mut draft = every(hours(1));
    draft.max_run = Some(mins(10));
    let mut world = World::begin(&draft, at(BEGIN));
    world.says(Signal::Start);
    world.pass(secs(10));
    world.says(Signal::Start);
    // Its body took longer.
    world.ping_read_at(at(BEGIN) + secs(9), Signal::Fail, None);
    assert_eq!(world.status(), Down);
    let view = world.state.view(world.now);
    assert_eq!(view.runs.len(), 1, "the run that goes on is not its");
    world.restart();
    world.ping_read_at(at(BEGIN) + secs(8), Signal::Success, None);
    assert_eq!(world.status(), Down, "the failure is newer");
    world.pass(secs(10));
    world.says(Signal::Success);
    assert_eq!(world.status(), Up);
    world.pass(secs(10));
    world.says(Signal::Fail);
    world.pass(secs(10));
    world.says(Signal::Start);
    world.ping_read_at(world.now - secs(5), Signal::Success, None);
    assert_eq!(world.status(), Up, "the same of a success");
}

#[test]
fn a_ping_of_its_deadlines_very_millisecond_is_in_time_however_late_it_comes_in() {
    let mut world = World::begin(&every(mins(5)), at(BEGIN));
    world.success();
    world.now = at(BEGIN) + mins(5) + Duration::from_millis(40);
    // The owner puts what was read in time before the tick.
    world.ping_read_at(at(BEGIN) + mins(5), Signal::Success, None);
    world.put(Input::Tick).unwrap();
    assert!(world.incidents.is_empty());
}

#[test]
fn a_cron_ping_that_is_early_settles_only_in_its_window() {
    let mut world = World::begin(&cron("0 2 * * *", "UTC"), at("2026-11-25T02:00:00Z"));
    world.success();
    let mut early = world.clone();
    early.pass_to(at("2026-11-26T01:55:00Z"));
    early.success();
    assert_eq!(early.state.brief().due, Some(at("2026-11-27T02:00:00Z")));
    world.pass_to(at("2026-11-26T01:54:59Z"));
    world.success();
    assert_eq!(world.state.brief().due, Some(at("2026-11-26T02:00:00Z")));
    world.pass(mins(16));
    assert_eq!(world.status(), Down);
}
