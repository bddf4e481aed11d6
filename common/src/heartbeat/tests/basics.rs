//! A ping in time, a ping too late, none: what everybody expects of a heartbeat.

use super::*;
use HeartbeatStatus::{Down, Late, New, Paused, Up};

#[test]
fn a_silent_job_alarms_once_after_its_period_and_not_before() {
    let mut world = World::begin(&every(mins(5)), at("2026-11-25T10:00:00Z"));
    assert_eq!(world.status(), New);
    world.success();
    assert_eq!(world.status(), Up);
    world.pass(mins(5));
    assert!(
        world.incidents.is_empty(),
        "the very millisecond is in time"
    );
    world.pass(Duration::from_millis(1));
    assert_eq!(world.status(), Down);
    world.pass(hours(48));
    assert_eq!(world.incidents.len(), 1);
    let incident = world.open();
    assert_eq!(incident.reason.code, ReasonCode::HeartbeatMissed);
    assert_eq!(incident.reason.text, "no ping since 2026-11-25 10:00 UTC");
    assert_eq!(incident.started_at, at("2026-11-25T10:05:00Z"));
    assert_eq!(incident.transitions.len(), 1);
    world.success();
    assert_eq!(world.status(), Up);
    let incident = &world.incidents[0];
    assert_eq!(incident.resolution, Some(Resolution::Recovered));
    assert_eq!(incident.ended_at, Some(world.now));
}

#[test]
fn twenty_five_hours_tolerate_a_job_of_twenty_four() {
    let mut world = World::begin(&every(hours(25)), at("2026-10-01T02:00:00Z"));
    for day in 0..60_u64 {
        // Some runs take a minute, some most of an hour.
        world.pass_to(at("2026-10-01T02:00:00Z") + hours(24 * day) + mins((day * 17) % 59));
        world.success();
    }
    assert!(world.incidents.is_empty());
    world.pass(hours(25));
    assert!(world.incidents.is_empty());
    world.pass(secs(1));
    assert_eq!(world.incidents.len(), 1);
}

#[test]
fn a_new_heartbeat_never_alarms_unless_it_was_asked_to() {
    let begin = at("2026-11-25T10:00:00Z");
    let mut world = World::begin(&every(mins(5)), begin);
    world.pass(hours(24 * 365));
    assert_eq!((world.status(), world.incidents.len()), (New, 0));
    assert_eq!(world.state.next_wake(), None);

    let mut draft = every(mins(5));
    draft.alarm_before_first_ping = Some(true);
    let mut world = World::begin(&draft, begin);
    world.pass(mins(5));
    assert_eq!((world.status(), world.incidents.len()), (New, 0));
    world.pass(secs(1));
    assert_eq!(world.status(), Down);
    assert_eq!(world.open().reason.text, "no ping yet");
    assert_eq!(world.open().started_at, begin + mins(5));
}

#[test]
fn with_grace_a_ping_is_late_before_it_is_missed() {
    let mut draft = every(hours(1));
    draft.grace = Some(mins(10));
    let mut world = World::begin(&draft, at("2026-11-25T10:00:00Z"));
    world.success();
    world.pass(hours(1));
    assert_eq!(world.status(), Up);
    world.pass(mins(3));
    assert_eq!(world.status(), Late);
    let view = world.state.view(world.now);
    assert_eq!(view.reason, "a ping is 3m overdue; alarm at 11:10 UTC");
    assert_eq!(view.since, at("2026-11-25T11:00:00Z"));
    assert_eq!(view.due, Some(at("2026-11-25T11:00:00Z")));
    assert_eq!(view.deadline, Some(at("2026-11-25T11:10:00Z")));
    world.pass(mins(7));
    assert_eq!(world.status(), Late, "the end of the grace is in time");
    world.success();
    assert_eq!((world.status(), world.incidents.len()), (Up, 0));
    world.pass(mins(70) + secs(1));
    assert_eq!(world.status(), Down);
    assert_eq!(world.statuses, [Up, Late, Up, Late, Down]);
}

#[test]
fn a_paused_heartbeat_is_silent_and_a_ping_does_not_resume_it() {
    let mut world = World::begin(&every(mins(5)), at("2026-11-25T10:00:00Z"));
    world.success();
    world.pass(mins(6));
    assert_eq!(world.status(), Down);
    world.save(|h| h.paused = true);
    assert_eq!(world.status(), Paused);
    assert_eq!(world.incidents[0].resolution, Some(Resolution::Paused));
    world.pass(hours(5));
    world.says(Signal::Fail);
    assert_eq!((world.status(), world.incidents.len()), (Paused, 1));
    assert_eq!(world.state.view(world.now).pings, 2);
    world.save(|h| h.paused = false);
    assert_eq!(world.status(), New);
    world.pass(mins(5));
    assert_eq!(world.status(), New);
    world.pass(secs(1));
    assert_eq!((world.status(), world.incidents.len()), (Down, 2));
}

#[test]
fn a_crash_right_after_an_edit_counts_from_the_start_and_not_by_the_former_schedule() {
    let mut world = World::begin(&every(hours(25)), at("2026-11-25T10:00:00Z"));
    world.success();
    world.committed = world.state.durable();
    world.pass(hours(20));
    // The edit is committed, what follows from it is not.
    world.heartbeat.spec = spec(&every(hours(1)));
    world.heartbeat.version += 1;
    world.restart();
    world.pass(mins(59));
    assert_eq!(world.status(), HeartbeatStatus::Up);
    world.pass(mins(2));
    assert_eq!(world.status(), HeartbeatStatus::Down);
}
