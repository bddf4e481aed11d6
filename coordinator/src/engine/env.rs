//! What the owners share: stores, clocks, the session table, and where things leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::sync::watch;
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::id::{ChannelId, Epoch};
use vigilmon_common::notify::channel::Channel;
use vigilmon_common::notify::plan;
use vigilmon_common::notify::row::Row;
use vigilmon_runtime::clock::SharedClock;

use super::applied::Applied;
use super::board::SharedBoard;
use super::dispatch::Dispatch;
use super::events::Events;
use super::incidents::SharedIncidents;
use crate::metrics::Metrics;
use crate::notify::Waiting;
use crate::store::Stores;

/// Gets outbox rows once they are committed.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// These rows are new, or their channel may be tried again. Must not block.
    fn added(&self, rows: Vec<Row>);

    /// A channel was saved: what it is, or whether it is enabled, may have changed. Must not block.
    fn channel_changed(&self, channel: &Channel);

    /// What waits for a channel, the row that is due first in front; `None` when the notifier does
    /// not answer.
    async fn waiting(&self, channel: ChannelId) -> Option<Vec<Waiting>>;
}

/// Takes rows and tells nobody: for tests of what is not about messages.
#[cfg(test)]
pub(crate) struct Nobody;

#[cfg(test)]
#[async_trait]
impl Notifier for Nobody {
    fn added(&self, _rows: Vec<Row>) {}

    fn channel_changed(&self, _channel: &Channel) {}

    async fn waiting(&self, _channel: ChannelId) -> Option<Vec<Waiting>> {
        Some(Vec::new())
    }
}

/// Numbers outbox rows, growing over restarts.
#[derive(Debug)]
pub(crate) struct RowIds(AtomicU64);

impl RowIds {
    /// Goes on above the newest number that was ever stored.
    pub(crate) fn above(newest: u64) -> Self {
        Self(AtomicU64::new(newest + 1))
    }

    /// The next number.
    pub(crate) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Env {
    pub(crate) stores: Stores,
    pub(crate) clock: SharedClock,
    pub(crate) epoch: Epoch,
    pub(crate) dispatch: Arc<Dispatch>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) applied: Applied,
    pub(crate) rows: Arc<RowIds>,
    pub(crate) notifier: Arc<dyn Notifier>,
    /// Channels and routes as notifications are planned by; replaced whole.
    pub(crate) notify_directory: Arc<ArcSwap<plan::Directory>>,
    /// Incidents as last committed.
    pub(crate) incidents: SharedIncidents,
    /// How each monitor stands, in brief.
    pub(crate) board: SharedBoard,
    /// What the agents may reach, where that is known here.
    pub(crate) probe_addresses: Option<Arc<AddressPolicy>>,
    /// What watchers are told.
    pub(crate) events: Events,
    /// Grows when something changed that a page may show.
    pub(crate) changed: watch::Sender<u64>,
}
