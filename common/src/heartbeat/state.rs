//! One heartbeat's deadlines, runs and open incident.

use super::{Brief, Durable, Effect, Heartbeat, HeartbeatStatus, Input, Ping, Refusal, View};
use crate::id::{Epoch, IncidentId};
use crate::incident::{Incident, Told};
use crate::time::Time;

/// One heartbeat's deadlines, runs and open incident.
#[derive(Clone, Debug)]
pub struct HeartbeatState {
    heartbeat: Heartbeat,
    epoch: Epoch,
    durable: Durable,
    status: HeartbeatStatus,
    since: Time,
    wake: Time,
}

impl HeartbeatState {
    /// Starts from what was stored.
    #[must_use]
    pub fn new(heartbeat: &Heartbeat, durable: Durable, epoch: Epoch, now: Time) -> Self {
        Self {
            heartbeat: heartbeat.clone(),
            epoch,
            durable,
            status: HeartbeatStatus::New,
            since: now,
            wake: Time::FAR_FUTURE,
        }
    }

    /// Gives a ping that is about to be stored its number among the heartbeat's own. `false`: it
    /// came faster than pings are stored; it is counted by the one before it, and not stored.
    pub fn number(&mut self, ping: &mut Ping) -> bool {
        self.durable.n += 1;
        ping.n = self.durable.n;
        true
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
        let _ = (input, now, effects, self.epoch);
        Ok(())
    }

    /// When the next deadline is; [`Input::Tick`] is wanted after it, once every ping that was
    /// read up to it has been put.
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

    /// How it stands, as far as lists sort and count by it.
    #[must_use]
    pub fn brief(&self) -> Brief {
        Brief {
            status: self.status,
            since: self.since,
            last_ping: self.durable.last_ping.map(|ping| ping.at),
            due: None,
        }
    }

    /// How it stands, for people.
    #[must_use]
    pub fn view(&self, now: Time) -> View {
        let _ = now;
        let durable = &self.durable;
        View {
            status: self.status,
            since: self.since,
            reason: String::new(),
            due: None,
            deadline: self.next_wake(),
            last_ping: durable.last_ping,
            last_success: durable.last_success,
            last_run: durable.last_run,
            runs: durable.runs.clone(),
            never_finished: durable.never_finished,
            unobserved: durable.unobserved,
            pings: durable.n,
            incident: durable.incident.as_ref().map(|incident| incident.id),
        }
    }

    /// The heartbeat as it was last saved.
    #[must_use]
    pub const fn heartbeat(&self) -> &Heartbeat {
        &self.heartbeat
    }
}
