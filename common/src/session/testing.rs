//! What the tests of both ends build their worlds from.

use std::sync::Arc;
use std::time::Duration;

use super::agent::{Limits, Settings};
use super::assignment::{Assigned, Delta, Position, Reject, RejectWhy, Snapshot, digest};
use super::messages::{Batch, CoordinatorMessage, Sync, Welcome};
use crate::id::{AgentId, BootId, Epoch, MonitorId, SessionId};
use crate::identity::Place;
use crate::monitor::{HttpSpec, Kind, Meaning};
use crate::name::{Name, Region};
use crate::outcome::{Outcome, Reason, ReasonCode};
use crate::result::{CheckResult, Phases, Run};
use crate::schedule::{Assignment, CheckSpec};
use crate::time::Time;

pub(super) const INTERVAL: Duration = Duration::from_secs(30);

pub(super) fn at(secs: i64) -> Time {
    Time::from_secs(1_000_000 + secs)
}

pub(super) fn epoch(n: u8) -> Epoch {
    Epoch::from_bytes([n; 16])
}

pub(super) fn boot(n: u8) -> BootId {
    BootId::from_bytes([n; 16])
}

pub(super) fn monitor(n: u8) -> MonitorId {
    MonitorId::from_bytes([n; 16])
}

pub(super) fn agent() -> AgentId {
    AgentId::from_bytes([77; 16])
}

pub(super) fn session(n: u8) -> SessionId {
    SessionId::from_bytes([n; 16])
}

pub(super) fn settings() -> Settings {
    Settings {
        name: Name::parse("probe-1").unwrap(),
        boot: boot(1),
        build: "0.1.0".to_owned(),
        capabilities: vec!["http".to_owned()],
        region: Region::parse("us-east").unwrap(),
        limits: Limits::DEFAULT,
    }
}

/// Monitor `n` in its `version`: another meaning and another hash each.
pub(super) fn assigned(n: u8, version: u64) -> Assigned {
    let url = url::Url::parse("https://api.example.org/health").unwrap();
    Assigned::Known(Assignment {
        monitor: monitor(n),
        meaning: Meaning(version),
        spec_hash: version,
        interval: INTERVAL,
        place: Place::ALONE,
        check: Arc::new(CheckSpec {
            kind: Kind::Http(Box::new(HttpSpec::to(url))),
            timeout: Duration::from_secs(10),
        }),
    })
}

pub(super) fn unreadable(n: u8) -> Assigned {
    Assigned::Unreadable {
        spec_hash: 9,
        reject: Reject {
            monitor: monitor(n),
            why: RejectWhy::Unsupported,
            text: "kind 42 is not known".to_owned(),
        },
    }
}

pub(super) fn position(revision: u64, monitors: &[Assigned]) -> Position {
    Position {
        scope: 0,
        epoch: epoch(1),
        revision,
        digest: digest(monitors),
    }
}

pub(super) fn snapshot(revision: u64, monitors: &[Assigned]) -> Snapshot {
    Snapshot {
        position: position(revision, monitors),
        monitors: monitors.to_vec(),
    }
}

/// The messages that carry a snapshot.
pub(super) fn transfer(of: &Snapshot) -> Vec<CoordinatorMessage> {
    vec![
        CoordinatorMessage::SnapshotBegin {
            position: of.position,
            monitors: u32::try_from(of.monitors.len()).unwrap(),
        },
        CoordinatorMessage::SnapshotPart(of.monitors.clone()),
        CoordinatorMessage::SnapshotEnd,
    ]
}

/// From revision `prev`, with `upserts`, to what `after` is.
pub(super) fn delta(prev: u64, upserts: &[Assigned], removes: &[u8], after: &[Assigned]) -> Delta {
    Delta {
        position: position(prev + 1, after),
        prev_revision: prev,
        upserts: upserts.to_vec(),
        removes: removes.iter().map(|&n| monitor(n)).collect(),
    }
}

pub(super) fn welcome(sync: Sync, credits: u32) -> Welcome {
    Welcome {
        session: session(1),
        agent: agent(),
        protocol: 1,
        credits,
        pulse: Duration::from_secs(5),
        epoch: epoch(1),
        sync,
        scope: 0,
        assignment_ttl: Duration::from_secs(24 * 3600),
        clock: at(0),
    }
}

pub(super) fn down() -> Outcome {
    Outcome::Down(Reason::new(
        ReasonCode::HttpStatus,
        "503 Service Unavailable",
    ))
}

/// A planned run of monitor `n` at `started`.
pub(super) fn result(n: u8, outcome: Outcome, started: Time) -> CheckResult {
    CheckResult {
        monitor: monitor(n),
        agent: AgentId::from_bytes([0; 16]),
        run: Run::Slot(started),
        meaning: Meaning(1),
        started,
        took: Duration::from_millis(80),
        lateness: Duration::ZERO,
        outcome,
        phases: Phases::default(),
        observation: None,
    }
}

pub(super) fn batch(first_seq: u64, sent: Time, results: Vec<CheckResult>) -> Batch {
    Batch {
        first_seq,
        sent,
        results,
        unreadable: Vec::new(),
    }
}
