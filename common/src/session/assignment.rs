//! What an agent is told to check, and how two ends see whether they mean the same.
//!
//! # What this module does not do
//! It does not choose who checks what: that is [`crate::fleet::assignment`].

use crate::id::{Epoch, MonitorId};
use crate::identity::AssignmentDigest;
use crate::schedule::Assignment;

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

/// A monitor in an assignment, as far as this build can read it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Assigned {
    /// It can be checked.
    Known(Assignment),
    /// It cannot: rejected, yet counted in the digest, or the two ends would never agree.
    Unreadable {
        /// What the coordinator counted into the digest.
        spec_hash: u64,
        /// Which monitor, and why.
        reject: Reject,
    },
}

impl Assigned {
    /// The monitor.
    #[must_use]
    pub const fn monitor(&self) -> MonitorId {
        match self {
            Self::Known(assignment) => assignment.monitor,
            Self::Unreadable { reject, .. } => reject.monitor,
        }
    }

    /// What the digest counts.
    #[must_use]
    pub const fn spec_hash(&self) -> u64 {
        match self {
            Self::Known(assignment) => assignment.spec_hash,
            Self::Unreadable { spec_hash, .. } => *spec_hash,
        }
    }
}

impl From<Assignment> for Assigned {
    fn from(assignment: Assignment) -> Self {
        Self::Known(assignment)
    }
}

/// The digest of a set of monitors.
#[must_use]
pub fn digest<'a>(monitors: impl IntoIterator<Item = &'a Assigned>) -> AssignmentDigest {
    let mut digest = AssignmentDigest::EMPTY;
    for item in monitors {
        digest.add(item.monitor(), item.spec_hash());
    }
    digest
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
