//! Every pair of an incident's state and an input.

use super::*;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Deed {
    Up,
    Degraded,
    Down,
    Inconclusive,
    SummaryDown,
    SummaryUp,
    Connected,
    Lost,
    Unassigned,
    Revoked,
    SavedAsItWas,
    Paused,
    NewMeaning,
    NamedUnassigned,
    Removed,
    Resolve,
    Force,
    Acknowledge,
    Comment,
    Tick,
}

/// What an input led to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Led {
    Nothing,
    Refused,
    /// A region joined those named.
    Named,
    Moved(TransitionKind),
    Closed(Resolution),
}

use Led::{Closed, Moved, Named, Nothing, Refused};
use Resolution::{Forced, Paused, Reassigned, Recovered, Removed};
use TransitionKind::{Acknowledged, Commented, Opened};

/// Without an incident; with a global one; with a regional one. Acknowledged ones behave as open
/// ones do. Results and ties are of region 0, which fails; those that say Down are of region 2,
/// which does not.
const TABLE: &[(Deed, [Led; 3])] = &[
    (Deed::Up, [Nothing, Nothing, Closed(Recovered)]),
    (Deed::Degraded, [Nothing, Nothing, Closed(Recovered)]),
    (Deed::Down, [Moved(Opened), Named, Nothing]),
    (Deed::Inconclusive, [Nothing, Nothing, Nothing]),
    (Deed::SummaryDown, [Nothing, Nothing, Nothing]),
    (Deed::SummaryUp, [Nothing, Nothing, Nothing]),
    (Deed::Connected, [Nothing, Nothing, Nothing]),
    (Deed::Lost, [Nothing, Nothing, Nothing]),
    (Deed::Unassigned, [Nothing, Nothing, Nothing]),
    (Deed::Revoked, [Nothing, Nothing, Nothing]),
    (Deed::SavedAsItWas, [Nothing, Nothing, Nothing]),
    (Deed::Paused, [Nothing, Closed(Paused), Closed(Paused)]),
    (Deed::NewMeaning, [Nothing, Nothing, Nothing]),
    (
        Deed::NamedUnassigned,
        [Nothing, Closed(Reassigned), Closed(Reassigned)],
    ),
    (Deed::Removed, [Nothing, Closed(Removed), Closed(Removed)]),
    (Deed::Resolve, [Refused, Refused, Refused]),
    (Deed::Force, [Refused, Closed(Forced), Closed(Forced)]),
    (
        Deed::Acknowledge,
        [Refused, Moved(Acknowledged), Moved(Acknowledged)],
    ),
    (Deed::Comment, [Refused, Moved(Commented), Moved(Commented)]),
    (Deed::Tick, [Nothing, Nothing, Nothing]),
];

/// Gives the input; whether it was refused.
fn give(world: &mut World, deed: Deed) -> bool {
    let by = "bob".to_owned();
    let note = "a note".to_owned();
    match deed {
        Deed::Up => world.hear(0, &Outcome::Up),
        Deed::Degraded => world.hear(0, &degraded()),
        Deed::Down => world.hear(2, &down()),
        Deed::Inconclusive => world.hear(0, &inconclusive()),
        Deed::SummaryDown => world.summary(2, &down(), 1, 2, 3, Some(60)),
        Deed::SummaryUp => world.summary(0, &Outcome::Up, 1, 2, 3, Some(60)),
        Deed::Connected => world.tie(0, Tie::Connected),
        Deed::Lost => world.tie(0, Tie::Lost(world.now)),
        Deed::Unassigned => world.tie(0, Tie::Unassigned),
        Deed::Revoked => world.tie(0, Tie::Revoked),
        Deed::SavedAsItWas => world.save(|_| {}),
        Deed::Paused => world.save(|monitor| monitor.paused = true),
        Deed::NewMeaning => world.save(|monitor| monitor.spec.timeout = secs(3)),
        Deed::NamedUnassigned => {
            world.save(|monitor| monitor.spec.regions = vec![region(2), region(3)]);
        }
        Deed::Removed => world.on(Input::Removed).unwrap(),
        Deed::Resolve => return world.on(Input::Resolve { by, force: false }).is_err(),
        Deed::Force => return world.on(Input::Resolve { by, force: true }).is_err(),
        Deed::Acknowledge => return world.on(Input::Acknowledge { by, note }).is_err(),
        Deed::Comment => return world.on(Input::Comment { by, note }).is_err(),
        Deed::Tick => world.on(Input::Tick).unwrap(),
    }
    false
}

fn led_to(mut world: World, deed: Deed) -> Led {
    world.pass(secs(2));
    world.effects.clear();
    let before = world.state.durable();
    if give(&mut world, deed) {
        assert_eq!((world.effects.len(), world.state.durable()), (0, before));
        return Refused;
    }
    let changed = world
        .effects
        .iter()
        .any(|e| matches!(e, Effect::Transition(_)));
    if !changed {
        let named = |durable: &Durable| durable.incident.as_ref().map(|i| i.named.len());
        let (before, after) = (named(&before), named(&world.state.durable()));
        let saved = world.effects.contains(&Effect::Save);
        assert_eq!(saved, before != after, "a change that is not announced");
        return if saved { Named } else { Nothing };
    }
    let incident = world.last_incident();
    assert_eq!(world.transitions().len(), 1);
    match incident.resolution {
        Some(resolution) => Closed(resolution),
        None => Moved(incident.transitions.last().unwrap().kind),
    }
}

#[test]
fn every_pair_of_state_and_input_is_covered() {
    let acknowledged = |mut world: World| {
        assert!(!give(&mut world, Deed::Acknowledge));
        world
    };
    for &(deed, [none, global, regional]) in TABLE {
        let mut quiet = World::up(monitor(3));
        quiet.pass(secs(30));
        quiet.hear(0, &down());
        let worlds = [
            (none, quiet, "no incident"),
            (global, World::global(), "global, open"),
            (
                global,
                acknowledged(World::global()),
                "global, acknowledged",
            ),
            (regional, World::regional(), "regional, open"),
            (
                regional,
                acknowledged(World::regional()),
                "regional, acknowledged",
            ),
        ];
        for (expected, world, state) in worlds {
            assert_eq!(led_to(world, deed), expected, "{deed:?} with {state}");
        }
    }
}

#[test]
fn after_a_removal_every_input_leads_nowhere() {
    for &(deed, _) in TABLE {
        let mut world = World::global();
        world.on(Input::Removed).unwrap();
        let expected = match deed {
            Deed::Resolve | Deed::Force | Deed::Acknowledge | Deed::Comment => Refused,
            Deed::Up
            | Deed::Degraded
            | Deed::Down
            | Deed::Inconclusive
            | Deed::SummaryDown
            | Deed::SummaryUp
            | Deed::Connected
            | Deed::Lost
            | Deed::Unassigned
            | Deed::Revoked
            | Deed::SavedAsItWas
            | Deed::Paused
            | Deed::NewMeaning
            | Deed::NamedUnassigned
            | Deed::Removed
            | Deed::Tick => Nothing,
        };
        assert_eq!(led_to(world, deed), expected, "{deed:?}");
    }
}
