//! Sleep and steps of the wall clock.

use super::*;

const N: u16 = 200;

fn steady(interval: Duration) -> World {
    let mut world = World::new(Limits::default());
    world.on(Input::Assign(
        (0..N).map(|n| assignment(n, interval)).collect(),
    ));
    world.pass(interval * 3);
    world
}

#[test]
fn missed_slots_are_skipped_and_reported_not_replayed() {
    let mut world = steady(secs(10));
    let before = world.starts.len();
    world.sleep(secs(600));
    world.on(Input::Tick);
    let woke = world.now.monotonic;
    assert_eq!(world.starts.len(), before, "nothing starts in a burst");
    let reported: u64 = world.missed.iter().map(|(_, _, _, count)| count).sum();
    assert!((u64::from(N) * 59..=u64::from(N) * 61).contains(&reported));
    world.pass(secs(10));
    assert!(world.starts_between(woke, woke + secs(10)) <= usize::from(N));
    for n in 0..N {
        assert!(
            world.starts_of(n).last().unwrap().at >= woke,
            "monitor {n} goes on"
        );
    }
}

#[test]
fn a_step_of_the_wall_clock_makes_no_storm_and_no_slot_in_the_future() {
    for step in [3_600_000, -3_600_000, 4_000, -4_000, 700, -700] {
        let mut world = steady(secs(10));
        let before = world.now.monotonic;
        world.step_wall(step);
        world.on(Input::Tick);
        // The world itself asserts that no slot lies in the future.
        world.pass(secs(40));
        for second in 0..40 {
            let from = before + secs(second);
            let starts = world.starts_between(from, from + secs(1));
            assert!(
                starts <= usize::from(N) / 3,
                "{starts} within second {second} of {step}"
            );
        }
        let last: Vec<_> = (0..N)
            .map(|n| *world.starts_of(n).last().unwrap())
            .collect();
        for (n, start) in (0..N).zip(last) {
            assert_eq!(
                start.run,
                Run::Slot(grid(n, secs(10)).at_or_before(start.wall))
            );
            assert!(start.at + secs(11) > world.now.monotonic, "it goes on");
        }
    }
}

#[test]
fn lateness_is_told_by_the_monotonic_clock() {
    let mut world = steady(secs(10));
    world.step_wall(5_000);
    world.starts.clear();
    world.pass(secs(30));
    assert!(world.starts.iter().all(|start| start.lateness <= millis(2)));
}
