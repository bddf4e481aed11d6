//! One heartbeat's deadlines, runs and open incident.
//!
//! What it knows follows from what is durable and from the pings stored since: a state made anew
//! from both is the same as the one that was lost. What is expected next ([`Awaited`]) and when
//! the next deadline is are kept beside it, so that a ping costs no more than a few comparisons
//! and no memory.
//!
//! A deadline fires only at a [`Input::Tick`] later than it. A ping never fires one: the caller
//! puts a ping that was read in time before the tick, however late it comes.

use std::time::Duration;

use super::interface::{Brief, Durable, Effect, Input, KeptBody, Refusal, Unobserved};
use super::{BODIES_KEPT, Heartbeat, HeartbeatStatus, Ping, Schedule};
use crate::id::{Epoch, IncidentId};
use crate::incident::{Incident, Told};
use crate::time::Time;

mod by_hand;
mod deafness;
mod evidence;
mod expecting;
mod incident;
mod numbers;
mod pinged;
mod runs;
mod saved;
mod view;
mod words;

use expecting::Awaited;
use numbers::Numbers;
pub(super) use numbers::second;

/// One heartbeat's deadlines, runs and open incident.
#[derive(Clone, Debug)]
pub struct HeartbeatState {
    heartbeat: Heartbeat,
    epoch: Epoch,
    durable: Durable,
    status: HeartbeatStatus,
    /// The ping that is expected next, or is overdue.
    awaited: Option<Awaited>,
    wake: Time,
    /// The newest sign of life; what is older and comes later opens and closes nothing.
    newest: Time,
    numbers: Numbers,
    /// What is durable changed in a way that replaying pings does not bring back.
    unsaved: bool,
}

impl HeartbeatState {
    /// Starts from what was stored. Pings stored since must be put next, in their order, then
    /// [`Input::Deaf`] for the time in which we were down, then ticks.
    #[must_use]
    pub fn new(heartbeat: &Heartbeat, durable: Durable, epoch: Epoch, now: Time) -> Self {
        let newest = durable.last_ping.map_or(Time::EPOCH, |ping| ping.at);
        let mut state = Self {
            heartbeat: heartbeat.clone(),
            epoch,
            durable,
            status: HeartbeatStatus::New,
            awaited: None,
            wake: Time::FAR_FUTURE,
            newest: newest.min(now),
            numbers: Numbers::default(),
            unsaved: false,
        };
        state.mend_edit(now);
        state.mend_anchor();
        state.durable.since.get_or_insert(heartbeat.created_at);
        state.expect();
        let (status, since) = state.standing(now);
        let was_said = state.durable.muted || state.durable.since == Some(since);
        // Late is what a tick finds, after the pings that were stored since.
        let is_news = status == HeartbeatStatus::Late && !was_said;
        state.status = if is_news {
            state.standing(since).0
        } else {
            status
        };
        state.wake = state.next_due();
        state
    }

    /// Notes that a numbered ping's body is about to be kept; returns the pings, by their numbers
    /// in the store, whose bodies go for it: of the last ten pings bodies are kept. To be called
    /// for every numbered ping, with a body or not, in the order of the numbers.
    pub fn body_drops(&mut self, ping: &Ping) -> Vec<u64> {
        let bodies = &mut self.durable.bodies;
        let last = bodies.last().map_or(0, |body| body.seq);
        if ping.body_kept > 0 && ping.seq > last {
            if bodies.capacity() == 0 {
                bodies.reserve_exact(BODIES_KEPT + 1);
            }
            bodies.push(KeptBody {
                seq: ping.seq,
                n: ping.n,
                size: ping.body_kept,
            });
        }
        let kept = u64::try_from(BODIES_KEPT).unwrap_or(u64::MAX);
        let gone = bodies.partition_point(|body| body.n + kept <= ping.n);
        bodies.drain(..gone).map(|body| body.seq).collect()
    }

    /// Notes that a body went for the bound on all bodies together.
    pub fn body_dropped(&mut self, seq: u64) {
        self.durable.bodies.retain(|body| body.seq != seq);
    }

    /// Takes what happened; what must follow is pushed on `effects`.
    ///
    /// # Errors
    /// A deed by hand is refused; nothing changed.
    pub fn on(
        &mut self,
        input: Input<'_>,
        now: Time,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let before = effects.len();
        match input {
            Input::Ping(ping) => {
                self.pinged(ping, now, effects);
                return Ok(());
            }
            Input::Saved(heartbeat) => self.saved(heartbeat, now, effects),
            Input::Removed => self.removed(now, effects),
            Input::Deaf(spell) => self.deaf(spell, now, effects),
            Input::SetBack(by) => self.set_back(by, now),
            Input::Resolve { by, force } => self.resolve(by, force, now, effects)?,
            Input::Acknowledge { by, note } => self.acknowledge(by, note, now, effects)?,
            Input::Comment { by, note } => self.comment(by, note, now, effects)?,
            Input::Tick => self.tick(now, effects),
        }
        self.wake = self.next_due();
        if std::mem::take(&mut self.unsaved) {
            let said = effects[before..].iter();
            // What a transition commits includes everything else that must last.
            if !said.into_iter().any(|e| matches!(e, Effect::Transition(_))) {
                effects.push(Effect::Save);
            }
        }
        Ok(())
    }

    /// When the next deadline is; [`Input::Tick`] is wanted after it, once every ping that was
    /// read up to it has been put. Reads one field.
    #[must_use]
    pub fn next_wake(&self) -> Option<Time> {
        (self.wake < Time::FAR_FUTURE).then_some(self.wake)
    }

    /// The open incident.
    #[must_use]
    pub fn incident(&self) -> Option<&Incident> {
        self.durable.incident.as_ref()
    }

    /// Notes which channels were told of an incident, so that its later transitions carry it.
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

    /// The bodies that are kept of its pings, oldest first.
    #[must_use]
    pub fn bodies(&self) -> &[KeptBody] {
        &self.durable.bodies
    }

    /// A miss that we may have caused ourselves, until the next sign of life.
    #[must_use]
    pub const fn unobserved(&self) -> Option<&Unobserved> {
        self.durable.unobserved.as_ref()
    }

    /// How it stands, as far as lists sort and count by it.
    #[must_use]
    pub fn brief(&self) -> Brief {
        Brief {
            status: self.status,
            since: self.since(),
            last_ping: self.durable.last_ping.map(|ping| ping.at),
            due: self.awaited.map(|awaited| awaited.due),
        }
    }

    /// The heartbeat as it was last saved.
    #[must_use]
    pub const fn heartbeat(&self) -> &Heartbeat {
        &self.heartbeat
    }

    /// The runs that are open, oldest first: their ids and when they began.
    pub(super) fn running(&self) -> impl Iterator<Item = (Option<Box<str>>, Time)> {
        let runs = self.durable.runs.iter();
        runs.map(|run| (run.rid.clone(), run.started))
    }

    /// When the newest sign of life came.
    pub(super) const fn newest(&self) -> Time {
        self.newest
    }

    fn since(&self) -> Time {
        self.durable.since.unwrap_or(self.heartbeat.created_at)
    }

    /// How it stands at `now` by what is known, and since when.
    fn standing(&self, now: Time) -> (HeartbeatStatus, Time) {
        let durable = &self.durable;
        if self.heartbeat.paused {
            return (HeartbeatStatus::Paused, now);
        }
        if let Some(incident) = &durable.incident {
            return (HeartbeatStatus::Down, incident.started_at);
        }
        if durable.muted {
            return (HeartbeatStatus::Late, now);
        }
        match self.late_from() {
            Some(from) if now > from => (HeartbeatStatus::Late, from),
            _ if self.is_new() => (HeartbeatStatus::New, now),
            _ => (HeartbeatStatus::Up, now),
        }
    }

    /// Whether nothing was heard since it was made or resumed. A resumed one has stood so since
    /// the very time from which its deadline is counted.
    fn is_new(&self) -> bool {
        let durable = &self.durable;
        match (durable.last_ping, durable.anchor) {
            (None, _) => true,
            (Some(ping), Some(anchor)) => ping.at < anchor && durable.since == Some(anchor),
            (Some(_), None) => false,
        }
    }

    /// Brings the status up to date with what is known at `at`.
    fn refresh(&mut self, at: Time, effects: &mut Vec<Effect>) {
        let (status, since) = self.standing(at);
        self.set_status(status, since, effects);
    }

    fn set_status(&mut self, to: HeartbeatStatus, since: Time, effects: &mut Vec<Effect>) {
        if self.status == to {
            if to == HeartbeatStatus::Late && !self.durable.muted {
                // Another ping is late by now, or its time was moved.
                self.durable.since = Some(since);
            }
            return;
        }
        let from = std::mem::replace(&mut self.status, to);
        self.durable.since = Some(since);
        effects.push(Effect::Status { from, to });
    }

    fn every(&self) -> Option<Duration> {
        match &self.heartbeat.spec.schedule {
            Schedule::Every(every) => Some(*every),
            Schedule::Cron(_) => None,
        }
    }
}
