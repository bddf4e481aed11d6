//! The roster: the monitors assigned to this agent, and where each stands in the schedule.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::assignment::{Assignment, CheckSpec};
use super::exchange::{DueRun, Now};
use super::grid::Grid;
use super::permits::Destination;
use super::scheduler::Scheduler;
use super::timeline::Ref;
use crate::id::MonitorId;
use crate::identity;
use crate::monitor::Kind;
use crate::result::Run;
use crate::time::Time;

/// The space between the first runs of monitors that came together: as fast as makes sense on a
/// small machine, and never more than an interval in all.
const FIRST_SPACING: Duration = Duration::from_millis(2);
/// Planned runs of one monitor at once: one, and one more when it came to mean something else.
const PLANNED_MAX: u8 = 2;

/// One monitor in the schedule.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) assignment: Assignment,
    pub(super) grid: Grid,
    pub(super) destination: Destination,
    /// Told from others that had its place before.
    pub(super) born: u32,
    /// The state that is armed or waits; references with another are stale.
    pub(super) stamp: u32,
    /// The slot that is armed or waits, by the wall clock.
    pub(super) slot: Time,
    /// Its time, by the monotonic clock.
    pub(super) due: Duration,
    /// It is a first run, outside the grid.
    pub(super) first: bool,
    /// It is due and waits.
    pub(super) waiting: bool,
    /// It waits for the monitor's own former run, not for a permit.
    pub(super) blocked: bool,
    /// Planned runs under way.
    pub(super) running: u8,
}

impl Entry {
    pub(super) fn reference(&self, index: u32) -> Ref {
        Ref {
            index,
            stamp: self.stamp,
            asked: false,
        }
    }

    pub(super) fn may_start(&self) -> bool {
        self.running == 0 || (self.first && self.running < PLANNED_MAX)
    }

    /// How long a due run waits before it ends as overload.
    pub(super) fn patience(&self) -> Duration {
        if self.first {
            self.grid.interval()
        } else {
            self.grid.interval() / 2
        }
    }

    pub(super) fn due_run(&self, lateness: Duration) -> DueRun {
        DueRun {
            monitor: self.assignment.monitor,
            meaning: self.assignment.meaning,
            run: Run::Slot(self.slot),
            check: self.assignment.check.clone(),
            timeout: self.assignment.check.timeout,
            lateness,
            answer_only: false,
        }
    }
}

/// The monitors by place and by id.
#[derive(Debug, Default)]
pub(super) struct Roster {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    places: HashMap<MonitorId, u32>,
}

impl Roster {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn find(&self, monitor: MonitorId) -> Option<&Assignment> {
        let index = *self.places.get(&monitor)?;
        self.get(index).map(|entry| &entry.assignment)
    }

    pub(super) fn get(&self, index: u32) -> Option<&Entry> {
        self.entries.get(index as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Entry> {
        self.entries.get_mut(index as usize)?.as_mut()
    }

    pub(super) fn is_live(&self, what: Ref) -> bool {
        self.get(what.index)
            .is_some_and(|entry| entry.stamp == what.stamp)
    }

    /// The entry that a reference means, unless it is stale.
    pub(super) fn live_mut(&mut self, what: Ref) -> Option<&mut Entry> {
        self.get_mut(what.index)
            .filter(|entry| entry.stamp == what.stamp)
    }

    fn insert(&mut self, entry: Entry) -> u32 {
        let monitor = entry.assignment.monitor;
        let index = if let Some(index) = self.free.pop() {
            self.entries[index as usize] = Some(entry);
            index
        } else {
            self.entries.push(Some(entry));
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 monitors fit memory")
        };
        self.places.insert(monitor, index);
        index
    }

    fn remove(&mut self, monitor: MonitorId) -> Option<Entry> {
        let index = self.places.remove(&monitor)?;
        self.free.push(index);
        self.entries.get_mut(index as usize)?.take()
    }
}

impl Scheduler {
    pub(super) fn assign(&mut self, list: Vec<Assignment>, now: Now) {
        let mut first = Vec::new();
        for assignment in list {
            if let Some(index) = self.upsert(assignment, now) {
                first.push(index);
            }
        }
        let count = u32::try_from(first.len()).unwrap_or(u32::MAX).max(1);
        for (nth, index) in (0u32..).zip(first) {
            let Some(entry) = self.roster.get(index) else {
                continue;
            };
            let spacing = FIRST_SPACING.min(entry.grid.interval() / count);
            self.arm_at(index, now.wall, now.monotonic + spacing * nth, true);
        }
    }

    pub(super) fn unassign(&mut self, list: &[MonitorId]) {
        for monitor in list {
            if let Some(entry) = self.roster.remove(*monitor)
                && entry.waiting
            {
                self.load.waiting = self.load.waiting.saturating_sub(1);
            }
        }
    }

    pub(super) fn swap(&mut self, list: Vec<Assignment>, now: Now) {
        let kept: HashSet<_> = list.iter().map(|a| a.monitor).collect();
        let gone: Vec<_> = self
            .roster
            .places
            .keys()
            .filter(|monitor| !kept.contains(monitor))
            .copied()
            .collect();
        self.unassign(&gone);
        self.assign(list, now);
    }

    /// Takes a monitor in; returns its place when it is to be checked at once.
    fn upsert(&mut self, assignment: Assignment, now: Now) -> Option<u32> {
        let interval = assignment.interval;
        let phase = identity::phase(assignment.monitor, interval, assignment.place);
        let grid = Grid::new(interval, phase);
        let destination = destination(&assignment.check);
        let Some(&index) = self.roster.places.get(&assignment.monitor) else {
            let stamp = self.stamp();
            return Some(self.roster.insert(Entry {
                assignment,
                grid,
                destination,
                born: stamp,
                stamp,
                slot: now.wall,
                due: now.monotonic,
                first: true,
                waiting: false,
                blocked: false,
                running: 0,
            }));
        };
        let entry = self.roster.get_mut(index)?;
        let re_meant = entry.assignment.meaning != assignment.meaning;
        let moved = entry.grid != grid;
        entry.assignment = assignment;
        entry.grid = grid;
        entry.destination = destination;
        if re_meant {
            return Some(index);
        }
        if moved && !entry.first {
            self.arm(index, grid.after(now.wall), now);
        }
        None
    }
}

/// The host that a check goes to.
pub(super) fn destination(check: &CheckSpec) -> Destination {
    match &check.kind {
        Kind::Http(http) => Destination(identity::h(
            http.url.host_str().unwrap_or_default().as_bytes(),
        )),
    }
}
