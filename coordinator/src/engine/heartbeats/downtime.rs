//! Heartbeats whose missing ping we may have failed to hear ourselves: what the system incident
//! `own_downtime` lists.

use std::collections::BTreeMap;

use vigilmon_common::heartbeat::{Spell, Unobserved};
use vigilmon_common::id::MonitorId;
use vigilmon_common::time::Time;

/// All of them, as they stand. Empty: nothing is amiss.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct OwnDowntime {
    /// Their names, sorted.
    pub(crate) names: Vec<String>,
    /// The newest spell that one of them is about.
    pub(crate) spell: Option<Spell>,
    /// When the newest of them joined.
    pub(crate) joined: Option<Time>,
}

#[derive(Clone, Debug)]
struct Listed {
    spell: Spell,
    joined: Time,
}

/// Which heartbeats are listed, and whether that has changed since it was last told.
#[derive(Debug)]
pub(super) struct Unheard {
    listed: BTreeMap<MonitorId, Listed>,
    changed: bool,
}

impl Unheard {
    /// Nothing is listed; that was not told yet.
    pub(super) const fn new() -> Self {
        Self {
            listed: BTreeMap::new(),
            changed: true,
        }
    }

    /// A heartbeat stands so now; a miss that was listed before a start joins as of when the ping
    /// was due.
    pub(super) fn note(&mut self, id: MonitorId, miss: Option<&Unobserved>, now: Option<Time>) {
        let listed = miss.map(|miss| Listed {
            spell: miss.spell,
            joined: now.unwrap_or(miss.due),
        });
        let former = match listed {
            Some(listed) => self.listed.insert(id, listed),
            None => self.listed.remove(&id),
        };
        self.changed |= miss.is_some() || former.is_some();
    }

    /// A heartbeat may have got another name.
    pub(super) fn renamed(&mut self, id: MonitorId) {
        self.changed |= self.listed.contains_key(&id);
    }

    /// What is to be told, if it has changed since.
    pub(super) fn take(
        &mut self,
        name: impl Fn(MonitorId) -> Option<String>,
    ) -> Option<OwnDowntime> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut names: Vec<_> = self.listed.keys().filter_map(|id| name(*id)).collect();
        names.sort();
        let all = self.listed.values();
        Some(OwnDowntime {
            names,
            spell: all.clone().map(|l| l.spell).max_by_key(|spell| spell.to),
            joined: all.map(|l| l.joined).max(),
        })
    }
}
