use super::*;
use crate::outcome::Outcome;
use crate::session::messages::{PROTOCOLS, RefusedWhy, Waiting};
use crate::session::testing::{
    agent, assigned, at, batch, boot, delta, down, monitor, position, result, session, settings,
    snapshot,
};

struct Bench {
    end: CoordinatorEnd,
    out: Vec<Effect>,
}

fn held() -> [Assigned; 2] {
    [assigned(1, 1), assigned(2, 1)]
}

fn hello(have: Option<Position>) -> Hello {
    let settings = settings();
    Hello {
        name: settings.name,
        boot: boot(1),
        build: settings.build,
        protocols: PROTOCOLS,
        capabilities: settings.capabilities,
        region: settings.region,
        have,
        waiting: Waiting::default(),
        clock: at(0),
    }
}

impl Bench {
    /// A session opened at time 0 with monitors 1 and 2, at revision 10.
    fn open(have: Option<Position>) -> Self {
        let admitted = Admitted {
            agent: agent(),
            session: session(1),
            protocol: 1,
            assignment: snapshot(10, &held()),
        };
        let mut out = Vec::new();
        let end = CoordinatorEnd::open(&hello(have), admitted, at(0), &mut out);
        Self { end, out }
    }

    fn up() -> Self {
        let mut bench = Self::open(Some(position(10, &held())));
        bench.out.clear();
        bench
    }

    fn on(&mut self, input: Input, now: Time) -> Vec<Effect> {
        self.end.on(input, now, &mut self.out);
        std::mem::take(&mut self.out)
    }

    fn hear(&mut self, message: AgentMessage, now: Time) -> Vec<Effect> {
        self.on(Input::Received(message), now)
    }

    fn results(&mut self, first_seq: u64, results: Vec<CheckResult>, now: Time) -> Vec<Effect> {
        self.hear(AgentMessage::Results(batch(first_seq, now, results)), now)
    }

    fn pulse(&mut self, have: Position, now: Time) -> Vec<Effect> {
        let pulse = Pulse {
            clock: now,
            have: Some(have),
            health: Health::default(),
        };
        self.hear(AgentMessage::Pulse(pulse), now)
    }
}

fn stored(effects: &[Effect]) -> Vec<CheckResult> {
    let results = |effect: &Effect| {
        if let Effect::Results { results, .. } = effect {
            Some(results.clone())
        } else {
            None
        }
    };
    effects.iter().find_map(results).unwrap_or_default()
}

fn acks(effects: &[Effect]) -> Vec<Ack> {
    let ack = |effect: &Effect| {
        if let Effect::Send(CoordinatorMessage::Ack(ack)) = effect {
            Some(ack.clone())
        } else {
            None
        }
    };
    effects.iter().filter_map(ack).collect()
}

fn welcome(effects: &[Effect]) -> &Welcome {
    let [Effect::Send(CoordinatorMessage::Welcome(welcome)), ..] = effects else {
        panic!("{effects:?}")
    };
    welcome
}

fn snapshots(effects: &[Effect]) -> usize {
    let begins = |effect: &&Effect| {
        matches!(
            effect,
            Effect::Send(CoordinatorMessage::SnapshotBegin { .. })
        )
    };
    effects.iter().filter(begins).count()
}

fn closed(effects: &[Effect]) -> Option<Closed> {
    effects.iter().find_map(|effect| {
        if let Effect::Close(why) = effect {
            Some(*why)
        } else {
            None
        }
    })
}

// ---- the assignment

#[test]
fn a_session_resumes_only_if_epoch_revision_and_digest_agree() {
    let right = position(10, &held());
    let resumed = Bench::open(Some(right));
    assert_eq!(welcome(&resumed.out).sync, Sync::Resume);
    assert_eq!(snapshots(&resumed.out), 0);
    let mut other_epoch = right;
    other_epoch.epoch = crate::session::testing::epoch(2);
    let mut other_revision = right;
    other_revision.revision = 11;
    let other_digest = position(10, &held()[..1]);
    let others = [other_epoch, other_revision, other_digest].map(Some);
    for have in others.into_iter().chain([None]) {
        let bench = Bench::open(have);
        assert_eq!(welcome(&bench.out).sync, Sync::Snapshot);
        assert_eq!(snapshots(&bench.out), 1);
    }
}

#[test]
fn a_digest_that_disagrees_brings_a_snapshot_at_once() {
    let mut bench = Bench::up();
    let wrong = position(10, &held()[..1]);
    assert!(bench.pulse(wrong, at(5)).contains(&Effect::WantSnapshot));
    assert!(
        !bench.pulse(wrong, at(6)).contains(&Effect::WantSnapshot),
        "it is on its way"
    );
    let effects = bench.on(Input::Snapshot(snapshot(10, &held())), at(6));
    assert_eq!(snapshots(&effects), 1);
}

#[test]
fn a_lost_delta_heals_at_the_second_pulse() {
    let mut bench = Bench::up();
    let after = [assigned(1, 2), assigned(2, 1)];
    let delta = delta(10, &after[..1], &[], &after);
    assert!(matches!(
        bench.on(Input::Delta(delta), at(1))[..],
        [Effect::Send(CoordinatorMessage::Delta(_))]
    ));
    let before = position(10, &held());
    assert!(!bench.pulse(before, at(5)).contains(&Effect::WantSnapshot));
    assert!(bench.pulse(before, at(10)).contains(&Effect::WantSnapshot));
}

#[test]
fn a_delta_that_a_snapshot_has_overtaken_is_not_sent() {
    let mut bench = Bench::up();
    bench.hear(AgentMessage::AskSnapshot, at(1));
    let after = [assigned(1, 2)];
    bench.on(Input::Snapshot(snapshot(12, &after)), at(2));
    let late = delta(10, &after, &[2], &after);
    assert!(bench.on(Input::Delta(late), at(2)).is_empty());
}

#[test]
fn a_snapshot_that_a_delta_has_overtaken_is_fetched_again() {
    let mut bench = Bench::up();
    bench.hear(AgentMessage::AskSnapshot, at(1));
    let after = [assigned(1, 2), assigned(2, 1)];
    bench.on(Input::Delta(delta(10, &after[..1], &[], &after)), at(2));
    let effects = bench.on(Input::Snapshot(snapshot(10, &held())), at(2));
    assert_eq!(effects, [Effect::WantSnapshot]);
}

#[test]
fn a_gap_between_deltas_brings_a_snapshot() {
    let mut bench = Bench::up();
    let after = [assigned(1, 2), assigned(2, 1)];
    let effects = bench.on(Input::Delta(delta(11, &after[..1], &[], &after)), at(1));
    assert_eq!(effects, [Effect::WantSnapshot]);
}

#[test]
fn a_delta_too_large_for_one_message_goes_as_a_snapshot() {
    let many: Vec<_> = (0..=u8::try_from(SNAPSHOT_PART).unwrap())
        .map(|n| assigned(n, 1))
        .collect();
    let effects = Bench::up().on(Input::Delta(delta(10, &many, &[], &many)), at(1));
    assert_eq!(effects, [Effect::WantSnapshot]);
}

// ---- results

#[test]
fn results_get_the_agents_id_and_our_clock() {
    let mut bench = Bench::up();
    let theirs = at(3600);
    let started = theirs - Duration::from_secs(2);
    let effects = bench.hear(
        AgentMessage::Results(batch(1, theirs, vec![result(1, down(), started)])),
        at(1),
    );
    // Its slot is an hour ahead, and a single sample of the clock said otherwise.
    assert!(stored(&effects).is_empty());
    let mut planned = result(1, down(), started);
    planned.run = crate::result::Run::Slot(at(0));
    let effects = bench.hear(
        AgentMessage::Results(batch(2, theirs, vec![planned])),
        at(1),
    );
    let [stored] = &stored(&effects)[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((stored.agent, stored.started), (agent(), at(-1)));
}

#[test]
fn what_can_never_be_used_is_acked_with_a_reason() {
    let mut bench = Bench::up();
    let week_old = at(1) - KEPT_FOR - Duration::from_secs(1);
    let results = vec![
        result(9, down(), at(1)),
        result(1, down(), at(1)),
        result(1, Outcome::Up, at(7)),
        result(2, down(), week_old),
    ];
    let effects = bench.results(1, results, at(1));
    assert_eq!(stored(&effects).len(), 1);
    let effects = bench.on(Input::Durable(4), at(2));
    let [ack] = &acks(&effects)[..] else {
        panic!("{effects:?}")
    };
    let refused: Vec<_> = ack.refused.iter().map(|r| (r.seq, r.why)).collect();
    assert_eq!(
        refused,
        [
            (1, RefusedWhy::MonitorGone),
            (3, RefusedWhy::ClockOff),
            (4, RefusedWhy::TooOld)
        ]
    );
    assert_eq!(ack.seq, 4);
}

#[test]
fn a_result_that_cannot_be_read_is_refused_by_its_number() {
    let mut bench = Bench::up();
    let mut came = batch(
        1,
        at(1),
        vec![result(1, down(), at(1)), result(9, down(), at(1))],
    );
    came.unreadable = vec![1, 3, 5];
    let effects = bench.hear(AgentMessage::Results(came), at(1));
    assert_eq!(stored(&effects).len(), 1);
    let [ack] = &acks(&bench.on(Input::Durable(5), at(1)))[..] else {
        panic!("everything is settled")
    };
    let refused: Vec<_> = ack.refused.iter().map(|r| (r.seq, r.why)).collect();
    let invalid = |seq| (seq, RefusedWhy::Invalid);
    let gone = (4, RefusedWhy::MonitorGone);
    assert_eq!(refused, [invalid(1), invalid(3), gone, invalid(5)]);
}

#[test]
fn a_step_of_our_clock_loses_no_agent() {
    let mut bench = Bench::up();
    bench.end.clock_stepped(3_600_000);
    assert_eq!(bench.end.next_wake(), Some(at(3605)));
    assert_eq!(closed(&bench.on(Input::Tick, at(3605))), None);
}

#[test]
fn a_batch_of_which_nothing_can_be_used_is_acked_all_the_same() {
    let mut bench = Bench::up();
    let effects = bench.results(1, vec![result(9, down(), at(1))], at(1));
    assert_eq!(
        effects,
        [Effect::Results {
            results: Vec::new(),
            seq: 1
        }]
    );
    assert_eq!(acks(&bench.on(Input::Durable(1), at(1))).len(), 1);
}

#[test]
fn acks_are_cumulative_and_wait_for_the_disk() {
    let mut bench = Bench::up();
    for seq in 1..=3 {
        let effects = bench.results(seq, vec![result(1, down(), at(1))], at(1));
        assert!(acks(&effects).is_empty());
    }
    assert_eq!(acks(&bench.on(Input::Durable(2), at(2)))[0].seq, 2);
    assert!(acks(&bench.on(Input::Durable(1), at(2))).is_empty());
    assert!(!bench.end.is_settled());
    assert_eq!(acks(&bench.on(Input::Durable(3), at(2)))[0].seq, 3);
    assert!(bench.end.is_settled());
}

#[test]
fn an_agent_that_sends_beyond_its_credits_is_cut_off() {
    let mut bench = Bench::up();
    let many = |count: u32| {
        (0..count)
            .map(|_| result(1, down(), at(1)))
            .collect::<Vec<_>>()
    };
    assert_eq!(closed(&bench.results(1, many(CREDITS), at(1))), None);
    let next = u64::from(CREDITS) + 1;
    let effects = bench.results(next, many(1), at(1));
    assert_eq!(closed(&effects), Some(Closed::BeyondCredits));
}

#[test]
fn results_out_of_order_end_the_session() {
    let effects = Bench::up().results(5, vec![result(1, down(), at(1))], at(1));
    let why = Closed::OutOfOrder {
        came: 5,
        expected: 1,
    };
    assert_eq!(closed(&effects), Some(why));
}

#[test]
fn no_result_is_taken_for_a_monitor_that_a_delta_took_away() {
    let mut bench = Bench::up();
    bench.on(Input::Delta(delta(10, &[], &[1], &held()[1..])), at(1));
    let effects = bench.results(
        1,
        vec![result(1, down(), at(1)), result(2, down(), at(1))],
        at(1),
    );
    assert_eq!(stored(&effects).len(), 1);
}

#[test]
fn a_summary_of_foreign_monitors_is_not_heard() {
    let entry = |n| SummaryEntry {
        monitor: monitor(n),
        meaning: crate::monitor::Meaning(1),
        outcome: down(),
        age: Duration::from_secs(1),
        run_length: 1,
        run_age: Duration::from_secs(1),
        other_age: None,
    };
    let message = AgentMessage::Summary {
        entries: vec![entry(1), entry(9)],
        last: true,
        ask: 0,
    };
    let effects = Bench::up().hear(message, at(1));
    assert_eq!(effects, [Effect::Summary(vec![entry(1)])]);
}

// ---- the end

#[test]
fn a_fenced_session_changes_nothing() {
    for why in [Leave::Replaced, Leave::Revoked] {
        let mut bench = Bench::up();
        let effects = bench.on(Input::Leave(why), at(1));
        assert_eq!(closed(&effects), Some(Closed::Left(why)));
        assert!(
            bench
                .results(1, vec![result(1, down(), at(2))], at(2))
                .is_empty()
        );
        assert!(bench.pulse(position(10, &held()), at(2)).is_empty());
        assert!(bench.on(Input::Durable(1), at(2)).is_empty());
        assert_eq!(bench.end.next_wake(), None);
    }
}

#[test]
fn a_silent_agent_is_lost_after_three_pulses() {
    let mut bench = Bench::up();
    for now in [5, 10] {
        let effects = bench.on(Input::Tick, at(now));
        assert!(matches!(
            effects[..],
            [Effect::Send(CoordinatorMessage::Pulse { .. })]
        ));
    }
    assert_eq!(closed(&bench.on(Input::Tick, at(15))), Some(Closed::Silent));
}

#[test]
fn a_drain_still_acks_what_came() {
    let mut bench = Bench::up();
    bench.results(1, vec![result(1, down(), at(1))], at(1));
    let effects = bench.on(Input::Leave(Leave::Drain), at(1));
    assert_eq!(closed(&effects), None);
    assert_eq!(acks(&bench.on(Input::Durable(1), at(2))).len(), 1);
}

#[test]
fn a_clock_that_is_off_is_marked_once() {
    let mut bench = Bench::up();
    let ahead = |now: i64| {
        AgentMessage::Pulse(Pulse {
            clock: at(now + 60),
            have: Some(position(10, &held())),
            health: Health::default(),
        })
    };
    let marked = Effect::ClockOff(Some(60_000));
    assert!(bench.hear(ahead(5), at(5)).contains(&marked));
    assert!(!bench.hear(ahead(10), at(10)).contains(&marked));
}
