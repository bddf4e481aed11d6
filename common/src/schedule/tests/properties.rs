//! The rules that hold whatever happens, in whatever order.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Deed {
    Pass(u64),
    Sleep(u64),
    Step(i64),
    Assign(u16, u64, u64),
    Unassign(u16),
    Swap(Vec<u16>),
    Ask(u16, u32),
    Last(u64),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let monitor = 0..12u16;
    let deed = prop_oneof![
        6 => (1..20_000u64).prop_map(Deed::Pass),
        1 => (1..120_000u64).prop_map(Deed::Sleep),
        1 => (-90_000..90_000i64).prop_map(Deed::Step),
        4 => (monitor.clone(), 0..3u64, 1..8u64).prop_map(|(m, v, i)| Deed::Assign(m, v, i)),
        1 => monitor.clone().prop_map(Deed::Unassign),
        1 => proptest::collection::vec(monitor.clone(), 0..12).prop_map(Deed::Swap),
        2 => (monitor, 1..4u32).prop_map(|(m, n)| Deed::Ask(m, n)),
        1 => (1..3_000u64).prop_map(Deed::Last),
    ];
    proptest::collection::vec(deed, 1..60)
}

/// When the last deed touched a monitor: what started before it sets no bound on what follows.
type Touched = HashMap<MonitorId, Duration>;

fn play(deeds: &[Deed], world: &mut World) -> Touched {
    let mut touched = Touched::new();
    let mut nonce = 0;
    for deed in deeds {
        let now = world.now.monotonic;
        match deed {
            Deed::Pass(span) => world.pass(millis(*span)),
            Deed::Sleep(span) => {
                world.sleep(millis(*span));
                world.on(Input::Tick);
            }
            Deed::Step(step) => world.step_wall(*step),
            Deed::Assign(n, meaning, interval) => {
                touched.insert(id(*n), now);
                let mut one = on_host(*n, secs(*interval), &format!("h{}.example.org", n % 3));
                one.meaning = Meaning(*meaning);
                world.on(Input::Assign(vec![one]));
            }
            Deed::Unassign(n) => {
                touched.insert(id(*n), now);
                world.on(Input::Unassign(vec![id(*n)]));
            }
            Deed::Swap(list) => {
                touched.extend((0..12).map(|n| (id(n), now)));
                let list: HashSet<_> = list.iter().collect();
                let list = list
                    .into_iter()
                    .map(|n| on_host(*n, secs(2), "h.example.org"));
                world.on(Input::Swap(list.collect()));
            }
            Deed::Ask(n, count) => {
                nonce += 1;
                world.on(Input::Ask(Ask {
                    nonce,
                    target: Target::Assigned(id(*n)),
                    count: *count,
                    spacing: secs(1),
                    delay: Duration::ZERO,
                    timeout: None,
                    answer_only: false,
                }));
            }
            Deed::Last(span) => world.lasts = millis(*span),
        }
    }
    touched
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn caps_hold_and_no_slot_lies_in_the_future(deeds in deeds(), checks in 1..8u32, per in 1..4u32) {
        let mut world = World::new(Limits { checks, per_destination: per });
        play(&deeds, &mut world);
        prop_assert!(world.peak <= checks as usize);
        prop_assert!(world.overlap <= 2 + ASKS_PER_MONITOR);
    }

    #[test]
    fn planned_starts_keep_half_an_interval_apart(deeds in deeds(), checks in 1..8u32) {
        let mut world = World::new(Limits { checks, per_destination: 2 });
        let steady: Vec<_> = (20..24).map(|n| assignment(n, secs(4))).collect();
        let deeds: Vec<_> = deeds.into_iter().filter(|deed| !matches!(deed, Deed::Swap(_))).collect();
        world.on(Input::Assign(steady));
        play(&deeds, &mut world);
        for n in 20..24 {
            let starts = world.starts_of(n);
            for pair in starts.windows(2) {
                prop_assert!(pair[1].at.saturating_sub(pair[0].at) >= secs(2), "{pair:?}");
            }
        }
    }

    #[test]
    fn when_all_is_quiet_every_monitor_runs_on_its_grid(deeds in deeds()) {
        let mut world = World::new(Limits::default());
        play(&deeds, &mut world);
        world.lasts = millis(20);
        world.pass(secs(30));
        let quiet = world.now.monotonic;
        world.pass(secs(8));
        let monitors = world.scheduler.monitors();
        let since: HashSet<_> = world
            .starts
            .iter()
            .filter(|start| start.at >= quiet)
            .map(|start| start.monitor)
            .collect();
        prop_assert_eq!(since.len(), monitors);
        let load = world.scheduler.take_load();
        prop_assert_eq!(load.waiting, 0);
    }

    #[test]
    fn a_pause_is_followed_by_no_more_starts_than_monitors(pause in 1_100..100_000u64, interval in 1..9u64) {
        let mut world = World::new(Limits::default());
        world.on(Input::Assign((0..50).map(|n| assignment(n, secs(interval))).collect()));
        world.pass(secs(20));
        world.sleep(millis(pause));
        world.on(Input::Tick);
        let woke = world.now.monotonic;
        world.pass(secs(interval));
        prop_assert!(world.starts_between(woke, woke + secs(interval)) <= 50);
    }
}
