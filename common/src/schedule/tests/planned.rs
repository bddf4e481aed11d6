//! What the slots are, and what an edit does to them.

use super::*;

#[test]
fn a_new_monitor_is_checked_at_once_and_then_by_its_slots() {
    let mut world = World::new(Limits::default());
    let begin = world.now;
    world.on(Input::Assign(vec![assignment(1, secs(30))]));
    assert_eq!(world.starts_of(1).len(), 1);
    world.pass(secs(90));
    let starts = world.starts_of(1);
    let grid = grid(1, secs(30));
    assert_eq!(starts[0].run, Run::Slot(begin.wall));
    assert!((3..=4).contains(&starts.len()), "{starts:?}");
    for start in &starts[1..] {
        let Run::Slot(slot) = start.run else {
            panic!("a planned run is expected")
        };
        assert_eq!(grid.at_or_before(slot), slot);
        assert!(start.wall.since(slot) <= millis(1) && start.lateness <= millis(1));
    }
    assert!(world.missed.is_empty());
}

#[test]
fn many_new_monitors_are_spread_over_at_most_one_interval() {
    let mut world = World::new(Limits::default());
    let begin = world.now.monotonic;
    world.on(Input::Swap(
        (0..3000).map(|n| assignment(n, secs(5))).collect(),
    ));
    assert!(world.starts.len() < 10);
    world.pass(secs(5));
    let first: HashSet<_> = world.starts.iter().map(|start| start.monitor).collect();
    assert_eq!(first.len(), 3000);
    assert!(world.starts_between(begin, begin + millis(100)) <= 100);
}

#[test]
fn restart_and_failover_do_not_move_the_slots() {
    let mut first = World::new(Limits::default());
    let mut second = World::new(Limits::default());
    first.on(Input::Assign(vec![assignment(1, secs(10))]));
    first.pass(secs(60));
    second.sleep(millis(23_456));
    second.on(Input::Assign(vec![assignment(1, secs(10))]));
    second.pass(secs(40));
    let slots = |world: &World| world.planned_slots()[&id(1)].clone();
    let common = slots(&first).intersection(&slots(&second)).count();
    assert!(common >= 2, "both see the same grid");
}

#[test]
fn an_edit_that_keeps_meaning_and_grid_starts_nothing_and_moves_nothing() {
    let mut world = World::new(Limits::default());
    world.on(Input::Assign(vec![assignment(1, secs(10))]));
    world.pass(secs(25));
    let before = world.starts.len();
    let wake = world.scheduler.next_wake();
    let mut edited = assignment(1, secs(10));
    edited.spec_hash = 77;
    world.on(Input::Assign(vec![edited.clone()]));
    world.on(Input::Swap(vec![edited]));
    assert_eq!(world.starts.len(), before);
    assert_eq!(world.scheduler.next_wake(), wake);
}

#[test]
fn a_monitor_that_comes_to_mean_something_else_is_checked_at_once() {
    let mut world = World::new(Limits::default());
    world.lasts = secs(5);
    world.on(Input::Assign(vec![assignment(1, secs(60))]));
    world.pass(secs(1));
    let mut edited = assignment(1, secs(60));
    edited.meaning = Meaning(2);
    world.on(Input::Assign(vec![edited]));
    let starts = world.starts_of(1);
    assert_eq!(starts.len(), 2, "it does not wait for the run under way");
    assert_eq!(starts[1].meaning, Meaning(2));
}

#[test]
fn another_interval_takes_effect_with_the_next_slot() {
    let mut world = World::new(Limits::default());
    world.on(Input::Assign(vec![assignment(1, secs(3600))]));
    world.pass(secs(10));
    world.on(Input::Assign(vec![assignment(1, secs(10))]));
    assert_eq!(world.starts_of(1).len(), 1, "its meaning is the same");
    world.pass(secs(20));
    assert_eq!(world.starts_of(1).len(), 3);
}

#[test]
fn a_monitor_that_left_is_checked_no_more_and_at_once_when_it_returns() {
    let mut world = World::new(Limits::default());
    world.on(Input::Swap(vec![
        assignment(1, secs(10)),
        assignment(2, secs(10)),
    ]));
    world.pass(secs(1));
    world.on(Input::Swap(vec![assignment(2, secs(10))]));
    assert_eq!(world.scheduler.monitors(), 1);
    world.pass(secs(60));
    assert_eq!(world.starts_of(1).len(), 1);
    world.on(Input::Assign(vec![assignment(1, secs(10))]));
    assert_eq!(world.starts_of(1).len(), 2);
    world.on(Input::Unassign(vec![id(1), id(2), id(3)]));
    assert_eq!(world.scheduler.monitors(), 0);
}

#[test]
fn regions_are_spread_evenly_over_the_interval() {
    let mut slots = Vec::new();
    for rank in 0..3 {
        let mut world = World::new(Limits::default());
        let mut one = assignment(1, secs(30));
        one.place = Place::new(rank, 3, 0, 1).unwrap();
        world.on(Input::Assign(vec![one]));
        world.pass(secs(75));
        let last = world.starts_of(1).last().unwrap().wall.as_millis();
        slots.push(last.rem_euclid(30_000) / 10);
    }
    slots.sort_unstable();
    assert_eq!(slots[1] - slots[0], 1000);
    assert_eq!(slots[2] - slots[1], 1000);
}
