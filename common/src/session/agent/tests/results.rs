//! Results on their way: batches, credits, backfill, gaps.

use super::*;

#[test]
fn news_goes_at_once_and_the_rest_in_batches() {
    let mut bench = Bench::up();
    assert!(bench.produce(1, Outcome::Up, at(1)).is_empty());
    assert_eq!(bench.end.next_wake(), Some(at(2)));
    assert_eq!(batches(&bench.produce(1, down(), at(1))), [(1, 2)]);
    assert!(bench.produce(1, down(), at(2)).is_empty());
    assert_eq!(batches(&bench.on(Input::Tick, at(3))), [(3, 1)]);
    assert_eq!(batches(&bench.produce(1, Outcome::Up, at(4))), [(4, 1)]);
    let mut asked = result(1, Outcome::Up, at(4));
    asked.run = Run::Asked { nonce: 7, n: 0 };
    assert_eq!(batches(&bench.on(Input::Produced(asked), at(4))), [(5, 1)]);
}

#[test]
fn sixty_four_results_do_not_wait_for_the_second() {
    let mut bench = Bench::up();
    let sent: Vec<_> = (0..70)
        .flat_map(|_| batches(&bench.produce(1, Outcome::Up, at(1))))
        .collect();
    assert_eq!(sent, [(1, 64)]);
}

#[test]
fn no_more_results_are_on_their_way_than_there_are_credits() {
    let mut bench = Bench::new(settings());
    bench.connect(at(0), welcome(Sync::Snapshot, 3));
    bench.hold(&[assigned(1, 1)], at(0));
    let sent: usize = (1..=5)
        .flat_map(|n| {
            let outcome = if n % 2 == 0 { Outcome::Up } else { down() };
            batches(&bench.produce(1, outcome, at(n)))
        })
        .map(|(_, count)| count)
        .sum();
    assert_eq!(sent, 3);
    let effects = bench.hear(CoordinatorMessage::Ack(ack(1, 3)), at(6));
    assert_eq!(batches(&effects), [(4, 1)]);
}

#[test]
fn what_was_not_acked_when_a_session_broke_goes_over_backfill_alone() {
    let mut bench = Bench::up();
    bench.produce(1, down(), at(1));
    bench.produce(2, down(), at(1));
    bench.ack(1, at(2));
    bench.cut(at(3));
    bench.produce(1, down(), at(4));
    let effects = bench.connect(at(10), welcome(Sync::Resume, 4096));
    assert!(batches(&effects).is_empty() && filled_back(&effects) == 2);
    assert!(effects.contains(&Effect::OpenBackfill(crate::session::testing::session(1))));
    let effects = bench.on(Input::BackfillAcked(ack(2, 4096)), at(11));
    assert_eq!(effects, [Effect::CloseBackfill]);
    assert_eq!(bench.end.unacked(), 0);
}

#[test]
fn a_backfill_that_breaks_is_tried_again() {
    let mut bench = Bench::up();
    bench.cut(at(3));
    bench.produce(1, down(), at(4));
    bench.connect(at(10), welcome(Sync::Resume, 4096));
    bench.on(Input::BackfillEnded { jitter: 0.0 }, at(11));
    let again = bench.on(Input::Tick, at(16));
    assert_eq!(filled_back(&again), 1);
}

#[test]
fn acked_results_are_sent_again_to_a_store_of_another_epoch() {
    let mut bench = Bench::up();
    bench.produce(1, down(), at(1));
    bench.ack(1, at(2));
    bench.cut(at(3));
    let mut restored = welcome(Sync::Snapshot, 4096);
    restored.epoch = epoch(2);
    let effects = bench.connect(at(10), restored);
    assert_eq!(filled_back(&effects), 1);
}

#[test]
fn acked_results_are_kept_for_five_minutes_only() {
    let mut bench = Bench::up();
    bench.produce(1, down(), at(1));
    bench.ack(1, at(2));
    for now in (10..300).step_by(10) {
        bench.hear(CoordinatorMessage::Pulse { clock: at(now) }, at(now));
    }
    bench.produce(1, Outcome::Up, at(302));
    bench.ack(2, at(302));
    bench.cut(at(303));
    let mut restored = welcome(Sync::Snapshot, 4096);
    restored.epoch = epoch(2);
    let effects = bench.connect(at(310), restored);
    assert_eq!(filled_back(&effects), 1, "the second one alone");
}

#[test]
fn a_refused_result_is_forgotten_and_never_sent_again() {
    let mut bench = Bench::up();
    bench.produce(1, down(), at(1));
    let mut refusing = ack(1, 4096);
    refusing.refused.push(Refused {
        seq: 1,
        why: RefusedWhy::ClockOff,
    });
    bench.hear(CoordinatorMessage::Ack(refusing), at(2));
    bench.cut(at(3));
    let mut restored = welcome(Sync::Snapshot, 4096);
    restored.epoch = epoch(2);
    assert_eq!(filled_back(&bench.connect(at(10), restored)), 0);
}

#[test]
fn what_overflows_are_the_oldest_successes_and_a_gap_says_so() {
    let mut small = settings();
    small.limits = Limits {
        count: 32,
        bytes: usize::MAX,
    };
    let mut bench = Bench::new(small);
    bench.connect(at(0), welcome(Sync::Snapshot, 4096));
    bench.hold(&[assigned(1, 1), assigned(2, 1)], at(0));
    bench.cut(at(0));
    bench.produce(2, down(), at(1));
    for n in 2..=40 {
        bench.produce(1, Outcome::Up, at(n));
        assert!(bench.end.unacked() <= 32);
    }
    let dropped = bench.end.dropped();
    assert_eq!(bench.end.unacked() as u64 + dropped, 40);
    bench.connect(at(100), welcome(Sync::Resume, 4096));
    let effects = bench.produce(2, Outcome::Up, at(101));
    let gaps: Vec<_> = effects
        .iter()
        .filter_map(|effect| {
            if let Effect::Send(AgentMessage::Gap(gap)) = effect {
                Some(gap)
            } else {
                None
            }
        })
        .collect();
    let [gap] = &gaps[..] else {
        panic!("the failure was kept: {gaps:?}")
    };
    assert_eq!((gap.monitor, gap.why), (monitor(1), GapReason::Overflow));
    assert_eq!((gap.from, gap.count), (at(2), bench.end.dropped()));
}

#[test]
fn a_gap_that_was_on_its_way_when_the_session_broke_is_told_again() {
    let mut bench = Bench::up();
    let gap = Gap {
        monitor: monitor(1),
        from: at(1),
        to: at(1),
        count: 1,
        why: GapReason::Missed,
    };
    let told = Effect::Send(AgentMessage::Gap(gap.clone()));
    bench.on(Input::Missed(gap), at(1));
    assert!(bench.on(Input::Tick, at(2)).contains(&told));
    bench.cut(at(3));
    bench.connect(at(10), welcome(Sync::Resume, 4096));
    assert!(bench.produce(1, down(), at(11)).contains(&told));
    bench.ack(1, at(12));
    bench.cut(at(13));
    bench.connect(at(20), welcome(Sync::Resume, 4096));
    assert!(!bench.produce(1, Outcome::Up, at(21)).contains(&told));
}

#[test]
fn results_of_a_monitor_that_is_not_held_are_dropped() {
    let mut bench = Bench::up();
    assert!(bench.produce(9, down(), at(1)).is_empty());
    assert_eq!(bench.end.unacked(), 0);
}
