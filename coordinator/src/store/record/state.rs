//! The state as keys and values of one ordered tree.
//!
//! A key is shard, project, table, id: all big-endian, so that a shard, or a project in it, is a
//! range. What belongs to no monitor is in the shard of the fleet. Engines write what
//! [`Writes::of`] makes and give back what they hold to [`read`].

use std::time::Duration;

use vigilmon_common::id::{Epoch, IncidentId, MonitorId};
use vigilmon_common::identity::{self, MONITOR_SHARDS};

use super::{
    Invalid, Seal, Stored, decode, encode, frame, heartbeat, id, monitor, pb, raw, time, unframe,
};
use crate::store::change::incident_gone;
use crate::store::{
    Change, CommitNo, Entry, HistoryNo, HistoryRecord, PendingId, PingKeyRecord, State, StoreError,
};

/// The shard of everything that belongs to no monitor.
const FLEET_SHARD: u8 = MONITOR_SHARDS;

/// The number of the one project that this version serves: `default`.
const DEFAULT_PROJECT: u32 = 1;

/// What a key's third part says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
enum Table {
    Mark = 1,
    Monitor = 2,
    Durable = 3,
    Incident = 4,
    Row = 5,
    Channel = 6,
    Route = 7,
    Region = 8,
    Agent = 9,
    AgentToken = 10,
    ApiToken = 11,
    Generation = 12,
    Pending = 13,
    Heartbeat = 14,
    HeartbeatDurable = 15,
}

impl Table {
    const ALL: [Self; 15] = [
        Self::Mark,
        Self::Monitor,
        Self::Durable,
        Self::Incident,
        Self::Row,
        Self::Channel,
        Self::Route,
        Self::Region,
        Self::Agent,
        Self::AgentToken,
        Self::ApiToken,
        Self::Generation,
        Self::Pending,
        Self::Heartbeat,
        Self::HeartbeatDurable,
    ];
}

const EPOCH: &[u8] = b"epoch";
const COMMIT: &[u8] = b"commit";
const APPLIED: &[u8] = b"applied";
const PINGED: &[u8] = b"pinged";
const ALIVE: &[u8] = b"alive";
const PING_KEY: &[u8] = b"ping-key";
const REVISION: &[u8] = b"revision";

fn key(shard: u8, table: Table, id: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(6 + id.len());
    key.push(shard);
    key.extend(DEFAULT_PROJECT.to_be_bytes());
    key.push(table as u8);
    key.extend(id);
    key
}

fn fleet(table: Table, id: &[u8]) -> Vec<u8> {
    key(FLEET_SHARD, table, id)
}

fn of_monitor(table: Table, monitor: MonitorId) -> Vec<u8> {
    key(identity::shard(monitor), table, monitor.as_bytes())
}

fn number(value: u64) -> Vec<u8> {
    frame(&pb::Number { value })
}

/// One write of a commit: a key, and its value or that it goes away.
pub(in crate::store) type Write = (Vec<u8>, Option<Vec<u8>>);

/// What a commit writes, save what depends on its number.
pub(in crate::store) struct Writes {
    writes: Vec<Write>,
    /// Records for the history, with their places among the changes.
    pending: Vec<(u32, Vec<u8>)>,
}

impl Writes {
    /// What these changes write.
    pub(in crate::store) fn of(changes: Vec<Change>, seal: &dyn Seal) -> Self {
        let mut all = Self {
            writes: Vec::with_capacity(changes.len() + 1),
            pending: Vec::new(),
        };
        for (place, change) in (0..).zip(changes) {
            all.add(place, change, seal);
        }
        all
    }

    /// The writes of the commit with this number, in order.
    pub(in crate::store) fn numbered(self, commit: CommitNo) -> Vec<Write> {
        let mut writes = self.writes;
        for (place, record) in self.pending {
            let id = PendingId { commit, place };
            writes.push((pending_key(id), Some(record)));
        }
        writes.push((fleet(Table::Mark, COMMIT), Some(number(commit.0))));
        writes
    }

    fn put<T: Stored>(&mut self, key: Vec<u8>, record: &T) {
        self.writes.push((key, Some(encode(record))));
    }

    fn remove(&mut self, key: Vec<u8>) {
        self.writes.push((key, None));
    }

    fn mark(&mut self, name: &[u8], value: Vec<u8>) {
        self.writes.push((fleet(Table::Mark, name), Some(value)));
    }

    fn add(&mut self, place: u32, change: Change, seal: &dyn Seal) {
        use Table::{
            Agent, AgentToken, ApiToken, Channel, Durable, Generation, Heartbeat, HeartbeatDurable,
            Monitor, Region, Route, Row,
        };
        match change {
            Change::PutMonitor(m) => {
                let value = monitor::encode(&m, seal);
                self.writes.push((of_monitor(Monitor, m.id), Some(value)));
            }
            Change::RemoveMonitor(id) => {
                self.remove(of_monitor(Monitor, id));
                self.remove(of_monitor(Durable, id));
            }
            Change::PutDurable(id, durable) => {
                let value = frame(&monitor::durable_message(&durable));
                self.writes.push((of_monitor(Durable, id), Some(value)));
            }
            Change::PutHeartbeat(h) => self.put(of_monitor(Heartbeat, h.id), &*h),
            Change::RemoveHeartbeat(id) => {
                self.remove(of_monitor(Heartbeat, id));
                self.remove(of_monitor(HeartbeatDurable, id));
            }
            Change::PutHeartbeatDurable(id, durable) => {
                let value = frame(&heartbeat::durable_message(&durable));
                self.writes
                    .push((of_monitor(HeartbeatDurable, id), Some(value)));
            }
            Change::PutIncident(incident) => self.put(incident_key(incident.id), &*incident),
            Change::RemoveIncident(id) => self.remove(incident_key(id)),
            Change::PutRow(row) => self.put(fleet(Row, &row.id.to_be_bytes()), &*row),
            Change::RemoveRow(id) => self.remove(fleet(Row, &id.to_be_bytes())),
            Change::PutChannel(c) => self.put(fleet(Channel, c.id.as_bytes()), &*c),
            Change::RemoveChannel(id) => self.remove(fleet(Channel, id.as_bytes())),
            Change::PutRoute(r) => self.put(fleet(Route, r.id.as_bytes()), &*r),
            Change::RemoveRoute(id) => self.remove(fleet(Route, id.as_bytes())),
            Change::PutRegion(r) => self.put(fleet(Region, r.region.as_str().as_bytes()), &r),
            Change::RemoveRegion(r) => self.remove(fleet(Region, r.as_str().as_bytes())),
            Change::PutAgent(a) => self.put(fleet(Agent, a.id.as_bytes()), &a),
            Change::RemoveAgent(id) => self.remove(fleet(Agent, id.as_bytes())),
            Change::PutAgentToken(t) => self.put(fleet(AgentToken, t.id.as_bytes()), &t),
            Change::RemoveAgentToken(id) => self.remove(fleet(AgentToken, id.as_bytes())),
            Change::PutApiToken(t) => self.put(fleet(ApiToken, t.id.as_bytes()), &t),
            Change::RemoveApiToken(id) => self.remove(fleet(ApiToken, id.as_bytes())),
            Change::PutGeneration(cause, generation) => {
                // A cause may be long; its digest is not.
                let key = fleet(Generation, &identity::h(cause.as_bytes()).to_be_bytes());
                let value = frame(&pb::Generation { cause, generation });
                self.writes.push((key, Some(value)));
            }
            Change::SetRevision(revision) => self.mark(REVISION, number(revision)),
            Change::SetApplied(applied) => self.mark(APPLIED, number(applied.0)),
            Change::SetPinged(seq) => self.mark(PINGED, number(seq)),
            Change::SetAlive(at) => self.mark(ALIVE, number(at.as_millis().cast_unsigned())),
            Change::PutPingKey(key) => self.mark(PING_KEY, encode(&key)),
            Change::SetEpoch(epoch) => self.mark(EPOCH, epoch_value(epoch)),
            Change::Record(record) => self.pending.push((place, encode(&record))),
            Change::Settled(id) => self.remove(pending_key(id)),
        }
    }
}

/// What makes an empty tree a store: its epoch.
pub(in crate::store) fn first_write(epoch: Epoch) -> Write {
    (fleet(Table::Mark, EPOCH), Some(epoch_value(epoch)))
}

fn epoch_value(epoch: Epoch) -> Vec<u8> {
    frame(&pb::Epoch {
        epoch: raw(epoch.as_bytes()),
    })
}

fn incident_key(id: IncidentId) -> Vec<u8> {
    fleet(Table::Incident, id.as_bytes())
}

fn pending_key(id: PendingId) -> Vec<u8> {
    let mut place = id.commit.0.to_be_bytes().to_vec();
    place.extend(id.place.to_be_bytes());
    fleet(Table::Pending, &place)
}

/// What all keys of pending records begin with.
pub(in crate::store) fn pending_prefix() -> Vec<u8> {
    fleet(Table::Pending, &[])
}

/// Whether a record waits at this key for its move to the history.
pub(in crate::store) fn is_pending(key: &[u8]) -> bool {
    key.starts_with(&pending_prefix())
}

/// How far what a backup says of a heartbeat may lie behind its alive mark: pings since the last
/// checkpoint, which is a minute old or less when the next one begins, are in the history alone.
const HEARTBEATS_BEHIND_MAX: Duration = Duration::from_secs(120);

/// What makes a new tree the same store in a new life: its history is empty, so that results and
/// pings are numbered from 1 again. Pings that went with it are as good as not heard.
pub(in crate::store) fn restored(entries: Vec<Entry>, epoch: Epoch) -> Vec<Write> {
    let mark = |name| (fleet(Table::Mark, name), Some(number(0)));
    let anew = [first_write(epoch), mark(APPLIED), mark(PINGED)];
    let alive = fleet(Table::Mark, ALIVE);
    let kept = entries
        .into_iter()
        .filter(|(key, _)| !is_pending(key) && anew.iter().all(|(new, _)| new != key));
    let kept = kept.map(|(key, value)| match key.get(5) {
        Some(&table) if table == Table::HeartbeatDurable as u8 => {
            let anew = heartbeat::without_pings(&value).unwrap_or(value);
            (key, Some(anew))
        }
        _ if key == alive => {
            let anew = earlier(&value).unwrap_or(value);
            (key, Some(anew))
        }
        _ => (key, Some(value)),
    });
    let mut writes: Vec<Write> = kept.collect();
    writes.extend(anew.clone());
    writes
}

/// An alive mark from before all that a backup may not have of heartbeats.
fn earlier(alive: &[u8]) -> Result<Vec<u8>, StoreError> {
    let at = time(read_number(alive)?.cast_signed()) - HEARTBEATS_BEHIND_MAX;
    Ok(number(at.as_millis().cast_unsigned()))
}

/// The pending record at a key.
pub(in crate::store) fn pending(
    key: &[u8],
    value: &[u8],
) -> Result<(PendingId, HistoryRecord), StoreError> {
    let place = key.get(6..).and_then(|id| id.split_at_checked(8));
    let place = place.and_then(|(commit, place)| {
        Some(PendingId {
            commit: CommitNo(u64::from_be_bytes(commit.try_into().ok()?)),
            place: u32::from_be_bytes(place.try_into().ok()?),
        })
    });
    let place = place.ok_or_else(|| Invalid::new("its key is malformed"));
    let record = place.and_then(|id| Ok((id, decode(value)?)));
    record.map_err(|e| unreadable(HistoryRecord::NAME, &e))
}

/// The commit number that a tree holds.
pub(in crate::store) fn commit_key() -> Vec<u8> {
    fleet(Table::Mark, COMMIT)
}

/// A stored number.
pub(in crate::store) fn read_number(value: &[u8]) -> Result<u64, StoreError> {
    let number = unframe::<pb::Number>(value);
    number
        .map(|n| n.value)
        .map_err(|e| unreadable("number", &e))
}

fn unreadable(record: &'static str, cause: &Invalid) -> StoreError {
    StoreError::Unreadable {
        store: "state",
        record,
        cause: cause.0.clone(),
    }
}

/// The state of a tree's keys and values. `None` when there is no epoch: it never was a store.
pub(in crate::store) fn read<K: AsRef<[u8]>, V: AsRef<[u8]>>(
    entries: impl Iterator<Item = (K, V)>,
    seal: &dyn Seal,
) -> Result<Option<State>, StoreError> {
    let mut state = State::new(Epoch::from_bytes([0; 16]));
    let mut has_epoch = false;
    let mut open = Open::default();
    for (key, value) in entries {
        let (key, value) = (key.as_ref(), value.as_ref());
        let table = Table::ALL
            .into_iter()
            .find(|t| key.get(5) == Some(&(*t as u8)));
        let (Some(table), Some(id)) = (table, key.get(6..)) else {
            return Err(unreadable("record", &Invalid::new("its table is unknown")));
        };
        has_epoch |= table == Table::Mark && id == EPOCH;
        take(&mut state, &mut open, table, id, value, seal)?;
    }
    open.join(&mut state)?;
    Ok(has_epoch.then_some(state))
}

/// Which incidents are open, of monitors and of heartbeats.
#[derive(Default)]
struct Open {
    monitors: Vec<(MonitorId, IncidentId)>,
    heartbeats: Vec<(MonitorId, IncidentId)>,
}

impl Open {
    /// Puts the incidents as they stand into what decides on those that they are about.
    fn join(self, state: &mut State) -> Result<(), StoreError> {
        let incidents = &state.incidents;
        let stored = |monitor, incident| {
            let stored = incidents.get(&incident).cloned();
            stored.ok_or_else(|| incident_gone("state", monitor, incident))
        };
        for (id, incident) in self.monitors {
            if let Some(durable) = state.durables.get_mut(&id) {
                durable.incident = Some(stored(id, incident)?);
            }
        }
        for (id, incident) in self.heartbeats {
            if let Some(durable) = state.heartbeat_durables.get_mut(&id) {
                durable.incident = Some(stored(id, incident)?);
            }
        }
        Ok(())
    }
}

fn take(
    state: &mut State,
    open: &mut Open,
    table: Table,
    key: &[u8],
    value: &[u8],
    seal: &dyn Seal,
) -> Result<(), StoreError> {
    fn read<T: Stored>(value: &[u8]) -> Result<T, StoreError> {
        decode(value).map_err(|e| unreadable(T::NAME, &e))
    }
    macro_rules! put {
        ($map:ident, $id:ident) => {{
            let record = read(value)?;
            insert(&mut state.$map, record, |r| r.$id.clone());
        }};
    }
    match table {
        Table::Mark => mark(state, key, value)?,
        Table::Monitor => {
            let monitor = monitor::decode(value, seal).map_err(|e| unreadable("monitor", &e))?;
            state.monitors.insert(monitor.id, monitor);
        }
        Table::Durable => {
            let (id, durable, incident) =
                monitor::durable(key, value).map_err(|e| unreadable("monitor's decisions", &e))?;
            open.monitors
                .extend(incident.map(|incident| (id, incident)));
            state.durables.insert(id, durable);
        }
        Table::Heartbeat => put!(heartbeats, id),
        Table::HeartbeatDurable => {
            let (id, durable, incident) = heartbeat::durable(key, value)
                .map_err(|e| unreadable("heartbeat's decisions", &e))?;
            open.heartbeats
                .extend(incident.map(|incident| (id, incident)));
            state.heartbeat_durables.insert(id, durable);
        }
        Table::Incident => put!(incidents, id),
        Table::Row => put!(rows, id),
        Table::Channel => put!(channels, id),
        Table::Route => put!(routes, id),
        Table::Region => put!(regions, region),
        Table::Agent => put!(agents, id),
        Table::AgentToken => put!(agent_tokens, id),
        Table::ApiToken => put!(api_tokens, id),
        Table::Generation => {
            let m: pb::Generation = unframe(value).map_err(|e| unreadable("cause", &e))?;
            state.generations.insert(m.cause, m.generation);
        }
        Table::Pending => {}
    }
    Ok(())
}

fn insert<K: Ord, T>(map: &mut std::collections::BTreeMap<K, T>, record: T, key: impl Fn(&T) -> K) {
    map.insert(key(&record), record);
}

fn mark(state: &mut State, name: &[u8], value: &[u8]) -> Result<(), StoreError> {
    match name {
        EPOCH => {
            let epoch = unframe(value).and_then(|m: pb::Epoch| id(&m.epoch, Epoch::from_bytes));
            state.epoch = epoch.map_err(|e| unreadable("epoch", &e))?;
        }
        COMMIT => state.commit = CommitNo(read_number(value)?),
        APPLIED => state.applied = HistoryNo(read_number(value)?),
        PINGED => state.pinged = read_number(value)?,
        ALIVE => state.alive = Some(time(read_number(value)?.cast_signed())),
        PING_KEY => {
            let key = decode(value).map_err(|e| unreadable(PingKeyRecord::NAME, &e))?;
            state.ping_key = Some(key);
        }
        REVISION => state.revision = read_number(value)?,
        _ => return Err(unreadable("mark", &Invalid::new("its name is unknown"))),
    }
    Ok(())
}
