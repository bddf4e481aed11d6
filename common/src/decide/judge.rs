//! Judge: after each input, counts all votes anew, takes every step that the rules allow, says
//! what the monitor is now, and finds when to look again.

use super::area::tally;
use super::scope::NARROW_AFTER;
use super::{Activity, Effect, MonitorState, STEPS_MAX, Status, WARM_UP};
use crate::incident::Scope;
use crate::time::Time;

impl MonitorState {
    pub(super) fn judge(&mut self, now: Time, effects: &mut Vec<Effect>) {
        if self.activity == Activity::Active {
            self.end_rounds(now);
            self.count_votes(now);
            self.remember(now);
            self.ask_what_is_due(now, effects);
            for _ in 0..STEPS_MAX {
                if !self.step(now, effects) {
                    break;
                }
            }
        }
        if std::mem::take(&mut self.unsaved) {
            effects.push(Effect::Save);
        }
        self.settle(now, effects);
        self.wake = self.next_due(now);
        self.calm = self.is_calm();
    }

    pub(super) fn count_votes(&mut self, now: Time) {
        let accused = self.round.as_ref().map(|round| round.accused);
        let (areas, seats) = (&mut self.areas, &self.seats);
        self.count = tally(areas, seats, &self.rules, accused, now, &mut self.scratch);
    }

    /// What outlives the votes themselves.
    fn remember(&mut self, now: Time) {
        for area in &mut self.areas {
            area.silent_since = match area.vote {
                Some(_) => None,
                None => area.silent_since.or(Some(now)),
            };
            area.healed = area.is_live_up() || (area.healed && !area.is_down());
        }
        let down = self.areas.iter().filter(|area| area.is_down());
        let earliest = down.map(|area| area.turned_down).min();
        self.failing_since = earliest.map(|at| self.failing_since.unwrap_or(at));
        self.unmute();
    }

    /// What was closed by hand may open again once it was not Down.
    fn unmute(&mut self) {
        let quorum = self.rules.quorum;
        let not_down = quorum.is_heard(self.count.heard()) && !quorum.is_met(self.count.down);
        if self.durable.muted_until_not_down && not_down {
            self.durable.muted_until_not_down = false;
            self.unsaved = true;
        }
        if !self.durable.muted_regions.is_empty() {
            let muted = self.durable.muted_regions.len();
            let areas = &self.areas;
            let still = |region: &crate::name::Region| {
                let area = areas.iter().find(|area| area.region == *region);
                area.is_some_and(|area| !area.is_live_up())
            };
            self.durable.muted_regions.retain(still);
            self.unsaved |= self.durable.muted_regions.len() != muted;
        }
    }

    /// The status that the verdict amounts to, said where it changed.
    fn settle(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let quorum = self.rules.quorum;
        let status = match self.activity {
            Activity::Paused | Activity::Removed => Status::Paused,
            Activity::Active if !quorum.is_heard(self.count.heard()) => Status::Unknown,
            Activity::Active if self.scope() == Some(Scope::Global) => Status::Down,
            Activity::Active if self.count.degraded >= quorum.required() => Status::Degraded,
            Activity::Active => Status::Up,
        };
        if status != self.status {
            self.status = status;
            self.since = now;
        }
        if status != self.said && !self.is_held_back(now) {
            effects.push(Effect::Status {
                from: self.said,
                to: status,
            });
            self.said = status;
        }
    }

    /// Unknown right after a start says only that agents are still coming back.
    fn is_held_back(&self, now: Time) -> bool {
        self.status == Status::Unknown && now < self.born + WARM_UP
    }

    fn is_calm(&self) -> bool {
        self.activity == Activity::Active
            && self.durable.incident.is_none()
            && self.round.is_none()
            && !self.durable.muted_until_not_down
            && self.durable.muted_regions.is_empty()
            && self.seats.iter().all(|seat| seat.assigned)
    }

    /// The next time at which something changes by itself.
    pub(super) fn next_due(&self, now: Time) -> Time {
        if self.activity != Activity::Active {
            return Time::FAR_FUTURE;
        }
        let window = self.rules.window();
        let stale = self
            .seats
            .iter()
            .filter_map(|seat| seat.counts_until(window));
        let rounds = self
            .round
            .iter()
            .chain(&self.recovery)
            .map(|round| round.ends);
        let lasting = (0..self.areas.len()).filter_map(|place| self.lasts_from(place));
        let narrows = self.refuted_since.map(|since| since + NARROW_AFTER);
        let regional = self.scope() == Some(Scope::Regional);
        let silent = self.areas.iter().filter(|_| regional);
        let given_up = silent.filter_map(|area| self.given_up_at(area));
        let unsaid = (self.said != self.status).then(|| self.born + WARM_UP);
        let all = stale.chain(rounds).chain(lasting).chain(given_up);
        all.chain(narrows)
            .chain(self.next_periodic_ask())
            .chain(unsaid)
            .filter(|&at| at > now)
            .min()
            .unwrap_or(Time::FAR_FUTURE)
    }
}
