//! Short spells without end, and incidents around a clock that is set back.

use super::*;
use HeartbeatStatus::{Down, Up};

const BEGIN: &str = "2026-11-25T10:00:00Z";

#[test]
fn short_spells_without_end_postpone_a_miss_only_so_far_and_then_it_is_listed() {
    for every_span in [secs(10), mins(5), hours(1), hours(25)] {
        let mut world = World::begin(&every(every_span), at(BEGIN));
        world.success();
        let most = every_span + MOVED_MAX.max(every_span / 2);
        // Heard for a moment now and again.
        while world.state.durable().unobserved.is_none() {
            world.deaf(SPELL_SHORT_MAX);
            world.pass(secs(1));
            assert!(world.incidents.is_empty());
            let silent = world.now.since(at(BEGIN));
            assert!(silent <= most + mins(1), "{every_span:?}: {silent:?}");
        }
        let silent = world.now.since(at(BEGIN));
        assert!(silent >= most - mins(1), "{every_span:?}: {silent:?}");
        // Heard again, it counts again.
        world.pass(every_span + secs(1));
        assert_eq!(world.status(), Down);
    }
}

#[test]
fn after_a_clock_was_set_back_no_incident_begins_ahead_of_it() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    world.success();
    world.says(Signal::Fail);
    world.pass(mins(10));
    world.success();
    let ended = world.now;
    assert_eq!(world.state.durable().last_ended_at, Some(ended));
    world.pass(mins(5));
    world.now = world.now - hours(3);
    world.put(Input::SetBack(hours(3))).unwrap();
    let as_long_ago = Some(ended - hours(3));
    assert_eq!(world.state.durable().last_ended_at, as_long_ago);
    world.pass(mins(1));
    world.effects.clear();
    let failed = world.now;
    // The record of the former one keeps the time that was told: this one is looked at by itself.
    world.incidents.clear();
    world.says(Signal::Fail);
    assert_eq!(world.open().started_at, failed);
    world.pass(mins(1));
    world.success();
    assert_eq!(world.status(), Up);
}

#[test]
fn an_incident_that_was_open_when_the_clock_was_set_back_leaves_no_future_behind() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    world.says(Signal::Fail);
    world.pass(mins(10));
    world.now = world.now - hours(3);
    world.put(Input::SetBack(hours(3))).unwrap();
    world.pass(mins(1));
    world.success();
    let closed = world.now;
    assert_eq!(world.status(), Up);
    assert_eq!(world.state.durable().last_ended_at, Some(closed));
    world.incidents.clear();
    world.pass(mins(1));
    world.says(Signal::Fail);
    assert_eq!(world.open().started_at, closed + mins(1));
}
