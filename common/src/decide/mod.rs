//! The heart: from results to incidents, one monitor at a time.
//!
//! [`MonitorState::on`] takes what happened and the time, and returns what must follow. It does
//! no I/O and knows no clock. The caller stores results before they come in, commits what must
//! last before anything leaves, and hands the rest over.
//!
//! # How a result becomes an incident
//! ```text
//! result ──► seat ──────► area ───────────► count ────► scope ──► transition + evidence
//!            an agent's   a region's vote,  D, U,       opens, widens,
//!            run, vote    live? confirmed?  heard       narrows, resolves
//!               └──► rounds: who else is asked, at once
//! ```
//! The inputs each have a file: results here, `summary`, `saved`, `by_hand`. After each,
//! `judge` counts all votes anew and takes every step that the rules allow. Nothing is decided by
//! the order of timers and inputs: what was due is judged before the next input is looked at.
//!
//! # What this module does not do
//! It does not store results, keep budgets, decide who is told, or look at more than one monitor.

use std::time::Duration;

use crate::id::{AgentId, Epoch, IncidentId, MonitorId};
use crate::incident::{Hand, Incident, MonitorFacts, Scope, Told};
use crate::monitor::Monitor;
use crate::name::Region;
use crate::outcome::Outcome;
use crate::result::CheckResult;
use crate::time::Time;

mod area;
mod by_hand;
mod evidence;
mod interface;
mod judge;
mod rounds;
mod rules;
mod saved;
mod scope;
mod seat;
mod summary;
mod times;
mod view;

#[cfg(test)]
mod tests;

pub use interface::{CheckNow, Durable, Effect, Input, Refusal, Tie};
pub use view::{Brief, RegionView, Status, View};

use area::{Area, Count, Scratch};
use rounds::Round;
use rules::Rules;
use seat::{Seat, Vote};

/// One monitor's votes, round and open incident.
#[derive(Clone, Debug)]
pub struct MonitorState {
    id: MonitorId,
    epoch: Epoch,
    facts: MonitorFacts,
    rules: Rules,
    activity: Activity,
    /// Of each assigned region, in the order of the specification.
    areas: Vec<Area>,
    seats: Vec<Seat>,
    count: Count,
    scratch: Scratch,
    durable: Durable,
    /// What started up to here was decided on before the start; applied again, it changes nothing.
    settled: Time,
    /// What is durable changed without a transition.
    unsaved: bool,
    round: Option<Round>,
    recovery: Option<Round>,
    /// Makes nonces differ.
    asks: u64,
    /// When the regions that vote Down were last asked for the sake of a long interval.
    asked_down: Time,
    /// Since when the open global incident has been refuted without a break.
    refuted_since: Option<Time>,
    failing_since: Option<Time>,
    status: Status,
    since: Time,
    /// The status that was said last.
    said: Status,
    born: Time,
    wake: Time,
    /// Whether an Up result of a region that votes Up changes nothing.
    calm: bool,
}

/// Whether a monitor's results are wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Activity {
    Active,
    Paused,
    Removed,
}

/// A result that claims to start later than this from now is not counted: a clock is off.
const FUTURE_MAX: Duration = Duration::from_secs(10);
/// Unknown is not announced so soon after a start: agents are still coming back.
const WARM_UP: Duration = Duration::from_secs(90);
/// Steps that one input may cause: open, widen, narrow, resolve, and one that finds nothing more.
const STEPS_MAX: usize = 5;

impl MonitorState {
    /// Starts from what was stored. Nothing was heard yet: `Unknown(no votes yet)`.
    #[must_use]
    pub fn new(monitor: &Monitor, durable: Durable, epoch: Epoch, now: Time) -> Self {
        let mut state = Self {
            id: monitor.id,
            epoch,
            facts: saved::facts_of(monitor),
            rules: Rules::of(&monitor.spec),
            activity: match monitor.paused {
                true => Activity::Paused,
                false => Activity::Active,
            },
            areas: Vec::new(),
            seats: Vec::new(),
            count: Count::default(),
            scratch: Scratch::default(),
            settled: settled(&durable),
            durable,
            unsaved: false,
            round: None,
            recovery: None,
            asks: 0,
            asked_down: now,
            refuted_since: None,
            failing_since: None,
            status: match monitor.paused {
                true => Status::Paused,
                false => Status::Unknown,
            },
            since: now,
            said: Status::Unknown,
            born: now,
            wake: now,
            calm: false,
        };
        state.said = state.status;
        state.assign(&monitor.spec.regions, now);
        state.wake = state.next_due(now);
        state
    }

    /// Takes what happened; what must follow is pushed on `effects`. Agents must have been tied
    /// by [`Input::Agent`] before their results count.
    ///
    /// # Errors
    /// A deed by hand is refused; nothing changed.
    pub fn on(
        &mut self,
        input: Input<'_>,
        now: Time,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if now >= self.wake {
            self.judge(now, effects);
        }
        match input {
            Input::Result(result) => self.heard(result, now, effects),
            Input::Summary { agent, entry } => self.summarised(agent, &entry, now, effects),
            Input::Agent { agent, region, tie } => self.tied(agent, region, tie, now, effects),
            Input::Saved(monitor) => self.saved(monitor, now, effects),
            Input::Removed => self.removed(now, effects),
            Input::Resolve { by, force } => return self.resolve(by, force, now, effects),
            Input::Acknowledge { by, note } => {
                return self.acknowledge(Hand::of(by, note), now, effects);
            }
            Input::Comment { by, note } => {
                return self.comment(Hand::of(by, note), now, effects);
            }
            Input::Tick => {}
        }
        Ok(())
    }

    /// When the next timer is due; [`Input::Tick`] wanted then, or with any later input.
    /// Reads one field, so it may be asked after each input. What renews a vote does not move it:
    /// a tick may find nothing due and then moves it outwards.
    #[must_use]
    pub fn next_wake(&self) -> Option<Time> {
        (self.wake < Time::FAR_FUTURE).then_some(self.wake)
    }

    /// The open incident.
    #[must_use]
    pub fn incident(&self) -> Option<&Incident> {
        self.durable.incident.as_ref()
    }

    /// When the incident before the open one ended, or the last one.
    #[must_use]
    pub const fn last_ended_at(&self) -> Option<Time> {
        self.durable.last_ended_at
    }

    /// Notes which channels were told of an incident, so that its later transitions carry it.
    /// Called for every [`Effect::Transition`] that told anybody; the caller commits it.
    pub fn note_told(&mut self, incident: IncidentId, told: Vec<Told>) {
        let open = self.durable.incident.as_mut();
        if let Some(open) = open.filter(|open| open.id == incident) {
            open.told = told;
        }
    }

    /// What must last.
    #[must_use]
    pub fn durable(&self) -> Durable {
        self.durable.clone()
    }

    /// How it stands, for people.
    #[must_use]
    pub fn view(&self, now: Time) -> View {
        self.view_at(now)
    }

    fn heard(&mut self, result: &CheckResult, now: Time, effects: &mut Vec<Effect>) {
        let started = result.started;
        let usable = self.activity == Activity::Active
            && result.meaning == self.rules.meaning
            && started > self.settled
            && started <= now + FUTURE_MAX;
        let Some(at) = self.seat_of(result.agent).filter(|_| usable) else {
            return;
        };
        let window = self.rules.window();
        let up = result.outcome == Outcome::Up;
        if self.calm && up && self.seats[at].renew(started, now, window) {
            return;
        }
        let seat = &mut self.seats[at];
        let newer = seat
            .trail
            .as_ref()
            .is_none_or(|trail| started > trail.started);
        if !newer || seat.area.is_none() {
            return;
        }
        if let Outcome::Inconclusive(reason) = &result.outcome {
            seat.inconclusive = Some(reason.clone());
            return;
        }
        let was_down = seat.counts(now, window) && seat.vote == Some(Vote::Down);
        let turns_up = !result.outcome.is_down() && seat.vote == Some(Vote::Down);
        seat.absorb(started, &result.outcome, &self.rules);
        let at = self.retire_predecessors(at);
        if result.outcome.is_down() && !was_down && self.scope() != Some(Scope::Global) {
            self.suspect(at, started, Some(result.run), now, effects);
        }
        if turns_up && self.durable.incident.is_some() {
            self.recover(at, Some(result.run), now, effects);
        }
        self.judge(now, effects);
    }

    /// An agent no longer assigned stops counting at its successor's first conclusive result.
    fn retire_predecessors(&mut self, successor: usize) -> usize {
        let Seat {
            agent,
            assigned,
            area,
            ..
        } = self.seats[successor];
        if assigned && self.seats.iter().any(|seat| !seat.assigned) {
            self.seats.retain(|seat| seat.assigned || seat.area != area);
            return self.seat_of(agent).unwrap_or(successor);
        }
        successor
    }

    fn tied(
        &mut self,
        agent: AgentId,
        region: Region,
        tie: Tie,
        now: Time,
        effects: &mut Vec<Effect>,
    ) {
        let known = self
            .seat_of(agent)
            .filter(|&at| self.seats[at].region == region);
        match (tie, known) {
            (Tie::Connected | Tie::Lost(_), _) => {
                let at = known.unwrap_or_else(|| self.seat(agent, region));
                let seat = &mut self.seats[at];
                seat.assigned = true;
                seat.lost = match tie {
                    Tie::Lost(since) => Some(since),
                    Tie::Connected | Tie::Unassigned | Tie::Revoked => None,
                };
                self.ask_newcomer(at, effects);
            }
            (Tie::Unassigned, Some(at)) => self.seats[at].assigned = false,
            (Tie::Unassigned, None) => {}
            (Tie::Revoked, _) => self.seats.retain(|seat| seat.agent != agent),
        }
        let window = self.rules.window();
        self.seats
            .retain(|seat| seat.assigned || seat.counts(now, window));
        self.judge(now, effects);
    }

    /// A new seat, in place of one that the agent had in another region.
    fn seat(&mut self, agent: AgentId, region: Region) -> usize {
        self.seats.retain(|seat| seat.agent != agent);
        let mut seat = Seat::new(agent, region);
        seat.area = self
            .areas
            .iter()
            .position(|area| area.region == seat.region);
        self.seats.push(seat);
        self.seats.len() - 1
    }

    fn seat_of(&self, agent: AgentId) -> Option<usize> {
        self.seats.iter().position(|seat| seat.agent == agent)
    }
}

/// Up to when results have been decided on, as far as what is durable shows: the last decision on
/// the open incident, or the end of the one before it. Votes do not last over a restart, so an Up
/// from before the incident would close it, and a Down of the last one open it again.
fn settled(durable: &Durable) -> Time {
    let transitions = durable.incident.iter().flat_map(|i| &i.transitions);
    let decisions = transitions.filter(|t| t.evidence.is_some()).map(|t| t.at);
    let last = decisions.chain(durable.last_ended_at).max();
    last.unwrap_or(Time::EPOCH)
}
