use super::*;
use crate::outcome::Outcome;
use crate::result::Run;
use crate::session::assignment::{Assigned, RejectWhy};
use crate::session::messages::{CheckNow, GapReason, Refused, RefusedWhy, Sync, Target, Welcome};
use crate::session::testing::{
    assigned, at, delta, down, epoch, monitor, position, result, settings, snapshot, transfer,
    unreadable, welcome,
};

struct Bench {
    end: AgentEnd,
    out: Vec<Effect>,
}

impl Bench {
    fn new(settings: Settings) -> Self {
        let end = AgentEnd::new(settings, at(0));
        let out = Vec::new();
        Self { end, out }
    }

    /// A session with monitors 1 and 2, at revision 10, and everything said that opens it.
    fn up() -> Self {
        let mut bench = Self::new(settings());
        bench.connect(at(0), welcome(Sync::Snapshot, 4096));
        bench.hold(&[assigned(1, 1), assigned(2, 1)], at(0));
        bench.out.clear();
        bench
    }

    fn on(&mut self, input: Input, now: Time) -> Vec<Effect> {
        self.end.on(input, now, &mut self.out);
        std::mem::take(&mut self.out)
    }

    fn hear(&mut self, message: CoordinatorMessage, now: Time) -> Vec<Effect> {
        self.on(Input::Received(message), now)
    }

    fn connect(&mut self, now: Time, welcome: Welcome) -> Vec<Effect> {
        // Something that happened since the cut may have opened it already.
        self.on(Input::Tick, now);
        let hello = self.on(Input::Connected, now);
        assert!(matches!(hello[..], [Effect::Send(AgentMessage::Hello(_))]));
        self.hear(CoordinatorMessage::Welcome(welcome), now)
    }

    fn hold(&mut self, monitors: &[Assigned], now: Time) -> Vec<Effect> {
        let messages = transfer(&snapshot(10, monitors));
        messages
            .into_iter()
            .flat_map(|m| self.hear(m, now))
            .collect()
    }

    fn cut(&mut self, now: Time) -> Vec<Effect> {
        let jitter = 0.0;
        let refused = false;
        self.on(Input::Disconnected { refused, jitter }, now)
    }

    fn produce(&mut self, n: u8, outcome: Outcome, now: Time) -> Vec<Effect> {
        self.on(Input::Produced(result(n, outcome, now)), now)
    }

    fn ack(&mut self, seq: u64, now: Time) -> Vec<Effect> {
        self.hear(CoordinatorMessage::Ack(ack(seq, 4096)), now)
    }
}

fn ack(seq: u64, credits: u32) -> Ack {
    Ack {
        seq,
        refused: Vec::new(),
        credits,
    }
}

fn batches(effects: &[Effect]) -> Vec<(u64, usize)> {
    let results = |effect: &Effect| {
        if let Effect::Send(AgentMessage::Results(batch)) = effect {
            Some((batch.first_seq, batch.results.len()))
        } else {
            None
        }
    };
    effects.iter().filter_map(results).collect()
}

fn filled_back(effects: &[Effect]) -> usize {
    let results = |effect: &Effect| {
        if let Effect::SendBackfill(batch) = effect {
            batch.results.len()
        } else {
            0
        }
    };
    effects.iter().map(results).sum()
}

fn change(effects: &[Effect]) -> Option<&Change> {
    effects.iter().find_map(|effect| {
        if let Effect::Apply(change) = effect {
            Some(change)
        } else {
            None
        }
    })
}

fn asks_for_snapshot(effects: &[Effect]) -> bool {
    effects.contains(&Effect::Send(AgentMessage::AskSnapshot))
}

// ---- the assignment

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

// ---- checks that are asked for

fn check_now(revision: u64, delay: Duration) -> CheckNow {
    CheckNow {
        nonce: 7,
        count: 2,
        spacing: Duration::from_secs(1),
        delay,
        timeout: None,
        what: Target::Monitor {
            monitor: monitor(1),
            revision,
        },
        answer: false,
    }
}

#[test]
fn a_check_that_is_asked_for_starts_after_its_delay() {
    let ask = check_now(10, Duration::from_secs(1));
    let effects = Bench::up().hear(CoordinatorMessage::CheckNow(ask), at(1));
    let [Effect::Run(run)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (run.first_at, run.timeout),
        (at(2), Duration::from_secs(10))
    );
}

#[test]
fn a_check_of_a_revision_that_is_not_there_yet_waits_for_it() {
    let mut bench = Bench::up();
    let ask = check_now(11, Duration::ZERO);
    assert!(
        bench
            .hear(CoordinatorMessage::CheckNow(ask), at(1))
            .is_empty()
    );
    let after = [assigned(1, 2), assigned(2, 1)];
    let delta = delta(10, &after[..1], &[], &after);
    let effects = bench.hear(CoordinatorMessage::Delta(delta), at(2));
    assert!(matches!(&effects[..], [Effect::Apply(_), Effect::Run(run)] if run.first_at == at(2)));
}

#[test]
fn a_check_that_cannot_be_made_is_refused_to_those_who_wait() {
    let mut ask = check_now(0, Duration::ZERO);
    ask.answer = true;
    ask.what = Target::Inline(None);
    let effects = Bench::up().hear(CoordinatorMessage::CheckNow(ask), at(1));
    assert!(matches!(
        &effects[..],
        [Effect::Send(AgentMessage::Answer {
            nonce: 7,
            answer: Err(_)
        })]
    ));
}

// ---- results

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

// ---- the vote summary

#[test]
fn the_summary_tells_the_newest_result_its_run_and_the_last_other_one() {
    let mut bench = Bench::up();
    let inconclusive = Outcome::Inconclusive(Reason::new(
        crate::outcome::ReasonCode::AgentOverload,
        "too many checks",
    ));
    let outcomes = [
        (1, Outcome::Up),
        (2, down()),
        (3, down()),
        (4, inconclusive),
    ];
    for (started, outcome) in outcomes {
        bench.produce(1, outcome, at(started));
    }
    let ask = CoordinatorMessage::AskSummary {
        ask: 4,
        monitors: vec![monitor(1), monitor(2)],
    };
    let effects = bench.hear(ask, at(4));
    let [
        Effect::Send(AgentMessage::Summary {
            entries,
            last: true,
            ask: 4,
        }),
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    let [entry] = &entries[..] else {
        panic!("{entries:?}")
    };
    assert_eq!(entry.outcome, down());
    assert_eq!((entry.age.as_secs(), entry.run_length), (1, 2));
    assert_eq!(entry.run_age.as_secs(), 2);
    assert_eq!(entry.other_age.map(|age| age.as_secs()), Some(3));
}

// ---- connecting

#[test]
fn an_agent_comes_back_with_full_jitter_and_a_bound() {
    let mut bench = Bench::new(settings());
    let mut now = at(0);
    for bound in [1, 2, 4, 8, 16, 30, 30, 30] {
        assert_eq!(bench.on(Input::Tick, now), [Effect::Connect]);
        let refused = false;
        bench.on(
            Input::Disconnected {
                refused,
                jitter: 0.5,
            },
            now,
        );
        let wait = bench.end.next_wake().unwrap().since(now);
        assert_eq!(wait, Duration::from_millis(bound * 500));
        now = now + wait;
    }
}

#[test]
fn a_refused_agent_does_not_ask_again_at_once() {
    let mut bench = Bench::new(settings());
    bench.on(Input::Tick, at(0));
    let refused = true;
    bench.on(
        Input::Disconnected {
            refused,
            jitter: 0.0,
        },
        at(0),
    );
    assert_eq!(bench.end.next_wake(), Some(at(15)));
}

#[test]
fn a_coordinator_that_falls_silent_is_left() {
    let mut bench = Bench::up();
    let pulse = bench.on(Input::Tick, at(5));
    assert!(matches!(&pulse[..], [Effect::Send(AgentMessage::Pulse(_))]));
    bench.hear(CoordinatorMessage::Pulse { clock: at(6) }, at(6));
    assert!(!bench.on(Input::Tick, at(20)).contains(&Effect::Disconnect));
    assert_eq!(bench.on(Input::Tick, at(21)), [Effect::Disconnect]);
}

#[test]
fn a_coordinator_that_never_welcomes_is_left() {
    let mut bench = Bench::new(settings());
    bench.on(Input::Tick, at(0));
    bench.on(Input::Connected, at(0));
    assert_eq!(bench.end.next_wake(), Some(at(10)));
    assert_eq!(bench.on(Input::Tick, at(10)), [Effect::Disconnect]);
}

#[test]
fn agents_come_back_spread_over_the_window_of_a_coordinator_that_goes() {
    let mut bench = Bench::up();
    bench.produce(1, Outcome::Up, at(1));
    let window = Duration::from_secs(8);
    let why = Leave::Drain;
    let effects = bench.hear(CoordinatorMessage::GoAway { window, why }, at(1));
    assert_eq!(batches(&effects), [(1, 1)], "what waits goes first");
    let refused = false;
    bench.on(
        Input::Disconnected {
            refused,
            jitter: 0.5,
        },
        at(2),
    );
    assert_eq!(bench.end.next_wake(), Some(at(6)));
}
