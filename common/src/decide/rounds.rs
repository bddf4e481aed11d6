//! Rounds: the immediate re-check of other regions and the accuser, and what else is asked
//! outside the slots.
//!
//! A round of suspicion starts at a counted Down result of an agent whose own vote is not Down,
//! while no global incident is open. All others are asked at once, the accuser 1 s later. "All
//! others" are the agents of the other regions and the accuser's neighbours in its own: a region
//! needs a majority of its agents. One round at a time; a further such result joins the running
//! one and adds only its own second look.
//!
//! A round of recovery starts at a result other than Down of an agent that votes Down, while an
//! incident is open, in all regions that vote Down.
//!
//! # What this module does not do
//! It judges nothing: a round only brings results forward, and narrows which Down votes may open
//! ([`super::area`]). Budgets, which may refuse what is asked here, belong to the fleet.

use std::time::Duration;

use super::rules::SPACING;
use super::seat::Vote;
use super::{CheckNow, Effect, MonitorState};
use crate::id::AgentId;
use crate::identity;
use crate::incident::Scope;
use crate::result::Run;
use crate::time::Time;

/// Above this interval the slots are too far apart to notice a recovery by themselves.
const ASK_ABOVE: Duration = Duration::from_secs(60);
/// The regions that vote Down are asked every tenth of the incident's age, at least this far apart.
const ASK_EVERY_MIN: Duration = Duration::from_secs(60);
const ASK_AGE_PART: u32 = 10;

/// A running round.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// The start of the result that began it.
    pub(super) accused: Time,
    pub(super) ends: Time,
    nonce: u64,
    asked: Vec<AgentId>,
    looked_twice: Vec<AgentId>,
}

impl Round {
    fn is_answered_by(&self, run: Option<Run>) -> bool {
        matches!(run, Some(Run::Asked { nonce, .. }) if nonce == self.nonce)
    }
}

impl MonitorState {
    /// A Down result of a seat whose vote is not Down: starts a round or joins the running one.
    pub(super) fn suspect(
        &mut self,
        seat: usize,
        started: Time,
        run: Option<Run>,
        now: Time,
        effects: &mut Vec<Effect>,
    ) {
        let count = self.rules.failures;
        let accuser = self.seats[seat].agent;
        let Some(mut round) = self.round.take() else {
            let nonce = self.next_nonce(now);
            let mut asked = Vec::new();
            for other in self.seats.iter().filter(|s| s.agent != accuser) {
                if other.can_be_asked() {
                    asked.push(other.agent);
                    effects.push(check_now(other.agent, nonce, count, Duration::ZERO));
                }
            }
            self.second_look(seat, count, now, effects);
            self.round = Some(Round {
                accused: started,
                ends: now + self.rules.round(count),
                nonce,
                asked,
                looked_twice: vec![accuser],
            });
            return;
        };
        // Where several runs were asked for, the rest of them is the second look.
        let follows = count > 1 && round.is_answered_by(run);
        if !follows && !round.looked_twice.contains(&accuser) {
            round.looked_twice.push(accuser);
            self.second_look(seat, count, now, effects);
        }
        self.round = Some(round);
    }

    /// A result other than Down of a seat that voted Down, while an incident is open. The seat has
    /// taken it already; the areas stand as before it.
    pub(super) fn recover(
        &mut self,
        seat: usize,
        run: Option<Run>,
        now: Time,
        effects: &mut Vec<Effect>,
    ) {
        let count = self.rules.successes;
        let agent = self.seats[seat].agent;
        let mut round = match self.recovery.take() {
            Some(round) => round,
            None => {
                let nonce = self.next_nonce(now);
                let asked = self.ask_down(nonce, count, Some(agent), effects);
                Round {
                    accused: now,
                    ends: now + self.rules.round(count),
                    nonce,
                    asked,
                    looked_twice: Vec::new(),
                }
            }
        };
        let undecided = self.seats[seat].vote == Some(Vote::Down) && !round.is_answered_by(run);
        if undecided && !round.looked_twice.contains(&agent) {
            round.looked_twice.push(agent);
            self.second_look(seat, count, now, effects);
        }
        self.recovery = Some(round);
    }

    /// An agent has come back while a round runs: it is asked too.
    pub(super) fn ask_newcomer(&mut self, seat: usize, effects: &mut Vec<Effect>) {
        let Some(round) = &mut self.round else { return };
        let seat = &self.seats[seat];
        let known = round.asked.contains(&seat.agent) || round.looked_twice.contains(&seat.agent);
        if seat.can_be_asked() && !known {
            round.asked.push(seat.agent);
            let count = self.rules.failures;
            effects.push(check_now(seat.agent, round.nonce, count, Duration::ZERO));
        }
    }

    /// Asks one agent for a live result in place of its summary.
    pub(super) fn ask_renewal(&mut self, seat: usize, now: Time, effects: &mut Vec<Effect>) {
        if self.seats[seat].can_be_asked() {
            let nonce = self.next_nonce(now);
            effects.push(check_now(self.seats[seat].agent, nonce, 1, Duration::ZERO));
        }
    }

    /// Ends rounds whose time is over, or whose question an incident has answered.
    pub(super) fn end_rounds(&mut self, now: Time) {
        let global = self.scope() == Some(Scope::Global);
        if self
            .round
            .as_ref()
            .is_some_and(|round| global || now >= round.ends)
        {
            self.round = None;
        }
        let open = self.durable.incident.is_some();
        if self
            .recovery
            .as_ref()
            .is_some_and(|round| !open || now >= round.ends)
        {
            self.recovery = None;
        }
    }

    /// Asks what has become due: whether a lasting failure still lasts, and, where slots are far
    /// apart, whether an open incident is over.
    pub(super) fn ask_what_is_due(&mut self, now: Time, effects: &mut Vec<Effect>) {
        for place in 0..self.areas.len() {
            let due = self.lasts_from(place).filter(|&at| at <= now);
            let area = &mut self.areas[place];
            let unasked = area.asked_run != Some(area.run_started);
            if due.is_some_and(|at| unasked && area.newest < at) {
                area.asked_run = Some(area.run_started);
                let nonce = self.next_nonce(now);
                self.ask_down_at(place, nonce, 1, None, effects);
            }
        }
        if self.next_periodic_ask().is_some_and(|at| at <= now) {
            self.asked_down = now;
            let nonce = self.next_nonce(now);
            self.ask_down(nonce, 1, None, effects);
        }
    }

    /// When a region's failure has lasted long enough for an incident of its own; `None` where
    /// none can open.
    pub(super) fn lasts_from(&self, place: usize) -> Option<Time> {
        let area = &self.areas[place];
        let free = self.durable.incident.is_none()
            && !self.durable.muted_until_not_down
            && self
                .durable
                .muted_regions
                .binary_search(&area.region)
                .is_err();
        let after = self.rules.regional_after?;
        (free && area.is_live_down()).then(|| area.run_started + after)
    }

    /// When the regions that vote Down are asked next.
    pub(super) fn next_periodic_ask(&self) -> Option<Time> {
        let incident = self.durable.incident.as_ref()?;
        let age = self.asked_down.since(incident.started_at);
        let every = (age / ASK_AGE_PART).max(ASK_EVERY_MIN);
        (self.rules.interval > ASK_ABOVE).then(|| self.asked_down + every)
    }

    fn second_look(&mut self, seat: usize, count: u32, now: Time, effects: &mut Vec<Effect>) {
        if self.seats[seat].can_be_asked() {
            let nonce = self.next_nonce(now);
            effects.push(check_now(self.seats[seat].agent, nonce, count, SPACING));
        }
    }

    /// Asks every agent that votes Down in a region that does; returns whom.
    fn ask_down(
        &self,
        nonce: u64,
        count: u32,
        except: Option<AgentId>,
        effects: &mut Vec<Effect>,
    ) -> Vec<AgentId> {
        let places = 0..self.areas.len();
        places
            .filter(|&place| self.areas[place].is_down())
            .flat_map(|place| self.ask_down_at(place, nonce, count, except, effects))
            .collect()
    }

    fn ask_down_at(
        &self,
        place: usize,
        nonce: u64,
        count: u32,
        except: Option<AgentId>,
        effects: &mut Vec<Effect>,
    ) -> Vec<AgentId> {
        let mut asked = Vec::new();
        for seat in self.seats.iter().filter(|seat| seat.area == Some(place)) {
            let wanted = seat.vote == Some(Vote::Down) && Some(seat.agent) != except;
            if wanted && seat.can_be_asked() {
                effects.push(check_now(seat.agent, nonce, count, Duration::ZERO));
                asked.push(seat.agent);
            }
        }
        asked
    }

    fn next_nonce(&mut self, now: Time) -> u64 {
        self.asks += 1;
        identity::nonce(self.id, now, self.asks)
    }
}

fn check_now(agent: AgentId, nonce: u64, count: u32, delay: Duration) -> Effect {
    Effect::CheckNow(CheckNow {
        agent,
        nonce,
        count,
        spacing: SPACING,
        delay,
    })
}
