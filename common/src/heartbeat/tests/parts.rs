//! Deadlines, bodies, marks and slugs.

use super::*;

fn id(n: u8) -> MonitorId {
    MonitorId::from_bytes([n; 16])
}

#[test]
fn the_first_deadline_is_found_of_any_number() {
    let mut deadlines = Deadlines::new();
    assert!(deadlines.is_empty() && deadlines.first().is_none());
    for n in 1..=9 {
        deadlines.set(id(n), Some(Time::from_secs(i64::from(100 - n))));
    }
    assert_eq!(
        (deadlines.len(), deadlines.first()),
        (9, Some(Time::from_secs(91)))
    );
    deadlines.set(id(9), Some(Time::from_secs(500)));
    assert_eq!(deadlines.first(), Some(Time::from_secs(92)));
    deadlines.set(id(8), None);
    deadlines.set(id(8), None);
    assert_eq!(deadlines.first(), Some(Time::from_secs(93)));
    assert_eq!(deadlines.len(), 8);
}

#[test]
fn of_the_last_ten_pings_bodies_are_kept() {
    let mut world = World::begin(&every(mins(5)), at("2026-11-25T10:00:00Z"));
    let mut dropped = Vec::new();
    for seq in 1..=40_u64 {
        let mut ping = ping(seq * 3, world.now, Signal::Success);
        // Every other one has a body, the last five none.
        ping.body_kept = if seq % 2 == 0 && seq <= 35 { 100 } else { 0 };
        assert!(world.state.number(&mut ping));
        dropped.extend(world.state.body_drops(&ping));
        world.put(Input::Ping(&ping)).unwrap();
        let kept = world.state.durable().bodies;
        assert!(kept.iter().all(|body| body.n + 10 > seq), "after {seq}");
    }
    let kept: Vec<u64> = world.state.durable().bodies.iter().map(|b| b.n).collect();
    assert_eq!(kept, [32, 34]);
    let wanted: Vec<u64> = (1..=15).map(|n| n * 2 * 3).collect();
    assert_eq!(dropped, wanted);
    world.state.body_dropped(32 * 3);
    assert_eq!(world.state.durable().bodies.len(), 1);
}

#[test]
fn a_group_of_pings_keeps_ten_bodies_of_itself() {
    let mut world = World::begin(&every(mins(5)), at("2026-11-25T10:00:00Z"));
    let mut group = Vec::new();
    let mut dropped = Vec::new();
    for seq in 1..=25 {
        let mut ping = ping(seq, world.now, Signal::Success);
        ping.body_kept = 10;
        assert!(world.state.number(&mut ping));
        dropped.extend(world.state.body_drops(&ping));
        group.push(ping);
    }
    assert_eq!(dropped, (1..=15).collect::<Vec<u64>>());
    let before = world.state.durable().bodies;
    for ping in &group {
        world.put(Input::Ping(ping)).unwrap();
    }
    assert_eq!(world.state.durable().bodies, before);
}

#[test]
fn the_oldest_bodies_go_when_all_take_too_much() {
    let mut bodies = Bodies::at_most(1_000);
    bodies.load(
        id(1),
        &[
            KeptBody {
                seq: 5,
                n: 1,
                size: 400,
            },
            KeptBody {
                seq: 9,
                n: 2,
                size: 300,
            },
        ],
    );
    assert!(bodies.keep(12, id(2), 300).is_empty());
    assert_eq!(bodies.total(), 1_000);
    assert_eq!(bodies.keep(13, id(2), 500), [(id(1), 5), (id(1), 9)]);
    assert_eq!((bodies.total(), bodies.dropped()), (800, 2));
    bodies.forget(12);
    bodies.forget(12);
    assert_eq!((bodies.total(), bodies.dropped()), (500, 2));
}

#[test]
fn marks_pair_starts_with_their_ends() {
    let begin = at("2026-11-25T10:00:00Z");
    let said = [
        (Signal::Success, None),
        (Signal::Start, None),
        (Signal::Log, None),
        (Signal::Start, Some("a")),
        (Signal::Exit(3), None),
        (Signal::Start, Some("a")),
        (Signal::Fail, Some("a")),
        (Signal::Success, None),
        (Signal::Start, None),
        (Signal::Start, Some("b")),
    ];
    let oldest_first = said.iter().zip(0_u64..).map(|((signal, rid), n)| Ping {
        rid: rid.map(Into::into),
        n,
        ..ping(n, begin + mins(n), *signal)
    });
    let mut pings: Vec<Ping> = oldest_first.collect();
    pings.reverse();
    let mut marks = marks(&pings, &[3]);
    marks.reverse();
    let runs: Vec<Option<Duration>> = marks.iter().map(|mark| mark.run).collect();
    let (three, one) = (Some(mins(3)), Some(mins(1)));
    let wanted = [None, None, None, None, three, None, one];
    assert_eq!(runs[..7], wanted);
    assert_eq!(runs[7..], [None; 3]);
    let lost: Vec<usize> = (0..marks.len())
        .filter(|&n| marks[n].never_finished)
        .collect();
    assert_eq!(lost, [3]);
}

#[test]
fn a_slug_is_what_a_url_can_say() {
    for (name, wanted) in [
        ("nightly_cleanup", "nightly-cleanup"),
        ("DB  Backup (eu)", "db-backup-eu"),
        ("a.b", "a-b"),
        ("-x-", "x"),
        ("___", ""),
        ("Ünï 9", "n-9"),
    ] {
        assert_eq!(slug(name), wanted);
    }
}

#[test]
fn a_hundred_thousand_of_them_fit_in_little_memory() {
    let size = std::mem::size_of::<HeartbeatState>();
    assert!(size <= 1_024, "{size} bytes");
}
