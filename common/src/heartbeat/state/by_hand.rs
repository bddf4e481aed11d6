//! By hand: acknowledging, commenting and closing an open incident.
//!
//! A success closes an incident by itself, so one that is open has heard none since: closing is
//! refused unless forced. Forced while the awaited ping is missing, it stays closed until the next
//! sign of life: that the job is silent is known.

use super::HeartbeatState;
use super::evidence::Decided;
use crate::heartbeat::interface::{Effect, Refusal};
use crate::incident::{Hand, IncidentStatus, Resolution, TransitionKind};
use crate::time::Time;

impl HeartbeatState {
    pub(super) fn acknowledge(
        &mut self,
        by: String,
        note: String,
        now: Time,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let incident = self.durable.incident.as_mut().ok_or(Refusal::NotOpen)?;
        incident.status = IncidentStatus::Acknowledged;
        incident.acknowledged_by = Some(by.clone());
        let hand = Hand::of(by, note);
        self.transition(TransitionKind::Acknowledged, hand, None, now, effects);
        Ok(())
    }

    pub(super) fn comment(
        &mut self,
        by: String,
        note: String,
        now: Time,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.durable.incident.as_ref().ok_or(Refusal::NotOpen)?;
        let hand = Hand::of(by, note);
        self.transition(TransitionKind::Commented, hand, None, now, effects);
        Ok(())
    }

    pub(super) fn resolve(
        &mut self,
        by: String,
        force: bool,
        now: Time,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.durable.incident.as_ref().ok_or(Refusal::NotOpen)?;
        if !force {
            return Err(Refusal::StillDown);
        }
        self.note_overruns(now);
        self.durable.muted = self.missed_after().is_some_and(|missed| now > missed);
        let hand = Hand::of(by, "");
        self.close(
            Resolution::Forced,
            now,
            hand,
            &Decided::ByHand,
            now,
            effects,
        );
        self.refresh(now, effects);
        Ok(())
    }
}
