//! Scope: opening, widening, narrowing.

use super::*;

const UP: Outcome = Outcome::Up;

fn with(regions: usize, change: impl FnOnce(&mut MonitorSpec)) -> Monitor {
    let mut monitor = monitor(regions);
    change(&mut monitor.spec);
    monitor
}

#[test]
fn a_region_that_fails_alone_for_regional_after_is_a_regional_incident_one_severity_lower() {
    let mut world = World::up(monitor(3));
    let began = world.now;
    world.pass_seeing(secs(300), &[down(), UP, UP]);
    assert_eq!(world.scope(), None);
    world.effects.clear();
    world.hear(0, &down());
    assert_eq!(world.scope(), Some(Scope::Regional));
    let incident = world.last_incident();
    assert_eq!(incident.severity, Severity::Warning);
    assert_eq!(
        (incident.started_at, incident.decided_at),
        (began, world.now)
    );
    assert_eq!(
        world.status(),
        Status::Up,
        "the quorum does not see it down"
    );
}

#[test]
fn at_that_moment_the_region_is_asked_so_that_long_intervals_do_not_wait() {
    let mut world = World::up(with(3, |spec| spec.interval = secs(3600)));
    world.pass(secs(60));
    world.hear(0, &down());
    world.pass(secs(1));
    world.hear(0, &down());
    world.effects.clear();
    world.pass(secs(298));
    assert_eq!(world.asked(), []);
    world.pass(secs(1));
    assert_eq!(world.asked(), [(0, 0, 1)]);
    assert_eq!(world.scope(), None, "it must still be down then");
    world.pass(Duration::from_millis(50));
    world.hear(0, &down());
    assert_eq!(world.scope(), Some(Scope::Regional));
}

#[test]
fn a_break_in_the_run_starts_regional_after_anew() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(270), &[down(), UP, UP]);
    world.hear(0, &UP);
    world.pass(secs(1));
    world.pass_seeing(secs(300), &[down(), UP, UP]);
    assert_eq!(world.scope(), None);
    world.hear(0, &down());
    assert_eq!(world.scope(), Some(Scope::Regional));
}

#[test]
fn a_regional_incident_names_every_region_that_failed_so_long() {
    let mut world = World::up(monitor(5));
    world.save(|monitor| monitor.spec.quorum = Policy::All);
    world.pass_seeing(secs(300), &[UP, down(), UP, down(), UP]);
    world.hear(1, &down());
    world.hear(3, &down());
    assert_eq!(
        (world.scope(), world.named()),
        (Some(Scope::Regional), vec![1, 3])
    );
}

#[test]
fn below_the_floor_no_regional_incident_opens() {
    let mut world = World::up(monitor(3));
    world.tie(1, Tie::Revoked);
    world.tie(2, Tie::Revoked);
    world.pass_seeing(secs(900), &[down()]);
    assert_eq!((world.votes(), world.scope()), ((1, 0), None));
    world.tie(1, Tie::Connected);
    world.hear(1, &UP);
    assert_eq!(
        world.scope(),
        Some(Scope::Regional),
        "the floor holds again"
    );
}

#[test]
fn where_one_region_is_a_quorum_or_regional_after_is_zero_nothing_is_regional() {
    let off = with(3, |spec| spec.regional_after = secs(0));
    let mut world = World::up(off);
    world.pass_seeing(secs(3600), &[down(), UP, UP]);
    assert_eq!(world.scope(), None);
    let mut world = World::up(with(3, |spec| spec.quorum = Policy::Any));
    world.pass_seeing(secs(60), &[down(), UP, UP]);
    assert_eq!(world.scope(), Some(Scope::Global));
}

#[test]
fn a_regional_incident_widens_on_k_confirmed_down_votes() {
    let mut world = World::regional();
    let regional = world.state.incident().unwrap().clone();
    world
        .on(Input::Acknowledge {
            by: "ann".into(),
            note: String::new(),
        })
        .unwrap();
    world.effects.clear();
    world.pass(secs(10));
    world.hear(1, &down());
    world.hear(0, &down());
    assert_eq!(
        world.scope(),
        Some(Scope::Regional),
        "the second vote is not confirmed yet"
    );
    world.pass(secs(1));
    world.hear(1, &down());
    let incident = world.last_incident();
    assert_eq!(world.transitions(), [TransitionKind::Widened]);
    assert_eq!(
        (incident.scope, incident.severity),
        (Scope::Global, Severity::Critical)
    );
    assert_eq!(
        (incident.id, incident.started_at),
        (regional.id, regional.started_at)
    );
    assert_eq!(
        incident.status,
        IncidentStatus::Open,
        "widening voids the acknowledgement"
    );
    assert_eq!(incident.acknowledged_by, None);
    assert_eq!(world.named(), [0, 1]);
    assert_eq!(world.status(), Status::Down);
}

#[test]
fn a_region_joins_the_named_ones_when_its_down_vote_is_confirmed() {
    let mut world = World::up(with(5, |spec| spec.regional_after = secs(60)));
    world.pass_seeing(secs(90), &[down(), UP, UP, UP, UP]);
    assert_eq!(
        (world.scope(), world.named()),
        (Some(Scope::Regional), vec![0])
    );
    world.effects.clear();
    world.pass(secs(75));
    world.pass_seeing(secs(30), &[down(), UP, UP, UP, down()]);
    assert_eq!(world.named(), [0]);
    world.effects.clear();
    world.hear(4, &down());
    assert_eq!(world.named(), [0, 4]);
    assert!(world.effects.contains(&Effect::Save), "it must last");
    assert_eq!(world.transitions(), []);
}

#[test]
fn a_global_incident_narrows_when_refuted_for_60_s() {
    let mut world = World::global();
    world.pass(secs(10));
    world.hear(1, &UP);
    world
        .on(Input::Acknowledge {
            by: "ann".into(),
            note: String::new(),
        })
        .unwrap();
    world.effects.clear();
    world.pass(secs(59));
    assert_eq!(world.scope(), Some(Scope::Global));
    world.pass(secs(1));
    assert_eq!(world.transitions(), [TransitionKind::Narrowed]);
    assert_eq!(
        (world.scope(), world.named()),
        (Some(Scope::Regional), vec![0])
    );
    let incident = world.state.incident().unwrap();
    assert_eq!(incident.severity, Severity::Warning);
    assert_eq!(incident.status, IncidentStatus::Acknowledged);
    assert_eq!(world.status(), Status::Up);
}

#[test]
fn what_is_refuted_for_less_than_60_s_stays_global() {
    let mut world = World::global();
    world.pass(secs(10));
    world.hear(1, &UP);
    world.pass(secs(30));
    for (r, outcome) in [(0, down()), (1, down()), (2, UP)] {
        world.hear(r, &outcome);
    }
    world.pass(secs(29));
    world.hear(1, &UP);
    world.pass(secs(2));
    assert_eq!(world.scope(), Some(Scope::Global), "the 60 s begin anew");
}

#[test]
fn narrowing_names_the_regions_that_vote_down_and_the_named_ones_that_fell_silent() {
    let mut world = World::up(monitor(5));
    world.pass(secs(30));
    for r in 0..4 {
        world.hear(r, &down());
    }
    world.hear(4, &UP);
    assert_eq!(world.named(), [0, 1, 2, 3]);
    world.tie(0, Tie::Revoked);
    for _ in 0..3 {
        world.pass(secs(30));
        world.hear(1, &UP);
        world.hear(2, &UP);
        world.hear(3, &down());
        world.hear(4, &UP);
    }
    assert_eq!(
        (world.scope(), world.named()),
        (Some(Scope::Regional), vec![0, 3])
    );
}

#[test]
fn a_region_that_voted_up_before_it_fell_silent_is_not_named_by_narrowing() {
    let mut world = World::up(monitor(5));
    world.pass(secs(30));
    for r in 0..4 {
        world.hear(r, &down());
    }
    world.pass(secs(1));
    world.hear(0, &UP);
    world.tie(0, Tie::Revoked);
    world.hear(4, &UP);
    for _ in 0..3 {
        world.pass(secs(30));
        for (r, outcome) in [(1, UP), (2, UP), (3, down()), (4, UP)] {
            world.hear(r, &outcome);
        }
    }
    assert_eq!(
        (world.scope(), world.named()),
        (Some(Scope::Regional), vec![3])
    );
}

#[test]
fn sixty_failing_slots_are_one_incident_with_one_transition() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(1800), &[down(), down(), down()]);
    assert_eq!(world.transitions(), [TransitionKind::Opened]);
}

#[test]
fn an_incident_after_another_has_an_id_of_its_own() {
    let mut world = World::global();
    let first = world.state.incident().unwrap().id;
    world.pass(secs(1));
    world.all(&UP);
    assert_eq!(world.scope(), None);
    world.pass(secs(30));
    world.all(&down());
    assert_ne!(world.state.incident().unwrap().id, first);
    assert_eq!(world.state.durable().generation, 2);
}
