//! The state in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use vigilmon_common::id::Epoch;

use crate::store::record::state::{Writes, first_write};
use crate::store::{
    Change, CommitNo, Entry, Health, HistoryRecord, PendingId, PendingRecord, Plain, State,
    StateStore, StoreError,
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

    async fn export(&self) -> Result<Vec<Entry>, StoreError> {
        self.health.check()?;
        let state = self.inner().state.clone();
        let (epoch, commit) = (state.epoch, state.commit);
        let writes = Writes::of(puts(state), &Plain).numbered(commit);
        let all = std::iter::once(first_write(epoch)).chain(writes);
        Ok(all.filter_map(|(key, value)| Some((key, value?))).collect())
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

/// What makes an empty state this one.
fn puts(state: State) -> Vec<Change> {
    let mut puts = vec![
        Change::SetApplied(state.applied),
        Change::SetRevision(state.revision),
        Change::SetPinged(state.pinged),
    ];
    puts.extend(state.alive.map(Change::SetAlive));
    puts.extend(state.ping_key.map(Change::PutPingKey));
    let monitors = state.monitors.into_values();
    puts.extend(monitors.map(|m| Change::PutMonitor(Box::new(m))));
    let durables = state.durables.into_iter();
    puts.extend(durables.map(|(id, d)| Change::PutDurable(id, Box::new(d))));
    let heartbeats = state.heartbeats.into_values();
    puts.extend(heartbeats.map(|h| Change::PutHeartbeat(Box::new(h))));
    let durables = state.heartbeat_durables.into_iter();
    puts.extend(durables.map(|(id, d)| Change::PutHeartbeatDurable(id, Box::new(d))));
    let incidents = state.incidents.into_values();
    puts.extend(incidents.map(|i| Change::PutIncident(Box::new(i))));
    puts.extend(
        state
            .rows
            .into_values()
            .map(|r| Change::PutRow(Box::new(r))),
    );
    let channels = state.channels.into_values();
    puts.extend(channels.map(|c| Change::PutChannel(Box::new(c))));
    let routes = state.routes.into_values();
    puts.extend(routes.map(|r| Change::PutRoute(Box::new(r))));
    puts.extend(state.regions.into_values().map(Change::PutRegion));
    puts.extend(state.agents.into_values().map(Change::PutAgent));
    puts.extend(state.agent_tokens.into_values().map(Change::PutAgentToken));
    puts.extend(state.api_tokens.into_values().map(Change::PutApiToken));
    let generations = state.generations.into_iter();
    puts.extend(generations.map(|(cause, n)| Change::PutGeneration(cause, n)));
    puts
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
            Change::PutHeartbeat(heartbeat) => {
                state.heartbeats.insert(heartbeat.id, *heartbeat);
            }
            Change::RemoveHeartbeat(id) => {
                state.heartbeats.remove(&id);
                state.heartbeat_durables.remove(&id);
            }
            Change::PutHeartbeatDurable(id, durable) => {
                state.heartbeat_durables.insert(id, *durable);
            }
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
            Change::SetPinged(seq) => state.pinged = seq,
            Change::SetAlive(at) => state.alive = Some(at),
            Change::PutPingKey(key) => state.ping_key = Some(key),
            Change::SetEpoch(epoch) => state.epoch = epoch,
            Change::Record(record) => drop(self.pending.insert(place, record)),
            Change::Settled(id) => drop(self.pending.remove(&id)),
        }
    }
}
