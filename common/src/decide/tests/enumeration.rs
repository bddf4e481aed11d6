//! With every region heard and timers run out, the scope is a function of the votes alone.
//!
//! Votes are bits: bit r set means that region r votes Down. A start is the state that a history
//! of such votes leads to, so it covers every scope, every set of named regions, every way there.

use super::*;

fn world(regions: usize, k: u8, regional: bool) -> World {
    let mut monitor = monitor(regions);
    monitor.spec.interval = secs(600);
    monitor.spec.quorum = Policy::AtLeast(NonZeroU8::new(k).unwrap());
    if !regional {
        monitor.spec.regional_after = secs(0);
    }
    World::up(monitor)
}

/// Every region is heard, beginning with `first`, until all timers have run out.
fn settle(world: &mut World, votes: usize, first: usize) {
    let regions = world.monitor.spec.regions.len();
    for wait in [0, 1, 299, 61, 61] {
        world.pass(secs(wait) + Duration::from_millis(1));
        for place in 0..regions {
            let r = (first + place) % regions;
            let outcome = if votes >> r & 1 == 1 {
                down()
            } else {
                Outcome::Up
            };
            world.hear(r, &outcome);
        }
    }
    world.effects.clear();
}

/// The rule: k Down votes are global, fewer regional where that is on, none nothing.
fn expected(votes: usize, k: u8, regional: bool) -> Option<Scope> {
    let down = votes.count_ones();
    if down >= u32::from(k) {
        Some(Scope::Global)
    } else if down > 0 && regional {
        Some(Scope::Regional)
    } else {
        None
    }
}

fn assert_settled(world: &World, votes: usize, k: u8, regional: bool, story: &str) {
    let scope = expected(votes, k, regional);
    assert_eq!(world.scope(), scope, "{story}");
    if let Some(incident) = world.state.incident() {
        let down = (0..7).filter(|r| votes >> r & 1 == 1);
        for r in down {
            assert!(
                incident.named.contains(&region(r)),
                "{story}: region {r} is not named"
            );
        }
    }
    let status = if scope == Some(Scope::Global) {
        Status::Down
    } else {
        Status::Up
    };
    assert_eq!(world.status(), status, "{story}");
}

/// Each target from each start: one world per start, cloned for each target.
fn walk(regions: usize, k: u8, regional: bool, start: usize, targets: impl Iterator<Item = usize>) {
    let mut began = world(regions, k, regional);
    settle(&mut began, start, 0);
    assert_settled(&began, start, k, regional, &format!("start {start:b}"));
    for target in targets {
        let mut world = began.clone();
        settle(&mut world, target, target % regions);
        let story = format!("S={regions} k={k} regional={regional}: {start:b} → {target:b}");
        assert_settled(&world, target, k, regional, &story);
    }
}

#[test]
fn the_scope_is_a_function_of_the_votes_alone_for_up_to_4_regions() {
    for regions in 1..=4 {
        for k in 1..=u8::try_from(regions).unwrap() {
            for start in 0..1 << regions {
                walk(regions, k, true, start, 0..1 << regions);
                walk(regions, k, false, start, 0..1 << regions);
            }
        }
    }
}

/// Which regions they are does not matter (see `relabelling_regions_changes_no_decision`), so of
/// the starts and targets with the same numbers of Down votes, before, after and both, one each.
#[test]
fn the_scope_is_a_function_of_the_votes_alone_for_5_to_7_regions() {
    for regions in 5..=7_usize {
        for k in 1..=u8::try_from(regions).unwrap() {
            for before in 0..=regions {
                let start = (1 << before) - 1;
                let targets = (0..=before).flat_map(|stay| {
                    (0..=regions - before)
                        .map(move |new| ((1 << stay) - 1) | (((1 << new) - 1) << before))
                });
                walk(regions, k, true, start, targets.clone());
                walk(regions, k, false, start, targets);
            }
        }
    }
}

#[test]
fn the_way_to_a_start_does_not_matter() {
    for k in 1..=3 {
        for [first, second, target] in triples(8) {
            let mut world = world(3, k, true);
            settle(&mut world, first, 0);
            settle(&mut world, second, 1);
            settle(&mut world, target, 2);
            let story = format!("k={k}: {first:b} → {second:b} → {target:b}");
            assert_settled(&world, target, k, true, &story);
        }
    }
}

fn triples(n: usize) -> impl Iterator<Item = [usize; 3]> {
    (0..n * n * n).map(move |i| [i / n / n, i / n % n, i % n])
}

#[test]
fn a_vote_turned_up_never_makes_down_true_nor_one_turned_down_up() {
    let rank = |scope| match scope {
        None => 0,
        Some(Scope::Regional) => 1,
        Some(Scope::Global | Scope::System) => 2,
    };
    for k in 1..=4 {
        for votes in 0..16_usize {
            let mut before = world(4, k, true);
            settle(&mut before, 0b0110, 0);
            let mut after = before.clone();
            settle(&mut before, votes, 0);
            for r in (0..4).filter(|r| votes >> r & 1 == 1) {
                let mut fewer = after.clone();
                settle(&mut fewer, votes & !(1 << r), 0);
                assert!(
                    rank(fewer.scope()) <= rank(before.scope()),
                    "{votes:b} without {r}"
                );
            }
            settle(&mut after, 0, 0);
        }
    }
}
