//! What an agent holds: snapshots, deltas, and what is rejected.

use super::*;

#[test]
fn a_delta_of_another_revision_or_epoch_is_not_applied() {
    let after = [assigned(1, 2), assigned(2, 1)];
    let fitting = delta(10, &after[..1], &[], &after);
    let mut stale = fitting.clone();
    stale.prev_revision = 9;
    let mut foreign = fitting.clone();
    foreign.position.epoch = epoch(2);
    let mut wrong = fitting.clone();
    wrong.position.digest = position(11, &[]).digest;
    for delta in [stale, foreign, wrong] {
        let mut bench = Bench::up();
        let before = bench.end.position();
        let effects = bench.hear(CoordinatorMessage::Delta(delta), at(1));
        assert!(asks_for_snapshot(&effects) && change(&effects).is_none());
        assert_eq!(bench.end.position(), before);
    }
    let effects = Bench::up().hear(CoordinatorMessage::Delta(fitting), at(1));
    let upserts = &change(&effects).unwrap().upserts;
    assert!(
        upserts.len() == 1 && upserts[0].fresh,
        "it means something else now"
    );
}

#[test]
fn a_snapshot_is_in_force_whole_or_not_at_all() {
    let whole = snapshot(20, &[assigned(3, 1), assigned(4, 1)]);
    for cut_after in 1..=3 {
        let mut bench = Bench::up();
        let before = bench.end.position();
        let mut applied = false;
        for message in transfer(&whole).into_iter().take(cut_after) {
            applied |= change(&bench.hear(message, at(1))).is_some();
        }
        bench.cut(at(2));
        let is_whole = cut_after == 3;
        assert_eq!(applied, is_whole);
        let after = if is_whole {
            Some(whole.position)
        } else {
            before
        };
        assert_eq!(bench.end.position(), after);
    }
}

#[test]
fn a_snapshot_that_is_not_what_was_announced_is_asked_for_again() {
    let mut bench = Bench::up();
    let mut messages = transfer(&snapshot(20, &[assigned(3, 1), assigned(4, 1)]));
    messages[1] = CoordinatorMessage::SnapshotPart(vec![assigned(3, 1), assigned(4, 2)]);
    let effects: Vec<_> = messages
        .into_iter()
        .flat_map(|m| bench.hear(m, at(1)))
        .collect();
    assert!(asks_for_snapshot(&effects) && change(&effects).is_none());
}

#[test]
fn a_snapshot_restarts_only_what_changed() {
    let mut bench = Bench::up();
    let next = snapshot(20, &[assigned(1, 1), assigned(3, 1)]);
    let effects: Vec<_> = transfer(&next)
        .into_iter()
        .flat_map(|m| bench.hear(m, at(1)))
        .collect();
    let change = change(&effects).unwrap();
    let upserts: Vec<_> = change
        .upserts
        .iter()
        .map(|u| u.assignment.monitor)
        .collect();
    assert_eq!(
        (upserts, &change.removes[..]),
        (vec![monitor(3)], &[monitor(2)][..])
    );
}

#[test]
fn deltas_beside_a_snapshot_that_was_asked_for_are_passed_over() {
    let mut bench = Bench::up();
    let mut misfit = delta(10, &[], &[1], &[assigned(2, 1)]);
    misfit.prev_revision = 3;
    assert!(asks_for_snapshot(
        &bench.hear(CoordinatorMessage::Delta(misfit.clone()), at(1))
    ));
    assert!(
        bench
            .hear(CoordinatorMessage::Delta(misfit), at(1))
            .is_empty()
    );
}

#[test]
fn a_kind_that_this_build_cannot_read_is_rejected_and_yet_in_the_digest() {
    let mut bench = Bench::new(settings());
    bench.connect(at(0), welcome(Sync::Snapshot, 10));
    let monitors = [assigned(1, 1), unreadable(2)];
    let effects = bench.hold(&monitors, at(0));
    let change = change(&effects).unwrap();
    assert_eq!(change.upserts.len(), 1);
    assert_eq!(change.rejects[0].why, RejectWhy::Unsupported);
    assert_eq!(bench.end.position(), Some(position(10, &monitors)));
}

#[test]
fn what_is_rejected_is_told_again_to_every_session() {
    let mut bench = Bench::up();
    let denied = Reject {
        monitor: monitor(1),
        why: RejectWhy::AddressDenied,
        text: "127.0.0.1 is denied".to_owned(),
    };
    let position = bench.end.position().unwrap();
    let rejects = vec![denied.clone()];
    bench.on(Input::Applied { position, rejects }, at(1));
    bench.cut(at(2));
    let effects = bench.connect(at(10), welcome(Sync::Resume, 4096));
    let told = Effect::Send(AgentMessage::AssignmentAck {
        applied: position,
        rejects: vec![denied],
    });
    assert!(effects.contains(&told));
    let after = [assigned(1, 2), assigned(2, 1)];
    bench.hear(
        CoordinatorMessage::Delta(delta(10, &after[..1], &[], &after)),
        at(11),
    );
    let position = bench.end.position().unwrap();
    let rejects = Vec::new();
    let effects = bench.on(Input::Applied { position, rejects }, at(11));
    let told = Effect::Send(AgentMessage::AssignmentAck {
        applied: position,
        rejects: Vec::new(),
    });
    assert_eq!(effects, [told], "it means something else now");
}

#[test]
fn an_orphan_agent_stops_probing_after_the_time_to_live() {
    let mut bench = Bench::up();
    bench.cut(at(100));
    let ttl = i64::try_from(ASSIGNMENT_TTL.as_secs()).unwrap();
    let before = bench.on(Input::Tick, at(100 + ttl - 1));
    assert!(change(&before).is_none());
    bench.cut(at(100 + ttl - 1));
    let effects = bench.on(Input::Tick, at(100 + ttl));
    assert_eq!(change(&effects).unwrap().removes, [monitor(1), monitor(2)]);
    assert_eq!(bench.end.position(), None);
}

#[test]
fn an_agent_that_was_replaced_stops_probing_and_stays_away() {
    let mut bench = Bench::up();
    let window = Duration::ZERO;
    let why = Leave::Replaced;
    let effects = bench.hear(CoordinatorMessage::GoAway { window, why }, at(1));
    assert_eq!(change(&effects).unwrap().removes.len(), 2);
    assert!(effects.contains(&Effect::Stop(why)) && effects.contains(&Effect::Disconnect));
    bench.cut(at(2));
    assert!(bench.on(Input::Tick, at(100_000)).is_empty() && bench.end.next_wake().is_none());
}
