//! Stores: what lasts. Small state that changes seldom, and history that only grows.
//!
//! # Two stores
//! [`StateStore`] keeps what the coordinator *is* (monitors, tokens, open incidents, unsent
//! messages): small, read whole at start, changed by atomic commits. [`HistoryStore`] keeps what
//! *happened* (results, audit, deliveries): large, append-only, dropped by the day. Nothing that
//! grows with the number of results goes into the state.
//!
//! # The promise
//! What a call acknowledged is on the disk: each returns after a real `fsync`. After a crash a
//! store reopens as a prefix of its commits that includes every acknowledged one. The first
//! storage error sticks: later calls fail with it and [`Health`] says so; a storage error is
//! never a verdict.
//!
//! # How records reach the history
//! Audit entries, deliveries and assignment spans are written with the change that they are
//! about, as [`Change::Record`]: one commit, so neither exists without the other. [`Stores::settle`]
//! then moves them over; the history takes the same record twice without harm.
//!
//! # What this module does not do
//! It decides nothing and reads no clock. Which commit comes when is the engine's order.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Mutex;
use vigilmon_common::heartbeat::Ping;
use vigilmon_common::id::{ChannelId, MonitorId};
use vigilmon_common::incident::Incident;
use vigilmon_common::time::Time;

pub mod backup;
mod change;
mod data_dir;
mod disk_history;
mod error;
mod fjall_tables;
mod history;
pub mod memory;
mod open;
mod owner;
mod record;
mod sled_state;

pub use change::{
    AgentRecord, AgentTokenRecord, ApiTokenRecord, Change, CommitNo, PingKeyRecord, RegionRecord,
    Role, RowId, State,
};
pub use data_dir::{DataDir, DataDirError};
pub use disk_history::DiskHistory;
pub use error::{Health, StoreError};
pub use history::{
    AssignmentSpan, AuditEntry, Chunk, DeliveryPlace, DeliveryRecord, DeliveryResult, EventRecord,
    HistoryNo, HistoryRecord, KeptMessage, PendingId, PendingRecord, RegionResult, ResultQuery,
    SEAL_AGE, StoredPing,
};
pub use open::{OpenError, Opened, open};
pub use record::{Plain, Seal, SealError};
pub use sled_state::SledState;

/// A key of the state and its value, as engines keep them.
pub type Entry = (Vec<u8>, Vec<u8>);

/// What the coordinator is: small, atomic, read whole at start.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Everything that is stored.
    ///
    /// # Errors
    /// The store failed, or holds a record that this version cannot read.
    async fn load(&self) -> Result<State, StoreError>;

    /// Everything that is stored as of one commit, as keys and values, save records on their way
    /// to the history.
    ///
    /// # Errors
    /// The store failed.
    async fn export(&self) -> Result<Vec<Entry>, StoreError>;

    /// Makes all changes or none, in order; durable when it returns.
    ///
    /// # Errors
    /// The store failed, now or before. Whether the changes were made is unknown until a restart.
    async fn commit(&self, changes: Vec<Change>) -> Result<CommitNo, StoreError>;

    /// Records that wait for their move to the history, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The store failed, or holds a record that this version cannot read.
    async fn pending(&self, limit: usize) -> Result<Vec<PendingRecord>, StoreError>;

    /// Bytes on disk.
    ///
    /// # Errors
    /// The store failed.
    async fn size(&self) -> Result<u64, StoreError>;

    /// Whether it has failed.
    fn health(&self) -> &Health;

    /// Writes out everything and ends the store's threads; later calls fail.
    ///
    /// # Errors
    /// The store failed.
    async fn close(&self) -> Result<(), StoreError>;
}

/// What happened: large, append-only, with retention.
#[async_trait]
pub trait HistoryStore: Send + Sync {
    /// Stores a group of results; durable when it returns. Storing one twice is harmless.
    ///
    /// # Errors
    /// The store failed, now or before.
    async fn append(&self, results: &[RegionResult]) -> Result<HistoryNo, StoreError>;

    /// Stores a group of results that came by a Backfill; durable when it returns. The group is
    /// marked so that no start takes its results for live ones.
    ///
    /// # Errors
    /// The store failed, now or before.
    async fn append_back_filled(&self, results: &[RegionResult]) -> Result<HistoryNo, StoreError>;

    /// Stores records; durable when it returns. Storing one twice is harmless.
    ///
    /// # Errors
    /// The store failed, now or before.
    async fn record(&self, records: Vec<HistoryRecord>) -> Result<(), StoreError>;

    /// The number of the newest group of results; 0 before the first.
    fn last(&self) -> HistoryNo;

    /// Groups of results above `after` in their order, at most `limit` of them: what must be
    /// applied again at start. Those that [`Self::seal`] took are no longer here.
    ///
    /// # Errors
    /// The store failed.
    async fn replay(&self, after: HistoryNo, limit: usize) -> Result<Vec<Chunk>, StoreError>;

    /// A monitor's results, newest first, each natural key once.
    ///
    /// # Errors
    /// The store failed.
    async fn results(&self, query: &ResultQuery) -> Result<Vec<RegionResult>, StoreError>;

    /// Incidents that left the state, of one monitor or of all, decided before `before`, newest
    /// first.
    ///
    /// # Errors
    /// The store failed.
    async fn incidents(
        &self,
        monitor: Option<MonitorId>,
        before: Time,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError>;

    /// Audit entries before a place (time and place), newest first.
    ///
    /// # Errors
    /// The store failed.
    async fn audit(
        &self,
        before: (Time, PendingId),
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// Deliveries of a channel that come before `before`, newest first.
    ///
    /// # Errors
    /// The store failed.
    async fn deliveries(
        &self,
        channel: ChannelId,
        before: DeliveryPlace,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// A monitor's assignment spans that touch `from..to`, oldest first.
    ///
    /// # Errors
    /// The store failed.
    async fn spans(
        &self,
        monitor: MonitorId,
        from: Time,
        to: Time,
    ) -> Result<Vec<AssignmentSpan>, StoreError>;

    /// Events behind a cursor, oldest first.
    ///
    /// # Errors
    /// The store failed.
    async fn events(&self, after: PendingId, limit: usize) -> Result<Vec<EventRecord>, StoreError>;

    /// Up to which cursor events were dropped.
    ///
    /// # Errors
    /// The store failed.
    async fn events_dropped(&self) -> Result<PendingId, StoreError>;

    /// Stores a group of pings, in the order of their numbers, which all are above
    /// [`Self::last_ping`]; drops the bodies of the pings named. Durable when it returns: in the
    /// log, to be applied again at a start, and among the last pings of their heartbeats.
    ///
    /// # Errors
    /// The store failed, now or before.
    async fn append_pings(
        &self,
        pings: Vec<StoredPing>,
        drop_bodies: Vec<u64>,
    ) -> Result<(), StoreError>;

    /// The number of the newest ping that was stored; 0 before the first.
    fn last_ping(&self) -> u64;

    /// Pings of the log above `after` in their order, at most `limit` of them: what must be
    /// applied again at start. Those of heartbeats that were removed may be among them.
    ///
    /// # Errors
    /// The store failed.
    async fn replay_pings(&self, after: u64, limit: usize) -> Result<Vec<Ping>, StoreError>;

    /// A heartbeat's last pings, newest first: at most `limit`, and no more than are kept.
    ///
    /// # Errors
    /// The store failed.
    async fn pings(&self, heartbeat: MonitorId, limit: usize) -> Result<Vec<Ping>, StoreError>;

    /// What is kept of the body of the ping with this number.
    ///
    /// # Errors
    /// The store failed.
    async fn ping_body(&self, seq: u64) -> Result<Option<Bytes>, StoreError>;

    /// Drops groups of the log that hold nothing above `up_to`, save the newest one, which keeps
    /// the numbers growing. A heartbeat's last pings stay.
    ///
    /// # Errors
    /// The store failed.
    async fn forget_pings(&self, up_to: u64) -> Result<(), StoreError>;

    /// Drops a heartbeat's last pings, and the bodies of the pings named. The log is left as it is.
    ///
    /// # Errors
    /// The store failed.
    async fn remove_pings(&self, heartbeat: MonitorId, bodies: Vec<u64>) -> Result<(), StoreError>;

    /// Sorts groups of results by monitor, so that reading one does not scan all. Takes those up
    /// to `applied` that are older than [`SEAL_AGE`]; returns how many results
    /// it took. To be called about once a minute.
    ///
    /// # Errors
    /// The store failed.
    async fn seal(&self, applied: HistoryNo, now: Time) -> Result<usize, StoreError>;

    /// Drops the results of all days that ended before `time`, and the events of before it.
    ///
    /// # Errors
    /// The store failed.
    async fn drop_before(&self, time: Time) -> Result<(), StoreError>;

    /// Bytes on disk.
    ///
    /// # Errors
    /// The store failed.
    async fn size(&self) -> Result<u64, StoreError>;

    /// Whether it has failed.
    fn health(&self) -> &Health;

    /// Writes out everything and ends the store's threads; later calls fail.
    ///
    /// # Errors
    /// The store failed.
    async fn close(&self) -> Result<(), StoreError>;
}

/// Most records that one step of [`Stores::settle`] moves.
const SETTLE_MAX: usize = 256;

/// Both stores of a coordinator.
#[derive(Clone)]
pub struct Stores {
    /// What it is.
    pub state: Arc<dyn StateStore>,
    /// What happened.
    pub history: Arc<dyn HistoryStore>,
    /// One move at a time: an earlier one must not put back what a later one has changed.
    settling: Arc<Mutex<()>>,
}

impl Stores {
    /// Both.
    #[must_use]
    pub fn new(state: Arc<dyn StateStore>, history: Arc<dyn HistoryStore>) -> Self {
        Self {
            state,
            history,
            settling: Arc::default(),
        }
    }

    /// Moves records that were committed with changes over to the history; returns how many.
    ///
    /// # Errors
    /// A store failed. What was not moved stays and is moved by the next call.
    pub async fn settle(&self) -> Result<usize, StoreError> {
        let _one = self.settling.lock().await;
        let mut moved = 0;
        loop {
            let pending = self.state.pending(SETTLE_MAX).await?;
            if pending.is_empty() {
                return Ok(moved);
            }
            moved += pending.len();
            let (ids, records): (Vec<_>, Vec<_>) = pending
                .into_iter()
                .map(|p| (p.id, p.record.placed(p.id)))
                .unzip();
            self.history.record(records).await?;
            let settled = ids.into_iter().map(Change::Settled).collect();
            self.state.commit(settled).await?;
        }
    }

    /// Audit entries before a place (time and place), newest first: those of the history, and those
    /// that are on their way there.
    ///
    /// # Errors
    /// A store failed.
    pub async fn audit(
        &self,
        before: (Time, PendingId),
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        // First those on their way: what moves meanwhile is met twice rather than never.
        let pending = self.state.pending(usize::MAX).await?;
        let entry = |p: PendingRecord| match p.record.placed(p.id) {
            HistoryRecord::Audit(entry) => Some(entry),
            _ => None,
        };
        let young = pending.into_iter().filter_map(entry);
        let mut all: Vec<_> = young.collect();
        // One more: of an entry without a commit the key is a little smaller than its place says.
        all.extend(self.history.audit(before, limit + 1).await?);
        all.retain(|e| (e.at, e.place) < before);
        all.sort_by_key(|e| std::cmp::Reverse((e.at, e.place)));
        all.dedup_by_key(|e| (e.at, e.place));
        all.truncate(limit);
        Ok(all)
    }

    /// Events behind a cursor, oldest first: those of the history, and those that are on their way
    /// there. None is missing between two of them.
    ///
    /// # Errors
    /// A store failed.
    pub async fn events(
        &self,
        after: PendingId,
        limit: usize,
    ) -> Result<Vec<EventRecord>, StoreError> {
        // First those on their way: what moves meanwhile is met twice rather than never.
        let pending = self.state.pending(usize::MAX).await?;
        let mut all = self.history.events(after, limit).await?;
        let event = |p: PendingRecord| match p.record.placed(p.id) {
            HistoryRecord::Event(event) => Some(event),
            _ => None,
        };
        let young = pending.into_iter().filter_map(event);
        all.extend(young.filter(|event| event.cursor > after));
        all.sort_by_key(|event| event.cursor);
        all.dedup_by_key(|event| event.cursor);
        all.truncate(limit);
        Ok(all)
    }

    /// The first error of either store, if there was one.
    #[must_use]
    pub fn failure(&self) -> Option<StoreError> {
        self.state
            .health()
            .failure()
            .or_else(|| self.history.health().failure())
    }

    /// Closes both, the state last.
    ///
    /// # Errors
    /// A store failed.
    pub async fn close(&self) -> Result<(), StoreError> {
        let history = self.history.close().await;
        self.state.close().await.and(history)
    }
}

#[cfg(test)]
mod tests;
