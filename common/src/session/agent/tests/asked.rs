//! What an agent is asked for: checks out of turn, and its vote summary.

use super::*;

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
