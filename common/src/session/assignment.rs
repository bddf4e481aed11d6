//! What an agent is told to check, and how two ends see whether they mean the same.
//!
//! # What this module does not do
//! It does not choose who checks what: that is the fleet's business.

use std::sync::Arc;
use std::time::Duration;

use crate::id::{Epoch, MonitorId};
use crate::identity::{AssignmentDigest, Place, h};
use crate::monitor::{Kind, Meaning, MonitorSpec};

/// Which state of an assignment: two ends that agree on it hold the same monitors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The shards that it speaks for, as bits; 0 for all.
    pub scope: u64,
    /// The store's epoch.
    pub epoch: Epoch,
    /// Grows with every change of the assignment.
    pub revision: u64,
    /// Of all assigned monitors, rejected ones too.
    pub digest: AssignmentDigest,
}

/// All that an agent needs to check a monitor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Probe {
    /// What is done.
    pub kind: Kind,
    /// The time between two slots; zero for a run outside of any.
    pub interval: Duration,
    /// The bound of a whole check.
    pub timeout: Duration,
    /// Where this agent stands among all that check the monitor: makes the phase.
    pub place: Place,
}

/// A monitor as it is assigned to an agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assigned {
    /// The monitor.
    pub monitor: MonitorId,
    /// What its results mean, as the coordinator computed it: both versions must agree.
    pub meaning: Meaning,
    /// Changes whenever anything in `probe` does; part of the digest.
    pub spec_hash: u64,
    /// How to check it; `None` where this build cannot read it: rejected, yet in the digest.
    pub probe: Option<Arc<Probe>>,
}

impl Assigned {
    /// A monitor as the agent at `place` gets it.
    #[must_use]
    pub fn new(monitor: MonitorId, spec: &MonitorSpec, meaning: Meaning, place: Place) -> Self {
        let probe = Probe {
            kind: spec.kind.clone(),
            interval: spec.interval,
            timeout: spec.timeout,
            place,
        };
        Self {
            monitor,
            meaning,
            spec_hash: spec_hash(meaning, &probe),
            probe: Some(Arc::new(probe)),
        }
    }
}

/// The hash of all that an agent is told: the meaning covers kind, target, request, assertions
/// and timeout; the rest is the timing. Names, labels and routes change nothing on an agent.
fn spec_hash(meaning: Meaning, probe: &Probe) -> u64 {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&meaning.0.to_be_bytes());
    let interval = u64::try_from(probe.interval.as_millis()).unwrap_or(u64::MAX);
    bytes[8..16].copy_from_slice(&interval.to_be_bytes());
    let place = [
        probe.place.rank(),
        probe.place.regions(),
        probe.place.replica(),
        probe.place.replicas(),
    ];
    for (at, number) in place.into_iter().enumerate() {
        bytes[16 + 2 * at..18 + 2 * at].copy_from_slice(&number.to_be_bytes());
    }
    h(&bytes)
}

/// A whole assignment, as the fleet hands it to a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Snapshot {
    /// Which state it is.
    pub position: Position,
    /// Its monitors, each once.
    pub monitors: Vec<Assigned>,
}

/// A change of an assignment, from one revision to a later one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Delta {
    /// Which state it makes.
    pub position: Position,
    /// The revision that it fits.
    pub prev_revision: u64,
    /// Monitors that are new or changed.
    pub upserts: Vec<Assigned>,
    /// Monitors that are no longer the agent's.
    pub removes: Vec<MonitorId>,
}

/// A monitor that an agent cannot check.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reject {
    /// The monitor.
    pub monitor: MonitorId,
    /// Why.
    pub why: RejectWhy,
    /// One line for people.
    pub text: String,
}

/// Why an agent cannot check a monitor.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RejectWhy {
    /// It does not know the kind, or an option of it.
    Unsupported,
    /// Its policy denies the target's address.
    AddressDenied,
    /// It has as many monitors as it can take.
    Limit,
    /// The specification is malformed.
    Invalid,
}
