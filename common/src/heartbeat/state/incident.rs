//! Incidents of a heartbeat: what opens one, what ends it, and when it had begun.
//!
//! At most one is open. It began when the missing ping was due, when the job said that it failed,
//! or when a run had taken all its time; never before the previous one ended. It is over with the
//! ping that says so.

use super::HeartbeatState;
use super::evidence::Decided;
use crate::heartbeat::Ping;
use crate::heartbeat::interface::Effect;
use crate::identity;
use crate::incident::{
    Evidence, Hand, Incident, IncidentStatus, MonitorFacts, Resolution, Scope, Subject,
    TransitionKind,
};
use crate::outcome::{Reason, ReasonCode};
use crate::time::Time;

/// Why an incident opens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause<'a> {
    /// The awaited ping did not come.
    Missed,
    /// The job said that it failed.
    Failed(&'a Ping),
    /// A run has not ended in its time.
    Overrun {
        /// Its id, where the job gave one.
        rid: Option<&'a str>,
        /// When it should have.
        limit: Time,
    },
}

impl HeartbeatState {
    pub(super) fn open(&mut self, cause: &Cause<'_>, now: Time, effects: &mut Vec<Effect>) {
        let began = match cause {
            Cause::Missed => self.awaited.map_or(now, |awaited| awaited.due),
            Cause::Failed(ping) => ping.at,
            Cause::Overrun { limit, .. } => *limit,
        };
        let not_before = self.durable.last_ended_at.unwrap_or(Time::EPOCH);
        let spec = &self.heartbeat.spec;
        let evidence = self.evidence(&Decided::Opened(cause), now);
        let incident = Incident {
            id: identity::incident_id(
                self.epoch,
                self.heartbeat.id,
                self.durable.generation.saturating_add(1),
            ),
            scope: Scope::Global,
            severity: spec.severity,
            status: IncidentStatus::Open,
            subject: Subject::Monitor(MonitorFacts {
                id: self.heartbeat.id,
                name: spec.name.as_str().to_owned(),
                kind: MonitorFacts::HEARTBEAT.to_owned(),
                target: String::new(),
                labels: spec.labels.clone(),
            }),
            named: Vec::new(),
            reason: self.reason(cause),
            started_at: began.min(now).max(not_before),
            decided_at: now,
            ended_at: None,
            resolved_at: None,
            resolution: None,
            acknowledged_by: None,
            transitions: Vec::new(),
            told: Vec::new(),
        };
        self.durable.generation = self.durable.generation.saturating_add(1);
        self.durable.incident = Some(incident);
        if let (Some(miss), Some(anchor)) = (&self.durable.unobserved, &mut self.durable.anchor) {
            // What was missed now was counted from the end of that spell.
            *anchor = (*anchor).max(miss.spell.to);
        }
        self.forget_unobserved(effects);
        let kind = TransitionKind::Opened;
        self.transition(kind, Hand::default(), Some(evidence), now, effects);
    }

    pub(super) fn recover(&mut self, at: Time, now: Time, effects: &mut Vec<Effect>) {
        let decided = Decided::Recovered { at };
        self.close(
            Resolution::Recovered,
            at,
            Hand::default(),
            &decided,
            now,
            effects,
        );
    }

    /// Ends the open incident, if there is one.
    pub(super) fn close(
        &mut self,
        resolution: Resolution,
        ended_at: Time,
        hand: Hand,
        decided: &Decided<'_>,
        now: Time,
        effects: &mut Vec<Effect>,
    ) {
        if self.durable.incident.is_none() {
            return;
        }
        let evidence = self.evidence(decided, now);
        let Some(incident) = &mut self.durable.incident else {
            return;
        };
        incident.end(resolution, ended_at, now);
        // It began ahead of a clock that was set back since.
        self.durable.last_ended_at = incident.ended_at.map(|at| at.min(now));
        self.transition(TransitionKind::Resolved, hand, Some(evidence), now, effects);
        self.durable.incident = None;
    }

    /// Adds a transition to the incident and says so.
    pub(super) fn transition(
        &mut self,
        kind: TransitionKind,
        hand: Hand,
        evidence: Option<Evidence>,
        now: Time,
        effects: &mut Vec<Effect>,
    ) {
        let Some(incident) = &mut self.durable.incident else {
            return;
        };
        incident.add(kind, hand, evidence, now);
        effects.push(Effect::Transition(Box::new(incident.clone())));
    }

    fn reason(&self, cause: &Cause<'_>) -> Reason {
        match cause {
            Cause::Missed => Reason::new(ReasonCode::HeartbeatMissed, self.silence()),
            Cause::Failed(ping) => Reason::new(
                ReasonCode::HeartbeatFailed,
                super::words::failure(ping.signal),
            ),
            Cause::Overrun { rid, .. } => {
                Reason::new(ReasonCode::HeartbeatOverrun, self.overrun(*rid))
            }
        }
    }
}
