//! Heartbeats whose missing ping we may have failed to hear ourselves: what the system incident
//! `own_downtime` lists.
//!
//! Those of a spell are listed when it is over. While the door is full that may be never, and alarms
//! are silent meanwhile: so once it has been full for longer than a short spell, those whose time is
//! over are listed at once.

use std::collections::BTreeMap;
use std::time::Duration;

use vigilmon_common::heartbeat::{SPELL_SHORT_MAX, Spell, Unobserved};
use vigilmon_common::id::MonitorId;
use vigilmon_common::time::Time;

use super::owner::Owner;

/// How often it is looked at who is due while the door is full.
const FULL_EVERY: Duration = Duration::from_secs(1);

/// All of them, as they stand. Empty: nothing is amiss.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct OwnDowntime {
    /// Their names, sorted.
    pub(crate) names: Vec<String>,
    /// The newest spell that one of them is about.
    pub(crate) spell: Option<Spell>,
    /// When the newest of them joined.
    pub(crate) joined: Option<Time>,
    /// Whether the door is full now, and has been for long.
    pub(crate) is_full: bool,
}

#[derive(Clone, Debug)]
struct Listed {
    spell: Spell,
    joined: Time,
}

/// Which heartbeats are listed, and whether that has changed since it was last told.
#[derive(Debug)]
pub(super) struct Unheard {
    /// Those of spells that are over.
    listed: BTreeMap<MonitorId, Listed>,
    /// Those whose time was over while the door was full, until that spell is told to them, or they
    /// ping; with the moment after which they would have been alarmed.
    waiting: BTreeMap<MonitorId, (Time, Listed)>,
    is_full: bool,
    full_noted: Duration,
    changed: bool,
}

impl Unheard {
    /// Nothing is listed; that was not told yet.
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            listed: BTreeMap::new(),
            waiting: BTreeMap::new(),
            is_full: false,
            full_noted: now,
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
        let mut all = self.listed.clone();
        for (id, (_, waits)) in &self.waiting {
            all.entry(*id).or_insert_with(|| waits.clone());
        }
        let mut names: Vec<_> = all.keys().filter_map(|id| name(*id)).collect();
        names.sort();
        let spells = all.values().map(|listed| listed.spell);
        Some(OwnDowntime {
            names,
            spell: spells.max_by_key(|spell| spell.to),
            joined: all.values().map(|listed| listed.joined).max(),
            is_full: self.is_full,
        })
    }

    /// The time of a heartbeat is over while the door is full.
    fn wait(&mut self, id: MonitorId, alarm: Time, spell: Spell) {
        let joined = spell.to;
        let waits = self.waiting.entry(id).or_insert_with(|| {
            self.changed = true;
            (alarm, Listed { spell, joined })
        });
        waits.1.spell = spell;
    }
}

impl Owner {
    /// While the door is full for long: who is due, and cannot be heard.
    pub(super) fn note_full(&mut self) {
        let monotonic = self.env.clock.monotonic();
        if monotonic.saturating_sub(self.unheard.full_noted) < FULL_EVERY {
            return;
        }
        self.unheard.full_noted = monotonic;
        let now = self.env.clock.now();
        let since = self.waits.filter(|at| now.since(*at) > SPELL_SHORT_MAX);
        self.unheard.changed |= self.unheard.is_full != since.is_some();
        self.unheard.is_full = since.is_some();
        let kept = &self.kept;
        let alarm = |id: &MonitorId| kept.get(id).and_then(|kept| kept.state.alarm_at());
        let before = self.unheard.waiting.len();
        self.unheard
            .waiting
            .retain(|id, (at, _)| alarm(id) == Some(*at));
        self.unheard.changed |= self.unheard.waiting.len() != before;
        let Some(from) = since else { return };
        for id in self.deadlines.over(now) {
            if let Some(at) = alarm(&id).filter(|at| *at < now) {
                let spell = Spell {
                    from,
                    to: now,
                    stepped: Duration::ZERO,
                };
                self.unheard.wait(id, at, spell);
            }
        }
    }
}
