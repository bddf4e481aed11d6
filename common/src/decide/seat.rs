//! Seats: one agent's vote on one monitor, and the run of results that it rests on.
//!
//! An agent votes Down after `failures` consecutive Down results, Up after `successes` consecutive
//! others; until then its former vote stands. The first result other than Down of an agent without
//! a vote makes it Up. `Inconclusive` results never come here as votes: they neither change, renew
//! nor break a run.
//!
//! # What this module does not do
//! It does not order results (its caller drops those that started before the newest), and it does
//! not know other agents: what a region votes is [`super::area`].

use std::time::Duration;

use super::rules::Rules;
use crate::id::AgentId;
use crate::name::Region;
use crate::outcome::{Outcome, OutcomeKind, Reason};
use crate::time::Time;
use crate::vote::SummaryEntry;

/// How long the votes of an agent without a session still count.
const LOST_COUNTS: Duration = Duration::from_secs(60);

/// An opinion: of an agent, or of a region.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Vote {
    Up,
    Down,
}

/// The newest conclusive result and the run of like results (Down, or not Down) that it ends.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    pub(super) started: Time,
    pub(super) kind: OutcomeKind,
    pub(super) reason: Option<Reason>,
    pub(super) run_length: u32,
    pub(super) run_started: Time,
    /// The start of the last result of the other sort.
    pub(super) other: Option<Time>,
}

impl Trail {
    pub(super) fn is_down(&self) -> bool {
        self.kind == OutcomeKind::Down
    }
}

/// One agent's place among those that check a monitor.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) agent: AgentId,
    pub(super) region: Region,
    /// The place of its region among those assigned; `None` when its region is not.
    pub(super) area: Option<usize>,
    pub(super) assigned: bool,
    pub(super) lost: Option<Time>,
    pub(super) trail: Option<Trail>,
    /// `Some` only with a trail.
    pub(super) vote: Option<Vote>,
    /// The start of the result that last turned the vote Down.
    pub(super) turned_down: Time,
    /// Whether a live result stands behind the vote, rather than a summary alone.
    pub(super) renewed: bool,
    /// Whether the agent sees the target degraded: twice in a row, and left likewise.
    pub(super) degraded: bool,
    contrary: bool,
    /// Why its newest result was inconclusive, if it was.
    pub(super) inconclusive: Option<Reason>,
}

impl Seat {
    pub(super) fn new(agent: AgentId, region: Region) -> Self {
        Self {
            agent,
            region,
            area: None,
            assigned: true,
            lost: None,
            trail: None,
            vote: None,
            turned_down: Time::EPOCH,
            renewed: false,
            degraded: false,
            contrary: false,
            inconclusive: None,
        }
    }

    /// Forgets every result: they were made under another meaning, or before a pause.
    pub(super) fn forget(&mut self) {
        let fresh = Self::new(self.agent, self.region.clone());
        *self = Self {
            area: self.area,
            assigned: self.assigned,
            lost: self.lost,
            ..fresh
        };
    }

    /// Whether it can be asked for checks.
    pub(super) fn can_be_asked(&self) -> bool {
        self.assigned && self.lost.is_none() && self.area.is_some()
    }

    /// Whether its vote counts.
    pub(super) fn counts(&self, now: Time, window: Duration) -> bool {
        self.counts_until(window).is_some_and(|until| now < until)
    }

    /// Until when its vote counts, if nothing renews it.
    pub(super) fn counts_until(&self, window: Duration) -> Option<Time> {
        self.vote?;
        let stale = self.trail.as_ref()?.started + window;
        Some(self.lost.map_or(stale, |at| stale.min(at + LOST_COUNTS)))
    }

    /// Takes an Up result where it changes nothing but the age of a vote: the way of nearly every
    /// result, so it touches nothing else. `false`: it may change something, look closer.
    pub(super) fn renew(&mut self, started: Time, now: Time, window: Duration) -> bool {
        let quiet = self.vote == Some(Vote::Up)
            && self.renewed
            && self.area.is_some()
            && self.assigned
            && self.lost.is_none()
            && !self.degraded
            && !self.contrary
            && self.inconclusive.is_none();
        match &mut self.trail {
            Some(trail)
                if quiet
                    && trail.kind == OutcomeKind::Up
                    && started > trail.started
                    && now < trail.started + window =>
            {
                trail.started = started;
                trail.run_length = trail.run_length.saturating_add(1);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Takes a live conclusive result that is newer than the newest.
    pub(super) fn absorb(&mut self, started: Time, outcome: &Outcome, rules: &Rules) {
        let down = outcome.is_down();
        let (run_length, run_started, other) = match &self.trail {
            Some(t) if t.is_down() == down => {
                (t.run_length.saturating_add(1), t.run_started, t.other)
            }
            Some(t) => (1, started, Some(t.started)),
            None => (1, started, None),
        };
        self.trail = Some(Trail {
            started,
            kind: outcome.kind(),
            reason: outcome.reason().cloned(),
            run_length,
            run_started,
            other,
        });
        self.inconclusive = None;
        self.note_degraded(outcome.kind() == OutcomeKind::Degraded);
        if down && run_length >= rules.failures {
            self.turn_down(started);
        } else if !down && (self.vote.is_none() || run_length >= rules.successes) {
            self.vote = Some(Vote::Up);
        }
        // A result that contradicts a vote which stands nevertheless does not make it live.
        self.renewed |= (self.vote == Some(Vote::Down)) == down;
    }

    /// Takes what a summary says, in place of all that was known. Where it says too little to
    /// know the former vote, `presumed` stands for it.
    pub(super) fn restore(
        &mut self,
        entry: &SummaryEntry,
        now: Time,
        rules: &Rules,
        presumed: Vote,
    ) {
        let started = now - entry.age;
        let down = entry.outcome.is_down();
        let degraded = entry.outcome.kind() == OutcomeKind::Degraded;
        if self.trail.is_none() {
            self.degraded = degraded;
        } else {
            self.note_degraded(degraded);
        }
        let trail = Trail {
            started,
            kind: entry.outcome.kind(),
            reason: entry.outcome.reason().cloned(),
            run_length: entry.run_length,
            run_started: (now - entry.run_age).min(started),
            other: entry.other_age.map(|age| now - age),
        };
        self.renewed = false;
        self.inconclusive = None;
        if down && entry.run_length >= rules.failures {
            self.turn_down(trail.run_started);
        } else if !down && entry.run_length >= rules.successes {
            self.vote = Some(Vote::Up);
        } else if self.vote.is_none() {
            let first_of_its_life = entry.other_age.is_none();
            self.vote = match (first_of_its_life, down) {
                (true, true) => None,
                (true, false) => Some(Vote::Up),
                (false, _) => Some(presumed),
            };
            self.turned_down = trail.run_started;
        }
        self.trail = Some(trail);
    }

    fn turn_down(&mut self, at: Time) {
        if self.vote != Some(Vote::Down) {
            self.turned_down = at;
        }
        self.vote = Some(Vote::Down);
    }

    fn note_degraded(&mut self, seen: bool) {
        let differs = seen != self.degraded;
        if differs && self.contrary {
            self.degraded = seen;
        }
        self.contrary = differs && !self.contrary;
    }
}
