//! Deeds by hand, edits, pauses, removal, and what decisions say of themselves.

use super::*;
use HeartbeatStatus::{Down, Late, New, Up};

const BEGIN: &str = "2026-11-25T10:00:00Z";

fn missed() -> World {
    let mut world = World::begin(&every(hours(25)), at(BEGIN));
    world.success();
    world.pass(hours(25) + secs(1));
    assert_eq!(world.status(), Down);
    world
}

fn resolve(world: &mut World, force: bool) -> Result<(), Refusal> {
    world.put(Input::Resolve {
        by: "ada".to_owned(),
        force,
    })
}

#[test]
fn an_incident_can_be_taken_and_talked_about() {
    let mut world = missed();
    let (by, note) = ("ada".to_owned(), "looking".to_owned());
    world
        .put(Input::Acknowledge {
            by: by.clone(),
            note: note.clone(),
        })
        .unwrap();
    assert_eq!(world.open().acknowledged_by.as_deref(), Some("ada"));
    world
        .put(Input::Comment {
            by: by.clone(),
            note,
        })
        .unwrap();
    assert_eq!(world.open().transitions.len(), 3);
    world.success();
    let kinds: Vec<TransitionKind> = world.incidents[0]
        .transitions
        .iter()
        .map(|t| t.kind)
        .collect();
    use TransitionKind::{Acknowledged, Commented, Opened, Resolved};
    assert_eq!(kinds, [Opened, Acknowledged, Commented, Resolved]);
    let note = String::new();
    assert_eq!(
        world.put(Input::Comment { by, note }),
        Err(Refusal::NotOpen)
    );
    assert_eq!(resolve(&mut world, true), Err(Refusal::NotOpen));
}

#[test]
fn what_is_closed_by_hand_stays_closed_until_the_next_sign_of_life() {
    let mut world = missed();
    assert_eq!(resolve(&mut world, false), Err(Refusal::StillDown));
    assert_eq!(world.status(), Down);
    resolve(&mut world, true).unwrap();
    assert_eq!(world.incidents[0].resolution, Some(Resolution::Forced));
    world.pass(hours(1000));
    assert_eq!((world.status(), world.incidents.len()), (Late, 1));
    world.restart();
    world.pass(hours(1));
    assert_eq!(world.incidents.len(), 1);
    world.success();
    assert_eq!(world.status(), Up);
    world.pass(hours(25) + secs(1));
    assert_eq!(world.incidents.len(), 2);
}

#[test]
fn a_failure_closed_by_hand_does_not_excuse_the_next_miss() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    world.says(Signal::Fail);
    resolve(&mut world, true).unwrap();
    assert_eq!(world.status(), Up);
    world.pass(hours(1) + secs(1));
    assert_eq!(world.open().reason.code, ReasonCode::HeartbeatMissed);
}

#[test]
fn an_edit_of_the_schedule_counts_anew() {
    let mut world = World::begin(&every(hours(25)), at(BEGIN));
    world.success();
    world.pass(hours(10));
    world.save(|h| h.spec.schedule = Schedule::Every(hours(1)));
    assert_eq!(world.status(), Up);
    world.pass(hours(1));
    assert!(world.incidents.is_empty());
    world.restart();
    assert_eq!(world.status(), Up);
    world.pass(secs(1));
    assert_eq!(world.status(), Down);
    world.save(|h| h.spec.schedule = Schedule::Every(hours(2)));
    assert_eq!(world.status(), Down, "nobody has heard that it is well");
    world.success();
    assert_eq!(world.status(), Up);
    // One that was never pinged still waits for its first.
    let mut world = World::begin(&every(hours(25)), at(BEGIN));
    world.save(|h| h.spec.schedule = Schedule::Every(hours(1)));
    world.pass(hours(100));
    assert_eq!(world.status(), New);
    world.save(|h| h.spec.alarm_before_first_ping = true);
    world.pass(hours(1) + secs(1));
    assert_eq!(world.status(), Down);
}

#[test]
fn an_edit_of_the_grace_or_the_labels_moves_only_what_it_says() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    world.success();
    world.pass(mins(30));
    world.save(|h| h.spec.grace = mins(10));
    world.save(|h| drop(h.spec.labels.insert("team".to_owned(), "db".to_owned())));
    world.pass_to(at(BEGIN) + mins(70));
    assert_eq!((world.status(), world.incidents.len()), (Late, 0));
    world.pass(secs(1));
    assert_eq!(world.status(), Down);
}

#[test]
fn a_new_limit_does_not_alarm_of_runs_that_began_long_ago() {
    let mut world = World::begin(&every(hours(25)), at(BEGIN));
    world.says(Signal::Start);
    world.pass(hours(3));
    world.save(|h| h.spec.max_run = Some(hours(1)));
    world.pass(hours(1));
    assert!(world.incidents.is_empty());
}

#[test]
fn a_limit_that_is_taken_away_alarms_nobody_by_itself() {
    let mut draft = every(hours(1));
    draft.grace = Some(mins(5));
    draft.max_run = Some(hours(6));
    let mut begun = World::begin(&draft, at(BEGIN));
    begun.says(Signal::Start);
    let take_away = |world: &mut World| world.save(|h| h.spec.max_run = None);
    // In time: from the start of the run on, as if there had been no limit.
    let mut world = begun.clone();
    world.pass(mins(30));
    take_away(&mut world);
    world.pass_to(at(BEGIN) + mins(65));
    assert!(world.incidents.is_empty());
    world.pass(secs(1));
    assert_eq!(world.open().started_at, at(BEGIN) + hours(1));
    // Long over: from the edit on.
    for shorter in [None, Some(hours(2))] {
        let mut world = begun.clone();
        world.pass(hours(3));
        let edited = world.now;
        world.save(|h| h.spec.max_run = shorter);
        assert_eq!(world.status(), Up);
        world.pass_to(edited + mins(65));
        assert!(world.incidents.is_empty(), "{shorter:?}");
        world.pass(secs(1));
        assert_eq!(world.open().started_at, edited + hours(1), "{shorter:?}");
        let mut world = begun.clone();
        world.pass(hours(3));
        world.save(|h| h.spec.max_run = shorter);
        world.restart();
        world.pass(mins(30));
        world.success();
        assert_eq!((world.status(), world.incidents.len()), (Up, 0));
    }
    let mut draft = cron("0 2 * * *", "UTC");
    draft.max_run = Some(hours(60));
    let mut world = World::begin(&draft, at("2026-11-25T02:00:00Z"));
    world.says(Signal::Start);
    world.pass(hours(30));
    take_away(&mut world);
    world.pass_to(at("2026-11-27T02:10:00Z"));
    assert!(world.incidents.is_empty(), "the next time counts");
    world.pass(secs(1));
    assert_eq!(world.open().started_at, at("2026-11-27T02:00:00Z"));
}

#[test]
fn removal_closes_what_is_open() {
    let mut world = missed();
    world.put(Input::Removed).unwrap();
    assert_eq!(world.incidents[0].resolution, Some(Resolution::Removed));
    assert_eq!(world.state.next_wake(), None);
}

#[test]
fn pauses_and_removals_take_back_what_was_unobserved() {
    let mut world = World::begin(&every(hours(1)), at(BEGIN));
    world.success();
    world.pass(mins(50));
    world.deaf(hours(1));
    assert!(world.state.view(world.now).unobserved.is_some());
    world.save(|h| h.paused = true);
    assert!(world.effects.contains(&Effect::Unobserved));
    assert_eq!(world.state.view(world.now).unobserved, None);
}

#[test]
fn evidence_says_why_and_what_would_have_been_in_time() {
    let world = missed();
    let evidence = world.open().transitions[0].evidence.as_ref().unwrap();
    assert_eq!(
        evidence.rule,
        "no ping for 25h since 2026-11-25 10:00 UTC: expected every 25h"
    );
    assert_eq!(
        evidence.otherwise,
        "a ping by 2026-11-26 11:00 UTC would have been in time"
    );
    let facts = evidence.heartbeat.as_ref().unwrap();
    assert_eq!(facts.due_at, Some(at(BEGIN) + hours(25)));
    assert_eq!(facts.state, Down);
    assert!(evidence.regions.is_empty() && evidence.policy.is_empty());

    let mut world = World::begin(
        &cron("0 2 * * *", "Europe/Berlin"),
        at("2026-11-25T01:00:00Z"),
    );
    world.success();
    world.pass(hours(25));
    let evidence = world.open().transitions[0].evidence.clone().unwrap();
    assert_eq!(
        evidence.rule,
        "no ping for 24h10m since 2026-11-25 01:00 UTC: expected at 2026-11-26 01:00 UTC by \
         `0 2 * * *` in Europe/Berlin, grace 10m"
    );
    world.success();
    let end = world.incidents[0]
        .transitions
        .last()
        .unwrap()
        .evidence
        .clone()
        .unwrap();
    assert_eq!(
        end.rule,
        "a ping at 2026-11-26 02:00 UTC says that the job is well"
    );
    let facts = end.heartbeat.unwrap();
    assert_eq!((facts.state, facts.late), (Up, Some(hours(1))));
}
