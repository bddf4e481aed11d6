//! Things to store.

use std::collections::BTreeMap;
use std::time::Duration;

use vigilmon_common::decide::Durable;
use vigilmon_common::heartbeat::{
    self, Heartbeat, HeartbeatDraft, KeptBody, LastPing, Method, OpenRun, Ping, PingToken, Signal,
    Spell, Unobserved,
};
use vigilmon_common::id::{AgentId, ChannelId, Epoch, IncidentId, MonitorId, RouteId, TokenId};
use vigilmon_common::incident::{
    AgentEvidence, Evidence, Incident, IncidentStatus, MonitorFacts, RegionEvidence, Resolution,
    Scope, Standing, Subject, Told, Transition, TransitionKind,
};
use vigilmon_common::monitor::draft::{HttpDraft, Known, MonitorDraft};
use vigilmon_common::monitor::{Meaning, Monitor, Severity};
use vigilmon_common::name::{Name, Region};
use vigilmon_common::notify::channel::{Channel, ChannelKind, Route, Sealed, Step};
use vigilmon_common::notify::row::{Purpose, Row, RowState, RowSubject};
use vigilmon_common::outcome::{Outcome, OutcomeKind, Reason, ReasonCode};
use vigilmon_common::result::{CheckResult, Observation, Phases, Run};
use vigilmon_common::time::Time;

use crate::store::{
    AgentRecord, AgentTokenRecord, ApiTokenRecord, AssignmentSpan, AuditEntry, CommitNo,
    DeliveryRecord, DeliveryResult, KeptMessage, PendingId, PingKeyRecord, RegionRecord,
    RegionResult, Role, StoredPing,
};

/// 2026-03-01 00:00 UTC.
pub(super) const DAY_START: Time = Time::from_secs(1_772_323_200);

pub(super) const EPOCH: Epoch = Epoch::from_bytes([7; 16]);

fn bytes(n: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(super) fn monitor_id(n: u64) -> MonitorId {
    MonitorId::from_bytes(bytes(n))
}

pub(super) fn agent_id(n: u64) -> AgentId {
    AgentId::from_bytes(bytes(n))
}

pub(super) fn incident_id(n: u64) -> IncidentId {
    IncidentId::from_bytes(bytes(n))
}

pub(super) fn channel_id(n: u64) -> ChannelId {
    ChannelId::from_bytes(bytes(n))
}

pub(super) fn region(n: u64) -> Region {
    Region::parse(["eu-west", "us-east", "ap-southeast"][usize::try_from(n % 3).unwrap()]).unwrap()
}

fn name(kind: &str, n: u64) -> Name {
    Name::parse(&format!("{kind} {n}")).unwrap()
}

/// A monitor with everything that a record may carry.
pub(super) fn monitor(n: u64) -> Monitor {
    let draft = MonitorDraft {
        name: Some(format!("monitor {n}")),
        http: Some(HttpDraft {
            url: Some(format!("https://shop{n}.example.com/health?key=secret")),
            header: Some(vec!["x-token: abc".to_owned()]),
            contains: Some(vec!["ok".to_owned()]),
            bearer: Some("hush".into()),
            max_latency: Some(Duration::from_secs(3)),
            ..HttpDraft::default()
        }),
        every: Some(Duration::from_secs(30 + n)),
        regions: Some((0..3).map(|n| region(n).to_string()).collect()),
        quorum: Some("2".to_owned()),
        failures: Some(2),
        labels: Some(BTreeMap::from([("team".to_owned(), format!("t{n}"))])),
        notify: Some(vec![channel_id(n).to_string()]),
        ..MonitorDraft::default()
    };
    Monitor {
        id: monitor_id(n),
        spec: draft.check(&Known::default()).unwrap(),
        paused: n % 2 == 1,
        created_at: DAY_START,
        updated_at: DAY_START + Duration::from_millis(n),
        version: n + 1,
    }
}

pub(super) fn reason() -> Reason {
    Reason::new(ReasonCode::HttpStatus, "503 Service Unavailable").with_status(503)
}

/// An incident with every part set; `size` is that of a note in it.
pub(super) fn incident(n: u64, size: usize) -> Incident {
    let agent = AgentEvidence {
        agent: agent_id(1),
        outcome: Some(OutcomeKind::Down),
        reason: Some(reason()),
        age: Duration::from_millis(1234),
        run_started: Some(DAY_START),
        run_length: 3,
    };
    let transition = Transition {
        seq: 1,
        kind: TransitionKind::Opened,
        at: DAY_START,
        by: Some("ops".to_owned()),
        note: "x".repeat(size),
        scope: Scope::Global,
        evidence: Some(Evidence {
            rule: "2 of 3 regions see it down".to_owned(),
            policy: "majority".to_owned(),
            required: 2,
            otherwise: "one of them seeing it up".to_owned(),
            regions: vec![RegionEvidence {
                region: region(0),
                standing: Standing::Failing,
                confirmed: true,
                because: String::new(),
                agents: vec![agent],
            }],
            heartbeat: None,
        }),
    };
    Incident {
        id: incident_id(n),
        scope: Scope::Global,
        severity: Severity::Critical,
        status: IncidentStatus::Resolved,
        subject: Subject::Monitor(MonitorFacts {
            id: monitor_id(n),
            name: format!("monitor {n}"),
            kind: "http".to_owned(),
            target: "https://shop.example.com/health?key=…".to_owned(),
            labels: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
        }),
        named: vec![region(0), region(1)],
        reason: reason(),
        started_at: DAY_START,
        decided_at: DAY_START + Duration::from_secs(n),
        ended_at: Some(DAY_START + Duration::from_secs(n + 60)),
        resolved_at: Some(DAY_START + Duration::from_secs(n + 61)),
        resolution: Some(Resolution::Recovered),
        acknowledged_by: Some("ops".to_owned()),
        transitions: vec![transition],
        told: vec![Told {
            channel: channel_id(1),
            events: vec!["opened".to_owned()],
            opened: true,
        }],
    }
}

pub(super) fn durable(n: u64, open: Option<Incident>) -> Durable {
    Durable {
        generation: n,
        incident: open,
        last_ended_at: Some(DAY_START),
        muted_until_not_down: n == 2,
        muted_regions: vec![region(1)],
    }
}

/// A heartbeat with everything that a record may carry; every other one has a period.
pub(super) fn heartbeat(n: u64) -> Heartbeat {
    let is_period = n.is_multiple_of(2);
    let draft = HeartbeatDraft {
        name: Some(format!("heartbeat {n}")),
        every: is_period.then(|| Duration::from_secs(90 + n)),
        cron: (!is_period).then(|| "17 2 * * 1-5".to_owned()),
        tz: (!is_period).then(|| "Europe/Berlin".to_owned()),
        grace: Some(Duration::from_secs(n)),
        max_run: is_period.then(|| Duration::from_mins(20)),
        alarm_before_first_ping: Some(is_period),
        post_only: Some(!is_period),
        severity: Some("warning".to_owned()),
        labels: Some(BTreeMap::from([("team".to_owned(), format!("t{n}"))])),
        notify: Some(vec![channel_id(n).to_string()]),
    };
    let token = |digest, until| PingToken {
        digest: [digest; 32],
        sealed: vec![1, 2, digest],
        until,
    };
    Heartbeat {
        id: monitor_id(n),
        spec: draft.check(&Known::default()).unwrap(),
        paused: is_period,
        created_at: DAY_START,
        updated_at: DAY_START + Duration::from_millis(n),
        version: n + 1,
        tokens: vec![token(3, None), token(4, Some(DAY_START))],
    }
}

pub(super) fn heartbeat_durable(n: u64, open: Option<Incident>) -> heartbeat::Durable {
    let spell = Spell {
        from: DAY_START,
        to: DAY_START + Duration::from_mins(n),
        stepped: Duration::ZERO,
    };
    heartbeat::Durable {
        generation: n,
        incident: open,
        last_ended_at: Some(DAY_START),
        seq: n,
        n: 1000 + n,
        pings: 5000 + n,
        last_ping: Some(LastPing {
            at: DAY_START,
            signal: Signal::Exit(3),
        }),
        last_success: Some(DAY_START + Duration::from_secs(1)),
        since: Some(DAY_START + Duration::from_secs(2)),
        anchor: Some(DAY_START + Duration::from_secs(3)),
        moved: Duration::from_millis(4567),
        spell: Some(spell),
        unobserved: Some(Unobserved {
            due: DAY_START + Duration::from_secs(4),
            spell,
        }),
        runs: vec![
            OpenRun {
                rid: Some("run-1".into()),
                n: 998,
                unheard: true,
                told: true,
                started: DAY_START,
                spared: Duration::from_millis(31_000),
                overrun: true,
            },
            OpenRun {
                rid: None,
                n: 1000,
                unheard: false,
                told: false,
                started: DAY_START + Duration::from_secs(5),
                spared: Duration::ZERO,
                overrun: false,
            },
        ],
        last_run: Some(Duration::from_millis(1234)),
        never_finished: 9,
        given_up: vec![990, 995],
        last_verdict: Some(DAY_START),
        version: 4,
        muted: true,
        bodies: vec![KeptBody {
            seq: n,
            n: 1000 + n,
            size: 10_000,
        }],
    }
}

/// A heartbeat's ping with everything that it may carry: number `seq` of all, `n` of its own.
pub(super) fn ping(heartbeat: u64, seq: u64, n: u64) -> Ping {
    let signals = [Signal::Success, Signal::Start, Signal::Exit(7), Signal::Log];
    let methods = [Method::Get, Method::Head, Method::Post, Method::Put];
    let turn = usize::try_from(seq % 4).unwrap();
    Ping {
        heartbeat: monitor_id(heartbeat),
        seq,
        n,
        total: n + 3,
        at: DAY_START + Duration::from_millis(seq),
        signal: signals[turn],
        rid: (turn > 0).then(|| format!("run-{n}").into()),
        method: methods[turn],
        from: match turn {
            0 => None,
            1 => Some("192.0.2.7".parse().unwrap()),
            _ => Some("2001:db8::7".parse().unwrap()),
        },
        agent: "curl/8.5.0".into(),
        count: 1 + u32::try_from(turn).unwrap(),
        shared: turn == 0,
        body_kept: 4,
        body_size: 123_456,
    }
}

/// A ping, with its number as its body.
pub(super) fn stored_ping(heartbeat: u64, seq: u64, n: u64) -> StoredPing {
    let body = Some(seq.to_string().into());
    StoredPing {
        ping: ping(heartbeat, seq, n),
        body,
    }
}

pub(super) fn ping_key() -> PingKeyRecord {
    PingKeyRecord {
        digest: [6; 32],
        sealed: vec![6, 7, 8],
    }
}

pub(super) fn row(n: u64) -> Row {
    Row {
        id: n,
        key: format!("key-{n}"),
        subject: RowSubject::Incident(incident_id(n)),
        seq: 2,
        channel: channel_id(n),
        purpose: match n % 3 {
            0 => Purpose::Notice,
            1 => Purpose::Fallback(channel_id(n + 1)),
            _ => Purpose::Step,
        },
        event: "incident.opened".to_owned(),
        body: "{}".to_owned(),
        region_names: BTreeMap::from([(region(0), "EU-West".to_owned())]),
        created_at: DAY_START,
        attempts: 3,
        next_at: DAY_START + Duration::from_secs(5),
        state: RowState::Sent(DAY_START),
        fallback: Some(channel_id(n + 2)),
        fell_back: true,
        first_failed_at: Some(DAY_START),
        last_error: "connection refused".to_owned(),
    }
}

pub(super) fn channel(n: u64) -> Channel {
    Channel {
        id: channel_id(n),
        name: name("channel", n),
        kind: ChannelKind::Webhook {
            shown: "https://hooks.example.com/…".to_owned(),
            url: Sealed(vec![1, 2, 3]),
            secret: Sealed(vec![4, 5]),
        },
        fallback: Some(channel_id(n + 1)),
        disabled: Some("410 Gone".to_owned()),
        created_at: DAY_START,
        version: 4,
    }
}

pub(super) fn route(n: u64) -> Route {
    Route {
        id: RouteId::from_bytes(bytes(n)),
        name: name("route", n),
        severity: vec![Severity::Critical, Severity::Info],
        labels: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
        monitors: vec![name("monitor", n)],
        events: vec!["opened".to_owned()],
        scopes: vec![Scope::Regional],
        to: vec![channel_id(1), channel_id(2)],
        then: vec![Step {
            after: Duration::from_secs(300),
            to: vec![channel_id(3)],
        }],
        created_at: DAY_START,
        version: 2,
    }
}

pub(super) fn region_record(n: u64) -> RegionRecord {
    RegionRecord {
        region: region(n),
        display_name: Some("EU West".to_owned()),
        created_at: DAY_START,
    }
}

pub(super) fn agent(n: u64) -> AgentRecord {
    AgentRecord {
        id: agent_id(n),
        name: name("agent", n),
        region: region(n),
        token: TokenId::from_bytes(bytes(n)),
        first_seen: DAY_START,
        last_seen: DAY_START + Duration::from_secs(1),
        build: "0.1.0".to_owned(),
        revision: 17,
        lost_at: n.is_multiple_of(2).then_some(DAY_START),
        revoked_at: Some(DAY_START),
    }
}

pub(super) fn agent_token(n: u64) -> AgentTokenRecord {
    AgentTokenRecord {
        id: TokenId::from_bytes(bytes(n)),
        digest: [9; 32],
        region: region(n),
        label: "first".to_owned(),
        created_at: DAY_START,
        expires_at: Some(DAY_START),
        revoked_at: None,
    }
}

pub(super) fn api_token(n: u64) -> ApiTokenRecord {
    ApiTokenRecord {
        id: TokenId::from_bytes(bytes(n)),
        digest: [8; 32],
        role: Role::Editor,
        project: "default".to_owned(),
        label: "ci".to_owned(),
        created_at: DAY_START,
        expires_at: None,
        revoked_at: Some(DAY_START),
    }
}

/// A plain Up of a monitor in a slot.
pub(super) fn up(monitor: u64, agent: u64, started: Time) -> RegionResult {
    RegionResult {
        region: region(agent),
        result: CheckResult {
            monitor: monitor_id(monitor),
            agent: agent_id(agent),
            run: Run::Slot(started),
            meaning: Meaning(monitor),
            started,
            took: Duration::from_micros(1234),
            lateness: Duration::from_micros(10),
            outcome: Outcome::Up,
            phases: Phases {
                connect: Some(Duration::from_micros(200)),
                first_byte: Some(Duration::from_micros(900)),
                ..Phases::default()
            },
            observation: None,
        },
    }
}

/// A failure with all that a result may carry.
pub(super) fn down(monitor: u64, agent: u64, started: Time) -> RegionResult {
    let mut failed = up(monitor, agent, started);
    failed.result.run = Run::Asked {
        nonce: monitor,
        n: 1,
    };
    failed.result.outcome = Outcome::Down(reason());
    failed.result.observation = Some(Box::new(Observation {
        status_code: Some(503),
        address: "192.0.2.1:443".to_owned(),
        body_excerpt: "degraded".to_owned(),
        assertions: vec!["status 2xx: failed, was 503".to_owned()],
        redirects: vec!["https://example.com/".to_owned()],
        certificate_not_after: Some(DAY_START),
        hint: "use --json".to_owned(),
    }));
    failed
}

pub(super) fn audit(n: u64) -> AuditEntry {
    AuditEntry {
        place: PendingId {
            commit: CommitNo(n),
            place: 0,
        },
        at: DAY_START + Duration::from_secs(n),
        actor: "ops".to_owned(),
        action: "monitor.create".to_owned(),
        object: format!("monitor {}", monitor_id(n)),
        name: format!("monitor {n}"),
        detail: "every 30s".to_owned(),
    }
}

pub(super) fn delivery(n: u64, channel: u64) -> DeliveryRecord {
    DeliveryRecord {
        row: n,
        key: format!("key-{n}"),
        channel: channel_id(channel),
        incident: Some(incident_id(n)),
        event: "incident.opened".to_owned(),
        attempt: 1,
        at: DAY_START + Duration::from_secs(n),
        took: Duration::from_micros(4567),
        result: DeliveryResult::Failed,
        detail: "500 Internal Server Error".to_owned(),
        subject: "DOWN: api.example.com/health".to_owned(),
        message: Some(KeptMessage {
            seq: 1,
            copy_of: Some(channel_id(n + 1)),
            body: "{}".to_owned(),
            region_names: BTreeMap::from([(region(1), "Here".to_owned())]),
        }),
    }
}

pub(super) fn span(monitor: u64, from: u64, until: Option<u64>) -> AssignmentSpan {
    let at = |secs| DAY_START + Duration::from_secs(secs);
    AssignmentSpan {
        monitor: monitor_id(monitor),
        agent: agent_id(1),
        region: region(1),
        interval: Duration::from_secs(30),
        from: at(from),
        until: until.map(at),
    }
}
