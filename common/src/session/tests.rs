//! Both ends joined by a wire that keeps its order, stalls, and is cut at any moment.
//!
//! The coordinator's side keeps what a store would (`durable`), loses what was on its way to the
//! disk when it is restarted, and forgets everything when it is restored from an empty backup.

use std::time::Duration;

use proptest::prelude::*;

use super::agent::Limits;
use super::coordinator;
use super::messages::{AgentMessage, Leave};
use super::testing::{batch, down, result};

mod world;

use world::{Step, World, step};

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_wire_does_both_ends_agree_after_quiet_and_nothing_acked_is_lost(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let limits = Limits::DEFAULT;
        let mut world = World::new(limits);
        for step in steps {
            world.take(step);
            world.check_bounds(limits)?;
        }
        world.quiet();
        prop_assert!(world.agent.is_connected());
        prop_assert_eq!(world.agent.position(), Some(world.position()));
        let in_force: Vec<_> = world.in_force.values().collect();
        prop_assert_eq!(in_force, world.fleet.values().collect::<Vec<_>>());
        prop_assert_eq!(world.agent.unacked(), 0, "nothing wedges");
        // Acked and then lost by a restore: sent again, since it is not older than five minutes,
        // unless its monitor is gone.
        let lost = world.acked.difference(&world.durable).count();
        prop_assert!(lost == 0 || lost <= world.refused, "{lost} acked results are lost");
        let settled = world.durable.len() + world.refused;
        prop_assert!(settled as u64 >= world.made, "every result is stored or refused");
        prop_assert_eq!(world.agent.dropped(), 0);
    }

    #[test]
    fn what_an_agent_retains_is_bounded_and_whatever_it_drops_is_counted(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let limits = Limits { count: 16, bytes: usize::MAX };
        let mut world = World::new(limits);
        for step in steps {
            world.take(step);
            world.check_bounds(limits)?;
        }
        world.quiet();
        prop_assert_eq!(world.agent.unacked(), 0, "nothing wedges");
        // What was acked may go before its five minutes are over when there is no room.
        let stored = world.durable.union(&world.acked).count();
        let settled = (stored + world.refused) as u64 + world.agent.dropped();
        prop_assert!(settled >= world.made);
    }
}

#[test]
fn a_lost_delta_heals_within_two_pulses() {
    let mut world = World::new(Limits::DEFAULT);
    world.quiet();
    world.take(Step::LoseDelta(1));
    let lost_at = world.now;
    while world.agent.position() != Some(world.position()) {
        world.wait(Duration::from_millis(100));
        world.take(Step::Deliver(5));
        assert!(world.now.since(lost_at) <= coordinator::PULSE * 2 + Duration::from_secs(1));
    }
}

#[test]
fn nothing_of_a_fenced_session_reaches_the_engine() {
    let mut world = World::new(Limits::DEFAULT);
    world.take(Step::Save(1));
    world.quiet();
    let mut effects = Vec::new();
    let mut fenced = world.coordinator.take().unwrap();
    fenced.on(
        coordinator::Input::Leave(Leave::Replaced),
        world.now,
        &mut effects,
    );
    effects.clear();
    let late = result(1, down(), world.now);
    let batch = batch(1, world.now, vec![late]);
    let late = coordinator::Input::Received(AgentMessage::Results(batch));
    fenced.on(late, world.now, &mut effects);
    assert!(effects.is_empty());
}
