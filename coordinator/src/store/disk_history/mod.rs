//! The history on disk.
//!
//! # How results lie
//! A group of results is one value in the log, under its number: that is all that an append
//! writes. Later [`seal`] sorts groups by monitor, hour and agent into blocks in the table of the
//! day on which the results started, and takes the groups out of the log. A read looks through
//! the log first and then through the monitor's blocks; what it meets twice (sent twice, or
//! sealed in between) counts once. A late result is a block beside the others of its hour.
//!
//! # How pings lie
//! See [`pings`]: in a log until all heartbeats are stored as of them, and the last ones of each
//! heartbeat in a ring of its own.
//!
//! # Who writes
//! One owner thread appends results and pings, in groups with one `fsync` each. Sealing and reading run beside it:
//! a batch is atomic and takes away only what it puts elsewhere.

mod events;
mod key;
mod pings;
mod read;
mod seal;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use vigilmon_common::heartbeat::Ping;
use vigilmon_common::id::{ChannelId, Epoch, MonitorId};
use vigilmon_common::incident::{Incident, Subject};
use vigilmon_common::time::Time;
use vigilmon_runtime::fault;

use super::error::Cause;
use super::fjall_tables::{Put, Table, Tables};
use super::history::day_of;
use super::owner::{Engine, Failure, Owner, Reply, caught};
use super::record::{self, results};
use super::{
    AssignmentSpan, AuditEntry, Chunk, CommitNo, DeliveryPlace, DeliveryRecord, EventRecord,
    Health, HistoryNo, HistoryRecord, HistoryStore, PendingId, RegionResult, ResultQuery,
    StoreError, StoredPing,
};

/// The number up to which groups were sealed.
const SEALED: &[u8] = b"sealed";
/// The newest commit of the state that was known when something was appended.
const WITNESS: &[u8] = b"witness";

/// The history on disk.
pub struct DiskHistory {
    owner: Owner<Writer>,
    /// Taken when the store is closed.
    tables: Mutex<Option<Arc<Tables>>>,
    /// One sealing at a time.
    sealing: Arc<Mutex<()>>,
    last: Arc<AtomicU64>,
    last_ping: Arc<AtomicU64>,
    syncs: Arc<AtomicU64>,
}

enum Request {
    /// A group of results; its bytes are taken when they are written.
    Append(Vec<u8>, Reply<HistoryNo>),
    Record(Vec<Put>, Reply<()>),
    /// Pings, and the numbers of their group.
    Pings(Vec<Put>, Option<pings::Span>, Reply<()>),
    ForgetPings(u64, Reply<()>),
}

/// The tables in the hands of the owner thread.
struct Writer {
    tables: Arc<Tables>,
    last: Arc<AtomicU64>,
    groups: pings::Groups,
    last_ping: Arc<AtomicU64>,
    syncs: Arc<AtomicU64>,
    witness: Witness,
}

/// What the history remembers of the state, so that a state that lost commits is noticed.
pub(super) struct Witness {
    /// The state's life.
    pub(super) epoch: Epoch,
    /// Its newest commit.
    pub(super) committed: Arc<AtomicU64>,
    /// The one that was written last.
    pub(super) written: u64,
}

impl DiskHistory {
    /// Makes an empty history.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn create(folder: &Path) -> Result<(), Cause> {
        Tables::open(folder)?.write(Vec::new(), true)
    }

    /// Opens a history that was made before.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn open(folder: &Path, witness: Witness) -> Result<Self, Cause> {
        let tables = Arc::new(caught(|| Tables::open(folder))?);
        let newest = caught(|| newest(&tables))?;
        let last = Arc::new(AtomicU64::new(newest.0));
        let groups = caught(|| pings::Groups::load(&tables))?;
        let last_ping = Arc::new(AtomicU64::new(groups.last()));
        let syncs = Arc::<AtomicU64>::default();
        let writer = Writer {
            tables: Arc::clone(&tables),
            last: Arc::clone(&last),
            groups,
            last_ping: Arc::clone(&last_ping),
            syncs: Arc::clone(&syncs),
            witness,
        };
        let failure = Failure::of("history", folder);
        let owner = Owner::start("history-store", writer, failure)?;
        Ok(Self {
            owner,
            tables: Mutex::new(Some(tables)),
            sealing: Arc::default(),
            last,
            last_ping,
            syncs,
        })
    }

    /// The newest commit of a state of this life that the history knows of.
    ///
    /// # Errors
    /// What is wrong with the history.
    pub(super) fn witnessed(&self, epoch: Epoch) -> Result<CommitNo, Cause> {
        let tables = self.tables().map_err(Cause::new)?;
        let value = caught(|| tables.get(Table::Meta, WITNESS))?.unwrap_or_default();
        let commit = value.strip_prefix(epoch.as_bytes());
        let commit = commit.and_then(|no| Some(u64::from_be_bytes(no.try_into().ok()?)));
        Ok(CommitNo(commit.unwrap_or(0)))
    }

    /// How often something was made last.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Acquire)
    }

    fn tables(&self) -> Result<Arc<Tables>, StoreError> {
        self.health().check()?;
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables
            .clone()
            .ok_or(StoreError::Closed { store: "history" })
    }

    async fn append_chunk(
        &self,
        results: &[RegionResult],
        encode: impl FnOnce(&[RegionResult]) -> Vec<u8> + Send,
    ) -> Result<HistoryNo, StoreError> {
        if results.is_empty() {
            self.health().check()?;
            return Ok(self.last());
        }
        let chunk = encode(results);
        self.owner.ask(|reply| Request::Append(chunk, reply)).await
    }

    /// Runs something on the tables, off the threads of the runtime.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tables) -> Result<T, Cause> + Send + 'static,
    ) -> Result<T, StoreError> {
        let tables = self.tables()?;
        let done = tokio::task::spawn_blocking(move || caught(|| work(&tables))).await;
        let done = done.unwrap_or_else(|e| Err(Cause::new(e)));
        done.map_err(|cause| self.owner.failure().note(cause))
    }
}

/// The number of the newest group, in the log or sealed.
fn newest(tables: &Tables) -> Result<HistoryNo, Cause> {
    let logged = tables.last_key(Table::Log)?;
    let logged = logged
        .and_then(|key| key::chunk_no(&key))
        .unwrap_or_default();
    Ok(logged.max(seal::sealed(tables)?))
}

#[async_trait]
impl HistoryStore for DiskHistory {
    async fn append(&self, results: &[RegionResult]) -> Result<HistoryNo, StoreError> {
        self.append_chunk(results, |results| results::encode(results.iter()))
            .await
    }

    async fn append_back_filled(&self, results: &[RegionResult]) -> Result<HistoryNo, StoreError> {
        self.append_chunk(results, |results| {
            results::encode_back_filled(results.iter())
        })
        .await
    }

    async fn record(&self, records: Vec<HistoryRecord>) -> Result<(), StoreError> {
        let puts = records.iter().flat_map(puts_of).collect();
        self.owner.ask(|reply| Request::Record(puts, reply)).await
    }

    fn last(&self) -> HistoryNo {
        HistoryNo(self.last.load(Ordering::Acquire))
    }

    async fn replay(&self, after: HistoryNo, limit: usize) -> Result<Vec<Chunk>, StoreError> {
        self.run(move |tables| read::replay(tables, after, limit))
            .await
    }

    async fn results(&self, query: &ResultQuery) -> Result<Vec<RegionResult>, StoreError> {
        let query = query.clone();
        self.run(move |tables| read::results(tables, &query)).await
    }

    async fn incidents(
        &self,
        monitor: Option<MonitorId>,
        before: Time,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError> {
        self.run(move |tables| read::incidents(tables, monitor, before, limit))
            .await
    }

    async fn audit(
        &self,
        before: (Time, PendingId),
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.run(move |tables| read::audit(tables, before, limit))
            .await
    }

    async fn deliveries(
        &self,
        channel: ChannelId,
        before: DeliveryPlace,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.run(move |tables| read::deliveries(tables, channel, before, limit))
            .await
    }

    async fn spans(
        &self,
        monitor: MonitorId,
        from: Time,
        to: Time,
    ) -> Result<Vec<AssignmentSpan>, StoreError> {
        self.run(move |tables| read::spans(tables, monitor, from, to))
            .await
    }

    async fn events(&self, after: PendingId, limit: usize) -> Result<Vec<EventRecord>, StoreError> {
        self.run(move |tables| events::after(tables, after, limit))
            .await
    }

    async fn events_dropped(&self) -> Result<PendingId, StoreError> {
        self.run(events::dropped).await
    }

    async fn append_pings(
        &self,
        pings: Vec<StoredPing>,
        drop_bodies: Vec<u64>,
    ) -> Result<(), StoreError> {
        let (puts, group) = pings::appended(&pings, drop_bodies);
        self.owner
            .ask(|reply| Request::Pings(puts, group, reply))
            .await
    }

    fn last_ping(&self) -> u64 {
        self.last_ping.load(Ordering::Acquire)
    }

    async fn replay_pings(&self, after: u64, limit: usize) -> Result<Vec<Ping>, StoreError> {
        self.run(move |tables| pings::replay(tables, after, limit))
            .await
    }

    async fn pings(&self, heartbeat: MonitorId, limit: usize) -> Result<Vec<Ping>, StoreError> {
        self.run(move |tables| pings::of(tables, heartbeat, limit))
            .await
    }

    async fn ping_body(&self, seq: u64) -> Result<Option<Bytes>, StoreError> {
        self.run(move |tables| pings::body(tables, seq)).await
    }

    async fn forget_pings(&self, up_to: u64) -> Result<(), StoreError> {
        self.owner
            .ask(|reply| Request::ForgetPings(up_to, reply))
            .await
    }

    async fn remove_pings(&self, heartbeat: MonitorId, bodies: Vec<u64>) -> Result<(), StoreError> {
        let puts = self.run(move |tables| pings::removed(tables, heartbeat, bodies));
        let puts = puts.await?;
        self.owner.ask(|reply| Request::Record(puts, reply)).await
    }

    async fn seal(&self, applied: HistoryNo, now: Time) -> Result<usize, StoreError> {
        let sealing = Arc::clone(&self.sealing);
        self.run(move |tables| {
            let _one = sealing.lock().unwrap_or_else(PoisonError::into_inner);
            seal::seal(tables, applied, now)
        })
        .await
    }

    async fn drop_before(&self, time: Time) -> Result<(), StoreError> {
        let sealing = Arc::clone(&self.sealing);
        self.run(move |tables| {
            let _one = sealing.lock().unwrap_or_else(PoisonError::into_inner);
            let mut past = tables.days().into_iter().filter(|day| *day < day_of(time));
            past.try_for_each(|day| tables.drop_day(day))?;
            events::drop_before(tables, time)
        })
        .await
    }

    async fn size(&self) -> Result<u64, StoreError> {
        self.run(Tables::size).await
    }

    fn health(&self) -> &Health {
        self.owner.failure().health()
    }

    async fn close(&self) -> Result<(), StoreError> {
        let closed = self.owner.close().await;
        let tables = self
            .tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Dropping the last handle writes out and waits for background work.
        let _ = tokio::task::spawn_blocking(move || drop(tables)).await;
        closed
    }
}

/// Where a record goes.
fn puts_of(history_record: &HistoryRecord) -> Vec<Put> {
    match history_record {
        HistoryRecord::Audit(e) => {
            vec![(
                Table::Audit,
                key::audit(e.at, e.place),
                Some(record::encode(e)),
            )]
        }
        HistoryRecord::Delivery(d) => {
            let key = key::delivery(d.channel, d.place());
            vec![(Table::Deliveries, key, Some(record::encode(d)))]
        }
        HistoryRecord::Span(s) => {
            let key = key::span(s.monitor, s.from, s.agent);
            vec![(Table::Spans, key, Some(record::encode(s)))]
        }
        HistoryRecord::Event(e) => {
            vec![(Table::Events, key::event(e.cursor), Some(record::encode(e)))]
        }
        HistoryRecord::Incident(i) => {
            let key = key::incident(i.decided_at, i.id);
            let mut puts = vec![(Table::Incidents, key, Some(record::encode(&**i)))];
            if let Subject::Monitor(facts) = &i.subject {
                let of_monitor = key::incident_of(facts.id, i.decided_at, i.id);
                puts.push((Table::IncidentsOf, of_monitor, Some(Vec::new())));
            }
            puts
        }
    }
}

impl Engine for Writer {
    type Request = Request;

    fn serve(&mut self, group: &mut [Request]) -> Result<(), Cause> {
        let mut puts = Vec::with_capacity(group.len() + 1);
        let mut last = self.last.load(Ordering::Acquire);
        for request in group.iter_mut() {
            match request {
                Request::Append(chunk, _) => {
                    last += 1;
                    let chunk = std::mem::take(chunk);
                    puts.push((Table::Log, key::chunk(HistoryNo(last)), Some(chunk)));
                }
                Request::Record(own, _) => puts.append(own),
                Request::Pings(own, group, _) => {
                    puts.append(own);
                    group.iter().for_each(|group| self.groups.push(*group));
                }
                Request::ForgetPings(up_to, _) => puts.append(&mut self.groups.forget(*up_to)),
            }
        }
        let committed = self.witness.committed.load(Ordering::Acquire);
        if committed > self.witness.written {
            let mut value = self.witness.epoch.as_bytes().to_vec();
            value.extend(committed.to_be_bytes());
            puts.push((Table::Meta, WITNESS.to_vec(), Some(value)));
            self.witness.written = committed;
        }
        fault::point("history-before-commit");
        self.tables.write(puts, true)?;
        self.syncs.fetch_add(1, Ordering::AcqRel);
        fault::point("history-after-commit");
        self.last_ping.store(self.groups.last(), Ordering::Release);
        let mut no = self.last.swap(last, Ordering::AcqRel);
        for request in group {
            match request {
                Request::Append(_, reply) => {
                    no += 1;
                    reply.answer(Ok(HistoryNo(no)));
                }
                Request::Record(_, reply)
                | Request::Pings(_, _, reply)
                | Request::ForgetPings(_, reply) => reply.answer(Ok(())),
            }
        }
        Ok(())
    }

    fn refuse(request: &mut Request, error: StoreError) {
        match request {
            Request::Append(_, reply) => reply.answer(Err(error)),
            Request::Record(_, reply)
            | Request::Pings(_, _, reply)
            | Request::ForgetPings(_, reply) => reply.answer(Err(error)),
        }
    }

    fn close(&mut self) -> Result<(), Cause> {
        self.tables.write(Vec::new(), true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_appends_costs_one_sync() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer {
            tables: Arc::new(Tables::open(folder.path()).unwrap()),
            last: Arc::default(),
            groups: pings::Groups::default(),
            last_ping: Arc::default(),
            syncs: Arc::default(),
            witness: Witness {
                epoch: Epoch::from_bytes([1; 16]),
                committed: Arc::new(AtomicU64::new(5)),
                written: 0,
            },
        };
        for expected in 1..=3 {
            let append = |_| Request::Append(vec![1, 2, 3], Reply::unheard());
            let mut group: Vec<_> = (0..100).map(append).collect();
            writer.serve(&mut group).unwrap();
            assert_eq!(writer.syncs.load(Ordering::Acquire), expected);
            assert_eq!(writer.last.load(Ordering::Acquire), expected * 100);
        }
    }
}
