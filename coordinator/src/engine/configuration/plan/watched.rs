//! The part of a plan on monitors and heartbeats: they share their names, and labels may say that
//! those go which nobody names.
//!
//! A name never turns from a monitor into a heartbeat or back: its history and its incidents are
//! those of the one, and whoever means the other removes the one first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use vigilmon_common::heartbeat::{Heartbeat, HeartbeatDraft, HeartbeatSpec, slug, slug_taken};
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::draft::{Known, MonitorDraft};
use vigilmon_common::monitor::{Monitor, MonitorSpec};
use vigilmon_common::name::{Name, Region};

use super::{Channels, Planner, Save};
use crate::engine::command::Object;
use crate::engine::configuration::{Configuration, Wanted};

/// The monitors and heartbeats that there will be, for what names them.
pub(super) struct Watched {
    names: BTreeSet<Name>,
    ids: HashMap<MonitorId, Name>,
}

impl Watched {
    /// The name that a name or id means.
    pub(super) fn find(&self, reference: &str) -> Option<Name> {
        let by_id = reference.parse().ok().and_then(|id| self.ids.get(&id));
        match by_id {
            Some(name) => self.names.get(name).cloned(),
            None => self.names.get(&Name::parse(reference).ok()?).cloned(),
        }
    }
}

/// Names of one configuration so far, each with what it was first given to.
type Seen = BTreeMap<Name, (Object, String)>;

impl Planner<'_> {
    /// Monitors and heartbeats.
    pub(super) fn watched(
        &mut self,
        wanted: &Wanted,
        regions: &[Region],
        channels: &Channels,
    ) -> Watched {
        let known = Known {
            regions: Some(regions),
            channels: Some(&channels.names),
            addresses: self.ground.addresses,
        };
        let mut seen = Seen::new();
        self.monitors(&wanted.monitors, &known, &mut seen);
        self.heartbeats(&wanted.heartbeats, &known, &mut seen);
        let ids = ids(self.ground.on);
        let mut names: BTreeSet<Name> = ids.values().cloned().collect();
        if let Some(labels) = &wanted.prune {
            self.prune(labels, &seen);
            for gone in &self.out.gone {
                names.remove(&gone.spec.name);
            }
            for gone in &self.out.gone_heartbeats {
                names.remove(&gone.spec.name);
            }
        }
        self.slugs(&wanted.heartbeats);
        names.extend(seen.into_keys());
        Watched { names, ids }
    }

    fn monitors(&mut self, drafts: &[MonitorDraft], known: &Known<'_>, seen: &mut Seen) {
        let existing = &self.ground.on.monitors;
        for (index, draft) in drafts.iter().enumerate() {
            let at = format!("monitors[{index}]");
            self.take_name(Object::Monitor, &at, draft.name.as_deref(), seen);
            match draft.check(known) {
                Ok(spec) => self.save_monitor(existing.get(&spec.name), spec),
                Err(below) => self.note_below(&at, below),
            }
        }
    }

    fn heartbeats(&mut self, drafts: &[HeartbeatDraft], known: &Known<'_>, seen: &mut Seen) {
        let existing = &self.ground.on.heartbeats;
        for (index, draft) in drafts.iter().enumerate() {
            let at = format!("heartbeats[{index}]");
            self.take_name(Object::Heartbeat, &at, draft.name.as_deref(), seen);
            match draft.check(known) {
                Ok(spec) => self.save_heartbeat(existing.get(&spec.name), spec),
                Err(below) => self.note_below(&at, below),
            }
        }
    }

    /// Notes a name, or that it is taken: here, or by what exists. One that is none is the
    /// draft's to refuse.
    fn take_name(&mut self, kind: Object, at: &str, given: Option<&str>, seen: &mut Seen) {
        let Some(name) = given.and_then(|given| Name::parse(given).ok()) else {
            return;
        };
        let field = format!("{at}.name");
        if let Some((other, first)) = seen.get(&name) {
            if *other == kind {
                return self.twice(at, name.as_str());
            }
            let message = format!("`{name}` is the name of {first} too");
            let remedy = "monitors and heartbeats share their names: take another";
            return self.problems.add(field, message, remedy);
        }
        if let Some(other) = other_kind(self.ground.on, kind, &name) {
            let (kind, other) = (kind.as_str(), other.as_str());
            let message = format!("`{name}` is a {other} that exists, and cannot become a {kind}");
            let remedy = format!("take another name, or remove the {other} first");
            self.problems.add(field, message, remedy);
        }
        seen.insert(name, (kind, at.to_owned()));
    }

    /// A slug leads to one heartbeat of those that there will be. Two that exist and have the same
    /// keep it.
    fn slugs(&mut self, drafts: &[HeartbeatDraft]) {
        let existing = &self.ground.on.heartbeats;
        let gone: BTreeSet<MonitorId> = self.out.gone_heartbeats.iter().map(|h| h.id).collect();
        let staying = existing.values().filter(|h| !gone.contains(&h.id));
        let mut taken: HashMap<String, Name> = staying
            .map(|h| (slug(h.spec.name.as_str()), h.spec.name.clone()))
            .collect();
        for (index, draft) in drafts.iter().enumerate() {
            let name = draft.name.as_deref().map(Name::parse);
            let Some(Ok(name)) =
                name.filter(|name| name.as_ref().is_ok_and(|name| !existing.contains_key(name)))
            else {
                continue;
            };
            let other = taken.entry(slug(name.as_str())).or_insert(name.clone());
            // One that is given twice was refused already.
            if *other != name {
                let below = slug_taken(name.as_str(), other.as_str());
                let at = format!("heartbeats[{index}]");
                self.problems.extend_below(&at, below.into());
            }
        }
    }

    fn save_monitor(&mut self, former: Option<&Arc<Monitor>>, spec: MonitorSpec) {
        if former.is_some_and(|former| former.spec == spec) {
            self.out.unchanged += 1;
            return;
        }
        let now = self.ground.now;
        let monitor = match former {
            Some(former) => Monitor {
                spec,
                ..former.saved_again(now)
            },
            None => Monitor::new(self.new_id(MonitorId::new), spec, now),
        };
        self.out.monitors.push(Save {
            former: former.cloned(),
            now: Arc::new(monitor),
        });
    }

    /// One that exists keeps its tokens: its job knows no other.
    fn save_heartbeat(&mut self, former: Option<&Arc<Heartbeat>>, spec: HeartbeatSpec) {
        if former.is_some_and(|former| former.spec == spec) {
            self.out.unchanged += 1;
            return;
        }
        let now = self.ground.now;
        let heartbeat = match former {
            Some(former) => Heartbeat {
                spec,
                ..former.saved_again(now)
            },
            None => {
                let token = (self.ground.new_token)();
                Heartbeat::new(self.new_id(MonitorId::new), spec, token, now)
            }
        };
        self.out.heartbeats.push(Save {
            former: former.cloned(),
            now: Arc::new(heartbeat),
        });
    }

    /// What has all of these labels goes, unless it was named.
    fn prune(&mut self, labels: &BTreeMap<String, String>, seen: &Seen) {
        if labels.is_empty() {
            let remedy = "name at least one";
            self.problems
                .add("prune.labels", "no label says what may go", remedy);
            return;
        }
        let goes = |name: &Name, of: &BTreeMap<String, String>| {
            let has = |(key, value)| of.get(key) == Some(value);
            !seen.contains_key(name) && labels.iter().all(has)
        };
        let on = self.ground.on;
        let monitors = on.monitors.values();
        let monitors = monitors.filter(|m| goes(&m.spec.name, &m.spec.labels));
        self.out.gone.extend(monitors.cloned());
        let heartbeats = on.heartbeats.values();
        let heartbeats = heartbeats.filter(|h| goes(&h.spec.name, &h.spec.labels));
        self.out.gone_heartbeats.extend(heartbeats.cloned());
    }
}

/// All that is watched, by id.
fn ids(on: &Configuration) -> HashMap<MonitorId, Name> {
    let monitors = on.monitors.values().map(|m| (m.id, m.spec.name.clone()));
    let heartbeats = on.heartbeats.values().map(|h| (h.id, h.spec.name.clone()));
    monitors.chain(heartbeats).collect()
}

/// What of the other kind has this name.
fn other_kind(on: &Configuration, kind: Object, name: &Name) -> Option<Object> {
    match kind {
        Object::Heartbeat => on.monitors.contains_key(name).then_some(Object::Monitor),
        _ => on
            .heartbeats
            .contains_key(name)
            .then_some(Object::Heartbeat),
    }
}
