//! The usual cases, end to end.

use super::*;

#[test]
fn one_region_of_three_changes_nothing() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &down());
    assert_eq!(world.asked(), [(1, 0, 1), (2, 0, 1), (0, 1, 1)]);
    world.hear(1, &Outcome::Up);
    world.hear(2, &Outcome::Up);
    world.pass(secs(1));
    world.hear(0, &down());
    assert_eq!(world.scope(), None);
    assert_eq!(world.status(), Status::Up);
}

#[test]
fn two_of_three_regions_down_opens_one_incident_and_waits_for_nothing() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &down());
    world.effects.clear();
    world.pass(Duration::from_millis(100));
    world.hear(1, &down());
    assert_eq!(world.scope(), Some(Scope::Global));
    assert_eq!(world.transitions(), [TransitionKind::Opened]);
    assert_eq!(world.named(), [0, 1]);
    assert_eq!(world.status(), Status::Down);
    world.hear(2, &down());
    world.pass_seeing(secs(600), &[down(), down(), down()]);
    assert_eq!(
        world.transitions(),
        [],
        "one incident, however many results"
    );
    assert_eq!(world.named(), [0, 1, 2]);
}

#[test]
fn it_resolves_when_every_named_region_has_voted_up() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.all(&down());
    let began = world.state.incident().unwrap().started_at;
    world.pass(secs(60));
    world.effects.clear();
    let mended = world.now;
    world.hear(2, &Outcome::Up);
    assert_eq!(world.asked(), [(0, 0, 1), (1, 0, 1)]);
    world.pass(Duration::from_millis(50));
    world.hear(0, &Outcome::Up);
    assert_eq!(world.scope(), Some(Scope::Global));
    world.hear(1, &Outcome::Up);
    assert_eq!(world.scope(), None);
    let incident = world.last_incident();
    assert_eq!(incident.resolution, Some(Resolution::Recovered));
    assert_eq!(incident.started_at, began);
    assert_eq!(
        incident.ended_at,
        Some(mended),
        "the earliest sign of recovery dates it"
    );
    assert_eq!(world.transitions(), [TransitionKind::Resolved]);
    assert_eq!(world.status(), Status::Up);
}
