//! Heartbeats in the directory: by id, by name, by the digest of a ping token, and by slug.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use vigilmon_common::heartbeat::{Heartbeat, slug};
use vigilmon_common::id::MonitorId;
use vigilmon_common::name::Name;
use vigilmon_common::time::Time;

use super::{Directory, by_reference};
use crate::engine::command::Object;
use crate::store::PingKeyRecord;

/// The label of heartbeats that a ping by slug made, and its value.
pub const CREATED_BY: (&str, &str) = ("created-by", "slug-ping");

/// What a ping is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PingTarget {
    /// The heartbeat.
    pub id: MonitorId,
    /// Whether only POST counts.
    pub post_only: bool,
}

/// Why a slug leads to no heartbeat.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SlugRefusal {
    /// It is not the project's key.
    #[error("not found")]
    UnknownKey,
    /// No heartbeat has this slug.
    #[error("no heartbeat has this slug")]
    Unknown,
    /// Several have it, which only those can that were saved when this was not refused yet.
    #[error(
        "several heartbeats have this slug; rename all but one, or ping them by their own URLs"
    )]
    Ambiguous,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    all: HashMap<MonitorId, Arc<Heartbeat>>,
    names: BTreeMap<Name, MonitorId>,
    tokens: HashMap<[u8; 32], MonitorId>,
    slugs: HashMap<String, Vec<MonitorId>>,
    /// How many a ping by slug made.
    created: usize,
    key: Option<PingKeyRecord>,
}

impl Heartbeats {
    fn put(&mut self, heartbeat: Arc<Heartbeat>) {
        self.remove(heartbeat.id);
        let id = heartbeat.id;
        self.names.insert(heartbeat.spec.name.clone(), id);
        for token in &heartbeat.tokens {
            self.tokens.insert(token.digest, id);
        }
        let slug = slug(heartbeat.spec.name.as_str());
        self.slugs.entry(slug).or_default().push(id);
        self.created += usize::from(is_created_by_slug(&heartbeat));
        self.all.insert(id, heartbeat);
    }

    fn remove(&mut self, id: MonitorId) {
        let Some(former) = self.all.remove(&id) else {
            return;
        };
        self.names.remove(&former.spec.name);
        for token in &former.tokens {
            self.tokens.remove(&token.digest);
        }
        let slug = slug(former.spec.name.as_str());
        if let Some(same) = self.slugs.get_mut(&slug) {
            same.retain(|one| *one != id);
            if same.is_empty() {
                self.slugs.remove(&slug);
            }
        }
        self.created -= usize::from(is_created_by_slug(&former));
    }
}

fn is_created_by_slug(heartbeat: &Heartbeat) -> bool {
    let (key, value) = CREATED_BY;
    heartbeat.spec.labels.get(key).is_some_and(|v| v == value)
}

impl Directory {
    /// A heartbeat by id or name.
    #[must_use]
    pub fn heartbeat(&self, reference: &str) -> Option<&Arc<Heartbeat>> {
        by_reference(
            reference,
            |id| self.heartbeat_by_id(id),
            |name| self.heartbeat_named(name),
        )
    }

    /// A heartbeat by id.
    #[must_use]
    pub fn heartbeat_by_id(&self, id: MonitorId) -> Option<&Arc<Heartbeat>> {
        self.heartbeats.all.get(&id)
    }

    /// The heartbeat of this name.
    #[must_use]
    pub fn heartbeat_named(&self, name: &Name) -> Option<&Arc<Heartbeat>> {
        let id = self.heartbeats.names.get(name)?;
        self.heartbeats.all.get(id)
    }

    /// All heartbeats by name.
    pub fn heartbeats(&self) -> impl Iterator<Item = &Arc<Heartbeat>> {
        let heartbeats = &self.heartbeats;
        let names = heartbeats.names.values();
        names.filter_map(|id| heartbeats.all.get(id))
    }

    /// How many heartbeats a ping by slug made.
    #[must_use]
    pub const fn created_by_slug(&self) -> usize {
        self.heartbeats.created
    }

    /// Which sort of object has this name, beside the one with the id `own`: monitors and
    /// heartbeats share one name space.
    #[must_use]
    pub fn taken(&self, name: &Name, own: Option<MonitorId>) -> Option<Object> {
        let others = |id: MonitorId| Some(id) != own;
        if self.monitor_named(name).is_some_and(|m| others(m.id)) {
            return Some(Object::Monitor);
        }
        let heartbeat = self.heartbeat_named(name);
        heartbeat
            .is_some_and(|h| others(h.id))
            .then_some(Object::Heartbeat)
    }

    /// The heartbeat that has this slug, beside the one with the id `own`.
    #[must_use]
    pub fn with_slug(&self, slug: &str, own: Option<MonitorId>) -> Option<&Arc<Heartbeat>> {
        let mut same = self.heartbeats.slugs.get(slug)?.iter();
        let id = same.find(|id| Some(**id) != own)?;
        self.heartbeats.all.get(id)
    }

    /// The name of the monitor or heartbeat that a name or id means.
    #[must_use]
    pub fn watched_name(&self, reference: &str) -> Option<&Name> {
        let monitor = self.monitor(reference).map(|monitor| &monitor.spec.name);
        monitor.or_else(|| Some(&self.heartbeat(reference)?.spec.name))
    }

    /// What the good ping token with this digest is for.
    #[must_use]
    pub fn ping_target(&self, digest: &[u8; 32], now: Time) -> Option<PingTarget> {
        let id = self.heartbeats.tokens.get(digest)?;
        let heartbeat = self.heartbeats.all.get(id)?;
        let mut tokens = heartbeat.tokens.iter();
        let is_good = tokens.any(|token| token.digest == *digest && token.is_good(now));
        is_good.then(|| target(heartbeat))
    }

    /// What a slug means to who comes with the key of this digest.
    ///
    /// # Errors
    /// It is another key, or the slug does not lead to one heartbeat.
    pub fn slug_target(&self, digest: &[u8; 32], slug: &str) -> Result<PingTarget, SlugRefusal> {
        let key = self.heartbeats.key.as_ref();
        if key.is_none_or(|key| key.digest != *digest) {
            return Err(SlugRefusal::UnknownKey);
        }
        match self.heartbeats.slugs.get(slug).map(Vec::as_slice) {
            None | Some([]) => Err(SlugRefusal::Unknown),
            Some([id]) => {
                let found = self.heartbeats.all.get(id);
                found.map(|h| target(h)).ok_or(SlugRefusal::Unknown)
            }
            Some(_) => Err(SlugRefusal::Ambiguous),
        }
    }

    /// The project's key in ping URLs by slug.
    #[must_use]
    pub const fn ping_key(&self) -> Option<&PingKeyRecord> {
        self.heartbeats.key.as_ref()
    }

    pub(crate) fn put_heartbeat(&mut self, heartbeat: Arc<Heartbeat>) {
        self.heartbeats.put(heartbeat);
    }

    pub(crate) fn remove_heartbeat(&mut self, id: MonitorId) {
        self.heartbeats.remove(id);
    }

    pub(crate) fn put_ping_key(&mut self, key: PingKeyRecord) {
        self.heartbeats.key = Some(key);
    }
}

fn target(heartbeat: &Heartbeat) -> PingTarget {
    PingTarget {
        id: heartbeat.id,
        post_only: heartbeat.spec.post_only,
    }
}
