//! Evidence: every decision says what it rested on and what would have changed it.

use super::*;
use crate::incident::{Evidence, Standing};

const UP: Outcome = Outcome::Up;

fn last(world: &World) -> Evidence {
    world
        .last_incident()
        .transitions
        .last()
        .unwrap()
        .evidence
        .clone()
        .unwrap()
}

#[test]
fn every_assigned_region_stands_in_the_evidence_with_its_vote_age_and_result() {
    let mut world = World::silent(monitor(4));
    world.all(&UP);
    world.tie(3, Tie::Revoked);
    world.pass(secs(30));
    let first = world.now;
    for r in [0, 1] {
        world.hear(r, &down());
        world.pass(secs(2));
    }
    world.hear(2, &down());
    let evidence = last(&world);
    assert_eq!(
        (evidence.policy.as_str(), evidence.required),
        ("majority", 3)
    );
    let regions: Vec<_> = evidence
        .regions
        .iter()
        .map(|r| (r.region.as_str(), r.standing, r.confirmed))
        .collect();
    assert_eq!(
        regions,
        [
            ("af-south", Standing::Failing, true),
            ("ap-east", Standing::Failing, true),
            ("ap-southeast", Standing::Failing, true),
            ("eu-north", Standing::Abstaining, false),
        ]
    );
    assert_eq!(evidence.regions[3].because, "no agent checks it");
    let agent = &evidence.regions[0].agents[0];
    assert_eq!(
        (agent.age, agent.run_length, agent.run_started),
        (secs(4), 1, Some(first))
    );
    assert_eq!(agent.reason.as_ref().unwrap().status_code, Some(503));
    assert_eq!(
        evidence.rule,
        "af-south, ap-east, ap-southeast vote Down, 3 confirmed; 3 of 4 needed (majority)"
    );
    assert_eq!(
        evidence.otherwise,
        "without any one of af-south, ap-east, ap-southeast, nothing would have opened"
    );
}

#[test]
fn with_votes_to_spare_more_must_have_been_missing() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(330), &[down(), UP, UP]);
    world.pass(secs(1));
    world.hear(0, &down());
    world.hear(1, &down());
    world.effects.clear();
    world.hear(2, &down());
    let evidence = last(&world);
    assert_eq!(
        evidence.otherwise,
        "without 2 of af-south, ap-east, ap-southeast, it would have stayed regional"
    );
}

#[test]
fn each_decision_has_a_wording_of_its_own() {
    let mut world = World::up(monitor(3));
    let mut rules = Vec::new();
    let mut note = |world: &mut World, kind| {
        let evidence = last(world);
        assert_eq!(world.last_incident().transitions.last().unwrap().kind, kind);
        world.effects.clear();
        rules.push((evidence.rule, evidence.otherwise));
    };
    world.pass_seeing(secs(300), &[down(), UP, UP]);
    world.hear(0, &down());
    note(&mut world, TransitionKind::Opened);
    world.pass(secs(1));
    world.hear(1, &down());
    world.pass(secs(1));
    world.hear(0, &down());
    world.hear(1, &down());
    note(&mut world, TransitionKind::Widened);
    world.hear(2, &UP);
    world.pass(secs(1));
    world.hear(1, &UP);
    world.pass(secs(60));
    note(&mut world, TransitionKind::Narrowed);
    world.hear(0, &UP);
    note(&mut world, TransitionKind::Resolved);
    let expected = [
        (
            "af-south failed for 5m or more without a break, 3 of 3 heard (2 needed)",
            "one other result from there within 5m, and nothing would have opened; 1 more \
             confirmed Down, and it would have been global",
        ),
        (
            "af-south, ap-east vote Down, 2 confirmed; 2 of 3 needed (majority)",
            "without any one of af-south, ap-east, it would have stayed regional",
        ),
        (
            "2 of 3 have voted Up for 1m: the others cannot make 2",
            "with one Up vote fewer, it would have stayed global",
        ),
        (
            "no region votes Down, 3 of 3 vote Up (2 needed), and every named region has voted \
             Up since its last Down",
            "with one Down vote, or fewer than 2 Up votes, it would have stayed open",
        ),
    ];
    for ((rule, otherwise), expected) in rules.iter().zip(expected) {
        assert_eq!((rule.as_str(), otherwise.as_str()), expected);
    }
}

#[test]
fn an_unobserved_end_says_that_nobody_saw_it_up() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(330), &[down(), UP, UP]);
    world.tie(0, Tie::Revoked);
    while world.scope().is_some() {
        world.pass(secs(30));
        world.hear(1, &UP);
        world.hear(2, &UP);
    }
    let evidence = last(&world);
    assert_eq!(
        evidence.rule,
        "no region votes Down, 2 of 3 vote Up (2 needed), and nothing was heard from af-south \
         for 10m or more: nobody saw it up there"
    );
}

#[test]
fn the_evidence_of_what_is_decided_does_not_change_with_later_edits() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.all(&down());
    let before = world.state.incident().unwrap().transitions.clone();
    world.save(|monitor| monitor.spec.quorum = Policy::All);
    world.restart();
    assert_eq!(world.state.incident().unwrap().transitions, before);
}
