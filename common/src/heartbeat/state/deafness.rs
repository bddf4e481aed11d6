//! Deafness: what our own downtime and a clock that was set back do to deadlines.
//!
//! What we could not hear is not held against a job. A short spell moves the deadlines that it
//! touches by its length: a ping that is tried again comes a little later. A long one in the span
//! in which a ping was due makes its absence `unobserved`; a run that may have ended in it gets
//! its whole time again. A deadline that was over before the spell alarms as ever.
//!
//! Short spells add up until the next ping, yet not without end: one after another would silence a
//! job for ever, and nobody would be told. Beyond [`MOVED_MAX`] a short one counts as a long one, and
//! a miss that it excuses is listed.

use std::time::Duration;

use super::{HeartbeatState, Numbers};
use crate::heartbeat::interface::{Effect, Spell};
use crate::heartbeat::{MOVED_MAX, SPELL_SHORT_MAX};
use crate::time::Time;

impl HeartbeatState {
    pub(super) fn deaf(&mut self, spell: Spell, now: Time, effects: &mut Vec<Effect>) {
        if spell.to <= spell.from {
            return;
        }
        self.spare_runs(spell);
        if self.durable.incident.is_some() || self.durable.muted {
            return;
        }
        if self.missed_after().is_some_and(|d| d < spell.from) {
            // The former spell's miss is due; what is awaited after it is what this one touches.
            self.excuse(effects);
        }
        let (Some(awaited), Some(deadline)) = (self.awaited, self.deadline()) else {
            return;
        };
        let counted_from = self.every().map_or(awaited.opens, |e| awaited.due - e);
        let moved_max = MOVED_MAX.max((deadline - self.durable.moved).since(counted_from) / 2);
        let is_short = spell.length() <= SPELL_SHORT_MAX;
        if !is_short || self.durable.moved + spell.length() > moved_max {
            if spell.touches(awaited.opens, deadline) {
                self.durable.spell = Some(Spell {
                    stepped: Duration::ZERO,
                    ..spell
                });
                self.unsaved = true;
            } else if self.every().is_some() && spell.touches(counted_from, deadline) {
                // Of a period only so much has passed as really did.
                self.move_deadline(spell.stepped, now.min(spell.to), effects);
            }
        } else if spell.touches(counted_from, deadline) {
            self.move_deadline(spell.length(), now.min(spell.to), effects);
        }
    }

    fn move_deadline(&mut self, by: Duration, now: Time, effects: &mut Vec<Effect>) {
        if by.is_zero() {
            return;
        }
        self.durable.moved += by;
        self.unsaved = true;
        self.refresh(now, effects);
    }

    /// A run without a limit is spared, too: that its end was not heard says nothing.
    fn spare_runs(&mut self, spell: Spell) {
        let is_long = spell.length() > SPELL_SHORT_MAX;
        let max_run = self.heartbeat.spec.max_run;
        if max_run.is_none() && !is_long {
            return;
        }
        for run in self.durable.runs.iter_mut().filter(|run| !run.overrun) {
            let until = max_run.map(|max_run| run.started + max_run + run.spared);
            if !spell.touches(run.started, until.unwrap_or(Time::FAR_FUTURE)) {
                continue;
            }
            run.unheard |= is_long;
            match is_long {
                true => run.spared = run.spared.max(spell.to.since(run.started)),
                false => run.spared += spell.length(),
            }
            self.unsaved = true;
        }
    }

    /// Everything that deadlines are counted from is as long ago as before, by the clock as it is
    /// now. To be put before any ping that was read after the clock was set.
    pub(super) fn set_back(&mut self, by: Duration, now: Time) {
        let durable = &mut self.durable;
        let back = |at: &mut Time| *at = (*at - by).min(now);
        if let Some(anchor) = &mut durable.anchor {
            back(anchor);
        }
        if let Some(since) = &mut durable.since {
            back(since);
        }
        if let Some(ended) = &mut durable.last_ended_at {
            // Else the next incident would begin ahead of the clock.
            back(ended);
        }
        for run in &mut durable.runs {
            back(&mut run.started);
        }
        let unobserved = durable.unobserved.as_mut().map(|miss| &mut miss.spell);
        for spell in durable.spell.as_mut().into_iter().chain(unobserved) {
            back(&mut spell.from);
            back(&mut spell.to);
        }
        // What is ahead of the clock now would hide the pings to come, also after a restart.
        if let Some(ping) = &mut durable.last_ping {
            ping.at = ping.at.min(now);
        }
        durable.last_success = durable.last_success.map(|at| at.min(now));
        self.newest = self.newest.min(now);
        self.numbers = Numbers::default();
        if let Some(said) = &mut self.durable.last_verdict {
            // Runs that began after it still do.
            *said = (*said - by).min(now);
        }
        self.unsaved = true;
        self.expect();
    }
}
