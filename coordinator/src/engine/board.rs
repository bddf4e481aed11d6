//! Boards: how each monitor and each heartbeat stands, in brief, as last committed. Owners put it
//! here when it changes; lists read it instead of asking owners for ten thousand views.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use vigilmon_common::id::MonitorId;
use vigilmon_common::{decide, heartbeat};

/// The board of monitors.
pub type SharedBoard = Board<decide::Brief>;

/// The board of heartbeats: statuses as last committed, the times of pings at most a second old.
pub type HeartbeatBoard = Board<heartbeat::Brief>;

/// See the module.
#[derive(Debug)]
pub struct Board<B>(Arc<RwLock<HashMap<MonitorId, B>>>);

impl<B> Clone for Board<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> Default for Board<B> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<B> Board<B> {
    /// To look things up.
    pub fn read(&self) -> RwLockReadGuard<'_, HashMap<MonitorId, B>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, briefs: impl IntoIterator<Item = (MonitorId, B)>) {
        let mut briefs = briefs.into_iter().peekable();
        // Most groups of results change nothing: they need not wait for readers.
        if briefs.peek().is_some() {
            self.write().extend(briefs);
        }
    }

    pub(crate) fn remove(&self, id: MonitorId) {
        self.write().remove(&id);
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<MonitorId, B>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
