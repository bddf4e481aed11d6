//! The state: what it consists of and how it may change.

use std::collections::BTreeMap;

use vigilmon_common::decide::Durable;
use vigilmon_common::heartbeat::{self, Heartbeat};
use vigilmon_common::id::{AgentId, ChannelId, Epoch, IncidentId, MonitorId, RouteId, TokenId};
use vigilmon_common::incident::Incident;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::notify::channel::{Channel, Route};
use vigilmon_common::notify::row::Row;
use vigilmon_common::time::Time;

use super::error::StoreError;
use super::history::{HistoryNo, HistoryRecord, PendingId};

/// Numbers commits of the state, from 1, over restarts.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CommitNo(pub u64);

/// The id of an outbox row: [`Row::id`].
pub type RowId = u64;

/// One change of the state. Putting replaces what had the same id.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A monitor was saved.
    PutMonitor(Box<Monitor>),
    /// A monitor is gone, with what decides on it; its incidents stay.
    RemoveMonitor(MonitorId),
    /// What decides on a monitor. Of the open incident only the id is kept here: the incident
    /// itself comes by [`Change::PutIncident`], in the same commit or an earlier one.
    PutDurable(MonitorId, Box<Durable>),
    /// A heartbeat was saved.
    PutHeartbeat(Box<Heartbeat>),
    /// A heartbeat is gone, with what decides on it; its incidents stay, its pings go by
    /// [`HistoryStore::remove_pings`](super::HistoryStore::remove_pings).
    RemoveHeartbeat(MonitorId),
    /// What decides on a heartbeat; of the open incident only the id, as of monitors.
    PutHeartbeatDurable(MonitorId, Box<heartbeat::Durable>),
    /// An incident opened or changed.
    PutIncident(Box<Incident>),
    /// An incident left the state: it closed long ago and is in the history.
    RemoveIncident(IncidentId),
    /// An outbox row was made or changed.
    PutRow(Box<Row>),
    /// An outbox row is settled.
    RemoveRow(RowId),
    /// A channel was saved.
    PutChannel(Box<Channel>),
    /// A channel is gone.
    RemoveChannel(ChannelId),
    /// A route was saved.
    PutRoute(Box<Route>),
    /// A route is gone.
    RemoveRoute(RouteId),
    /// A region was named.
    PutRegion(RegionRecord),
    /// A region is gone.
    RemoveRegion(Region),
    /// An agent came or changed.
    PutAgent(AgentRecord),
    /// An agent is forgotten.
    RemoveAgent(AgentId),
    /// A token of agents was made or changed.
    PutAgentToken(AgentTokenRecord),
    /// A token of agents is forgotten.
    RemoveAgentToken(TokenId),
    /// A token of the API was made or changed.
    PutApiToken(ApiTokenRecord),
    /// A token of the API is forgotten.
    RemoveApiToken(TokenId),
    /// How often a system cause, such as `region_lost:us-east`, has opened an incident.
    PutGeneration(String, u64),
    /// The revision of the assignments.
    SetRevision(u64),
    /// Results up to this group have been applied.
    SetApplied(HistoryNo),
    /// All heartbeats are stored as of this ping: what the log holds up to it may go.
    SetPinged(u64),
    /// Until when pings could be heard and stored.
    SetAlive(Time),
    /// The key for pings of the whole project was made or replaced.
    PutPingKey(PingKeyRecord),
    /// The store begins a new life.
    SetEpoch(Epoch),
    /// Something for the history, committed with what it is about.
    Record(HistoryRecord),
    /// A record has reached the history.
    Settled(PendingId),
}

/// Everything that the state store keeps, save records on their way to the history.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The store's life.
    pub epoch: Epoch,
    /// The newest commit.
    pub commit: CommitNo,
    /// Results up to this group have been applied.
    pub applied: HistoryNo,
    /// All heartbeats are stored as of this ping.
    pub pinged: u64,
    /// Until when pings could be heard and stored; `None` before the first mark.
    pub alive: Option<Time>,
    /// The revision of the assignments.
    pub revision: u64,
    /// Monitors.
    pub monitors: BTreeMap<MonitorId, Monitor>,
    /// What decides on them, open incident included.
    pub durables: BTreeMap<MonitorId, Durable>,
    /// Heartbeats.
    pub heartbeats: BTreeMap<MonitorId, Heartbeat>,
    /// What decides on them, open incident included.
    pub heartbeat_durables: BTreeMap<MonitorId, heartbeat::Durable>,
    /// The key for pings of the whole project, once there is one.
    pub ping_key: Option<PingKeyRecord>,
    /// Incidents, open and closed.
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// Outbox rows.
    pub rows: BTreeMap<RowId, Row>,
    /// Channels.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// Routes.
    pub routes: BTreeMap<RouteId, Route>,
    /// Regions.
    pub regions: BTreeMap<Region, RegionRecord>,
    /// Agents.
    pub agents: BTreeMap<AgentId, AgentRecord>,
    /// Tokens of agents.
    pub agent_tokens: BTreeMap<TokenId, AgentTokenRecord>,
    /// Tokens of the API.
    pub api_tokens: BTreeMap<TokenId, ApiTokenRecord>,
    /// How often each system cause has opened an incident.
    pub generations: BTreeMap<String, u64>,
}

impl State {
    /// A store that was just made.
    #[must_use]
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            commit: CommitNo::default(),
            applied: HistoryNo::default(),
            pinged: 0,
            alive: None,
            revision: 0,
            monitors: BTreeMap::new(),
            durables: BTreeMap::new(),
            heartbeats: BTreeMap::new(),
            heartbeat_durables: BTreeMap::new(),
            ping_key: None,
            incidents: BTreeMap::new(),
            rows: BTreeMap::new(),
            channels: BTreeMap::new(),
            routes: BTreeMap::new(),
            regions: BTreeMap::new(),
            agents: BTreeMap::new(),
            agent_tokens: BTreeMap::new(),
            api_tokens: BTreeMap::new(),
            generations: BTreeMap::new(),
        }
    }

    /// Puts the open incidents as they stand into what decides on their monitors and heartbeats.
    ///
    /// # Errors
    /// One of them names an open incident that is not stored.
    pub(super) fn rejoin(&mut self, store: &'static str) -> Result<(), StoreError> {
        let monitors = self.durables.iter_mut();
        let monitors = monitors.map(|(id, durable)| (id, &mut durable.incident));
        let heartbeats = self.heartbeat_durables.iter_mut();
        let heartbeats = heartbeats.map(|(id, durable)| (id, &mut durable.incident));
        for (monitor, open) in monitors.chain(heartbeats) {
            let Some(open) = open else { continue };
            let stored = self.incidents.get(&open.id);
            *open = stored
                .cloned()
                .ok_or_else(|| incident_gone(store, *monitor, open.id))?;
        }
        Ok(())
    }
}

/// That the open incident of a monitor or heartbeat is not stored.
pub(super) fn incident_gone(
    store: &'static str,
    monitor: MonitorId,
    incident: IncidentId,
) -> StoreError {
    StoreError::Unreadable {
        store,
        record: "monitor's open incident",
        cause: format!("monitor {monitor} names incident {incident}, which is gone"),
    }
}

/// A region: a tag that agents vote for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegionRecord {
    /// Its id.
    pub region: Region,
    /// How messages and pages name it, where the operator set that.
    pub display_name: Option<String>,
    /// When it was first named.
    pub created_at: Time,
}

/// A probe agent that has been here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgentRecord {
    /// Its id.
    pub id: AgentId,
    /// What it calls itself.
    pub name: Name,
    /// The region that it votes for.
    pub region: Region,
    /// The token that it came with.
    pub token: TokenId,
    /// When it first came.
    pub first_seen: Time,
    /// When it was last here, as of the last save.
    pub last_seen: Time,
    /// Since when it has had no session; `None` while it has one, or had when the process died.
    pub lost_at: Option<Time>,
    /// Its build.
    pub build: String,
    /// The revision of its assignments.
    pub revision: u64,
    /// Since when it may not come back.
    pub revoked_at: Option<Time>,
}

/// A token that agents of a region come with. The token itself is not kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgentTokenRecord {
    /// Its id.
    pub id: TokenId,
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    /// The region that it is bound to.
    pub region: Region,
    /// What the operator calls it; may be empty.
    pub label: String,
    /// When it was made.
    pub created_at: Time,
    /// When it ends by itself.
    pub expires_at: Option<Time>,
    /// Since when it counts no more.
    pub revoked_at: Option<Time>,
}

impl AgentTokenRecord {
    /// Whether it opens a door now.
    #[must_use]
    pub fn is_good(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now)
    }
}

/// A token of the API. The token itself is not kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiTokenRecord {
    /// Its id.
    pub id: TokenId,
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    /// What it may do.
    pub role: Role,
    /// The project that it is bound to.
    pub project: String,
    /// What the operator calls it; may be empty.
    pub label: String,
    /// When it was made.
    pub created_at: Time,
    /// When it ends by itself.
    pub expires_at: Option<Time>,
    /// Since when it counts no more.
    pub revoked_at: Option<Time>,
}

impl ApiTokenRecord {
    /// Whether it opens a door now.
    #[must_use]
    pub fn is_good(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now)
    }
}

/// The key by which pings of a whole project are known. The key itself is only kept sealed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PingKeyRecord {
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// The key, sealed, to be shown to who may see it.
    pub sealed: Vec<u8>,
}

/// What a token of the API may do.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Everything.
    Admin,
    /// Everything but tokens and agents.
    Editor,
    /// Reading.
    Viewer,
    /// Pings of heartbeats.
    Ingest,
}

impl Role {
    /// The word for it in all interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
            Self::Ingest => "ingest",
        }
    }
}
