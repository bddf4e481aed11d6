//! Order, freshness, agent votes and region votes.

use super::*;

fn with(change: impl FnOnce(&mut MonitorSpec)) -> Monitor {
    let mut monitor = monitor(3);
    change(&mut monitor.spec);
    monitor
}

fn two(n: u8) -> NonZeroU8 {
    NonZeroU8::new(n).unwrap()
}

/// `W` of the world's monitor.
const WINDOW: Duration = Duration::from_secs(2 * 30 + 5 + 10);

#[test]
fn a_result_that_started_before_the_newest_changes_no_vote_and_starts_nothing() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &Outcome::Up);
    let earlier = world.now - secs(1);
    world.hear_run(agent(0, 0), earlier, Run::Slot(earlier), &down());
    assert_eq!(world.votes(), (0, 3));
    assert_eq!(world.effects, []);
}

#[test]
fn a_duplicate_changes_nothing_however_often_it_comes() {
    let mut world = World::up(with(|spec| spec.failures = two(2)));
    world.pass(secs(30));
    let started = world.now;
    for _ in 0..5 {
        world.hear_run(agent(0, 0), started, Run::Slot(started), &down());
        world.pass(secs(2));
    }
    assert_eq!(world.votes(), (0, 3), "one Down result is one, not five");
}

#[test]
fn an_inconclusive_result_neither_changes_nor_renews_nor_breaks_a_run() {
    let mut world = World::up(with(|spec| spec.failures = two(2)));
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(secs(5));
    world.hear(0, &inconclusive());
    assert_eq!(world.votes(), (0, 3));
    world.pass(secs(5));
    world.hear(0, &down());
    assert_eq!(world.votes(), (1, 2), "the run goes on over it");
    world.pass(WINDOW - secs(1));
    world.hear(0, &inconclusive());
    world.pass(secs(1));
    assert_eq!(world.votes(), (0, 0), "it renews nothing");
}

#[test]
fn a_vote_counts_while_its_newest_result_is_younger_than_the_window() {
    let mut world = World::up(monitor(1));
    world.now = Time::from_secs(BEGIN);
    world.pass(WINDOW - Duration::from_millis(1));
    assert_eq!(world.votes(), (0, 1));
    world.pass(Duration::from_millis(1));
    assert_eq!(world.votes(), (0, 0));
    assert_eq!(world.status(), Status::Unknown);
}

#[test]
fn the_votes_of_a_lost_agent_count_for_less_than_60_s() {
    let mut world = World::up(monitor(1));
    world.hear(0, &Outcome::Up);
    world.tie(0, Tie::Lost(world.now));
    world.pass(secs(60) - Duration::from_millis(1));
    assert_eq!(world.votes(), (0, 1));
    world.pass(Duration::from_millis(1));
    assert_eq!(world.votes(), (0, 0));
}

#[test]
fn a_lost_agent_that_returns_counts_again_while_its_result_is_fresh() {
    let mut world = World::up(monitor(1));
    world.hear(0, &Outcome::Up);
    world.tie(0, Tie::Lost(world.now));
    world.pass(secs(61));
    assert_eq!(world.votes(), (0, 0));
    world.tie(0, Tie::Connected);
    assert_eq!(world.votes(), (0, 1));
}

#[test]
fn a_revoked_agent_counts_no_more_at_once() {
    let mut world = World::up(monitor(3));
    world.tie(1, Tie::Revoked);
    assert_eq!(world.votes(), (0, 2));
    world.hear(1, &down());
    assert_eq!(
        world.votes(),
        (0, 2),
        "nor do results that were on their way"
    );
}

#[test]
fn an_agent_that_was_never_tied_has_no_vote() {
    let mut world = World::up(monitor(3));
    world.hear_agent(agent(0, 5), &down());
    assert_eq!((world.votes(), world.effects.len()), ((0, 3), 0));
}

#[test]
fn a_result_of_another_meaning_is_not_counted() {
    let mut world = World::up(monitor(3));
    world.pass(secs(1));
    let mut result = world.result(agent(0, 0), world.now, Run::Slot(world.now), &down());
    result.meaning.0 ^= 1;
    world.on(Input::Result(&result)).unwrap();
    assert_eq!((world.votes(), world.effects.len()), ((0, 3), 0));
}

#[test]
fn a_result_from_the_future_is_no_vote() {
    let mut world = World::up(monitor(3));
    let hour_ahead = world.now + secs(3600);
    world.hear_run(agent(0, 0), hour_ahead, Run::Slot(hour_ahead), &down());
    assert_eq!(world.votes(), (0, 3));
    world.pass(WINDOW);
    assert_eq!(world.votes(), (0, 0), "nor does it keep a vote alive");
}

#[test]
fn an_agent_votes_down_after_so_many_consecutive_failures_and_its_former_vote_stands_until_then() {
    let mut world = World::up(with(|spec| spec.failures = two(3)));
    for (outcome, votes) in [
        (down(), (0, 3)),
        (down(), (0, 3)),
        (Outcome::Up, (0, 3)),
        (down(), (0, 3)),
        (down(), (0, 3)),
        (down(), (1, 2)),
    ] {
        world.pass(secs(2));
        world.hear(0, &outcome);
        assert_eq!(world.votes(), votes);
    }
}

#[test]
fn an_agent_votes_up_after_so_many_consecutive_successes_and_its_former_vote_stands_until_then() {
    let mut world = World::up(with(|spec| spec.successes = two(2)));
    for (outcome, votes) in [
        (down(), (1, 2)),
        (Outcome::Up, (1, 2)),
        (down(), (1, 2)),
        (Outcome::Up, (1, 2)),
        (degraded(), (0, 3)),
    ] {
        world.pass(secs(2));
        world.hear(0, &outcome);
        assert_eq!(world.votes(), votes);
    }
}

#[test]
fn the_first_other_result_of_an_agent_without_a_vote_makes_it_up() {
    let mut world = World::silent(with(|spec| {
        spec.failures = two(2);
        spec.successes = two(3);
    }));
    world.hear(0, &down());
    assert_eq!(world.votes(), (0, 0), "one failure of two is no vote yet");
    world.pass(secs(2));
    world.hear(0, &Outcome::Up);
    assert_eq!(world.votes(), (0, 1));
}

#[test]
fn a_region_votes_down_only_by_a_strict_majority_of_its_countable_agents() {
    let mut world = World::silent(monitor(1));
    for replica in 1..4 {
        world.tie_agent(agent(0, replica), Tie::Connected);
    }
    for replica in 0..4 {
        world.hear_agent(agent(0, replica), &Outcome::Up);
    }
    for (replica, votes) in [(0, (0, 1)), (1, (0, 1)), (2, (1, 0))] {
        world.pass(secs(2));
        world.hear_agent(agent(0, replica), &down());
        assert_eq!(world.votes(), votes);
    }
}

#[test]
fn an_agent_that_abstains_counts_for_neither_side_of_its_region() {
    let mut world = World::silent(monitor(1));
    world.tie_agent(agent(0, 1), Tie::Connected);
    world.hear_agent(agent(0, 0), &Outcome::Up);
    world.hear_agent(agent(0, 1), &down());
    assert_eq!(world.votes(), (0, 1), "one of two is no majority");
    world.tie(0, Tie::Lost(world.now));
    world.pass(secs(60));
    assert_eq!(world.votes(), (1, 0));
}

#[test]
fn an_agent_no_longer_assigned_counts_until_its_successors_first_conclusive_result() {
    let mut world = World::up(monitor(1));
    world.pass(secs(1));
    world.tie(0, Tie::Unassigned);
    world.tie_agent(agent(0, 1), Tie::Connected);
    assert_eq!(world.votes(), (0, 1));
    world.hear_agent(agent(0, 1), &inconclusive());
    assert_eq!(world.votes(), (0, 1), "an inconclusive one settles nothing");
    world.hear_agent(agent(0, 1), &down());
    assert_eq!(world.votes(), (1, 0));
}

#[test]
fn a_region_that_is_not_assigned_has_no_vote() {
    let mut world = World::up(monitor(3));
    world.save(|monitor| monitor.spec.regions = vec![region(0), region(1)]);
    world.pass(secs(1));
    world.hear(2, &down());
    assert_eq!(world.votes(), (0, 2));
    assert_eq!(world.asked(), []);
}

#[test]
fn an_agent_that_moves_to_another_region_starts_anew_there() {
    let mut world = World::up(monitor(3));
    let moved = Input::Agent {
        agent: agent(0, 0),
        region: region(1),
        tie: Tie::Connected,
    };
    world.on(moved).unwrap();
    assert_eq!(world.votes(), (0, 2));
}

/// Nearly every result takes this way, so it must not grow: no judging, no allocation.
#[test]
fn an_up_result_that_only_renews_a_vote_takes_the_short_way() {
    let mut world = World::up(monitor(3));
    let wake = world.state.next_wake();
    world.pass(secs(10));
    assert!(world.state.calm);
    world.hear(0, &Outcome::Up);
    assert_eq!(
        world.state.next_wake(),
        wake,
        "judging would have moved the timer"
    );
    world.hear(1, &down());
    world.hear(2, &Outcome::Up);
    assert!(!world.state.calm, "a round runs");
}
