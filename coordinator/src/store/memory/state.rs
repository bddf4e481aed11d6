//! The state in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use vigilmon_common::id::Epoch;

use crate::store::{
    Change, CommitNo, Health, HistoryRecord, PendingId, PendingRecord, State, StateStore,
    StoreError,
};

/// The state in memory.
pub struct MemoryState {
    inner: Mutex<Inner>,
    health: Health,
}

struct Inner {
    state: State,
    pending: BTreeMap<PendingId, HistoryRecord>,
}

impl MemoryState {
    /// An empty one.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self {
            inner: Mutex::new(Inner {
                state: State::new(epoch),
                pending: BTreeMap::new(),
            }),
            health: Health::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl StateStore for MemoryState {
    async fn load(&self) -> Result<State, StoreError> {
        self.health.check()?;
        let mut state = self.inner().state.clone();
        state.rejoin("state")?;
        Ok(state)
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<CommitNo, StoreError> {
        self.health.check()?;
        let mut inner = self.inner();
        let commit = CommitNo(inner.state.commit.0 + 1);
        inner.state.commit = commit;
        for (place, change) in (0..).zip(changes) {
            inner.apply(change, PendingId { commit, place });
        }
        Ok(commit)
    }

    async fn pending(&self, limit: usize) -> Result<Vec<PendingRecord>, StoreError> {
        self.health.check()?;
        let inner = self.inner();
        let records = inner.pending.iter().take(limit);
        let record = |(id, record): (&PendingId, &HistoryRecord)| PendingRecord {
            id: *id,
            record: record.clone(),
        };
        Ok(records.map(record).collect())
    }

    async fn size(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn health(&self) -> &Health {
        &self.health
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.health.fail(StoreError::Closed { store: "state" });
        Ok(())
    }
}

impl Inner {
    fn apply(&mut self, change: Change, place: PendingId) {
        let state = &mut self.state;
        match change {
            Change::PutMonitor(monitor) => drop(state.monitors.insert(monitor.id, *monitor)),
            Change::RemoveMonitor(id) => {
                state.monitors.remove(&id);
                state.durables.remove(&id);
            }
            Change::PutDurable(id, durable) => drop(state.durables.insert(id, *durable)),
            Change::PutIncident(incident) => drop(state.incidents.insert(incident.id, *incident)),
            Change::RemoveIncident(id) => drop(state.incidents.remove(&id)),
            Change::PutRow(row) => drop(state.rows.insert(row.id, *row)),
            Change::RemoveRow(id) => drop(state.rows.remove(&id)),
            Change::PutChannel(channel) => drop(state.channels.insert(channel.id, *channel)),
            Change::RemoveChannel(id) => drop(state.channels.remove(&id)),
            Change::PutRoute(route) => drop(state.routes.insert(route.id, *route)),
            Change::RemoveRoute(id) => drop(state.routes.remove(&id)),
            Change::PutRegion(region) => {
                state.regions.insert(region.region.clone(), region);
            }
            Change::RemoveRegion(region) => drop(state.regions.remove(&region)),
            Change::PutAgent(agent) => drop(state.agents.insert(agent.id, agent)),
            Change::RemoveAgent(id) => drop(state.agents.remove(&id)),
            Change::PutAgentToken(token) => drop(state.agent_tokens.insert(token.id, token)),
            Change::RemoveAgentToken(id) => drop(state.agent_tokens.remove(&id)),
            Change::PutApiToken(token) => drop(state.api_tokens.insert(token.id, token)),
            Change::RemoveApiToken(id) => drop(state.api_tokens.remove(&id)),
            Change::PutGeneration(cause, n) => drop(state.generations.insert(cause, n)),
            Change::SetRevision(revision) => state.revision = revision,
            Change::SetApplied(applied) => state.applied = applied,
            Change::SetEpoch(epoch) => state.epoch = epoch,
            Change::Record(record) => drop(self.pending.insert(place, record)),
            Change::Settled(id) => drop(self.pending.remove(&id)),
        }
    }
}
