//! Records survive their bytes, whatever is in them; foreign bytes are an error.

use std::time::Duration;

use proptest::prelude::*;
use vigilmon_common::heartbeat::{Heartbeat, Method, Ping, Signal};
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::Meaning;
use vigilmon_common::notify::channel::{Channel, ChannelKind, Sealed};
use vigilmon_common::outcome::{Outcome, Reason, ReasonCode};
use vigilmon_common::result::{CheckResult, Observation, Phases, Run};
use vigilmon_common::time::Time;

use super::samples;
use crate::store::record::{self, Stored, pings, results};
use crate::store::{
    AgentRecord, AuditEntry, CommitNo, DeliveryRecord, HistoryRecord, PendingId, PingKeyRecord,
    RegionRecord, RegionResult,
};

fn times() -> impl Strategy<Value = Time> {
    prop_oneof![
        9 => (0..4_000_000_000_000_i64).prop_map(Time::from_millis),
        1 => any::<i64>().prop_map(Time::from_millis),
    ]
}

fn spans() -> impl Strategy<Value = Duration> {
    prop_oneof![
        9 => (0..60_000_000_u64).prop_map(Duration::from_micros),
        1 => (0..u64::MAX - 1).prop_map(Duration::from_micros),
    ]
}

fn reasons() -> impl Strategy<Value = Reason> {
    let code = prop::sample::select(ReasonCode::ALL);
    let parts = (code, ".{0,40}", prop::option::of(any::<u16>()));
    parts.prop_map(|(code, text, status_code)| Reason {
        code,
        text,
        status_code,
    })
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        6 => Just(Outcome::Up),
        1 => reasons().prop_map(Outcome::Degraded),
        1 => reasons().prop_map(Outcome::Down),
        1 => reasons().prop_map(Outcome::Inconclusive),
    ]
}

fn observations() -> impl Strategy<Value = Observation> {
    let texts = || prop::collection::vec(".{0,20}", 0..3);
    let parts = (
        prop::option::of(any::<u16>()),
        ".{0,20}",
        ".{0,60}",
        texts(),
        texts(),
        prop::option::of(times()),
        ".{0,20}",
    );
    parts.prop_map(
        |(status_code, address, body_excerpt, assertions, redirects, not_after, hint)| {
            Observation {
                status_code,
                address,
                body_excerpt,
                assertions,
                redirects,
                certificate_not_after: not_after,
                hint,
            }
        },
    )
}

fn runs() -> impl Strategy<Value = Run> {
    let asked = (any::<u64>(), any::<u32>()).prop_map(|(nonce, n)| Run::Asked { nonce, n });
    prop_oneof![times().prop_map(Run::Slot), asked]
}

prop_compose! {
    fn any_result()(
        (monitor, agent) in (0..5_u64, 0..3_u64),
        run in runs(),
        meaning in any::<u64>(),
        started in times(),
        (took, lateness) in (spans(), spans()),
        outcome in outcomes(),
        phases in prop::array::uniform5(prop::option::of(spans())),
        observation in prop::option::weighted(0.2, observations()),
    ) -> RegionResult {
        let [dns, connect, tls, first_byte, transfer] = phases;
        RegionResult {
            region: samples::region(agent),
            result: CheckResult {
                monitor: samples::monitor_id(monitor),
                agent: samples::agent_id(agent),
                run,
                meaning: Meaning(meaning),
                started,
                took,
                lateness,
                outcome,
                phases: Phases { dns, connect, tls, first_byte, transfer },
                observation: observation.map(Box::new),
            },
        }
    }
}

proptest! {
    #[test]
    fn results_survive_their_bytes(all in prop::collection::vec(any_result(), 0..40)) {
        let bytes = results::encode(all.iter());
        prop_assert_eq!(results::decode(&bytes).unwrap(), all.clone());
        let head = results::Head::read(&bytes).unwrap();
        prop_assert_eq!(head.count, all.len());
        for n in 0..6 {
            let monitor = samples::monitor_id(n);
            let own: Vec<_> = all.iter().filter(|r| r.result.monitor == monitor).cloned().collect();
            prop_assert_eq!(head.names(monitor), !own.is_empty());
            prop_assert_eq!(results::decode_where(&bytes, |m| m == monitor).unwrap(), own.clone());
            for result in own {
                prop_assert!((head.earliest..=head.latest).contains(&result.result.started));
            }
        }
    }

    #[test]
    fn foreign_bytes_are_an_error_or_a_record_but_never_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let _ = results::decode(&bytes);
        let _ = record::decode::<HistoryRecord>(&bytes);
        let _ = record::decode::<Heartbeat>(&bytes);
        let _ = record::decode::<PingKeyRecord>(&bytes);
        let _ = record::decode::<Ping>(&bytes);
        let _ = pings::decode(&bytes);
        let group: Vec<_> = (0..5).map(|n| samples::down(n, 1, samples::DAY_START)).collect();
        let mut damaged = results::encode(group.iter());
        for (place, byte) in flips {
            let place = place.index(damaged.len());
            damaged[place] ^= byte;
        }
        let _ = results::decode(&damaged);
        let _ = pings::decode(&damaged);
        let _ = results::Head::read(&damaged).map(|head| head.names(samples::monitor_id(1)));
    }

    #[test]
    fn texts_numbers_and_times_survive_their_bytes(
        text in ".{0,60}", n in any::<u64>(), at in times(), until in prop::option::of(times()),
        took in spans(),
    ) {
        let audit = AuditEntry { place: PendingId { commit: CommitNo(n), place: 1 }, at, actor: text.clone(), detail: text.clone(), ..samples::audit(1) };
        prop_assert_eq!(record::decode::<AuditEntry>(&record::encode(&audit)).unwrap(), audit);
        let delivery = DeliveryRecord { row: n, at, took, detail: text.clone(), ..samples::delivery(1, 1) };
        prop_assert_eq!(record::decode::<DeliveryRecord>(&record::encode(&delivery)).unwrap(), delivery);
        let agent = AgentRecord { last_seen: at, revoked_at: until, revision: n, build: text.clone(), ..samples::agent(2) };
        prop_assert_eq!(record::decode::<AgentRecord>(&record::encode(&agent)).unwrap(), agent);
        let region = RegionRecord { display_name: Some(text), created_at: at, ..samples::region_record(1) };
        prop_assert_eq!(record::decode::<RegionRecord>(&record::encode(&region)).unwrap(), region);
    }
}

proptest! {
    #[test]
    fn pings_survive_their_bytes_alone_and_in_groups(all in prop::collection::vec(any_ping(), 0..20)) {
        let mut group = pings::Group::with_capacity(all.len());
        for ping in &all {
            let own = group.push(ping);
            prop_assert_eq!(&own, &record::encode(ping));
            prop_assert_eq!(&record::decode::<Ping>(&own).unwrap(), ping);
        }
        prop_assert_eq!(pings::decode(&group.done()).unwrap(), all);
    }
}

fn any_ping() -> impl Strategy<Value = Ping> {
    let signals = prop_oneof![
        Just(Signal::Success),
        Just(Signal::Start),
        Just(Signal::Fail),
        Just(Signal::Log),
        any::<u8>().prop_map(Signal::Exit),
    ];
    let methods = [Method::Get, Method::Head, Method::Post, Method::Put];
    let numbers = (any::<[u8; 16]>(), any::<u64>(), any::<u64>(), times());
    let said = (signals, prop::option::of("[A-Za-z0-9._-]{1,64}"));
    let came = (
        prop::sample::select(methods.to_vec()),
        prop::option::of(any::<std::net::IpAddr>()),
        ".{0,100}",
    );
    let sizes = (any::<u32>(), any::<u32>(), any::<u64>());
    let shares = (any::<u32>(), any::<bool>());
    (numbers, said, came, sizes, shares).prop_map(
        |(
            (id, seq, n, at),
            (signal, rid),
            (method, from, agent),
            (count, kept, size),
            (more, shared),
        )| Ping {
            heartbeat: MonitorId::from_bytes(id),
            seq,
            n,
            total: n.saturating_add(more.into()),
            at,
            signal,
            rid: rid.map(Into::into),
            method,
            from,
            agent: agent.into(),
            count,
            shared,
            body_kept: kept,
            body_size: size,
        },
    )
}

#[test]
fn heartbeats_and_pings_of_another_version_are_refused_by_name() {
    let of_another = |mut record: Vec<u8>| {
        record[0] = 2;
        record
    };
    let version = "it has version 2";
    let heartbeat = of_another(record::encode(&samples::heartbeat(1)));
    let refused = record::decode::<Heartbeat>(&heartbeat).unwrap_err();
    assert_eq!(refused.to_string(), version);
    let mut group = pings::Group::with_capacity(1);
    let ping = of_another(group.push(&samples::ping(1, 1, 1)));
    let refused = record::decode::<Ping>(&ping).unwrap_err();
    assert_eq!(refused.to_string(), version);
    let refused = pings::decode(&of_another(group.done())).unwrap_err();
    assert_eq!(refused.to_string(), version);
    let body = of_another(pings::encode_body(b"all went well"));
    let refused = pings::decode_body(body).unwrap_err();
    assert_eq!(refused.to_string(), version);
}

#[test]
fn a_heartbeat_that_would_be_refused_from_a_user_is_refused_from_the_disk_by_name() {
    let mut message = samples::heartbeat(1).to_message();
    message.cron = "61 * * * *".to_owned();
    let refused = Heartbeat::from_message(message).unwrap_err().to_string();
    assert!(
        refused.starts_with("heartbeat `heartbeat 1`: "),
        "{refused}"
    );
    assert!(refused.contains("61 * * * *"), "{refused}");
}

#[test]
fn a_plain_ping_takes_few_bytes() {
    let mut group = pings::Group::with_capacity(64);
    for n in 1..=64 {
        group.push(&samples::ping(n, 4 * n, n));
    }
    let size = group.done().len();
    assert!(size < 64 * 64, "{size} bytes for 64 pings");
}

#[test]
fn a_record_of_another_version_is_refused_by_name() {
    let mut bytes = record::encode(&samples::audit(1));
    bytes[0] = 2;
    let refused = record::decode::<AuditEntry>(&bytes).unwrap_err();
    assert_eq!(refused.to_string(), "it has version 2");
}

#[test]
fn a_plain_result_takes_few_bytes() {
    let group: Vec<_> = (0..64)
        .map(|n| samples::up(n, 1, samples::DAY_START + Duration::from_millis(n * 7)))
        .collect();
    let size = results::encode(group.iter()).len();
    assert!(size < 64 * 40, "{size} bytes for 64 results");
}

#[test]
fn a_channel_of_every_kind_is_read_back() {
    let (shown, url) = ("https://x.org/…".to_owned(), Sealed(vec![7]));
    for kind in [
        samples::channel(1).kind,
        ChannelKind::Slack {
            shown: shown.clone(),
            url: url.clone(),
        },
        ChannelKind::Discord { shown, url },
        ChannelKind::Email {
            to: vec!["ops@example.com".to_owned()],
        },
        ChannelKind::Inbox,
    ] {
        let channel = Channel {
            kind,
            ..samples::channel(1)
        };
        let read: Channel = record::decode(&record::encode(&channel)).unwrap();
        assert_eq!(read, channel);
    }
}
