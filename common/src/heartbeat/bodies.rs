//! Bodies: which kept bodies go when all together take too much room.
//!
//! Each heartbeat drops what is older than its last pings ([`super::HeartbeatState`]); here are
//! those of all heartbeats, oldest first, so that many of them cannot fill the disk.

use std::collections::BTreeMap;

use super::BODIES_TOTAL_MAX;
use crate::id::MonitorId;

/// All kept bodies, by the numbers of their pings.
#[derive(Clone, Debug)]
pub struct Bodies {
    kept: BTreeMap<u64, (MonitorId, u32)>,
    total: u64,
    max: u64,
    dropped: u64,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new()
    }
}

impl Bodies {
    /// None yet; at most [`BODIES_TOTAL_MAX`] bytes.
    #[must_use]
    pub const fn new() -> Self {
        Self::at_most(BODIES_TOTAL_MAX)
    }

    /// None yet; at most so many bytes.
    #[must_use]
    pub const fn at_most(max: u64) -> Self {
        Self {
            kept: BTreeMap::new(),
            total: 0,
            max,
            dropped: 0,
        }
    }

    /// Takes over what a heartbeat kept before the start.
    pub fn load(&mut self, heartbeat: MonitorId, bodies: &[super::KeptBody]) {
        for body in bodies {
            self.insert(body.seq, heartbeat, body.size);
        }
    }

    /// Notes a body that is about to be kept; returns whose bodies go for it, the oldest first.
    pub fn keep(&mut self, seq: u64, heartbeat: MonitorId, size: u32) -> Vec<(MonitorId, u64)> {
        self.insert(seq, heartbeat, size);
        let mut gone = Vec::new();
        while self.total > self.max {
            let Some((oldest, (of, size))) = self.kept.pop_first() else {
                break;
            };
            self.total = self.total.saturating_sub(size.into());
            self.dropped += 1;
            gone.push((of, oldest));
        }
        gone
    }

    /// Notes that a body is gone.
    pub fn forget(&mut self, seq: u64) {
        if let Some((_, size)) = self.kept.remove(&seq) {
            self.total = self.total.saturating_sub(size.into());
        }
    }

    /// The oldest one: whose it is, and its ping's number.
    #[must_use]
    pub fn oldest(&self) -> Option<(MonitorId, u64)> {
        let (seq, (of, _)) = self.kept.first_key_value()?;
        Some((*of, *seq))
    }

    /// All together, in bytes.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// How many went for want of room since the start.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn insert(&mut self, seq: u64, heartbeat: MonitorId, size: u32) {
        self.forget(seq);
        self.kept.insert(seq, (heartbeat, size));
        self.total += u64::from(size);
    }
}
