//! Summaries: how votes come back after a start of the coordinator or a reconnect of an agent.
//!
//! A vote taken from a summary counts for the floor, but neither opens nor closes until a live
//! result renews it; one that turned Down starts a round, which brings that result. While an
//! incident is open every agent whose summary was taken is asked once more.
//!
//! What a summary repeats of a result that came live leaves the vote as it is.

use std::time::Duration;

use super::seat::Vote;
use super::{Activity, Effect, MonitorState};
use crate::id::AgentId;
use crate::incident::Scope;
use crate::time::Time;
use crate::vote::SummaryEntry;

/// Ages grow on the way, so a summary's newest result may seem a little younger than it is.
const AGE_SLACK: Duration = Duration::from_secs(1);

impl MonitorState {
    pub(super) fn summarised(
        &mut self,
        agent: AgentId,
        entry: &SummaryEntry,
        now: Time,
        effects: &mut Vec<Effect>,
    ) {
        let usable = self.activity == Activity::Active
            && entry.meaning == self.rules.meaning
            && entry.outcome.is_conclusive();
        let Some(seat) = self.seat_of(agent).filter(|_| usable) else {
            return;
        };
        if self.seats[seat].area.is_none() || self.is_known(seat, entry, now) {
            return;
        }
        let window = self.rules.window();
        let counted = self.seats[seat].counts(now, window);
        let was_down = counted && self.seats[seat].vote == Some(Vote::Down);
        let presumed = self.presumed(seat);
        self.seats[seat].restore(entry, now, &self.rules, presumed);
        let seated = &self.seats[seat];
        let is_down = seated.counts(now, window) && seated.vote == Some(Vote::Down);
        if is_down && !was_down && self.scope() != Some(Scope::Global) {
            self.suspect(seat, now - entry.age, None, now, effects);
        }
        if self.durable.incident.is_some() {
            self.ask_renewal(seat, now, effects);
        }
        self.judge(now, effects);
    }

    /// Whether the summary says nothing newer than what came live.
    fn is_known(&self, seat: usize, entry: &SummaryEntry, now: Time) -> bool {
        let started = now - entry.age;
        self.seats[seat].trail.as_ref().is_some_and(|trail| {
            let same_sort = trail.is_down() == entry.outcome.is_down();
            started <= trail.started || (same_sort && started <= trail.started + AGE_SLACK)
        })
    }

    /// The former vote of an agent that says too little about it: the one that changes least.
    fn presumed(&self, seat: usize) -> Vote {
        let region = &self.seats[seat].region;
        let incident = self.durable.incident.as_ref();
        let named = incident.is_some_and(|i| i.named.binary_search(region).is_ok());
        if named { Vote::Down } else { Vote::Up }
    }
}
