//! Saved: what an edit, a pause or a removal of the monitor does to votes and incidents.
//!
//! Pausing and removing close what is open, and say so. A new *meaning* voids every vote: the
//! monitor is `Unknown(no votes yet)`. An open incident stays open over that. Closing it would
//! say UP of something that nobody has seen up, and page again a second later if the edit mended
//! nothing; left open, it ends when every named region votes Up under the new meaning. The same
//! holds for a new quorum: what is open then widens, narrows or ends by the rules.
//!
//! An incident of which no named region is assigned any more has nobody left to end it, and closes.

use super::area::Area;
use super::evidence::Decided;
use super::rules::Rules;
use super::{Activity, Effect, MonitorState};
use crate::incident::{Hand, MonitorFacts, Resolution};
use crate::monitor::Monitor;
use crate::time::Time;

impl MonitorState {
    pub(super) fn saved(&mut self, monitor: &Monitor, now: Time, effects: &mut Vec<Effect>) {
        // Also where a crash came between the pause and its end of the incident.
        let to_close = self.activity == Activity::Active || self.durable.incident.is_some();
        if monitor.paused && to_close {
            self.suspend(Activity::Paused, now, effects);
        }
        let rules = Rules::of(&monitor.spec);
        let resumed = !monitor.paused && self.activity == Activity::Paused;
        if resumed || rules.meaning != self.rules.meaning {
            self.forget_votes();
        }
        if resumed {
            self.activity = Activity::Active;
        }
        self.rules = rules;
        self.facts = facts_of(monitor);
        self.assign(&monitor.spec.regions, now);
        self.close_if_reassigned(now, effects);
        self.judge(now, effects);
    }

    pub(super) fn removed(&mut self, now: Time, effects: &mut Vec<Effect>) {
        self.suspend(Activity::Removed, now, effects);
        self.judge(now, effects);
    }

    /// The assigned regions, keeping what is known of those that stay.
    pub(super) fn assign(&mut self, regions: &[crate::name::Region], now: Time) {
        let mut known = std::mem::take(&mut self.areas);
        for region in regions {
            let same = known.iter().position(|area| area.region == *region);
            self.areas.push(match same {
                Some(at) => known.swap_remove(at),
                None => Area::new(region.clone(), now),
            });
        }
        for seat in &mut self.seats {
            seat.area = regions.iter().position(|region| *region == seat.region);
            if seat.area.is_none() {
                // Should the region come back, what it saw before says nothing of that day.
                seat.forget();
            }
        }
    }

    fn suspend(&mut self, activity: Activity, now: Time, effects: &mut Vec<Effect>) {
        let (resolution, decided) = match activity {
            Activity::Active | Activity::Paused => (Resolution::Paused, Decided::Paused),
            Activity::Removed => (Resolution::Removed, Decided::Removed),
        };
        if self.durable.incident.is_some() {
            let evidence = self.evidence(&decided, now);
            self.close(
                resolution,
                now,
                Hand::default(),
                Some(evidence),
                now,
                effects,
            );
        }
        self.forget_votes();
        self.count_votes(now);
        self.activity = activity;
    }

    /// Everything heard so far is void, and so is what was closed by hand.
    fn forget_votes(&mut self) {
        for seat in &mut self.seats {
            seat.forget();
        }
        for area in &mut self.areas {
            area.healed = false;
        }
        self.round = None;
        self.recovery = None;
        self.failing_since = None;
        let muted = std::mem::take(&mut self.durable.muted_until_not_down);
        let regions = std::mem::take(&mut self.durable.muted_regions);
        self.unsaved |= muted || !regions.is_empty();
    }

    fn close_if_reassigned(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let Some(incident) = &self.durable.incident else {
            return;
        };
        let named = |area: &Area| incident.named.binary_search(&area.region).is_ok();
        if self.areas.iter().any(named) {
            return;
        }
        self.count_votes(now);
        let evidence = self.evidence(&Decided::Reassigned, now);
        self.close(
            Resolution::Reassigned,
            now,
            Hand::default(),
            Some(evidence),
            now,
            effects,
        );
    }
}

/// What messages and pages say about a monitor.
pub(super) fn facts_of(monitor: &Monitor) -> MonitorFacts {
    MonitorFacts {
        id: monitor.id,
        name: monitor.spec.name.as_str().to_owned(),
        kind: monitor.spec.kind.as_str().to_owned(),
        target: monitor.spec.target(),
        labels: monitor.spec.labels.clone(),
    }
}
