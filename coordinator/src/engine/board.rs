//! The board: how each monitor stands, in brief, as last committed. Owners put it here when it
//! changes; lists read it instead of asking owners for ten thousand views.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use vigilmon_common::decide::Brief;
use vigilmon_common::id::MonitorId;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct SharedBoard(Arc<RwLock<HashMap<MonitorId, Brief>>>);

impl SharedBoard {
    /// To look things up.
    pub fn read(&self) -> RwLockReadGuard<'_, HashMap<MonitorId, Brief>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, briefs: impl IntoIterator<Item = (MonitorId, Brief)>) {
        let mut briefs = briefs.into_iter().peekable();
        // Most groups of results change nothing: they need not wait for readers.
        if briefs.peek().is_some() {
            self.write().extend(briefs);
        }
    }

    pub(crate) fn remove(&self, monitor: MonitorId) {
        self.write().remove(&monitor);
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<MonitorId, Brief>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
