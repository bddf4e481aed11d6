//! The scheduler: the machine between the assignment and the checks.

use std::collections::HashMap;
use std::time::Duration;

use super::asks::AskState;
use super::exchange::{Effect, Input, Load, Now, Ticket};
use super::permits::{Limits, Permits};
use super::roster::{Entry, Roster};
use super::timeline::{Ref, Timeline};
use crate::time::Time;

/// Most asks under way at once; more are refused. The coordinator's budgets stay far below.
pub const ASKS_MAX: usize = 1024;
/// Most asks under way for one monitor: a round's and one by hand. With the planned run they bound
/// how many checks of a monitor overlap.
pub const ASKS_PER_MONITOR: usize = 2;

/// A timer that rings this late means that the process slept: slots missed by then are skipped.
const SLEPT_MIN: Duration = Duration::from_secs(1);
/// A slot's time that is further than this from the wall clock means that the clock was stepped.
const STEP_MIN: Duration = Duration::from_secs(1);

/// Decides when which monitor is checked. See the module for the rules.
#[derive(Debug)]
pub struct Scheduler {
    pub(super) roster: Roster,
    pub(super) asks: HashMap<u32, AskState>,
    pub(super) timeline: Timeline,
    pub(super) permits: Permits,
    pub(super) load: Load,
    stamps: u32,
}

impl Scheduler {
    /// Without any monitor.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            roster: Roster::default(),
            asks: HashMap::new(),
            timeline: Timeline::default(),
            permits: Permits::new(limits),
            load: Load::default(),
            stamps: 0,
        }
    }

    /// Takes what happened, and whatever has become due; what must follow is pushed on `effects`.
    pub fn on(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        // First what was due before: a run whose patience has ended starts no more.
        self.ring(now, effects);
        match input {
            Input::Assign(list) => self.assign(list, now),
            Input::Unassign(list) => self.unassign(&list),
            Input::Swap(list) => self.swap(list, now),
            Input::Ask(ask) => self.ask(ask, now, effects),
            Input::Finished(ticket) => self.finished(ticket, now, effects),
            Input::Tick => {}
        }
        self.ring(now, effects);
        self.pump(now, effects);
        let (roster, asks) = (&self.roster, &self.asks);
        self.timeline.clean(roster.len() + asks.len(), |what| {
            is_live(roster, asks, what)
        });
    }

    /// When the next input is wanted at the latest, by the monotonic clock; [`Input::Tick`] will do.
    #[must_use]
    pub fn next_wake(&self) -> Option<Duration> {
        self.timeline.next()
    }

    /// How many monitors are assigned.
    #[must_use]
    pub fn monitors(&self) -> usize {
        self.roster.len()
    }

    /// How it fares; the counters begin anew.
    pub fn take_load(&mut self) -> Load {
        let fresh = Load {
            waiting: self.load.waiting,
            ..Load::default()
        };
        Load {
            running: self.permits.running(),
            ..std::mem::replace(&mut self.load, fresh)
        }
    }

    /// A stamp that no state had before.
    pub(super) fn stamp(&mut self) -> u32 {
        self.stamps = self.stamps.wrapping_add(1);
        self.stamps
    }

    /// Lets everything happen that is due.
    fn ring(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let late = self
            .timeline
            .next()
            .map_or(Duration::ZERO, |due| now.monotonic.saturating_sub(due));
        let slept = late > SLEPT_MIN;
        while let Some(what) = self.timeline.pop_due(now.monotonic) {
            if what.asked {
                self.ask_due(what, now, effects);
            } else {
                self.planned_due(what, slept, now, effects);
            }
        }
    }

    /// Gives free permits to those who wait.
    fn pump(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((what, destination)) = self.permits.next() {
            if !is_live(&self.roster, &self.asks, what)
                || !self.permits.take(destination, what.asked)
            {
                self.permits.offer(destination);
            } else if what.asked {
                self.start_asked(what, now, effects);
            } else {
                self.start_planned(what, now, effects);
            }
        }
    }

    fn finished(&mut self, ticket: Ticket, now: Now, effects: &mut Vec<Effect>) {
        self.permits.release(ticket.destination);
        if ticket.of.asked {
            self.asked_finished(&ticket, now);
            return;
        }
        let Some(entry) = self.roster.get_mut(ticket.of.index) else {
            return;
        };
        if entry.born != ticket.born {
            return;
        }
        entry.running = entry.running.saturating_sub(1);
        if entry.blocked && entry.may_start() {
            entry.blocked = false;
            let what = entry.reference(ticket.of.index);
            self.start_or_wait(what, now, effects);
        }
    }

    /// A planned run's time has come, or its patience has ended.
    fn planned_due(&mut self, what: Ref, slept: bool, now: Now, effects: &mut Vec<Effect>) {
        let Some(entry) = self.roster.live_mut(what) else {
            return;
        };
        if entry.waiting {
            self.give_up_planned(what, now, effects);
            return;
        }
        if !entry.first && entry.slot > now.wall && entry.slot.since(now.wall) <= STEP_MIN {
            // The clock was put back a little: the slot has not come yet.
            entry.due = now.monotonic + entry.slot.since(now.wall);
            self.timeline.push(entry.due, what);
            return;
        }
        rename(entry, now, &mut self.load, effects);
        if slept && !entry.first {
            let next = entry.grid.after(now.wall);
            report_missed(entry, next, &mut self.load, effects);
            self.arm(what.index, next, now);
        } else {
            self.start_or_wait(what, now, effects);
        }
    }

    fn start_or_wait(&mut self, what: Ref, now: Now, effects: &mut Vec<Effect>) {
        let Some(entry) = self.roster.live_mut(what) else {
            return;
        };
        let may_start = entry.may_start();
        if may_start && self.permits.take(entry.destination, false) {
            self.start_planned(what, now, effects);
            return;
        }
        entry.blocked = !may_start;
        if !entry.waiting {
            entry.waiting = true;
            self.load.waiting += 1;
            self.timeline.push(entry.due + entry.patience(), what);
        }
        if may_start {
            self.permits.wait(what, entry.destination);
        }
    }

    /// Starts a planned run that has its permit, and arms the next.
    fn start_planned(&mut self, what: Ref, now: Now, effects: &mut Vec<Effect>) {
        let Some(entry) = self.roster.get_mut(what.index) else {
            return;
        };
        entry.running += 1;
        rename(entry, now, &mut self.load, effects);
        let lateness = now.monotonic.saturating_sub(entry.due);
        let ticket = Ticket {
            of: what,
            born: entry.born,
            destination: entry.destination,
        };
        effects.push(Effect::Start(entry.due_run(lateness), ticket));
        self.load.started += 1;
        self.load.lateness_max = self.load.lateness_max.max(lateness);
        // Half an interval at least between two starts, and slots only from here on.
        let earliest = now.wall + entry.grid.interval() / 2;
        let next = entry
            .grid
            .at_or_after(earliest.max(entry.slot + Duration::from_millis(1)));
        if !entry.first {
            entry.slot = entry.grid.after(entry.slot);
            report_missed(entry, next, &mut self.load, effects);
        }
        self.arm(what.index, next, now);
    }

    fn give_up_planned(&mut self, what: Ref, now: Now, effects: &mut Vec<Effect>) {
        let Some(entry) = self.roster.get_mut(what.index) else {
            return;
        };
        rename(entry, now, &mut self.load, effects);
        let lateness = now.monotonic.saturating_sub(entry.due);
        effects.push(Effect::Overloaded(entry.due_run(lateness)));
        self.load.skipped += 1;
        let next = entry.grid.after(entry.slot.max(now.wall));
        if !entry.first {
            entry.slot = entry.grid.after(entry.slot);
            report_missed(entry, next, &mut self.load, effects);
        }
        self.arm(what.index, next, now);
    }

    /// Sets the next planned run of an entry; whatever was armed or waiting before is void.
    pub(super) fn arm(&mut self, index: u32, slot: Time, now: Now) {
        let due = now.monotonic + slot.since(now.wall);
        self.arm_at(index, slot, due, false);
    }

    /// As [`Self::arm`], at a monotonic time of its own; `first` for a run outside the grid.
    pub(super) fn arm_at(&mut self, index: u32, slot: Time, due: Duration, first: bool) {
        let stamp = self.stamp();
        let Some(entry) = self.roster.get_mut(index) else {
            return;
        };
        if entry.waiting {
            self.load.waiting = self.load.waiting.saturating_sub(1);
        }
        entry.stamp = stamp;
        entry.slot = slot;
        entry.due = due;
        entry.first = first;
        entry.waiting = false;
        entry.blocked = false;
        self.timeline.push(due, entry.reference(index));
    }
}

/// Whether a reference still means something.
fn is_live(roster: &Roster, asks: &HashMap<u32, AskState>, what: Ref) -> bool {
    if what.asked {
        asks.get(&what.index)
            .is_some_and(|ask| ask.stamp == what.stamp)
    } else {
        roster.is_live(what)
    }
}

/// Calls a due run by the present clock when that was stepped since it was armed: by the slot that
/// stands where its time is now, and never by one in the future. Slots that were stepped over are
/// reported.
fn rename(entry: &mut Entry, now: Now, load: &mut Load, effects: &mut Vec<Effect>) {
    let expected = now.wall - now.monotonic.saturating_sub(entry.due);
    if entry.slot <= now.wall && apart(expected, entry.slot) <= STEP_MIN {
        return;
    }
    if entry.first {
        entry.slot = expected;
    } else {
        let named = entry.grid.at_or_before(expected);
        report_missed(entry, named, load, effects);
        entry.slot = named;
    }
}

/// Reports the slots from the entry's own up to `until`, without that.
fn report_missed(entry: &Entry, until: Time, load: &mut Load, effects: &mut Vec<Effect>) {
    let count = entry.grid.count(entry.slot, until);
    if count > 0 {
        load.skipped += count;
        effects.push(Effect::Missed {
            monitor: entry.assignment.monitor,
            first: entry.slot,
            last: until - entry.grid.interval(),
            count,
        });
    }
}

fn apart(one: Time, other: Time) -> Duration {
    one.since(other).max(other.since(one))
}
