mod any;

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;
use vigilmon_common::id::{AgentId, MonitorId};
use vigilmon_common::monitor::Meaning;
use vigilmon_common::monitor::draft::HttpDraft;
use vigilmon_common::outcome::Outcome;
use vigilmon_common::problem::Problems;
use vigilmon_common::result::{CheckResult, Phases, Run};
use vigilmon_common::session::assignment::{Assigned, RejectWhy};

use super::result::{result_from_wire, result_to_wire};
use super::session::{
    agent_message_from_wire, agent_message_to_wire, batch_from_wire, coordinator_message_from_wire,
    coordinator_message_to_wire,
};
use super::spec::{http_from_wire, http_to_wire, http_to_wire_masked, keep_secrets};
use super::*;
use crate::v1;

const AGENT: AgentId = AgentId::from_bytes([7; 16]);
const SENT: Time = Time::from_millis(1_800_000_000_000);

proptest! {
    #[test]
    fn what_an_agent_says_arrives_as_it_was_said(message in any::agent_message()) {
        let bytes = agent_message_to_wire(&message, SENT).encode_to_vec();
        let wire = v1::AgentMessage::decode(&bytes[..]).unwrap();
        prop_assert_eq!(agent_message_from_wire(wire, AGENT, SENT), Ok(message));
    }

    #[test]
    fn what_the_coordinator_says_arrives_as_it_was_said(message in any::coordinator_message()) {
        let bytes = coordinator_message_to_wire(&message).encode_to_vec();
        let wire = v1::CoordinatorMessage::decode(&bytes[..]).unwrap();
        prop_assert_eq!(coordinator_message_from_wire(wire), Ok(message));
    }

    #[test]
    fn any_bytes_are_refused_or_read_but_never_end_the_process(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(wire) = v1::AgentMessage::decode(&bytes[..]) {
            let _ = agent_message_from_wire(wire, AGENT, SENT);
        }
        if let Ok(wire) = v1::CoordinatorMessage::decode(&bytes[..]) {
            let _ = coordinator_message_from_wire(wire);
        }
    }

    #[test]
    fn what_was_masked_is_kept_when_it_comes_back(spec in any::http()) {
        let masked = http_to_wire_masked(&spec);
        prop_assert!(!masked.url.contains("secret"));
        let mut problems = Problems::none();
        let mut draft = super::spec::http_draft_from_wire(&masked, &mut problems);
        keep_secrets(&mut draft, Some(&spec), &mut problems);
        prop_assert!(problems.is_empty(), "{}", problems);
        prop_assert_eq!(draft.check(None), Ok(spec));
    }
}

fn a_result(outcome: Outcome) -> CheckResult {
    CheckResult {
        monitor: MonitorId::from_bytes([1; 16]),
        agent: AGENT,
        run: Run::Slot(SENT - Duration::from_secs(1)),
        meaning: Meaning(0x1234_5678_9abc_def0),
        started: SENT - Duration::from_millis(990),
        took: Duration::from_millis(42),
        lateness: Duration::from_micros(900),
        outcome,
        phases: Phases::default(),
        observation: None,
    }
}

#[test]
fn a_result_that_is_up_takes_less_than_seventy_bytes() {
    let mut up = a_result(Outcome::Up);
    up.phases.dns = Some(Duration::from_micros(800));
    up.phases.connect = Some(Duration::from_micros(300));
    up.phases.first_byte = Some(Duration::from_millis(30));
    up.phases.transfer = Some(Duration::from_millis(1));
    assert!(result_to_wire(&up, SENT).encoded_len() < 70);
}

#[test]
fn ages_are_counted_back_from_the_receipt() {
    let result = a_result(Outcome::Up);
    let received = SENT + Duration::from_secs(3600);
    let got = result_from_wire(result_to_wire(&result, SENT), AGENT, received).unwrap();
    assert_eq!(received.since(got.started), SENT.since(result.started));
    assert_eq!(got.run, result.run, "slots keep the agent's name for them");
}

#[test]
fn an_unreadable_result_is_told_by_its_number_and_the_others_are_read() {
    let good = result_to_wire(&a_result(Outcome::Up), SENT);
    let bad = [
        v1::Result {
            monitor: Bytes::from_static(b"short"),
            ..good.clone()
        },
        v1::Result {
            run: None,
            ..good.clone()
        },
        v1::Result {
            outcome: 0,
            ..good.clone()
        },
        v1::Result {
            outcome: 99,
            ..good.clone()
        },
        v1::Result {
            outcome: v1::Outcome::Down.into(),
            ..good.clone()
        },
        v1::Result {
            outcome: v1::Outcome::Down.into(),
            reason: Some(v1::Reason {
                code: "of_tomorrow".to_owned(),
                ..v1::Reason::default()
            }),
            ..good.clone()
        },
    ];
    let count = bad.len();
    let results = std::iter::once(good.clone())
        .chain(bad)
        .chain([good])
        .collect();
    let wire = v1::ResultBatch {
        first_seq: 5,
        results,
    };
    let batch = batch_from_wire(wire, AGENT, SENT).unwrap();
    assert_eq!((batch.results.len(), batch.end_seq()), (2, 13));
    assert_eq!(batch.unreadable, (6..12).collect::<Vec<_>>());
    assert_eq!(batch.unreadable.len(), count);
}

#[test]
fn a_batch_cannot_be_numbered_past_the_end_or_from_zero() {
    let results = vec![v1::Result::default()];
    for first_seq in [0, u64::MAX] {
        let wire = v1::ResultBatch {
            first_seq,
            results: results.clone(),
        };
        assert!(batch_from_wire(wire, AGENT, SENT).is_err(), "{first_seq}");
    }
}

#[test]
fn a_monitor_of_an_unknown_kind_is_rejected_and_counts_in_the_digest() {
    let wire = v1::Assignment {
        monitor: Bytes::copy_from_slice(&[9; 16]),
        spec_hash: 77,
        timeout_ms: 1000,
        ..v1::Assignment::default()
    };
    match super::session::assigned_from_wire(wire).unwrap() {
        Assigned::Unreadable { spec_hash, reject } => {
            assert_eq!((spec_hash, reject.why), (77, RejectWhy::Unsupported));
        }
        Assigned::Known(_) => panic!("it has no kind"),
    }
}

#[test]
fn texts_from_an_agent_are_cut_to_their_bound() {
    let mut wire = result_to_wire(&a_result(Outcome::Up), SENT);
    let long = "ä".repeat(100_000);
    wire.observation = Some(Box::new(v1::Observation {
        body_excerpt: long.clone(),
        assertions: vec![long; 200],
        ..v1::Observation::default()
    }));
    let seen = result_from_wire(wire, AGENT, SENT)
        .unwrap()
        .observation
        .unwrap();
    assert!(seen.body_excerpt.len() <= vigilmon_common::result::EXCERPT_MAX);
    assert!(seen.assertions.iter().map(String::len).sum::<usize>() < 300_000);
}

#[test]
fn a_mask_that_stands_for_nothing_is_a_problem() {
    let mut problems = Problems::none();
    let mut draft = HttpDraft {
        url: Some("https://example.com/?key=…".to_owned()),
        header: Some(vec!["X-Api-Key: …".to_owned()]),
        basic: Some("me:…".into()),
        bearer: Some("…".into()),
        ..HttpDraft::default()
    };
    keep_secrets(&mut draft, None, &mut problems);
    let fields: Vec<&str> = problems
        .as_slice()
        .iter()
        .map(|p| p.field.as_str())
        .collect();
    assert_eq!(fields, ["url", "header", "basic", "bearer"]);
}

#[test]
fn an_agent_reads_what_the_coordinator_meant() {
    let draft = HttpDraft {
        url: Some("https://example.com/health".to_owned()),
        bearer: Some("token".into()),
        ..HttpDraft::default()
    };
    let spec = draft.check(None).unwrap();
    assert_eq!(http_from_wire(&http_to_wire(&spec)), Ok(spec));
}

#[test]
fn times_and_spans_survive_and_broken_ones_are_refused_or_brought_back() {
    for millis in [0, 1, 999, -1, -1001, 1_800_000_000_123] {
        let at = Time::from_millis(millis);
        assert_eq!(time(&timestamp(at)), at);
    }
    let broken = |seconds, nanos| span(&prost_types::Duration { seconds, nanos });
    assert_eq!(broken(-1, 0), None);
    assert_eq!(broken(0, -5), None);
    assert_eq!(broken(1, 2_000_000_000), None);
    assert_eq!(broken(1, 500_000_000), Some(Duration::from_millis(1500)));
}
