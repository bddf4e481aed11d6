//! By hand: acknowledging, commenting and closing an open incident.
//!
//! Closing is refused while any region votes Down, since the incident would come back at once, or
//! worse, would not. Forced, it closes and stays closed: no incident opens until the monitor was
//! not Down once. A forced end of a *regional* incident keeps only those regions from opening
//! another one, each until it voted Up: that one region fails is known, that the quorum fails
//! would be news.

use super::evidence::Decided;
use super::{Effect, MonitorState, Refusal};
use crate::incident::{Hand, IncidentStatus, Resolution, Scope, TransitionKind};
use crate::time::Time;

impl MonitorState {
    pub(super) fn acknowledge(
        &mut self,
        hand: Hand,
        now: Time,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let incident = self.durable.incident.as_mut().ok_or(Refusal::NotOpen)?;
        incident.status = IncidentStatus::Acknowledged;
        incident.acknowledged_by.clone_from(&hand.by);
        self.transition(TransitionKind::Acknowledged, hand, None, now, effects);
        Ok(())
    }

    pub(super) fn comment(
        &mut self,
        hand: Hand,
        now: Time,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if self.durable.incident.is_none() {
            return Err(Refusal::NotOpen);
        }
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
        let incident = self.durable.incident.as_ref().ok_or(Refusal::NotOpen)?;
        let failing = self.count.down;
        if failing > 0 && !force {
            return Err(Refusal::StillDown {
                failing,
                assigned: self.rules.quorum.assigned(),
            });
        }
        if failing > 0 {
            let named = |region: &_| incident.named.binary_search(region).is_ok();
            let unwell = self
                .areas
                .iter()
                .filter(|area| area.is_down() || (named(&area.region) && !area.healed));
            self.durable.muted_regions = unwell.map(|area| area.region.clone()).collect();
            self.durable.muted_until_not_down = incident.scope == Scope::Global;
        }
        let hand = Hand::of(by, "");
        let evidence = self.evidence(&Decided::ByHand, now);
        self.close(Resolution::Forced, now, hand, Some(evidence), now, effects);
        self.judge(now, effects);
        Ok(())
    }
}
