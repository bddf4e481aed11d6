//! Deadlines: which heartbeat's is first, of any number of them.
//!
//! One ordered structure: setting a deadline costs a few comparisons, asking for the first one
//! next to nothing, and what is not due costs nothing at all.

use std::collections::{BTreeSet, HashMap};

use crate::id::MonitorId;
use crate::time::Time;

/// The next deadline of each heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    ordered: BTreeSet<(Time, MonitorId)>,
    of: HashMap<MonitorId, Time>,
}

impl Deadlines {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a heartbeat's deadline in place of its former one; `None`: it has none.
    pub fn set(&mut self, heartbeat: MonitorId, at: Option<Time>) {
        let former = match at {
            Some(at) => self.of.insert(heartbeat, at),
            None => self.of.remove(&heartbeat),
        };
        if former == at {
            return;
        }
        if let Some(former) = former {
            self.ordered.remove(&(former, heartbeat));
        }
        if let Some(at) = at {
            self.ordered.insert((at, heartbeat));
        }
    }

    /// The first deadline that is over at `now`: a ping in the very millisecond of its deadline is
    /// in time. It stays until another one is set.
    #[must_use]
    pub fn due(&self, now: Time) -> Option<(Time, MonitorId)> {
        self.ordered.first().copied().filter(|(at, _)| *at < now)
    }

    /// The first deadline.
    #[must_use]
    pub fn first(&self) -> Option<Time> {
        self.ordered.first().map(|(at, _)| *at)
    }

    /// How many heartbeats have one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether none has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}
