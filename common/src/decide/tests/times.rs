//! When incidents began and ended.

use super::*;

const UP: Outcome = Outcome::Up;

#[test]
fn an_incident_started_with_the_earliest_run_of_the_deciding_regions() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    let first = world.now;
    world.hear(1, &down());
    world.pass(secs(4));
    world.hear(2, &down());
    let incident = world.state.incident().unwrap();
    assert_eq!(
        (incident.started_at, incident.decided_at),
        (first, world.now)
    );
}

#[test]
fn a_region_that_has_failed_for_days_does_not_date_an_outage_of_the_others() {
    let mut world = World::up(monitor(3));
    world.save(|monitor| monitor.spec.regional_after = secs(0));
    world.pass_seeing(secs(7200), &[down(), UP, UP]);
    let began = world.now;
    world.hear(1, &down());
    world.pass(secs(1));
    world.hear(0, &down());
    world.hear(1, &down());
    let incident = world.state.incident().unwrap();
    assert_eq!(incident.started_at, began, "others saw it up until then");
}

#[test]
fn an_incident_ended_with_the_earliest_run_of_the_recovery() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.all(&down());
    world.pass(secs(60));
    world.hear(0, &UP);
    world.pass(secs(5));
    world.hear(0, &down());
    world.pass(secs(5));
    let ended = world.now;
    world.hear(1, &UP);
    world.pass(secs(5));
    world.hear(0, &UP);
    world.hear(2, &UP);
    let incident = world.last_incident();
    assert_eq!(
        incident.ended_at,
        Some(ended),
        "region 0 was down once more before that"
    );
    assert_eq!(incident.resolved_at, Some(world.now));
    assert_eq!(incident.duration(), Some(ended.since(incident.started_at)));
}

#[test]
fn an_incident_never_starts_before_the_previous_one_ended() {
    let mut world = World::up(monitor(3));
    world.save(|monitor| monitor.spec.regional_after = secs(0));
    world.pass(secs(30));
    world.all(&down());
    world.pass(secs(60));
    for r in 0..3 {
        world.hear(r, &down());
    }
    world
        .on(Input::Resolve {
            by: "ann".into(),
            force: true,
        })
        .unwrap();
    let ended = world.last_incident().ended_at.unwrap();
    assert_eq!(ended, world.now);
    world.pass(secs(1));
    world.hear(0, &UP);
    world.hear(1, &UP);
    assert_eq!(world.votes(), (1, 2));
    world.pass(secs(1));
    world.hear(0, &down());
    world.hear(1, &down());
    world.pass(secs(1));
    world.hear(2, &down());
    let incident = world.state.incident().unwrap();
    assert!(incident.started_at >= ended);
}

#[test]
fn an_end_is_never_before_the_start() {
    let mut world = World::up(monitor(1));
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(secs(1));
    world.hear(0, &down());
    world.hear_run(
        agent(0, 0),
        world.now + Duration::from_millis(1),
        asked(1, 0),
        &UP,
    );
    let incident = world.last_incident();
    assert!(incident.ended_at.unwrap() >= incident.started_at);
    assert!(incident.ended_at.unwrap() <= incident.resolved_at.unwrap());
}

#[test]
fn a_start_a_little_ahead_of_our_clock_is_dated_now() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    let ahead = world.now + secs(3);
    for r in 0..2 {
        world.hear_run(agent(r, 0), ahead, Run::Slot(ahead), &down());
    }
    let incident = world.state.incident().unwrap();
    assert_eq!(incident.started_at, world.now);
}
