//! Permits, lateness, overload.

use super::*;

fn limits(checks: u32, per_destination: u32) -> Limits {
    Limits {
        checks,
        per_destination,
    }
}

#[test]
fn never_more_checks_run_at_once_than_allowed() {
    let mut world = World::new(limits(4, 10));
    world.lasts = millis(100);
    world.on(Input::Assign(
        (0..50).map(|n| assignment(n, secs(10))).collect(),
    ));
    world.pass(secs(60));
    assert_eq!(world.peak, 4);
    assert!(world.overloaded.is_empty(), "there is time enough for all");
    assert!(
        world
            .starts
            .iter()
            .any(|start| start.lateness > millis(100))
    );
    assert!(world.scheduler.take_load().lateness_max > millis(100));
}

#[test]
fn one_slow_host_holds_up_only_its_own_monitors() {
    let mut world = World::new(limits(100, 2));
    world.lasts = secs(3);
    let slow = (0..20).map(|n| on_host(n, secs(10), "slow.example.org"));
    let others = (20..40).map(|n| assignment(n, secs(10)));
    world.on(Input::Assign(slow.chain(others).collect()));
    world.pass(secs(30));
    assert_eq!(world.peak, 2 + 20);
    for n in 20..40 {
        assert!(
            world
                .starts_of(n)
                .iter()
                .all(|start| start.lateness <= millis(1))
        );
    }
    assert!(world.overloaded.iter().all(|run| run.monitor < id(20)));
}

#[test]
fn a_check_that_cannot_start_in_time_ends_as_overload() {
    let mut world = World::new(limits(1, 10));
    world.lasts = secs(60);
    world.on(Input::Assign(vec![
        assignment(1, secs(10)),
        assignment(2, secs(10)),
    ]));
    world.pass(secs(59));
    assert_eq!(world.starts_of(1).len(), 1);
    assert_eq!(world.starts_of(2).len(), 0);
    let of_second = world.overloaded.iter().filter(|run| run.monitor == id(2));
    assert!(of_second.clone().count() >= 4);
    for run in of_second {
        assert!(run.lateness >= secs(5) && run.lateness <= millis(10_001));
    }
    let load = world.scheduler.take_load();
    assert!(load.skipped >= 8 && load.running == 1);
}

#[test]
fn every_slot_ends_as_a_start_an_overload_or_a_report() {
    let mut world = World::new(limits(2, 10));
    world.lasts = millis(700);
    let begin = world.now.wall;
    world.on(Input::Assign(
        (0..12).map(|n| assignment(n, secs(3))).collect(),
    ));
    world.pass(secs(20));
    world.sleep(secs(17));
    world.on(Input::Tick);
    world.pass(secs(31));
    let end = world.now.wall - secs(5);
    for n in 0..12 {
        let mut seen: Vec<_> = world.planned_slots()[&id(n)].iter().copied().collect();
        let overloaded = world.overloaded.iter().filter(|run| run.monitor == id(n));
        seen.extend(overloaded.filter_map(|run| match run.run {
            Run::Slot(slot) => Some(slot),
            Run::Asked { .. } => None,
        }));
        for (monitor, first, last, count) in &world.missed {
            if *monitor == id(n) {
                let slots = (0u32..).map(|k| *first + secs(3) * k);
                let slots: Vec<_> = slots.take_while(|slot| slot <= last).collect();
                assert_eq!(slots.len() as u64, *count);
                seen.extend(slots);
            }
        }
        // The first run takes the place of the slots in the first half interval after it.
        let mut slot = grid(n, secs(3)).after(begin + secs(5));
        while slot < end {
            let times = seen.iter().filter(|other| **other == slot).count();
            assert_eq!(times, 1, "slot {slot} of monitor {n}");
            slot = slot + secs(3);
        }
    }
}

#[test]
fn a_thousand_edits_while_waiting_leave_no_litter() {
    let mut world = World::new(limits(1, 1));
    world.lasts = secs(3600);
    world.on(Input::Assign(vec![assignment(1, secs(3600))]));
    for n in 0..10_000 {
        let mut edited = assignment(2, secs(3600));
        edited.meaning = Meaning(n);
        world.on(Input::Assign(vec![edited]));
    }
    assert_eq!(world.scheduler.take_load().waiting, 1);
    assert!(world.scheduler.timeline.len() < 2_000);
}
