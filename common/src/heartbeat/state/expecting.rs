//! Expecting: which ping is due next, when its absence is told, and what a tick finds overdue.
//!
//! | schedule | due                                  | a spell that touches … makes a miss unobserved |
//! |----------|--------------------------------------|-------------------------------------------------|
//! | period   | anchor + every                       | the second half of anchor … due + grace         |
//! | cron     | the first time whose window opens after the anchor | opens … due + grace               |
//!
//! After an unobserved miss the end of the spell stands for the anchor. While a run with a limit
//! is open, its end is what is waited for: the deadline holds until the run ended or took too
//! long. Where runs begin and none ends it holds no longer than the first of them might have.

use std::time::Duration;

use super::HeartbeatState;
use super::incident::Cause;
use crate::heartbeat::interface::{Effect, OpenRun, Unobserved};
use crate::heartbeat::{HeartbeatStatus, Schedule};
use crate::time::Time;

/// The ping that is expected next, or is overdue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Awaited {
    /// From when on it may well come. Of a cron schedule: a ping from here on settles it.
    pub(super) opens: Time,
    /// When it is expected.
    pub(super) due: Time,
}

impl HeartbeatState {
    /// Finds the ping that is expected next.
    pub(super) fn expect(&mut self) {
        let durable = &self.durable;
        self.awaited = durable.anchor.and_then(|anchor| {
            let heard_again = durable.unobserved.map_or(anchor, |miss| miss.spell.to);
            self.awaited_after(anchor.max(heard_again))
        });
    }

    /// The ping that is expected after a time from which is counted.
    pub(super) fn awaited_after(&self, from: Time) -> Option<Awaited> {
        match &self.heartbeat.spec.schedule {
            Schedule::Every(every) => Some(Awaited {
                opens: from + (*every + self.heartbeat.spec.grace) / 2,
                due: from + *every,
            }),
            Schedule::Cron(cron) => cron.expected_after(from).map(|expected| Awaited {
                opens: expected.opens,
                due: expected.at,
            }),
        }
    }

    /// What is awaited is another ping now: what moved the former one's deadline is void.
    pub(super) fn expect_anew(&mut self) {
        self.durable.moved = Duration::ZERO;
        self.durable.spell = None;
        self.expect();
    }

    /// Counts from now on where an edit was committed and what follows from it was not: a crash
    /// came between, and the schedule may be another.
    pub(super) fn mend_edit(&mut self, now: Time) {
        let (noted, version) = (self.durable.version, self.heartbeat.version);
        self.durable.version = version;
        if noted == 0 || noted == version {
            return;
        }
        self.note_overruns(now);
        if self.durable.anchor.is_some() {
            self.durable.anchor = Some(now);
            self.durable.moved = Duration::ZERO;
            self.durable.spell = None;
        } else {
            // It was resumed.
            self.durable.runs.clear();
        }
    }

    /// An anchor where none was stored although alarms are armed, or none where they are not: a
    /// heartbeat that alarms before its first ping has one from the moment it is made.
    pub(super) fn mend_anchor(&mut self) {
        let heartbeat = &self.heartbeat;
        let durable = &mut self.durable;
        let pinged = durable.last_ping.is_some();
        if heartbeat.paused || !(pinged || heartbeat.spec.alarm_before_first_ping) {
            durable.anchor = None;
        } else {
            let pinged_at = durable.last_ping.map(|ping| ping.at);
            durable.anchor.get_or_insert(match pinged_at {
                Some(at) => heartbeat.updated_at.max(at),
                None => heartbeat.created_at,
            });
        }
    }

    /// The last moment at which the awaited ping is in time.
    pub(super) fn deadline(&self) -> Option<Time> {
        let awaited = self.awaited?;
        Some(awaited.due + self.heartbeat.spec.grace + self.durable.moved)
    }

    /// After which moment the awaited ping is late.
    pub(super) fn late_from(&self) -> Option<Time> {
        let awaited = self.awaited.filter(|_| !self.is_held())?;
        Some(awaited.due + self.durable.moved)
    }

    /// After which moment the awaited ping is missed: its deadline, or while a run is waited for so
    /// much later as a run may take. Only runs that begin and are given up get as far as that.
    pub(super) fn missed_after(&self) -> Option<Time> {
        let running = self.durable.runs.iter().filter(|run| !run.overrun);
        let held = match (
            running.map(|run| run.spared).max(),
            self.heartbeat.spec.max_run,
        ) {
            (Some(spared), Some(max_run)) => max_run + spared,
            _ => Duration::ZERO,
        };
        Some(self.deadline()? + held)
    }

    /// Whether the end of a run is waited for, which took no longer than it may so far.
    pub(super) fn is_held(&self) -> bool {
        let limited = self.heartbeat.spec.max_run.is_some();
        limited && self.durable.runs.iter().any(|run| !run.overrun)
    }

    /// The last moment at which the end of a run is in time.
    pub(super) fn run_limit(&self, run: &OpenRun) -> Option<Time> {
        let max_run = self.heartbeat.spec.max_run?;
        Some(run.started + max_run + run.spared)
    }

    /// The run that must end first, and by when.
    fn first_limit(&self) -> Option<(usize, Time)> {
        self.heartbeat.spec.max_run?;
        let running = self.durable.runs.iter().enumerate();
        let limits = running
            .filter(|(_, run)| !run.overrun)
            .filter_map(|(at, run)| Some((at, self.run_limit(run)?)));
        limits.min_by_key(|(_, limit)| *limit)
    }

    /// Whether anything may open an incident by the passing of time.
    pub(super) fn is_watched(&self) -> bool {
        let durable = &self.durable;
        durable.incident.is_none() && !durable.muted && !self.heartbeat.paused
    }

    /// After which moment something opens an incident, or a run is over its limit, unless a ping
    /// comes.
    #[must_use]
    pub fn alarm_at(&self) -> Option<Time> {
        if !self.is_watched() {
            return None;
        }
        let limit = self.first_limit().map(|(_, limit)| limit);
        match (limit, self.missed_after()) {
            (Some(limit), Some(missed)) => Some(limit.min(missed)),
            (limit, missed) => limit.or(missed),
        }
    }

    /// After which moment a tick changes something.
    pub(super) fn next_due(&self) -> Time {
        let Some(alarm) = self.alarm_at() else {
            return Time::FAR_FUTURE;
        };
        match self.late_from() {
            Some(from) if self.status != HeartbeatStatus::Late => alarm.min(from),
            _ => alarm,
        }
    }

    pub(super) fn tick(&mut self, now: Time, effects: &mut Vec<Effect>) {
        if now <= self.wake {
            return;
        }
        // At most one miss is excused by a spell, then one alarms.
        while self.step(now, effects) {}
        self.refresh(now, effects);
    }

    /// Takes one step that is due; `false` when none is.
    fn step(&mut self, now: Time, effects: &mut Vec<Effect>) -> bool {
        if !self.is_watched() {
            return false;
        }
        if let Some((at, limit)) = self.first_limit().filter(|(_, limit)| now > *limit) {
            let run = &mut self.durable.runs[at];
            run.overrun = true;
            if run.told {
                self.unsaved = true;
                return true;
            }
            let rid = run.rid.clone();
            let rid = rid.as_deref();
            self.open(&Cause::Overrun { rid, limit }, now, effects);
            return true;
        }
        if self.missed_after().is_none_or(|missed| now <= missed) {
            return false;
        }
        if !self.excuse(effects) {
            self.open(&Cause::Missed, now, effects);
        }
        true
    }

    /// Lets the awaited ping go where we may have missed it ourselves; `false` where not.
    pub(super) fn excuse(&mut self, effects: &mut Vec<Effect>) -> bool {
        let (Some(awaited), Some(spell)) = (self.awaited, self.durable.spell) else {
            return false;
        };
        self.durable.unobserved = Some(Unobserved {
            due: awaited.due,
            spell,
        });
        self.unsaved = true;
        effects.push(Effect::Unobserved);
        self.expect_anew();
        true
    }

    /// Forgets a miss that we may have caused ourselves.
    pub(super) fn forget_unobserved(&mut self, effects: &mut Vec<Effect>) -> bool {
        let was = self.durable.unobserved.take().is_some();
        if was {
            effects.push(Effect::Unobserved);
        }
        was
    }
}
