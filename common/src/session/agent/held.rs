//! The assignment that an agent holds: snapshots staged and swapped whole, deltas that must fit.
//!
//! Nothing is changed by a message that does not fit: it returns [`Misfit`], and the agent asks
//! for a snapshot. Deltas that come while one is under way are passed over, since the snapshot
//! covers them.

use std::collections::BTreeMap;

use crate::id::MonitorId;
use crate::schedule::Assignment;
use crate::session::assignment::{Assigned, Delta, Position, Reject, RejectWhy, digest};

/// How many monitors an agent checks at most; those beyond are rejected by name.
pub const MONITORS_MAX: usize = 100_000;
/// How many rejects one message tells; whoever reads more has seen what is wrong.
const REJECTS_MAX: usize = 1000;

/// A message that does not fit what the agent holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Misfit;

/// A change of what has to be checked, to be applied at once and whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// What the agent holds with it; `None` once the assignment has lapsed.
    pub position: Option<Position>,
    /// New and changed monitors.
    pub upserts: Vec<Upsert>,
    /// Monitors to stop.
    pub removes: Vec<MonitorId>,
    /// What the session itself rejected, of what came with this.
    pub rejects: Vec<Reject>,
}

/// A monitor to check from now on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upsert {
    /// How to check it.
    pub assignment: Assignment,
    /// It is new here, or means something else than before: check it at once.
    pub fresh: bool,
}

/// The assignment that an agent holds.
#[derive(Debug)]
pub(super) struct Held {
    limit: usize,
    position: Option<Position>,
    monitors: BTreeMap<MonitorId, Assigned>,
    rejected: BTreeMap<MonitorId, Reject>,
    staged: Option<Staged>,
    awaits_snapshot: bool,
}

#[derive(Debug)]
struct Staged {
    position: Position,
    expected: usize,
    monitors: Vec<Assigned>,
}

impl Held {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            position: None,
            monitors: BTreeMap::new(),
            rejected: BTreeMap::new(),
            staged: None,
            awaits_snapshot: false,
        }
    }

    pub(super) const fn position(&self) -> Option<Position> {
        self.position
    }

    pub(super) fn get(&self, monitor: MonitorId) -> Option<&Assigned> {
        self.monitors.get(&monitor)
    }

    pub(super) fn contains(&self, monitor: MonitorId) -> bool {
        self.monitors.contains_key(&monitor)
    }

    /// What is rejected of all that is held, as far as one message takes it.
    pub(super) fn rejects(&self) -> Vec<Reject> {
        self.rejected.values().take(REJECTS_MAX).cloned().collect()
    }

    /// A change is in force, but for these.
    pub(super) fn rejected(&mut self, rejects: Vec<Reject>) {
        let held = rejects
            .into_iter()
            .filter(|r| self.monitors.contains_key(&r.monitor));
        self.rejected.extend(held.map(|r| (r.monitor, r)));
    }

    /// The stream broke: what was staged is gone, what is held stays.
    pub(super) fn disconnected(&mut self) {
        self.staged = None;
        self.awaits_snapshot = false;
    }

    /// A snapshot was asked for, or announced by Welcome.
    pub(super) fn await_snapshot(&mut self) {
        self.staged = None;
        self.awaits_snapshot = true;
    }

    pub(super) fn begin(&mut self, position: Position, monitors: u32) {
        self.awaits_snapshot = true;
        self.staged = Some(Staged {
            position,
            expected: usize::try_from(monitors).unwrap_or(usize::MAX),
            monitors: Vec::new(),
        });
    }

    pub(super) fn part(&mut self, mut monitors: Vec<Assigned>) -> Result<(), Misfit> {
        let staged = self.staged.as_mut().ok_or(Misfit)?;
        staged.monitors.append(&mut monitors);
        if staged.monitors.len() > staged.expected {
            self.staged = None;
            return Err(Misfit);
        }
        Ok(())
    }

    /// Swaps to the staged set, if it is what was announced.
    pub(super) fn end(&mut self) -> Result<Change, Misfit> {
        let staged = self.staged.take().ok_or(Misfit)?;
        let as_announced = staged.monitors.len() == staged.expected
            && digest(&staged.monitors) == staged.position.digest;
        if !as_announced {
            return Err(Misfit);
        }
        self.awaits_snapshot = false;
        self.position = Some(staged.position);
        let old = std::mem::take(&mut self.monitors);
        let mut change = self.empty_change();
        for item in staged.monitors {
            let before = old.get(&item.monitor());
            self.put(item, before, &mut change);
        }
        let gone = |monitor: &&MonitorId| !self.monitors.contains_key(monitor);
        change.removes.extend(old.keys().filter(gone));
        let held = |monitor: &MonitorId, _: &mut Reject| self.monitors.contains_key(monitor);
        self.rejected.retain(held);
        Ok(change)
    }

    /// Applies a delta, if it follows what is held. `None` while a snapshot is under way.
    pub(super) fn delta(&mut self, delta: Delta) -> Result<Option<Change>, Misfit> {
        if self.awaits_snapshot {
            return Ok(None);
        }
        let held = self.position.ok_or(Misfit)?;
        let fits = held.scope == delta.position.scope
            && held.epoch == delta.position.epoch
            && held.revision == delta.prev_revision;
        if !fits || self.digest_after(&delta, held) != delta.position.digest {
            return Err(Misfit);
        }
        self.position = Some(delta.position);
        let mut change = self.empty_change();
        for monitor in delta.removes {
            if self.monitors.remove(&monitor).is_some() {
                self.rejected.remove(&monitor);
                change.removes.push(monitor);
            }
        }
        for item in delta.upserts {
            let before = self.monitors.remove(&item.monitor());
            self.put(item, before.as_ref(), &mut change);
        }
        Ok(Some(change))
    }

    /// The time without a coordinator was too long: nothing is held any more.
    pub(super) fn lapse(&mut self) -> Change {
        self.position = None;
        self.rejected.clear();
        let removes = std::mem::take(&mut self.monitors).into_keys().collect();
        Change {
            removes,
            ..self.empty_change()
        }
    }

    fn empty_change(&self) -> Change {
        Change {
            position: self.position,
            upserts: Vec::new(),
            removes: Vec::new(),
            rejects: Vec::new(),
        }
    }

    fn digest_after(&self, delta: &Delta, held: Position) -> crate::identity::AssignmentDigest {
        let mut digest = held.digest;
        let mut touched = BTreeMap::new();
        for &monitor in &delta.removes {
            touched.insert(monitor, None);
        }
        for item in &delta.upserts {
            touched.insert(item.monitor(), Some(item.spec_hash()));
        }
        for (monitor, after) in touched {
            if let Some(before) = self.monitors.get(&monitor) {
                digest.remove(monitor, before.spec_hash());
            }
            if let Some(spec_hash) = after {
                digest.add(monitor, spec_hash);
            }
        }
        digest
    }

    fn put(&mut self, item: Assigned, before: Option<&Assigned>, change: &mut Change) {
        let item = if self.monitors.len() < self.limit {
            item
        } else {
            beyond_limit(&item, self.limit)
        };
        if before != Some(&item) {
            self.rejected.remove(&item.monitor());
        }
        let meant = before.and_then(known).map(|b| b.meaning);
        match &item {
            Assigned::Known(assignment) if before != Some(&item) => change.upserts.push(Upsert {
                fresh: meant != Some(assignment.meaning),
                assignment: assignment.clone(),
            }),
            Assigned::Known(_) => {}
            Assigned::Unreadable { reject, .. } => {
                change.rejects.push(reject.clone());
                // What runs under the older specification would be reported under a wrong one.
                if meant.is_some() {
                    change.removes.push(reject.monitor);
                }
            }
        }
        self.monitors.insert(item.monitor(), item);
    }
}

fn known(item: &Assigned) -> Option<&Assignment> {
    match item {
        Assigned::Known(assignment) => Some(assignment),
        Assigned::Unreadable { .. } => None,
    }
}

fn beyond_limit(item: &Assigned, limit: usize) -> Assigned {
    Assigned::Unreadable {
        spec_hash: item.spec_hash(),
        reject: Reject {
            monitor: item.monitor(),
            why: RejectWhy::Limit,
            text: format!("an agent takes at most {limit} monitors; add agents to the region"),
        },
    }
}
