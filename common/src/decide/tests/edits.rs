//! Edits, pauses, removals: what they do to votes and open incidents.

use super::*;

const UP: Outcome = Outcome::Up;

fn is_down() -> World {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.all(&down());
    world.effects.clear();
    world
}

#[test]
fn a_pause_closes_what_is_open_and_says_so() {
    let mut world = is_down();
    world.save(|monitor| monitor.paused = true);
    let incident = world.last_incident();
    assert_eq!(incident.resolution, Some(Resolution::Paused));
    assert_eq!(incident.ended_at, Some(world.now));
    assert_eq!((world.scope(), world.status()), (None, Status::Paused));
    world.pass(secs(5));
    world.hear(0, &down());
    assert_eq!((world.votes(), world.status()), ((0, 0), Status::Paused));
}

#[test]
fn a_pause_that_a_crash_cut_in_two_is_completed_when_the_monitor_comes_back_as_it_was_saved() {
    let mut world = is_down();
    world.monitor.paused = true;
    world.restart();
    assert_eq!(world.status(), Status::Paused);
    world.save(|_| {});
    assert_eq!(world.last_incident().resolution, Some(Resolution::Paused));
    assert_eq!(world.scope(), None);
}

#[test]
fn a_resumed_monitor_is_unknown_for_want_of_votes() {
    let mut world = is_down();
    world.save(|monitor| monitor.paused = true);
    world.save(|monitor| monitor.paused = false);
    let view = world.state.view(world.now);
    assert_eq!(
        (view.status, view.reason.as_str()),
        (Status::Unknown, "no votes yet")
    );
    world.pass(secs(1));
    world.all(&down());
    assert_eq!(
        world.scope(),
        Some(Scope::Global),
        "still down is news again"
    );
}

#[test]
fn a_removal_closes_what_is_open_and_nothing_counts_afterwards() {
    let mut world = is_down();
    world.on(Input::Removed).unwrap();
    assert_eq!(world.last_incident().resolution, Some(Resolution::Removed));
    world.pass(secs(5));
    world.all(&down());
    world.pass(secs(3600));
    assert_eq!(world.scope(), None);
    assert_eq!(world.state.next_wake(), None);
}

#[test]
fn a_new_meaning_voids_every_vote() {
    let mut world = World::up(monitor(3));
    world.save(|monitor| monitor.spec.timeout = secs(4));
    let view = world.state.view(world.now);
    assert_eq!(
        (view.status, view.reason.as_str()),
        (Status::Unknown, "no votes yet")
    );
    assert!(world.state.round.is_none());
}

#[test]
fn an_open_incident_stays_open_over_a_new_meaning_and_ends_when_all_named_vote_up() {
    let mut world = is_down();
    world.save(|monitor| monitor.spec.kind = kind("https://api.example.com/health/live"));
    assert_eq!(
        (world.scope(), world.status()),
        (Some(Scope::Global), Status::Unknown)
    );
    assert_eq!(world.transitions(), []);
    world.pass(secs(1));
    let mended = world.now;
    world.hear(0, &UP);
    world.hear(1, &UP);
    assert_eq!(
        world.scope(),
        Some(Scope::Global),
        "two of the three named regions"
    );
    world.hear(2, &UP);
    let incident = world.last_incident();
    assert_eq!(incident.resolution, Some(Resolution::Recovered));
    assert_eq!(incident.ended_at, Some(mended));
}

#[test]
fn an_open_incident_that_is_still_down_under_a_new_meaning_pages_nobody_again() {
    let mut world = is_down();
    world.save(|monitor| monitor.spec.timeout = secs(4));
    world.pass(secs(1));
    world.pass_seeing(secs(300), &[down(), down(), down()]);
    assert_eq!(
        (world.transitions(), world.scope()),
        (vec![], Some(Scope::Global))
    );
}

#[test]
fn name_labels_severity_interval_regions_and_quorum_are_no_meaning() {
    let mut world = World::up(monitor(3));
    world.save(|monitor| {
        monitor.spec.name = Name::parse("web").unwrap();
        monitor.spec.severity = Severity::Info;
        monitor.spec.interval = secs(60);
        monitor.spec.quorum = Policy::All;
        monitor.spec.regions = (0..4).map(region).collect();
    });
    assert_eq!(world.votes(), (0, 3));
}

#[test]
fn an_incident_keeps_the_facts_that_it_opened_with() {
    let mut world = is_down();
    world.save(|monitor| monitor.spec.name = Name::parse("web").unwrap());
    let incident = world.state.incident().unwrap();
    let crate::incident::Subject::Monitor(facts) = &incident.subject else {
        panic!()
    };
    assert_eq!(facts.name, "api");
    assert_eq!(facts.target, "https://api.example.com/health");
}

#[test]
fn an_incident_of_which_no_named_region_is_assigned_any_more_closes() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &down());
    world.hear(1, &down());
    world.hear(2, &UP);
    world.effects.clear();
    world.save(|monitor| monitor.spec.regions = vec![region(2)]);
    assert_eq!(
        world.last_incident().resolution,
        Some(Resolution::Reassigned)
    );
    assert_eq!((world.scope(), world.status()), (None, Status::Up));
}

#[test]
fn a_named_region_that_is_no_longer_assigned_does_not_hold_the_end_back() {
    let mut world = World::up(monitor(4));
    world.pass(secs(30));
    for r in 0..3 {
        world.hear(r, &down());
    }
    world.hear(3, &UP);
    world.pass(secs(1));
    world.hear(1, &UP);
    world.hear(2, &UP);
    assert_eq!(world.scope(), Some(Scope::Global));
    world.effects.clear();
    world.save(|monitor| monitor.spec.regions = vec![region(1), region(2), region(3)]);
    assert_eq!(
        world.last_incident().resolution,
        Some(Resolution::Recovered)
    );
}

#[test]
fn a_lower_quorum_opens_what_it_now_agrees_on() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(60), &[down(), UP, UP]);
    world.save(|monitor| monitor.spec.quorum = Policy::Any);
    assert_eq!(world.scope(), Some(Scope::Global));
}

#[test]
fn a_higher_quorum_narrows_what_it_no_longer_agrees_on() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &down());
    world.hear(1, &down());
    world.hear(2, &UP);
    world.save(|monitor| monitor.spec.quorum = Policy::All);
    world.pass(secs(30));
    world.pass_seeing(secs(60), &[down(), down(), UP]);
    assert_eq!(
        (world.scope(), world.named()),
        (Some(Scope::Regional), vec![0, 1])
    );
}

#[test]
fn a_new_region_counts_with_its_first_result() {
    let mut world = World::up(monitor(3));
    world.save(|monitor| monitor.spec.regions = (0..4).map(region).collect());
    world.tie(3, Tie::Connected);
    assert_eq!(world.votes(), (0, 3));
    world.hear(3, &UP);
    assert_eq!(world.votes(), (0, 4));
}

/// Found by a random scenario: an edit opened an incident on what had been seen before another.
#[test]
fn a_region_that_is_assigned_again_starts_anew() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(30), &[down(), UP, UP]);
    world.save(|monitor| monitor.spec.regions = vec![region(1), region(2)]);
    world.save(|monitor| monitor.spec.regions = (0..3).map(region).collect());
    assert_eq!(world.votes(), (0, 2));
}

#[test]
fn what_was_closed_by_hand_is_forgotten_with_a_new_meaning_or_a_pause() {
    let edits: [fn(&mut Monitor); 2] = [
        |monitor| monitor.spec.timeout = secs(4),
        |monitor| monitor.paused = true,
    ];
    for edit in edits {
        let mut world = is_down();
        world
            .on(Input::Resolve {
                by: "ann".into(),
                force: true,
            })
            .unwrap();
        world.effects.clear();
        world.save(edit);
        assert!(!world.state.durable().muted_until_not_down);
        assert!(world.effects.contains(&Effect::Save));
    }
}
