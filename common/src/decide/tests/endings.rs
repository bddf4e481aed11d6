//! How incidents end by themselves.

use super::*;

const UP: Outcome = Outcome::Up;

fn with(regions: usize, change: impl FnOnce(&mut MonitorSpec)) -> Monitor {
    let mut monitor = monitor(regions);
    change(&mut monitor.spec);
    monitor
}

#[test]
fn with_regional_after_zero_a_refuted_incident_resolves_as_refuted() {
    let mut world = World::up(with(3, |spec| spec.regional_after = secs(0)));
    world.pass(secs(30));
    world.all(&down());
    world.pass(secs(30));
    world.hear(1, &UP);
    let refuted = world.now;
    world.hear(2, &UP);
    world.hear(0, &down());
    world.effects.clear();
    world.pass(secs(60));
    let incident = world.last_incident();
    assert_eq!(incident.resolution, Some(Resolution::Refuted));
    assert_eq!(incident.ended_at, Some(refuted));
    assert_eq!((world.scope(), world.status()), (None, Status::Up));
}

#[test]
fn a_regional_incident_resolves_when_its_regions_vote_up() {
    let mut world = World::regional();
    world.pass(secs(10));
    world.hear(0, &UP);
    assert_eq!(
        world.last_incident().resolution,
        Some(Resolution::Recovered)
    );
    assert_eq!(world.transitions(), [TransitionKind::Resolved]);
}

#[test]
fn nothing_resolves_while_any_region_votes_down() {
    let mut world = World::global();
    world.pass(secs(30));
    world.hear(0, &UP);
    world.hear(2, &down());
    world.hear(1, &UP);
    assert_eq!(
        (world.votes(), world.scope()),
        ((1, 2), Some(Scope::Global))
    );
    world.pass(secs(1));
    world.hear(2, &UP);
    assert_eq!(world.scope(), None);
}

#[test]
fn nothing_resolves_while_a_named_region_has_not_voted_up_since_its_last_down() {
    let mut world = World::global();
    world.tie(0, Tie::Revoked);
    world.pass(secs(1));
    world.hear(1, &UP);
    assert_eq!(
        (world.votes(), world.scope()),
        ((0, 2), Some(Scope::Global))
    );
}

#[test]
fn silence_never_resolves_an_incident() {
    let mut world = World::global();
    world.pass(secs(48 * 3600));
    assert_eq!(world.scope(), Some(Scope::Global));
    let mut world = World::regional();
    world.pass(secs(48 * 3600));
    assert_eq!(world.scope(), Some(Scope::Regional));
}

#[test]
fn a_regional_incident_whose_regions_fell_silent_closes_as_unobserved() {
    let mut world = World::regional();
    world.tie(0, Tie::Revoked);
    let silent_since = world.now;
    world.effects.clear();
    while world.scope().is_some() {
        world.pass(secs(30));
        world.hear(1, &UP);
        world.hear(2, &UP);
    }
    let incident = world.last_incident();
    assert_eq!(incident.resolution, Some(Resolution::Unobserved));
    assert_eq!(incident.resolved_at, Some(silent_since + secs(600)));
}

#[test]
fn with_long_intervals_the_window_is_the_silence_that_is_asked_for() {
    let mut world = World::up(with(3, |spec| spec.interval = secs(600)));
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(secs(300));
    world.hear(0, &down());
    assert_eq!(world.scope(), Some(Scope::Regional));
    world.tie(0, Tie::Revoked);
    let silent_since = world.now;
    while world.scope().is_some() {
        world.pass(secs(60));
        world.hear(1, &UP);
        world.hear(2, &UP);
    }
    assert_eq!(
        world.last_incident().resolved_at,
        Some(silent_since + secs(1215))
    );
}

#[test]
fn a_global_incident_of_a_silent_region_first_narrows_and_then_closes_as_unobserved() {
    let mut world = World::global();
    world.tie(0, Tie::Revoked);
    for _ in 0..40 {
        world.pass(secs(20));
        world.hear(1, &UP);
        world.hear(2, &UP);
    }
    assert_eq!(
        world.transitions(),
        [TransitionKind::Narrowed, TransitionKind::Resolved]
    );
}

#[test]
fn unobserved_waits_for_regions_that_still_vote_down() {
    let mut world = World::up(with(5, |spec| spec.regional_after = secs(60)));
    world.pass_seeing(secs(120), &[down(), down(), UP, UP, UP]);
    assert_eq!(world.named(), [0, 1]);
    world.tie(0, Tie::Revoked);
    for _ in 0..40 {
        world.pass(secs(30));
        for (r, outcome) in [(1, down()), (2, UP), (3, UP), (4, UP)] {
            world.hear(r, &outcome);
        }
    }
    assert_eq!(world.scope(), Some(Scope::Regional));
    world.effects.clear();
    world.hear(1, &UP);
    world.pass(secs(1));
    world.hear(1, &UP);
    assert_eq!(
        world.last_incident().resolution,
        Some(Resolution::Unobserved)
    );
}
