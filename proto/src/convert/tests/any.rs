//! Any value of what the two ends say, for properties.

mod coordinator;

pub(super) use coordinator::coordinator_message;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use vigilmon_common::id::{BootId, Epoch, MonitorId};
use vigilmon_common::identity::{AssignmentDigest, Place};
use vigilmon_common::monitor::Meaning;
use vigilmon_common::monitor::draft::HttpDraft;
use vigilmon_common::monitor::http::HttpSpec;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::outcome::{Outcome, Reason, ReasonCode};
use vigilmon_common::result::{CheckResult, Observation, Phases, Run};
use vigilmon_common::schedule::{Assignment, CheckSpec};
use vigilmon_common::session::assignment::{Assigned, Position, Reject, RejectWhy};
use vigilmon_common::session::messages::{
    AgentMessage, Batch, Gap, GapReason, Health, Hello, Protocols, Pulse, Waiting,
};
use vigilmon_common::vote::SummaryEntry;

use super::{AGENT, SENT};
use crate::convert::*;

fn ms() -> impl Strategy<Value = Duration> {
    (0..10_000_000_u64).prop_map(Duration::from_millis)
}

fn us() -> impl Strategy<Value = Duration> {
    (0..100_000_000_u64).prop_map(Duration::from_micros)
}

fn past() -> impl Strategy<Value = Time> {
    ms().prop_map(|age| SENT - age)
}

fn monitor() -> impl Strategy<Value = MonitorId> {
    any::<[u8; 16]>().prop_map(MonitorId::from_bytes)
}

fn reason() -> impl Strategy<Value = Reason> {
    let code = proptest::sample::select(ReasonCode::ALL);
    (code, "[ -~ä]{0,40}", option::of(100..1000_u16)).prop_map(|(code, text, status)| Reason {
        status_code: status,
        ..Reason::new(code, text)
    })
}

fn conclusive() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Up),
        reason().prop_map(Outcome::Degraded),
        reason().prop_map(Outcome::Down),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![conclusive(), reason().prop_map(Outcome::Inconclusive)]
}

fn phases() -> impl Strategy<Value = Phases> {
    let phase = || option::of(us());
    (phase(), phase(), phase(), phase(), phase()).prop_map(
        |(dns, connect, tls, first_byte, transfer)| Phases {
            dns,
            connect,
            tls,
            first_byte,
            transfer,
        },
    )
}

fn observation() -> impl Strategy<Value = Observation> {
    (
        option::of(any::<u16>()),
        "[ -~]{0,30}",
        vec("[ -~]{0,30}", 0..4),
        option::of(past()),
    )
        .prop_map(|(status_code, text, lines, not_after)| Observation {
            status_code,
            address: text.clone(),
            body_excerpt: text.clone(),
            assertions: lines.clone(),
            redirects: lines,
            certificate_not_after: not_after,
            hint: text,
        })
}

fn run() -> impl Strategy<Value = Run> {
    prop_oneof![
        past().prop_map(Run::Slot),
        (any::<u64>(), any::<u32>()).prop_map(|(nonce, n)| Run::Asked { nonce, n }),
    ]
}

fn result() -> impl Strategy<Value = CheckResult> {
    let spans = (us(), us());
    (
        monitor(),
        run(),
        any::<u64>(),
        past(),
        spans,
        outcome(),
        phases(),
        option::of(observation()),
    )
        .prop_map(
            |(monitor, run, meaning, started, (took, lateness), outcome, phases, seen)| {
                CheckResult {
                    monitor,
                    agent: AGENT,
                    run,
                    meaning: Meaning(meaning),
                    started,
                    took,
                    lateness,
                    outcome,
                    phases,
                    observation: seen.map(Box::new),
                }
            },
        )
}

fn entry() -> impl Strategy<Value = SummaryEntry> {
    (
        monitor(),
        any::<u64>(),
        conclusive(),
        ms(),
        1..1000_u32,
        ms(),
        option::of(ms()),
    )
        .prop_map(
            |(monitor, meaning, outcome, age, run_length, longer, other_age)| SummaryEntry {
                monitor,
                meaning: Meaning(meaning),
                outcome,
                age,
                run_length,
                run_age: age + longer,
                other_age,
            },
        )
}

fn position() -> impl Strategy<Value = Position> {
    (any::<u64>(), any::<[u8; 16]>(), any::<u64>(), any::<u64>()).prop_map(
        |(scope, epoch, revision, digest)| Position {
            scope,
            epoch: Epoch::from_bytes(epoch),
            revision,
            digest: AssignmentDigest::from_u64(digest),
        },
    )
}

pub(super) fn http() -> impl Strategy<Value = HttpSpec> {
    let lists = (vec("[a-z]{1,9}", 0..3), vec("[a-z]{1,9}", 0..3));
    let latency = (
        option::of(4000..9000_u64),
        option::of(1..2000_u64),
        option::of(2000..4000_u64),
    );
    let auth = option::of(("[a-z]{1,5}", "[!-~]{1,9}"));
    let last = (
        option::of(0..20_u32),
        any::<bool>(),
        proptest::sample::select(vec!["any", "4", "6"]),
    );
    (lists, latency, auth, option::of("[ -~]{1,9}"), last).prop_map(
        |((texts, headers), (max, warning, critical), auth, body, (redirects, insecure, ip))| {
            let headers: Vec<String> = headers
                .iter()
                .map(|name| format!("x-{name}: value of {name}"))
                .collect();
            let latency = warning
                .into_iter()
                .chain(critical.filter(|_| warning.is_some()));
            let draft = HttpDraft {
                url: Some("https://example.com/health?key=secret&x".to_owned()),
                method: Some(if body.is_some() { "POST" } else { "GET" }.to_owned()),
                header: Some(headers.clone()),
                body,
                expect_status: Some("200,302,400-404".to_owned()),
                contains: Some(texts.clone()),
                not_contains: Some(texts.clone()),
                matches: Some(texts.iter().map(|text| format!("^{text}$")).collect()),
                json: Some(
                    texts
                        .iter()
                        .map(|text| format!("$.{text} == \"ok\""))
                        .collect(),
                ),
                expect_header: Some(headers),
                max_latency: max.map(Duration::from_millis),
                degraded_latency: Some(latency.map(Duration::from_millis).collect()),
                follow_redirects: redirects,
                insecure: Some(insecure),
                basic: auth.map(|(user, password)| format!("{user}:{password}").into()),
                bearer: None,
                ip: Some(ip.to_owned()),
            };
            draft.check(None).expect("a good draft")
        },
    )
}

fn assigned() -> impl Strategy<Value = Assigned> {
    let numbers = (1..10_u16, 1..4_u16, any::<u64>(), any::<u64>());
    (monitor(), numbers, 100..10_000_u64, http()).prop_map(
        |(monitor, (regions, replicas, meaning, spec_hash), timeout, http)| {
            Assigned::Known(Assignment {
                monitor,
                meaning: Meaning(meaning),
                spec_hash,
                interval: Duration::from_millis(timeout * 3),
                place: Place::new(regions - 1, regions, replicas - 1, replicas).unwrap(),
                check: check(http, timeout),
            })
        },
    )
}

fn check(http: HttpSpec, timeout: u64) -> std::sync::Arc<CheckSpec> {
    std::sync::Arc::new(CheckSpec {
        kind: vigilmon_common::monitor::Kind::Http(Box::new(http)),
        timeout: Duration::from_millis(timeout),
    })
}

fn hello() -> impl Strategy<Value = Hello> {
    let waiting = (any::<u64>(), any::<u64>(), ms());
    (
        "[a-z][a-z0-9]{0,20}",
        any::<[u8; 16]>(),
        any::<(u32, u32)>(),
        option::of(position()),
        waiting,
    )
        .prop_map(
            |(name, boot, (oldest, newest), have, (results, bytes, oldest_age))| Hello {
                name: Name::parse(&name).unwrap(),
                boot: BootId::from_bytes(boot),
                build: "0.1.0".to_owned(),
                protocols: Protocols { oldest, newest },
                capabilities: vec!["http".to_owned()],
                region: Region::parse("us-east").unwrap(),
                have,
                waiting: Waiting {
                    results,
                    bytes,
                    oldest_age,
                },
                clock: SENT,
            },
        )
}

fn health() -> impl Strategy<Value = Health> {
    let counts = (
        any::<u32>(),
        any::<u32>(),
        any::<u64>(),
        any::<u64>(),
        any::<u64>(),
    );
    (counts, us(), vec(reason(), 0..3)).prop_map(
        |((running, waiting, started, skipped, unacked), lateness_max, faults)| Health {
            running,
            waiting,
            started,
            skipped,
            lateness_max,
            unacked,
            faults,
        },
    )
}

fn gap() -> impl Strategy<Value = Gap> {
    let why = proptest::sample::select(vec![GapReason::Missed, GapReason::Overflow]);
    (monitor(), past(), ms(), any::<u64>(), why).prop_map(|(monitor, to, longer, count, why)| Gap {
        monitor,
        from: to - longer,
        to,
        count,
        why,
    })
}

fn reject() -> impl Strategy<Value = Reject> {
    let why = proptest::sample::select(vec![
        RejectWhy::Unsupported,
        RejectWhy::AddressDenied,
        RejectWhy::Limit,
        RejectWhy::Invalid,
    ]);
    (monitor(), why, "[ -~]{0,30}").prop_map(|(monitor, why, text)| Reject { monitor, why, text })
}

pub(super) fn agent_message() -> impl Strategy<Value = AgentMessage> {
    prop_oneof![
        hello().prop_map(AgentMessage::Hello),
        (vec(entry(), 0..4), any::<bool>(), any::<u64>())
            .prop_map(|(entries, last, ask)| AgentMessage::Summary { entries, last, ask }),
        (1..u64::MAX / 2, vec(result(), 0..4)).prop_map(|(first_seq, results)| {
            AgentMessage::Results(Batch {
                first_seq,
                sent: SENT,
                results,
                unreadable: Vec::new(),
            })
        }),
        (option::of(position()), health()).prop_map(|(have, health)| {
            AgentMessage::Pulse(Pulse {
                clock: SENT,
                have,
                health,
            })
        }),
        (position(), vec(reject(), 0..3))
            .prop_map(|(applied, rejects)| AgentMessage::AssignmentAck { applied, rejects }),
        gap().prop_map(AgentMessage::Gap),
        (
            any::<u64>(),
            prop_oneof![result().prop_map(Ok), reason().prop_map(Err)]
        )
            .prop_map(|(nonce, answer)| AgentMessage::Answer {
                nonce,
                answer: answer.map(Box::new),
            }),
        Just(AgentMessage::AskSnapshot),
    ]
}
