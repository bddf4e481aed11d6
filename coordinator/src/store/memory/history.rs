//! The history in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use vigilmon_common::heartbeat::Ping;
use vigilmon_common::id::{AgentId, ChannelId, IncidentId, MonitorId};
use vigilmon_common::incident::{Incident, Subject};
use vigilmon_common::result::Run;
use vigilmon_common::time::Time;

use super::pings::Pings;
use crate::store::history::day_of;
use crate::store::{
    AssignmentSpan, AuditEntry, Chunk, DeliveryPlace, DeliveryRecord, EventRecord, Health,
    HistoryNo, HistoryRecord, HistoryStore, PendingId, RegionResult, ResultQuery, SEAL_AGE,
    StoreError, StoredPing,
};

/// The history in memory.
#[derive(Default)]
pub struct MemoryHistory {
    inner: Mutex<Inner>,
    health: Health,
}

/// A result's place among its monitor's: by start, then by the rest of its natural key.
type ResultKey = (MonitorId, Time, AgentId, Run);

#[derive(Default)]
struct Inner {
    last: u64,
    chunks: BTreeMap<HistoryNo, Chunk>,
    results: BTreeMap<ResultKey, RegionResult>,
    incidents: BTreeMap<(Time, IncidentId), Incident>,
    audit: BTreeMap<(Time, PendingId), AuditEntry>,
    deliveries: BTreeMap<(ChannelId, DeliveryPlace), DeliveryRecord>,
    spans: BTreeMap<(MonitorId, Time, AgentId), AssignmentSpan>,
    events: BTreeMap<PendingId, EventRecord>,
    events_dropped: Option<PendingId>,
    pings: Pings,
}

impl MemoryHistory {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_chunk(
        &self,
        results: &[RegionResult],
        back_filled: bool,
    ) -> Result<HistoryNo, StoreError> {
        self.health.check()?;
        let mut inner = self.inner();
        if results.is_empty() {
            return Ok(HistoryNo(inner.last));
        }
        inner.last += 1;
        let no = HistoryNo(inner.last);
        let chunk = Chunk {
            no,
            back_filled,
            results: results.to_vec(),
        };
        inner.chunks.insert(no, chunk);
        Ok(no)
    }
}

#[async_trait]
impl HistoryStore for MemoryHistory {
    async fn append(&self, results: &[RegionResult]) -> Result<HistoryNo, StoreError> {
        self.append_chunk(results, false)
    }

    async fn append_back_filled(&self, results: &[RegionResult]) -> Result<HistoryNo, StoreError> {
        self.append_chunk(results, true)
    }

    async fn record(&self, records: Vec<HistoryRecord>) -> Result<(), StoreError> {
        self.health.check()?;
        let mut inner = self.inner();
        records.into_iter().for_each(|r| inner.record(r));
        Ok(())
    }

    fn last(&self) -> HistoryNo {
        HistoryNo(self.inner().last)
    }

    async fn replay(&self, after: HistoryNo, limit: usize) -> Result<Vec<Chunk>, StoreError> {
        self.health.check()?;
        let inner = self.inner();
        let chunks = inner.chunks.range(HistoryNo(after.0 + 1)..);
        Ok(chunks.take(limit).map(|(_, c)| c.clone()).collect())
    }

    async fn results(&self, query: &ResultQuery) -> Result<Vec<RegionResult>, StoreError> {
        self.health.check()?;
        let inner = self.inner();
        let sealed = inner.results.values();
        let unsealed = inner.chunks.values().flat_map(|c| &c.results);
        let found = sealed.chain(unsealed).filter(|r| query.takes(r));
        Ok(query.select(found.cloned().collect()))
    }

    async fn incidents(
        &self,
        monitor: Option<MonitorId>,
        before: Time,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError> {
        self.health.check()?;
        let is_wanted = |i: &&Incident| match (&i.subject, monitor) {
            (_, None) => true,
            (Subject::Monitor(facts), Some(id)) => facts.id == id,
            (Subject::System(_), Some(_)) => false,
        };
        let inner = self.inner();
        let earlier = inner.incidents.values().rev();
        let earlier = earlier.filter(|i| i.decided_at < before);
        Ok(earlier.filter(is_wanted).take(limit).cloned().collect())
    }

    async fn audit(
        &self,
        before: (Time, PendingId),
        limit: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.health.check()?;
        let inner = self.inner();
        let earlier = inner.audit.range(..before).rev();
        Ok(earlier.take(limit).map(|(_, e)| e.clone()).collect())
    }

    async fn deliveries(
        &self,
        channel: ChannelId,
        before: DeliveryPlace,
        limit: usize,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.health.check()?;
        let inner = self.inner();
        let first = DeliveryPlace {
            at: Time::from_millis(i64::MIN),
            ..DeliveryPlace::END
        };
        let range = (channel, first)..(channel, before);
        let earlier = inner.deliveries.range(range).rev();
        Ok(earlier.take(limit).map(|(_, d)| d.clone()).collect())
    }

    async fn spans(
        &self,
        monitor: MonitorId,
        from: Time,
        to: Time,
    ) -> Result<Vec<AssignmentSpan>, StoreError> {
        self.health.check()?;
        let inner = self.inner();
        let spans = inner.spans.values();
        let touches = |s: &&AssignmentSpan| s.monitor == monitor && s.touches(from, to);
        Ok(spans.filter(touches).cloned().collect())
    }

    async fn events(&self, after: PendingId, limit: usize) -> Result<Vec<EventRecord>, StoreError> {
        self.health.check()?;
        let inner = self.inner();
        let later = inner
            .events
            .range((Bound::Excluded(after), Bound::Unbounded));
        Ok(later.take(limit).map(|(_, e)| e.clone()).collect())
    }

    async fn events_dropped(&self) -> Result<PendingId, StoreError> {
        Ok(self.inner().events_dropped.unwrap_or(PendingId::START))
    }

    async fn append_pings(
        &self,
        pings: Vec<StoredPing>,
        drop_bodies: Vec<u64>,
    ) -> Result<(), StoreError> {
        self.health.check()?;
        self.inner().pings.append(pings, &drop_bodies);
        Ok(())
    }

    fn last_ping(&self) -> u64 {
        self.inner().pings.last()
    }

    async fn replay_pings(&self, after: u64, limit: usize) -> Result<Vec<Ping>, StoreError> {
        self.health.check()?;
        Ok(self.inner().pings.replay(after, limit))
    }

    async fn pings(&self, heartbeat: MonitorId, limit: usize) -> Result<Vec<Ping>, StoreError> {
        self.health.check()?;
        Ok(self.inner().pings.of(heartbeat, limit))
    }

    async fn ping_body(&self, seq: u64) -> Result<Option<Bytes>, StoreError> {
        self.health.check()?;
        Ok(self.inner().pings.body(seq))
    }

    async fn forget_pings(&self, up_to: u64) -> Result<(), StoreError> {
        self.health.check()?;
        self.inner().pings.forget(up_to);
        Ok(())
    }

    async fn remove_pings(&self, heartbeat: MonitorId, bodies: Vec<u64>) -> Result<(), StoreError> {
        self.health.check()?;
        self.inner().pings.remove(heartbeat, &bodies);
        Ok(())
    }

    async fn seal(&self, applied: HistoryNo, now: Time) -> Result<usize, StoreError> {
        self.health.check()?;
        let mut inner = self.inner();
        let mut taken = 0;
        while let Some(chunk) = inner.chunks.first_entry() {
            let newest = chunk.get().results.iter().map(|r| r.result.started).max();
            let is_young = newest.is_some_and(|at| at + SEAL_AGE > now);
            if *chunk.key() > applied || is_young {
                break;
            }
            for result in chunk.remove().results {
                taken += 1;
                let r = &result.result;
                let key = (r.monitor, r.started, r.agent, r.run);
                inner.results.entry(key).or_insert(result);
            }
        }
        Ok(taken)
    }

    async fn drop_before(&self, time: Time) -> Result<(), StoreError> {
        self.health.check()?;
        let first_day = day_of(time);
        let mut inner = self.inner();
        inner
            .results
            .retain(|(_, started, _, _), _| day_of(*started) >= first_day);
        while let Some(oldest) = inner.events.first_entry() {
            if oldest.get().at >= time {
                break;
            }
            let cursor = oldest.remove().cursor;
            inner.events_dropped = Some(cursor);
        }
        Ok(())
    }

    async fn size(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn health(&self) -> &Health {
        &self.health
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.health.fail(StoreError::Closed { store: "history" });
        Ok(())
    }
}

impl Inner {
    fn record(&mut self, record: HistoryRecord) {
        match record {
            HistoryRecord::Audit(e) => drop(self.audit.insert((e.at, e.place), e)),
            HistoryRecord::Delivery(d) => {
                self.deliveries.insert((d.channel, d.place()), d);
            }
            HistoryRecord::Event(e) => drop(self.events.insert(e.cursor, e)),
            HistoryRecord::Span(s) => drop(self.spans.insert((s.monitor, s.from, s.agent), s)),
            HistoryRecord::Incident(i) => drop(self.incidents.insert((i.decided_at, i.id), *i)),
        }
    }
}
