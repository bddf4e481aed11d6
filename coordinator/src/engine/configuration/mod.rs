//! Configuration as a whole: what exists of it, and what somebody wants it to be.
//!
//! A plan is made outside the fleet owner, on a copy of what exists, and carries the mark of what
//! it was made on. The owner applies it in one commit, or refuses it when anything has changed
//! since: applies never interleave, and the owner never checks ten thousand drafts while agents
//! wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use vigilmon_common::heartbeat::{Heartbeat, HeartbeatDraft};
use vigilmon_common::id::{ChannelId, RouteId};
use vigilmon_common::monitor::Monitor;
use vigilmon_common::monitor::draft::MonitorDraft;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::notify::channel::{Channel, ChannelKind, Route};

use super::directory::Directory;
use super::fleet::RouteDraft;
use crate::store::RegionRecord;

mod plan;

pub(crate) use plan::{Ground, plan};
pub use plan::{Plan, Save};

/// What exists of the configuration; a copy, taken at one moment.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// The mark of this state: another whenever anything in it is.
    pub etag: String,
    /// Monitors by name.
    pub monitors: BTreeMap<Name, Arc<Monitor>>,
    /// Heartbeats by name; no monitor has the same.
    pub heartbeats: BTreeMap<Name, Arc<Heartbeat>>,
    /// Channels.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// Routes.
    pub routes: BTreeMap<RouteId, Route>,
    /// Regions.
    pub regions: BTreeMap<Region, RegionRecord>,
}

impl Configuration {
    /// The channel of this name.
    #[must_use]
    pub fn channel_named(&self, name: &str) -> Option<&Channel> {
        self.channels.values().find(|c| c.name.as_str() == name)
    }
}

/// What the configuration is wanted to be: objects by name, each whole. What is not named stays,
/// unless `prune` covers it.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Regions.
    pub regions: Vec<WantedRegion>,
    /// Channels.
    pub channels: Vec<WantedChannel>,
    /// Routes.
    pub routes: Vec<RouteDraft>,
    /// Monitors.
    pub monitors: Vec<MonitorDraft>,
    /// Heartbeats.
    pub heartbeats: Vec<HeartbeatDraft>,
    /// Monitors and heartbeats with all of these labels go when they are not named.
    pub prune: Option<BTreeMap<String, String>>,
}

/// A region as it is wanted.
#[derive(Clone, Debug, Default)]
pub struct WantedRegion {
    /// Its id.
    pub name: String,
    /// Its name for people; empty: the one that follows from the id.
    pub display_name: String,
}

/// A channel as it is wanted.
#[derive(Clone, Debug)]
pub struct WantedChannel {
    /// Its name.
    pub name: String,
    /// Its kind, checked and sealed; `None` where it is wrong: its problems were noted.
    pub kind: Option<ChannelKind>,
    /// Its fallback, by name or id; empty: none.
    pub fallback: String,
}

impl Directory {
    /// What exists of the configuration.
    #[must_use]
    pub fn configuration(&self) -> Configuration {
        let monitors = self.monitors();
        let heartbeats = self.heartbeats();
        Configuration {
            etag: self.configuration_etag(),
            monitors: monitors
                .map(|m| (m.spec.name.clone(), Arc::clone(m)))
                .collect(),
            heartbeats: heartbeats
                .map(|h| (h.spec.name.clone(), Arc::clone(h)))
                .collect(),
            channels: self.channels().clone(),
            routes: self.routes().clone(),
            regions: self.regions().clone(),
        }
    }

    /// The mark of the configuration as it is: made of ids and versions, so that it is the same
    /// after a restart.
    #[must_use]
    pub fn configuration_etag(&self) -> String {
        let mut hash = Sha256::new();
        let mut enter = |kind: u8, id: &[u8], version: u64| {
            hash.update([kind]);
            hash.update((id.len() as u64).to_be_bytes());
            hash.update(id);
            hash.update(version.to_be_bytes());
        };
        for one in self.monitors() {
            enter(b'm', one.id.as_bytes(), one.version);
        }
        for one in self.heartbeats() {
            enter(b'h', one.id.as_bytes(), one.version);
        }
        for one in self.channels().values() {
            enter(b'c', one.id.as_bytes(), one.version);
        }
        for one in self.routes().values() {
            enter(b'r', one.id.as_bytes(), one.version);
        }
        for one in self.regions().values() {
            enter(b'g', one.region.as_str().as_bytes(), 0);
            let shown = one.display_name.as_deref().unwrap_or_default();
            enter(b'd', shown.as_bytes(), 0);
        }
        let digest = hash.finalize();
        digest[..8].iter().map(|b| format!("{b:02x}")).collect()
    }
}

#[cfg(test)]
mod tests;
