//! Starts of the coordinator, reconnects of agents, and the votes that they bring back.

use super::*;

const UP: Outcome = Outcome::Up;

/// A start of the coordinator after which all agents are connected and nothing was heard.
fn restarted(world: &mut World) {
    world.restart();
    for r in 0..world.monitor.spec.regions.len() {
        world.tie(r, Tie::Connected);
    }
    world.effects.clear();
}

#[test]
fn a_restart_with_all_up_says_nothing() {
    let mut world = World::up(monitor(3));
    restarted(&mut world);
    for r in 0..3 {
        world.summary(r, &UP, 10, 40, 1200, None);
    }
    assert_eq!(world.status(), Status::Up);
    assert_eq!(world.asked(), []);
    world.pass_seeing(secs(300), &[UP, UP, UP]);
    assert_eq!(world.transitions(), []);
}

#[test]
fn a_restart_during_an_incident_sends_no_second_page() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.all(&down());
    let open = world.state.incident().unwrap().clone();
    restarted(&mut world);
    assert_eq!(world.state.incident(), Some(&open));
    assert_eq!(world.status(), Status::Unknown);
    for r in 0..3 {
        world.summary(r, &down(), 10, 3, 70, Some(90));
    }
    assert_eq!(world.status(), Status::Down);
    world.pass_seeing(secs(300), &[down(), down(), down()]);
    assert_eq!(world.transitions(), []);
    assert_eq!(world.state.incident().unwrap().id, open.id);
}

#[test]
fn after_a_start_each_agent_with_a_summary_is_asked_again_while_an_incident_is_open() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.all(&down());
    restarted(&mut world);
    for r in 0..3 {
        world.summary(r, &UP, 10, 3, 70, Some(90));
        assert_eq!(world.asked(), [(r, 0, 1)]);
    }
}

#[test]
fn up_votes_from_summaries_close_nothing_until_live_results_renew_them() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.all(&down());
    restarted(&mut world);
    for r in 0..3 {
        world.summary(r, &UP, 10, 3, 70, Some(90));
    }
    assert_eq!(
        (world.votes(), world.scope()),
        ((0, 3), Some(Scope::Global))
    );
    world.pass(secs(1));
    world.hear(0, &UP);
    world.hear(1, &UP);
    assert_eq!(
        world.scope(),
        Some(Scope::Global),
        "the third region is named too"
    );
    world.hear(2, &UP);
    let incident = world.last_incident();
    assert_eq!(incident.resolution, Some(Resolution::Recovered));
    let first_up = world.now - secs(1) - secs(70);
    assert!(incident.ended_at.unwrap() >= first_up.max(incident.started_at));
}

#[test]
fn down_votes_from_summaries_open_nothing_until_live_results_renew_them() {
    let mut world = World::up(monitor(3));
    restarted(&mut world);
    for r in 0..3 {
        world.summary(r, &down(), 10, 5, 130, Some(160));
    }
    assert_eq!((world.votes(), world.scope()), ((3, 0), None));
    world.pass(secs(20));
    assert_eq!(world.scope(), None, "nor after the round");
    world.hear(0, &down());
    assert_eq!(world.scope(), None);
    world.hear(1, &down());
    assert_eq!(world.scope(), Some(Scope::Global));
    let incident = world.state.incident().unwrap();
    assert_eq!(
        incident.started_at,
        world.now - secs(20 + 130),
        "the run began before the start"
    );
}

#[test]
fn a_vote_that_turned_down_by_a_summary_starts_a_round() {
    let mut world = World::up(monitor(3));
    restarted(&mut world);
    world.summary(1, &down(), 5, 2, 35, Some(65));
    assert_eq!(world.asked(), [(0, 0, 1), (2, 0, 1), (1, 1, 1)]);
    world.summary(2, &down(), 5, 2, 35, Some(65));
    assert_eq!(world.asked(), [(2, 1, 1)], "the second joins it");
}

#[test]
fn a_reconnect_is_treated_as_a_start() {
    let mut world = World::up(monitor(3));
    world.pass(secs(20));
    world.tie(0, Tie::Lost(world.now));
    world.tie(1, Tie::Lost(world.now));
    world.pass(secs(20));
    for r in 0..2 {
        world.tie(r, Tie::Connected);
        world.summary(r, &down(), 3, 2, 10, Some(40));
    }
    assert_eq!((world.votes(), world.scope()), ((2, 1), None));
    world.pass(secs(1));
    world.hear(0, &down());
    world.hear(1, &down());
    assert_eq!(world.scope(), Some(Scope::Global));
}

#[test]
fn a_summary_that_repeats_what_came_live_leaves_the_vote_as_it_is() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(secs(5));
    world.tie(0, Tie::Connected);
    world.summary(0, &down(), 5, 1, 5, Some(35));
    world.hear(1, &down());
    assert_eq!(
        world.scope(),
        Some(Scope::Global),
        "it is still a live vote"
    );
}

#[test]
fn a_summary_that_is_older_than_what_came_live_is_ignored() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &UP);
    world.summary(0, &down(), 20, 3, 80, Some(100));
    assert_eq!((world.votes(), world.effects.len()), ((0, 3), 0));
}

#[test]
fn a_summary_of_another_meaning_is_ignored() {
    let mut world = World::silent(monitor(1));
    let entry = SummaryEntry {
        monitor: world.monitor.id,
        meaning: crate::monitor::Meaning(world.state.rules.meaning.0 ^ 1),
        outcome: down(),
        age: secs(1),
        run_length: 9,
        run_age: secs(300),
        other_age: None,
    };
    world
        .on(Input::Summary {
            agent: agent(0, 0),
            entry,
        })
        .unwrap();
    assert_eq!((world.votes(), world.effects.len()), ((0, 0), 0));
}

#[test]
fn a_summary_older_than_the_window_is_no_vote_and_starts_no_round() {
    let mut world = World::silent(monitor(3));
    world.summary(0, &down(), 75, 9, 300, None);
    assert_eq!((world.votes(), world.asked()), ((0, 0), vec![]));
}

#[test]
fn a_summary_of_an_agent_that_was_never_tied_is_ignored() {
    let mut world = World::without_agents(monitor(3), Durable::default());
    world.summary(0, &down(), 5, 9, 300, None);
    assert_eq!((world.votes(), world.effects.len()), ((0, 0), 0));
}

#[test]
fn a_regional_incident_does_not_open_by_a_summary_alone() {
    let mut world = World::up(monitor(3));
    restarted(&mut world);
    world.summary(0, &down(), 5, 40, 1200, Some(1230));
    world.summary(1, &UP, 5, 40, 1200, None);
    world.summary(2, &UP, 5, 40, 1200, None);
    world.pass(secs(20));
    assert_eq!(world.scope(), None);
    world.hear(0, &down());
    assert_eq!(world.scope(), Some(Scope::Regional));
}

#[test]
fn too_short_a_run_in_a_summary_leaves_the_former_vote_presumed_as_it_was() {
    let mut three = monitor(3);
    three.spec.failures = NonZeroU8::new(3).unwrap();
    let mut world = World::silent(three);
    world.summary(0, &down(), 5, 2, 35, Some(65));
    assert_eq!(world.votes(), (0, 1), "it voted Up before");
    world.summary(1, &down(), 5, 2, 35, None);
    assert_eq!(world.votes(), (0, 1), "it never had a vote");
    world.summary(2, &UP, 5, 1, 5, Some(35));
    assert_eq!(world.votes(), (0, 2));
}

#[test]
fn while_an_incident_names_its_region_the_former_vote_is_presumed_down() {
    let mut two = monitor(3);
    two.spec.successes = NonZeroU8::new(2).unwrap();
    let mut world = World::up(two);
    world.pass(secs(30));
    world.all(&down());
    restarted(&mut world);
    world.summary(0, &UP, 5, 1, 5, Some(35));
    assert_eq!(world.votes(), (1, 0));
}

#[test]
fn loss_of_the_monitoring_itself_opens_nothing_afterwards() {
    let mut world = World::up(monitor(3));
    for r in 0..3 {
        world.tie(r, Tie::Lost(world.now));
    }
    world.pass(secs(3600));
    assert_eq!(world.status(), Status::Unknown);
    for r in 0..3 {
        world.tie(r, Tie::Connected);
        world.summary(r, &UP, 20, 100, 3000, Some(3100));
    }
    world.pass(secs(10));
    world.pass_seeing(secs(600), &[UP, UP, UP]);
    assert_eq!((world.status(), world.transitions()), (Status::Up, vec![]));
}

/// Found by a random scenario: the first failure of two made a live Up vote of a summary's.
#[test]
fn a_down_result_does_not_renew_an_up_vote_that_stands_nevertheless() {
    let mut two = monitor(1);
    two.spec.failures = NonZeroU8::new(2).unwrap();
    let mut world = World::up(two);
    world.pass_seeing(secs(60), &[down()]);
    assert_eq!(world.scope(), Some(Scope::Global));
    restarted(&mut world);
    world.summary(0, &UP, 10, 3, 70, Some(90));
    world.pass(secs(1));
    world.hear(0, &down());
    assert_eq!(
        (world.votes(), world.scope()),
        ((0, 1), Some(Scope::Global))
    );
}

/// Found by a random scenario: an incident narrowed to no region at all.
#[test]
fn an_incident_narrows_to_no_fewer_than_the_regions_that_did_not_vote_up_live() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.all(&down());
    restarted(&mut world);
    world.summary(0, &UP, 1, 2, 40, Some(70));
    for _ in 0..4 {
        world.pass(secs(20));
        world.hear(1, &UP);
        world.hear(2, &UP);
    }
    assert_eq!(
        (world.scope(), world.named()),
        (Some(Scope::Regional), vec![0])
    );
}

/// The results of a story, to be applied again as a start of the coordinator does it.
fn again(world: &mut World, story: &[(usize, Time, Outcome)]) {
    for (r, started, outcome) in story {
        world.hear_run(agent(*r, 0), *started, Run::Slot(*started), outcome);
    }
}

/// Found end to end: the Ups from before the incident, applied again to a monitor without votes,
/// resolved it, and the Downs behind them opened a second one.
#[test]
fn results_from_before_a_start_that_are_applied_again_neither_close_nor_open() {
    let mut world = World::silent(monitor(3));
    let mut story = Vec::new();
    for outcome in [UP, down(), UP] {
        for r in 0..3 {
            story.push((r, world.now, outcome.clone()));
            world.hear(r, &outcome);
            world.pass(Duration::from_millis(10));
        }
        let open = world.state.incident().cloned();
        restarted(&mut world);
        again(&mut world, &story);
        assert_eq!(world.transitions(), [], "after {outcome:?}");
        assert_eq!(world.state.incident(), open.as_ref());
        for r in 0..3 {
            world.summary(r, &outcome, 1, 1, 1, None);
        }
        world.pass(secs(30));
        world.effects.clear();
    }
    assert_eq!(world.scope(), None);
}
