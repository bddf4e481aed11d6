//! Properties of any history: no job that pinged in time is alarmed, no silent one is not, and a
//! crash changes nothing.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Event {
    Pass(u64),
    Ping(Signal, Option<u8>),
    /// The same ping once more.
    Again,
    Deaf(u64),
    Pause(bool),
    Edit(u64),
    Limit(Option<u64>),
    Resolve,
    Acknowledge,
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let signal = prop_oneof![
        8 => Just(Signal::Success),
        3 => Just(Signal::Start),
        2 => Just(Signal::Fail),
        1 => Just(Signal::Exit(0)),
        1 => Just(Signal::Exit(7)),
        1 => Just(Signal::Log),
    ];
    let rid = prop_oneof![3 => Just(None), 1 => (0..3_u8).prop_map(Some)];
    prop_oneof![
        8 => prop_oneof![1..2_000_u64, 2_000..600_000_u64, 600_000..9_000_000_u64]
            .prop_map(Event::Pass),
        8 => (signal, rid).prop_map(|(signal, rid)| Event::Ping(signal, rid)),
        1 => Just(Event::Again),
        2 => prop_oneof![1..=30_000_u64, 30_001..7_200_000_u64].prop_map(Event::Deaf),
        1 => any::<bool>().prop_map(Event::Pause),
        1 => (1..120_u64).prop_map(Event::Edit),
        1 => prop_oneof![Just(None), (1..90_u64).prop_map(Some)].prop_map(Event::Limit),
        1 => Just(Event::Resolve),
        1 => Just(Event::Acknowledge),
        2 => Just(Event::Restart),
    ]
}

fn draft() -> impl Strategy<Value = HeartbeatDraft> {
    let kind = prop_oneof![
        (1..120_u64).prop_map(|minutes| every(mins(minutes))),
        Just(cron("*/15 * * * *", "Europe/Berlin")),
        Just(cron("30 2 * * *", "Europe/Berlin")),
    ];
    (
        kind,
        0..30_u64,
        prop_oneof![Just(0), 1..90_u64],
        any::<bool>(),
    )
        .prop_map(|(mut draft, grace, max_run, before)| {
            draft.grace = Some(mins(grace));
            draft.max_run = Some(mins(max_run));
            draft.alarm_before_first_ping = Some(before);
            draft
        })
}

fn apply(world: &mut World, event: &Event, restarts: bool) {
    match event {
        Event::Pass(millis) => world.pass(Duration::from_millis(*millis)),
        Event::Ping(signal, rid) => {
            let rid = rid.map(|n| n.to_string());
            world.run_says(*signal, rid.as_deref());
        }
        Event::Again => {
            let known = world.log.last().cloned();
            let before = world.state.durable();
            if let Some(ping) = known {
                world.put(Input::Ping(&ping)).unwrap();
            }
            assert_eq!(world.state.durable(), before);
        }
        Event::Deaf(millis) => world.deaf(Duration::from_millis(*millis)),
        Event::Pause(paused) => world.save(|h| h.paused = *paused),
        Event::Edit(minutes) => world.save(|h| h.spec.grace = mins(*minutes)),
        Event::Limit(minutes) => {
            let known = world.incidents.len();
            world.save(|h| h.spec.max_run = minutes.map(mins));
            world.put(Input::Tick).unwrap();
            assert_eq!(world.incidents.len(), known, "by the edit alone");
        }
        Event::Resolve => {
            let (by, force) = ("ada".to_owned(), true);
            let _ = world.put(Input::Resolve { by, force });
        }
        Event::Acknowledge => {
            let (by, note) = ("ada".to_owned(), String::new());
            let _ = world.put(Input::Acknowledge { by, note });
        }
        Event::Restart if restarts => world.restart(),
        Event::Restart => {}
    }
    world.put(Input::Tick).unwrap();
}

fn drive(draft: &HeartbeatDraft, events: &[Event], restarts: bool) -> World {
    // Two days before the clocks change in Berlin.
    let mut world = World::begin(draft, at("2026-10-23T00:00:00Z"));
    for event in events {
        apply(&mut world, event, restarts);
    }
    world
}

/// What a period owes, kept beside the machine: the newest sign of life, and what excuses.
#[derive(Clone, Copy)]
struct Owed {
    anchor: Time,
    moved: Duration,
    excused: Option<Time>,
}

proptest! {
    #[test]
    fn a_crash_changes_nothing(
        draft in draft(), events in prop::collection::vec(event(), 1..60),
    ) {
        let (lived, crashed) = (drive(&draft, &events, false), drive(&draft, &events, true));
        prop_assert_eq!(&lived.incidents, &crashed.incidents);
        prop_assert_eq!(lived.state.durable(), crashed.state.durable());
        prop_assert_eq!(lived.state.next_wake(), crashed.state.next_wake());
        prop_assert_eq!(lived.status(), crashed.status());
        prop_assert_eq!(lived.state.view(lived.now), crashed.state.view(lived.now));
    }

    #[test]
    fn a_period_alarms_exactly_of_silence(
        minutes in 1..120_u64, grace in 0..30_u64,
        events in prop::collection::vec(
            prop_oneof![
                3 => (1..7_000_000_u64).prop_map(Event::Pass),
                3 => Just(Event::Ping(Signal::Success, None)),
                2 => prop_oneof![1..=30_000_u64, 30_001..7_200_000_u64].prop_map(Event::Deaf),
                1 => Just(Event::Restart),
            ],
            1..60,
        ),
    ) {
        let mut draft = every(mins(minutes));
        draft.grace = Some(mins(grace));
        let allowance = mins(minutes + grace);
        let mut world = World::begin(&draft, at("2026-10-23T00:00:00Z"));
        world.success();
        let fresh = |anchor| Owed { anchor, moved: Duration::ZERO, excused: None };
        let mut owed = fresh(world.now);
        for event in &events {
            let (before, opened) = (world.now, world.incidents.len());
            let was_down = world.state.incident().is_some();
            apply(&mut world, event, true);
            let deadline = owed.anchor + allowance + owed.moved;
            let mut deaf = 0;
            if let Event::Deaf(millis) = event && !was_down && before <= deadline {
                deaf = *millis;
            }
            let length = Duration::from_millis(deaf);
            let moved = owed.moved + length;
            if length <= SPELL_SHORT_MAX && moved <= MOVED_MAX.max(allowance / 2) {
                owed.moved = moved;
            } else if world.now >= owed.anchor + allowance / 2 {
                owed.excused = Some(world.now);
            }
            let mut deadline = owed.anchor + allowance + owed.moved;
            if let Some(heard_again) = owed.excused.filter(|_| world.now > deadline) {
                owed = fresh(heard_again);
                deadline = heard_again + allowance;
            }
            if matches!(event, Event::Ping(..)) {
                owed = fresh(world.now);
                prop_assert!(world.state.incident().is_none());
            } else if !was_down {
                let alarmed = world.incidents.len() > opened;
                prop_assert_eq!(alarmed, world.now > deadline, "{:?} at {}", event, world.now);
            }
        }
    }

    #[test]
    fn a_cron_job_that_pings_in_its_windows_is_never_alarmed(
        expression in prop_oneof![
            Just("*/15 * * * *"), Just("30 2 * * *"), Just("7 1-3 * * 1-5"), Just("0 0 L * *"),
        ],
        offsets in prop::collection::vec(0..=1000_u64, 1..30),
        deaf in prop::collection::vec(any::<bool>(), 30),
    ) {
        let cron_of = Cron::parse(expression, "Europe/Berlin").unwrap();
        let mut world = World::begin(&cron(expression, "Europe/Berlin"), at("2026-10-23T00:00:00Z"));
        world.success();
        for (offset, deaf) in offsets.iter().zip(deaf) {
            let expected = cron_of.expected_after(world.now).unwrap();
            let window = (expected.at + CRON_GRACE_DEFAULT).since(expected.opens);
            let when = expected.opens + window.mul_f64(0.001) * u32::try_from(*offset).unwrap();
            world.pass_to(when);
            if deaf {
                world.restart();
            }
            world.success();
            prop_assert!(world.incidents.is_empty());
        }
    }
}
