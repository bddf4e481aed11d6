//! What an agent is told of a monitor: enough to check it, and nothing that it need not know.
//!
//! Names, labels, severity, quorum and routes stay at the coordinator, so an edit of those sends
//! an agent nothing and moves no phase.

use std::sync::Arc;
use std::time::Duration;

use crate::id::MonitorId;
use crate::identity::{self, Place};
use crate::monitor::{Kind, Meaning, MonitorSpec};
use crate::name::Region;

/// What one check does, and for how long at most. Shared between an assignment, the runs under
/// way and the agents of all regions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckSpec {
    /// What is done.
    pub kind: Kind,
    /// The bound of the whole check, redirects included.
    pub timeout: Duration,
}

/// One monitor as one agent has to check it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Assignment {
    /// The monitor.
    pub monitor: MonitorId,
    /// The hash of what it means; results carry it.
    pub meaning: Meaning,
    /// The hash of this assignment as the coordinator counted it into the digest. An agent takes
    /// it as it came: a newer coordinator may hash what this agent does not know.
    pub spec_hash: u64,
    /// The time between two slots.
    pub interval: Duration,
    /// Where the agent stands among those that check this monitor.
    pub place: Place,
    /// What is done.
    pub check: Arc<CheckSpec>,
}

impl Assignment {
    /// The assignment of a monitor to replica `replica` of `replicas` in `region`; `None` when the
    /// monitor is not assigned to that region, or there is no such replica.
    #[must_use]
    pub fn of(
        monitor: MonitorId,
        meaning: Meaning,
        spec: &MonitorSpec,
        region: &Region,
        replica: u16,
        replicas: u16,
    ) -> Option<Self> {
        let rank = spec.regions.binary_search(region).ok()?;
        let rank = u16::try_from(rank).ok()?;
        let regions = u16::try_from(spec.regions.len()).ok()?;
        let place = Place::new(rank, regions, replica, replicas).ok()?;
        Some(Self {
            monitor,
            meaning,
            spec_hash: identity::spec_hash(meaning, spec.interval, spec.timeout, place),
            interval: spec.interval,
            place,
            check: Arc::new(CheckSpec {
                kind: spec.kind.clone(),
                timeout: spec.timeout,
            }),
        })
    }
}
