//! Properties of any history: decisions follow from inputs alone, and names do not matter.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Event {
    Hear {
        r: usize,
        replica: usize,
        sees: u8,
    },
    Tie {
        r: usize,
        replica: usize,
        tie: u8,
    },
    Summary {
        r: usize,
        down: bool,
        age: u64,
        length: u32,
    },
    Pass {
        millis: u64,
    },
    Resolve {
        force: bool,
    },
    Restart,
}

const REGIONS_HERE: usize = 4;

fn event() -> impl Strategy<Value = Event> {
    let r = 0..REGIONS_HERE;
    prop_oneof![
        8 => (r.clone(), 0..2_usize, 0..8_u8)
            .prop_map(|(r, replica, sees)| Event::Hear { r, replica, sees }),
        6 => prop_oneof![1..3000_u64, 3000..90_000_u64, 90_000..900_000_u64]
            .prop_map(|millis| Event::Pass { millis }),
        1 => (r.clone(), 0..2_usize, 0..4_u8)
            .prop_map(|(r, replica, tie)| Event::Tie { r, replica, tie }),
        1 => (r, any::<bool>(), 0..60_u64, 1..5_u32)
            .prop_map(|(r, down, age, length)| Event::Summary { r, down, age, length }),
        1 => any::<bool>().prop_map(|force| Event::Resolve { force }),
        1 => Just(Event::Restart),
    ]
}

#[derive(Clone, Debug)]
struct Setting {
    k: u8,
    failures: u8,
    successes: u8,
    interval: u64,
    regional_after: u64,
}

fn setting() -> impl Strategy<Value = Setting> {
    let interval = prop_oneof![Just(10_u64), Just(30), Just(300)];
    let regional_after = prop_oneof![Just(0_u64), Just(60), Just(300)];
    (1..=4_u8, 1..=3_u8, 1..=3_u8, interval, regional_after).prop_map(
        |(k, failures, successes, interval, regional_after)| Setting {
            k,
            failures,
            successes,
            interval,
            regional_after,
        },
    )
}

fn begin(setting: &Setting) -> World {
    let mut monitor = monitor(REGIONS_HERE);
    let count = |n| NonZeroU8::new(n).unwrap();
    monitor.spec.quorum = Policy::AtLeast(count(setting.k));
    monitor.spec.failures = count(setting.failures);
    monitor.spec.successes = count(setting.successes);
    monitor.spec.interval = secs(setting.interval);
    monitor.spec.regional_after = secs(setting.regional_after);
    let mut world = World::without_agents(monitor, Durable::default());
    tie_all(&mut world);
    world
}

fn tie_all(world: &mut World) {
    for r in 0..REGIONS_HERE {
        for replica in 0..2 {
            world.tie_agent(agent(r, replica), Tie::Connected);
        }
    }
}

/// Applies one event, region r standing for `as_region[r]`.
fn apply(world: &mut World, event: &Event, as_region: &[usize]) {
    match *event {
        Event::Hear { r, replica, sees } => {
            let outcome = match sees {
                0..3 => Outcome::Up,
                3..6 => down(),
                6 => degraded(),
                _ => inconclusive(),
            };
            world.hear_agent(agent(as_region[r], replica), &outcome);
        }
        Event::Tie { r, replica, tie } => {
            let tie = match tie {
                0 => Tie::Connected,
                1 => Tie::Lost(world.now),
                2 => Tie::Unassigned,
                _ => Tie::Revoked,
            };
            world.tie_agent(agent(as_region[r], replica), tie);
        }
        Event::Summary {
            r,
            down: is_down,
            age,
            length,
        } => {
            let outcome = if is_down { down() } else { Outcome::Up };
            let run = age + 30 * u64::from(length - 1);
            world.summary(as_region[r], &outcome, age, length, run, Some(run + 30));
        }
        Event::Pass { millis } => world.pass(Duration::from_millis(millis)),
        Event::Resolve { force } => {
            let _ = world.on(Input::Resolve {
                by: "ann".to_owned(),
                force,
            });
        }
        Event::Restart => {
            let said = std::mem::take(&mut world.effects);
            world.restart();
            world.effects = said;
            tie_all(world);
        }
    }
}

/// What is decided, without the names: kinds and times of all transitions, and the status.
fn story(world: &World) -> Vec<String> {
    let told = world.effects.iter().filter_map(|effect| match effect {
        Effect::Transition(i) => {
            let last = i.transitions.last().unwrap();
            Some(format!(
                "{} {} at {} from {} to {:?} ({:?}), {} named",
                last.kind,
                i.scope,
                last.at,
                i.started_at,
                i.ended_at,
                i.resolution,
                i.named.len()
            ))
        }
        Effect::Status { from, to } => Some(format!("{} → {}", from.as_str(), to.as_str())),
        Effect::CheckNow(_) | Effect::Save => None,
    });
    told.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn relabelling_regions_changes_no_decision(
        setting in setting(),
        events in prop::collection::vec(event(), 1..80),
        as_region in Just((0..REGIONS_HERE).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let same: Vec<usize> = (0..REGIONS_HERE).collect();
        let (mut world, mut relabelled) = (begin(&setting), begin(&setting));
        for event in &events {
            apply(&mut world, event, &same);
            apply(&mut relabelled, event, &as_region);
            prop_assert_eq!(world.votes(), relabelled.votes());
            let asked = |world: &World| {
                world.effects.iter().filter(|e| matches!(e, Effect::CheckNow(_))).count()
            };
            prop_assert_eq!(asked(&world), asked(&relabelled));
        }
        prop_assert_eq!(story(&world), story(&relabelled));
    }

    /// A re-evaluation after losing an uncommitted tail makes the same incidents again.
    #[test]
    fn the_same_inputs_make_the_same_effects_ids_included(
        setting in setting(),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let same: Vec<usize> = (0..REGIONS_HERE).collect();
        let (mut first, mut second) = (begin(&setting), begin(&setting));
        for event in &events {
            apply(&mut first, event, &same);
            apply(&mut second, event, &same);
        }
        prop_assert_eq!(first.effects, second.effects);
        prop_assert_eq!(first.state.durable(), second.state.durable());
    }

    /// A replay of what was already applied, as at a start, is harmless.
    #[test]
    fn hearing_every_result_twice_changes_nothing(
        setting in setting(),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let same: Vec<usize> = (0..REGIONS_HERE).collect();
        let (mut once, mut twice) = (begin(&setting), begin(&setting));
        for event in &events {
            apply(&mut once, event, &same);
            apply(&mut twice, event, &same);
            if let Event::Hear { .. } = event {
                apply(&mut twice, event, &same);
                let _ = twice.on(Input::Tick);
            }
        }
        prop_assert_eq!(story(&once), story(&twice));
    }

    /// What is durable says nothing that a transition or a save did not announce.
    #[test]
    fn nothing_durable_changes_without_an_effect_that_says_so(
        setting in setting(),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let same: Vec<usize> = (0..REGIONS_HERE).collect();
        let mut world = begin(&setting);
        for event in &events {
            let before = world.state.durable();
            world.effects.clear();
            apply(&mut world, event, &same);
            let said = world.effects.iter().any(|effect| {
                matches!(effect, Effect::Transition(_) | Effect::Save)
            });
            prop_assert!(said || before == world.state.durable(), "{event:?}");
        }
    }
}

#[test]
fn a_restore_makes_other_ids() {
    let mut ids = Vec::new();
    for epoch in 1..3 {
        let monitor = monitor(1);
        let now = Time::from_secs(BEGIN);
        let epoch = Epoch::from_bytes([epoch; 16]);
        let mut world = World::silent(monitor.clone());
        world.state = MonitorState::new(&monitor, Durable::default(), epoch, now);
        world.tie(0, Tie::Connected);
        world.hear(0, &down());
        world.pass(secs(1));
        world.hear(0, &down());
        ids.push(world.state.incident().unwrap().id);
    }
    assert_ne!(ids[0], ids[1]);
}
