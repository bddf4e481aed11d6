//! Rounds, recovery, and what else is asked outside the slots.

use super::*;

/// The nonce of the last request.
fn nonce(world: &World) -> u64 {
    let mut checks = world.effects.iter().filter_map(|effect| match effect {
        Effect::CheckNow(check) => Some(check.nonce),
        Effect::Transition(_) | Effect::Status { .. } | Effect::Save => None,
    });
    checks.next().unwrap()
}

fn with(regions: usize, change: impl FnOnce(&mut MonitorSpec)) -> Monitor {
    let mut monitor = monitor(regions);
    change(&mut monitor.spec);
    monitor
}

fn times(n: u8) -> NonZeroU8 {
    NonZeroU8::new(n).unwrap()
}

/// How long a round of the world's monitor lasts: failures · (timeout + 1 s) + 3 s.
const ROUND: Duration = Duration::from_secs(5 + 1 + 3);

#[test]
fn a_down_result_asks_all_other_regions_at_once_and_the_accuser_1_s_later() {
    let mut world = World::up(with(4, |spec| spec.failures = times(2)));
    world.pass(secs(30));
    world.hear(1, &down());
    assert_eq!(world.asked(), [(0, 0, 2), (2, 0, 2), (3, 0, 2), (1, 1, 2)]);
}

#[test]
fn the_accusers_neighbours_in_its_region_are_asked_too() {
    let mut world = World::silent(monitor(2));
    world.tie_agent(agent(0, 1), Tie::Connected);
    world.all(&Outcome::Up);
    world.hear_agent(agent(0, 1), &Outcome::Up);
    world.effects.clear();
    world.pass(secs(30));
    world.hear(0, &down());
    assert_eq!(world.asked(), [(1, 0, 1), (0, 0, 1), (0, 1, 1)]);
}

#[test]
fn agents_without_a_session_are_not_asked() {
    let mut world = World::up(monitor(3));
    world.pass(secs(10));
    world.tie(2, Tie::Lost(world.now));
    world.hear(0, &down());
    assert_eq!(world.asked(), [(1, 0, 1), (0, 1, 1)]);
}

#[test]
fn an_agent_that_votes_down_already_starts_no_round() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(ROUND);
    world.effects.clear();
    world.hear(0, &down());
    assert_eq!(world.asked(), []);
}

#[test]
fn a_further_accuser_joins_the_running_round_and_adds_only_its_own_second_look() {
    let mut world = World::up(monitor(5));
    world.pass(secs(30));
    world.hear(0, &down());
    world.effects.clear();
    world.pass(Duration::from_millis(200));
    world.hear(1, &down());
    assert_eq!(world.asked(), [(1, 1, 1)]);
    world.pass(Duration::from_millis(200));
    world.hear(1, &Outcome::Up);
    world.hear_run(
        agent(1, 0),
        world.now + Duration::from_millis(1),
        asked(9, 0),
        &down(),
    );
    assert_eq!(world.asked(), [], "one second look a round");
}

#[test]
fn where_several_runs_were_asked_for_the_rest_of_them_is_the_second_look() {
    let mut world = World::up(with(3, |spec| spec.failures = times(2)));
    world.pass(secs(30));
    world.hear(0, &down());
    let nonce = nonce(&world);
    world.effects.clear();
    world.hear_run(agent(1, 0), world.now, asked(nonce, 0), &down());
    assert_eq!(world.asked(), []);
    world.pass(secs(1));
    world.hear_run(agent(1, 0), world.now, asked(nonce, 1), &down());
    assert_eq!(world.votes(), (1, 2));
    world.hear(0, &down());
    assert_eq!(world.scope(), Some(Scope::Global));
}

#[test]
fn a_round_ends_after_its_time_and_the_next_accuser_starts_another() {
    let mut world = World::up(monitor(5));
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(ROUND - Duration::from_millis(1));
    assert!(world.state.round.is_some());
    world.pass(Duration::from_millis(1));
    assert!(world.state.round.is_none());
    world.effects.clear();
    world.hear(1, &down());
    assert_eq!(world.asked().len(), 5);
}

#[test]
fn a_round_ends_with_an_opening_and_none_starts_while_a_global_incident_is_open() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &down());
    world.hear(1, &down());
    assert!(world.state.round.is_none());
    world.effects.clear();
    world.hear(2, &down());
    assert_eq!(world.asked(), []);
}

#[test]
fn while_a_round_runs_an_older_down_vote_opens_nothing_and_after_its_end_it_does() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(120), &[down(), Outcome::Up, Outcome::Up]);
    world.pass(secs(10));
    assert_eq!(world.votes(), (1, 2));
    world.hear(1, &down());
    world.pass(secs(2));
    world.hear(1, &down());
    assert!(
        world
            .state
            .areas
            .iter()
            .filter(|area| area.confirmed)
            .count()
            == 2
    );
    assert_eq!(
        world.scope(),
        None,
        "the older vote must be looked at again"
    );
    world.pass(ROUND);
    assert_eq!(
        world.scope(),
        Some(Scope::Global),
        "nobody answered; older votes count too"
    );
}

#[test]
fn an_older_down_vote_that_the_round_renews_opens_at_once() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(120), &[down(), Outcome::Up, Outcome::Up]);
    world.pass(secs(10));
    world.hear(1, &down());
    world.pass(secs(1));
    world.hear(0, &down());
    assert_eq!(
        world.scope(),
        None,
        "its own vote waits for its second look"
    );
    world.hear(1, &down());
    assert_eq!(world.scope(), Some(Scope::Global));
}

#[test]
fn an_older_down_vote_that_the_round_refutes_opens_nothing() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(120), &[down(), Outcome::Up, Outcome::Up]);
    world.pass(secs(10));
    world.hear(1, &down());
    world.pass(Duration::from_millis(100));
    world.hear(0, &Outcome::Up);
    world.pass(secs(1));
    world.hear(1, &down());
    world.pass(ROUND);
    assert_eq!(world.scope(), None);
}

#[test]
fn an_agent_that_comes_back_while_a_round_runs_is_asked_too() {
    let mut world = World::up(monitor(3));
    world.pass(secs(10));
    world.tie(2, Tie::Lost(world.now));
    world.hear(0, &down());
    world.effects.clear();
    world.tie(2, Tie::Connected);
    assert_eq!(world.asked(), [(2, 0, 1)]);
    world.tie(1, Tie::Connected);
    assert_eq!(world.asked(), [], "once a round");
}

#[test]
fn a_result_other_than_down_asks_all_regions_that_vote_down_while_an_incident_is_open() {
    let mut world = World::up(with(4, |spec| spec.successes = times(2)));
    world.pass(secs(30));
    world.hear(0, &down());
    world.hear(1, &down());
    world.hear(2, &down());
    world.pass(secs(30));
    world.effects.clear();
    world.hear(1, &Outcome::Up);
    assert_eq!(world.asked(), [(0, 0, 2), (2, 0, 2), (1, 1, 2)]);
    world.hear(2, &Outcome::Up);
    assert_eq!(
        world.asked(),
        [(2, 1, 2)],
        "one at a time; this adds its own second look"
    );
}

#[test]
fn without_an_open_incident_a_recovery_asks_nobody() {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.hear(0, &down());
    world.effects.clear();
    world.pass(secs(30));
    world.hear(0, &Outcome::Up);
    assert_eq!(world.asked(), []);
}

#[test]
fn where_the_interval_is_above_60_s_regions_that_vote_down_are_asked_as_the_incident_ages() {
    let mut world = World::up(with(3, |spec| spec.interval = secs(3600)));
    world.all(&down());
    let began = world.now;
    world.effects.clear();
    let mut asked_at = Vec::new();
    while world.now < began + secs(3000) {
        world.pass(secs(10));
        let asked = world.asked();
        if !asked.is_empty() {
            assert_eq!(asked, [(0, 0, 1), (1, 0, 1), (2, 0, 1)]);
            asked_at.push(world.now.since(began).as_secs());
        }
    }
    assert_eq!(asked_at[..9], [60, 120, 180, 240, 300, 360, 420, 480, 540]);
    let gaps: Vec<u64> = asked_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let last = *gaps.last().unwrap();
    assert!((200..=300).contains(&last), "a tenth of the age: {gaps:?}");
}

#[test]
fn where_the_interval_is_at_most_60_s_the_slots_notice_a_recovery() {
    let mut world = World::up(with(3, |spec| spec.interval = secs(60)));
    world.all(&down());
    world.effects.clear();
    world.pass(secs(120));
    assert_eq!(world.asked(), []);
}

#[test]
fn nonces_tell_all_requests_of_an_agent_apart() {
    let mut world = World::up(monitor(3));
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        world.pass(secs(30));
        world.hear(0, &down());
        world.hear(1, &Outcome::Up);
        world.pass(secs(1));
        world.hear(0, &Outcome::Up);
    }
    for effect in &world.effects {
        if let Effect::CheckNow(check) = effect {
            assert!(seen.insert((check.agent, check.nonce)));
        }
    }
    assert!(seen.len() > 50);
}
