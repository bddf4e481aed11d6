//! The directory: what exists, by id and by name. The fleet owner changes it after each commit;
//! doors read it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use vigilmon_common::id::{AgentId, ChannelId, MonitorId, RouteId, SessionId, TokenId};
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::notify::channel::{Channel, Route};
use vigilmon_common::session::assignment::Reject;
use vigilmon_common::session::messages::Health;
use vigilmon_common::time::Time;

mod heartbeats;

pub use heartbeats::{CREATED_BY, PingTarget, SlugRefusal};

use crate::store::{AgentRecord, AgentTokenRecord, ApiTokenRecord, RegionRecord, State};

/// An agent: what is stored of it and how it stands now.
#[derive(Clone, Debug)]
pub struct AgentView {
    /// What is stored.
    pub record: AgentRecord,
    /// Its live session.
    pub session: Option<SessionId>,
    /// Since when it has (not) had one.
    pub since: Time,
    /// Whether it was gone for so long that its monitors went to others.
    pub share_lost: bool,
    /// How many monitors are assigned to it.
    pub monitors: usize,
    /// Monitors that it cannot check.
    pub rejected: Vec<Reject>,
    /// How it fares, by its own account.
    pub health: Option<Health>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Directory {
    monitors: HashMap<MonitorId, Arc<Monitor>>,
    names: BTreeMap<Name, MonitorId>,
    heartbeats: heartbeats::Heartbeats,
    channels: BTreeMap<ChannelId, Channel>,
    routes: BTreeMap<RouteId, Route>,
    regions: BTreeMap<Region, RegionRecord>,
    agents: BTreeMap<AgentId, AgentView>,
    agent_tokens: HashMap<[u8; 32], AgentTokenRecord>,
    api_tokens: HashMap<[u8; 32], ApiTokenRecord>,
}

impl Directory {
    /// What the store holds; no agent has a session.
    #[must_use]
    pub fn load(state: &State, now: Time) -> Self {
        let mut directory = Self::default();
        for monitor in state.monitors.values() {
            directory.put_monitor(Arc::new(monitor.clone()));
        }
        for heartbeat in state.heartbeats.values() {
            directory.put_heartbeat(Arc::new(heartbeat.clone()));
        }
        state
            .ping_key
            .iter()
            .for_each(|key| directory.put_ping_key(key.clone()));
        directory.channels = state.channels.clone();
        directory.routes = state.routes.clone();
        directory.regions = state.regions.clone();
        for record in state.agents.values() {
            directory.agents.insert(
                record.id,
                AgentView::lost(record.clone(), record.lost_at.unwrap_or(now)),
            );
        }
        for token in state.agent_tokens.values() {
            directory.agent_tokens.insert(token.digest, token.clone());
        }
        for token in state.api_tokens.values() {
            directory.api_tokens.insert(token.digest, token.clone());
        }
        directory
    }

    /// A monitor by id or name.
    #[must_use]
    pub fn monitor(&self, reference: &str) -> Option<&Arc<Monitor>> {
        by_reference(
            reference,
            |id| self.monitors.get(&id),
            |name| self.monitors.get(self.names.get(name)?),
        )
    }

    /// A monitor by id.
    #[must_use]
    pub fn monitor_by_id(&self, id: MonitorId) -> Option<&Arc<Monitor>> {
        self.monitors.get(&id)
    }

    /// All monitors by name.
    pub fn monitors(&self) -> impl Iterator<Item = &Arc<Monitor>> {
        self.names.values().filter_map(|id| self.monitors.get(id))
    }

    /// The monitor of this name.
    #[must_use]
    pub fn monitor_named(&self, name: &Name) -> Option<&Arc<Monitor>> {
        self.monitors.get(self.names.get(name)?)
    }

    pub(crate) fn put_monitor(&mut self, monitor: Arc<Monitor>) {
        if let Some(former) = self.monitors.get(&monitor.id) {
            self.names.remove(&former.spec.name);
        }
        self.names.insert(monitor.spec.name.clone(), monitor.id);
        self.monitors.insert(monitor.id, monitor);
    }

    pub(crate) fn remove_monitor(&mut self, id: MonitorId) {
        if let Some(former) = self.monitors.remove(&id) {
            self.names.remove(&former.spec.name);
        }
    }

    /// A channel by id or name.
    #[must_use]
    pub fn channel(&self, reference: &str) -> Option<&Channel> {
        by_reference(
            reference,
            |id| self.channels.get(&id),
            |name| self.channels.values().find(|c| c.name == *name),
        )
    }

    /// All channels.
    #[must_use]
    pub const fn channels(&self) -> &BTreeMap<ChannelId, Channel> {
        &self.channels
    }

    /// Ids of channels by name.
    #[must_use]
    pub fn channel_names(&self) -> BTreeMap<Name, ChannelId> {
        self.channels
            .values()
            .map(|c| (c.name.clone(), c.id))
            .collect()
    }

    pub(crate) fn put_channel(&mut self, channel: Channel) {
        self.channels.insert(channel.id, channel);
    }

    pub(crate) fn remove_channel(&mut self, id: ChannelId) {
        self.channels.remove(&id);
    }

    /// A route by id or name.
    #[must_use]
    pub fn route(&self, reference: &str) -> Option<&Route> {
        by_reference(
            reference,
            |id| self.routes.get(&id),
            |name| self.routes.values().find(|r| r.name == *name),
        )
    }

    /// All routes.
    #[must_use]
    pub const fn routes(&self) -> &BTreeMap<RouteId, Route> {
        &self.routes
    }

    pub(crate) fn put_route(&mut self, route: Route) {
        self.routes.insert(route.id, route);
    }

    pub(crate) fn remove_route(&mut self, id: RouteId) {
        self.routes.remove(&id);
    }

    /// All regions.
    #[must_use]
    pub const fn regions(&self) -> &BTreeMap<Region, RegionRecord> {
        &self.regions
    }

    pub(crate) fn put_region(&mut self, region: RegionRecord) {
        self.regions.insert(region.region.clone(), region);
    }

    pub(crate) fn remove_region(&mut self, region: &Region) {
        self.regions.remove(region);
    }

    /// How people call a region.
    #[must_use]
    pub fn display_name(&self, region: &Region) -> String {
        let set = self
            .regions
            .get(region)
            .and_then(|r| r.display_name.clone());
        set.unwrap_or_else(|| region.display_name())
    }

    /// An agent by id, or by name where only one has it.
    #[must_use]
    pub fn agent(&self, reference: &str) -> Option<&AgentView> {
        if let Ok(id) = reference.parse() {
            return self.agents.get(&id);
        }
        let mut named = self
            .agents
            .values()
            .filter(|a| a.record.name.as_str() == reference);
        let only = named.next()?;
        named.next().is_none().then_some(only)
    }

    /// All agents.
    #[must_use]
    pub const fn agents(&self) -> &BTreeMap<AgentId, AgentView> {
        &self.agents
    }

    /// An agent of this region with a session.
    #[must_use]
    pub fn connected_agent(&self, region: &Region) -> Option<&AgentView> {
        self.agents
            .values()
            .find(|a| a.record.region == *region && a.session.is_some())
    }

    pub(crate) fn agents_mut(&mut self) -> &mut BTreeMap<AgentId, AgentView> {
        &mut self.agents
    }

    /// The good agent token with this digest.
    #[must_use]
    pub fn agent_token(&self, digest: &[u8; 32], now: Time) -> Option<&AgentTokenRecord> {
        self.agent_tokens
            .get(digest)
            .filter(|token| token.is_good(now))
    }

    /// An agent token by id.
    #[must_use]
    pub fn agent_token_by_id(&self, id: TokenId) -> Option<&AgentTokenRecord> {
        self.agent_tokens.values().find(|t| t.id == id)
    }

    /// All agent tokens, newest first.
    #[must_use]
    pub fn agent_tokens(&self) -> Vec<AgentTokenRecord> {
        let mut all: Vec<_> = self.agent_tokens.values().cloned().collect();
        all.sort_by_key(|t| std::cmp::Reverse((t.created_at, t.id)));
        all
    }

    pub(crate) fn put_agent_token(&mut self, token: AgentTokenRecord) {
        self.agent_tokens.insert(token.digest, token);
    }

    /// The good API token with this digest.
    #[must_use]
    pub fn api_token(&self, digest: &[u8; 32], now: Time) -> Option<&ApiTokenRecord> {
        self.api_tokens
            .get(digest)
            .filter(|token| token.is_good(now))
    }

    /// All API tokens, newest first.
    #[must_use]
    pub fn api_tokens(&self) -> Vec<ApiTokenRecord> {
        let mut all: Vec<_> = self.api_tokens.values().cloned().collect();
        all.sort_by_key(|t| std::cmp::Reverse((t.created_at, t.id)));
        all
    }

    pub(crate) fn put_api_token(&mut self, token: ApiTokenRecord) {
        self.api_tokens.insert(token.digest, token);
    }
}

impl AgentView {
    /// An agent without a session since then.
    #[must_use]
    pub fn lost(record: AgentRecord, since: Time) -> Self {
        Self {
            record,
            session: None,
            since,
            share_lost: false,
            monitors: 0,
            rejected: Vec::new(),
            health: None,
        }
    }
}

fn by_reference<'a, I: std::str::FromStr, T>(
    reference: &str,
    by_id: impl FnOnce(I) -> Option<&'a T>,
    by_name: impl FnOnce(&Name) -> Option<&'a T>,
) -> Option<&'a T> {
    if let Ok(id) = reference.parse::<I>()
        && let Some(found) = by_id(id)
    {
        return Some(found);
    }
    by_name(&Name::parse(reference).ok()?)
}

/// The directory behind a lock that is held for look-ups only.
#[derive(Clone, Debug, Default)]
pub struct SharedDirectory(Arc<RwLock<Directory>>);

impl SharedDirectory {
    /// Shares a directory.
    #[must_use]
    pub fn new(directory: Directory) -> Self {
        Self(Arc::new(RwLock::new(directory)))
    }

    /// To look things up.
    pub fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Directory> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
