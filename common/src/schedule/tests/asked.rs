//! Runs outside the slots.

use super::*;

fn ask(nonce: u64, target: Target, count: u32) -> Ask {
    Ask {
        nonce,
        target,
        count,
        spacing: secs(1),
        delay: Duration::ZERO,
        timeout: None,
        answer_only: false,
    }
}

fn asked(world: &World, nonce: u64) -> Vec<(u32, Duration)> {
    let runs = world.starts.iter().filter_map(|start| match start.run {
        Run::Asked { nonce: of, n } if of == nonce => Some((n, start.at)),
        Run::Asked { .. } | Run::Slot(_) => None,
    });
    runs.collect()
}

#[test]
fn runs_asked_for_start_at_once_and_at_least_their_spacing_apart() {
    let mut world = World::new(Limits::default());
    world.on(Input::Assign(vec![assignment(1, secs(60))]));
    world.pass(secs(1));
    let now = world.now.monotonic;
    world.on(Input::Ask(ask(9, Target::Assigned(id(1)), 3)));
    world.pass(secs(10));
    let runs = asked(&world, 9);
    assert_eq!(runs, [(0, now), (1, now + secs(1)), (2, now + secs(2))]);
}

#[test]
fn runs_of_one_ask_never_overlap() {
    let mut world = World::new(Limits::default());
    world.lasts = secs(4);
    world.on(Input::Assign(vec![assignment(1, secs(60))]));
    world.pass(secs(10));
    let now = world.now.monotonic;
    world.on(Input::Ask(ask(9, Target::Assigned(id(1)), 2)));
    world.pass(secs(10));
    assert_eq!(asked(&world, 9), [(0, now), (1, now + secs(4))]);
}

#[test]
fn a_delay_is_kept_and_a_repetition_starts_nothing() {
    let mut world = World::new(Limits::default());
    world.on(Input::Assign(vec![assignment(1, secs(60))]));
    let now = world.now.monotonic;
    let mut late = ask(9, Target::Assigned(id(1)), 1);
    late.delay = secs(1);
    world.on(Input::Ask(late.clone()));
    world.on(Input::Ask(late));
    world.pass(secs(5));
    assert_eq!(asked(&world, 9), [(0, now + secs(1))]);
}

#[test]
fn an_inline_ask_needs_no_assignment() {
    let mut world = World::new(Limits::default());
    let mut inline = ask(9, Target::Inline(check("inline.example.org")), 1);
    inline.answer_only = true;
    world.on(Input::Ask(inline));
    assert_eq!(asked(&world, 9).len(), 1);
    assert_eq!(world.starts[0].monitor, NO_MONITOR);
    world.pass(secs(10));
    assert_eq!(world.scheduler.take_load().running, 0);
}

#[test]
fn asks_for_strangers_and_asks_beyond_the_bound_are_refused() {
    let mut world = World::new(Limits::default());
    world.on(Input::Ask(ask(1, Target::Assigned(id(1)), 1)));
    assert_eq!(world.refused, [(1, Refusal::NotAssigned)]);
    world.on(Input::Assign(vec![assignment(1, secs(60))]));
    for nonce in 2..=4 {
        world.on(Input::Ask(ask(nonce, Target::Assigned(id(1)), 1)));
    }
    assert_eq!(world.refused[1..], [(4, Refusal::TooMany)]);
}

#[test]
fn an_ask_ends_with_its_monitors_assignment() {
    let mut world = World::new(Limits::default());
    world.on(Input::Assign(vec![assignment(1, secs(60))]));
    world.on(Input::Ask(ask(9, Target::Assigned(id(1)), 5)));
    world.pass(millis(1500));
    world.on(Input::Unassign(vec![id(1)]));
    world.pass(secs(20));
    assert_eq!(asked(&world, 9).len(), 2);
    assert!(world.scheduler.asks.is_empty());
}

#[test]
fn runs_asked_for_find_a_permit_while_planned_ones_hang() {
    let limits = Limits {
        checks: 10,
        per_destination: 10,
    };
    let mut world = World::new(limits);
    world.lasts = secs(10);
    world.on(Input::Assign(
        (0..40).map(|n| assignment(n, secs(30))).collect(),
    ));
    world.pass(secs(1));
    assert_eq!(world.peak, 8);
    world.on(Input::Ask(ask(9, Target::Assigned(id(39)), 1)));
    assert_eq!(asked(&world, 9).len(), 1);
}
