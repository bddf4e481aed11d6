//! Both stores in memory: for tests and the simulator. Nothing outlives the process.
//!
//! It is also the model that the engines on disk are compared with.

mod history;
mod pings;
mod state;

use std::sync::Arc;

use vigilmon_common::id::Epoch;

use super::Stores;

pub use history::MemoryHistory;
pub use state::MemoryState;

/// Both stores, empty.
#[must_use]
pub fn stores(epoch: Epoch) -> Stores {
    let state = Arc::new(MemoryState::new(epoch));
    Stores::new(state, Arc::new(MemoryHistory::default()))
}
