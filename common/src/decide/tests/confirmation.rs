//! Confirmation: one lost packet never pages anybody.

use super::*;

fn any(regions: usize) -> Monitor {
    let mut monitor = monitor(regions);
    monitor.spec.quorum = Policy::Any;
    monitor
}

fn confirmed(world: &World) -> Vec<usize> {
    let areas = world.state.areas.iter().enumerate();
    areas
        .filter(|(_, area)| area.confirmed)
        .map(|(r, _)| r)
        .collect()
}

#[test]
fn one_lost_packet_opens_nothing_with_one_region() {
    let mut world = World::up(monitor(1));
    world.pass(secs(30));
    world.hear(0, &down());
    assert_eq!(world.asked(), [(0, 1, 1)]);
    assert_eq!((world.votes(), world.scope()), ((1, 0), None));
    world.pass(secs(1));
    world.hear(0, &Outcome::Up);
    world.pass(secs(60));
    assert_eq!(world.scope(), None);
}

#[test]
fn one_lost_packet_opens_nothing_even_with_quorum_any() {
    let mut world = World::up(any(3));
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(secs(1));
    world.hear(0, &Outcome::Up);
    assert_eq!(world.scope(), None);
}

#[test]
fn one_lost_packet_beside_a_region_that_is_always_down_opens_nothing() {
    let mut world = World::up(monitor(3));
    world.save(|monitor| monitor.spec.regional_after = secs(0));
    world.pass_seeing(secs(3600), &[down(), Outcome::Up, Outcome::Up]);
    world.hear(0, &down());
    world.hear(1, &down());
    assert_eq!(world.votes(), (2, 1));
    assert_eq!(confirmed(&world), [0]);
    world.pass(secs(1));
    world.hear(1, &Outcome::Up);
    world.pass(secs(60));
    assert_eq!(world.scope(), None);
}

#[test]
fn a_second_down_result_in_a_row_1_s_after_the_first_confirms() {
    let mut world = World::up(any(3));
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(Duration::from_millis(999));
    world.hear(0, &down());
    assert!(confirmed(&world).is_empty(), "too soon to be a second look");
    world.pass(Duration::from_millis(1));
    world.hear(0, &down());
    assert_eq!(world.scope(), Some(Scope::Global));
}

#[test]
fn another_region_that_turned_down_within_the_window_confirms() {
    let mut world = World::up(monitor(5));
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(secs(75));
    assert!(confirmed(&world).is_empty());
    world.hear(0, &down());
    for r in 2..5 {
        world.hear(r, &Outcome::Up);
    }
    world.hear(1, &down());
    assert_eq!(confirmed(&world), [0, 1]);
}

#[test]
fn regions_that_turned_down_far_apart_confirm_each_other_not() {
    let mut world = World::up(monitor(5));
    world.pass(secs(30));
    world.pass_seeing(
        secs(90),
        &[down(), Outcome::Up, Outcome::Up, Outcome::Up, Outcome::Up],
    );
    world.hear(0, &down());
    world.hear(1, &down());
    assert_eq!(confirmed(&world), [0], "90 s is more than W");
}

#[test]
fn with_long_intervals_ten_minutes_are_the_most() {
    let mut monitor = monitor(5);
    monitor.spec.interval = secs(3600);
    for (apart, expected) in [(600, vec![0, 1]), (601, vec![])] {
        let mut world = World::up(monitor.clone());
        world.pass(secs(30));
        world.hear(0, &down());
        world.pass(secs(apart));
        world.hear(1, &down());
        assert_eq!(confirmed(&world), expected);
    }
}

#[test]
fn a_down_vote_whose_newest_result_is_not_down_is_not_confirmed_and_confirms_none() {
    let mut monitor = any(3);
    monitor.spec.successes = NonZeroU8::new(2).unwrap();
    let mut world = World::up(monitor);
    world.pass(secs(30));
    world.hear(0, &down());
    world.pass(secs(1));
    world.hear(0, &Outcome::Up);
    assert_eq!(
        world.votes(),
        (1, 2),
        "one success of two: it still votes Down"
    );
    world.hear(1, &down());
    assert_eq!((confirmed(&world), world.scope()), (vec![], None));
}

#[test]
fn two_regions_failing_together_wait_for_nothing_with_any_policy() {
    for k in 1..=2 {
        let mut monitor = monitor(3);
        monitor.spec.quorum = Policy::AtLeast(NonZeroU8::new(k).unwrap());
        let mut world = World::up(monitor);
        world.pass(secs(30));
        world.hear(0, &down());
        assert_eq!(world.scope(), None);
        world.hear(1, &down());
        assert_eq!(world.scope(), Some(Scope::Global));
    }
}

#[test]
fn an_agent_that_is_always_down_seconds_no_lost_packet_of_its_neighbour() {
    let mut world = World::silent(monitor(1));
    for replica in 1..3 {
        world.tie_agent(agent(0, replica), Tie::Connected);
    }
    for _ in 0..20 {
        world.pass(secs(30));
        world.hear_agent(agent(0, 0), &down());
        world.hear_agent(agent(0, 1), &Outcome::Up);
        world.hear_agent(agent(0, 2), &Outcome::Up);
    }
    world.pass(secs(5));
    world.hear_agent(agent(0, 1), &down());
    assert_eq!((world.votes(), world.scope()), ((1, 0), None));
    world.hear_agent(agent(0, 0), &down());
    assert_eq!(world.scope(), None, "the round looked at both, once");
    world.pass(secs(1));
    world.hear_agent(agent(0, 1), &down());
    assert_eq!(world.scope(), Some(Scope::Global), "seconded, it counts");
}
