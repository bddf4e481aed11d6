//! The heart: from results to incidents, one monitor at a time.
//!
//! [`MonitorState::on`] takes what happened and the time, and returns what must follow. It does
//! no I/O and knows no clock. The caller stores results before they come in, commits what must
//! last before anything leaves, and hands the rest over.

use std::time::Duration;

use crate::id::{AgentId, Epoch, IncidentId};
use crate::incident::{Incident, Standing, Told};
use crate::monitor::Monitor;
use crate::name::Region;
use crate::outcome::{OutcomeKind, Reason};
use crate::result::CheckResult;
use crate::time::Time;
use crate::vote::SummaryEntry;

/// What happened.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A live result, already stored; duplicates and old ones are ignored here.
    Result(&'a CheckResult),
    /// What an agent's vote summary says about this monitor.
    Summary {
        /// Whose summary.
        agent: AgentId,
        /// What it says.
        entry: SummaryEntry,
    },
    /// An agent's tie to this monitor changed.
    Agent {
        /// Which agent.
        agent: AgentId,
        /// Where it votes.
        region: Region,
        /// How it stands now.
        tie: Tie,
    },
    /// The monitor was saved: its specification, pause or labels may have changed.
    Saved(&'a Monitor),
    /// The monitor is being removed; closes what is open.
    Removed,
    /// Somebody wants the open incident closed.
    Resolve {
        /// Who.
        by: String,
        /// Although it is still down.
        force: bool,
    },
    /// Somebody takes the open incident.
    Acknowledge {
        /// Who.
        by: String,
        /// What they say.
        note: String,
    },
    /// Somebody says something about the open incident.
    Comment {
        /// Who.
        by: String,
        /// What they say.
        note: String,
    },
    /// Time has passed; due timers fire.
    Tick,
}

/// How an agent stands to a monitor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tie {
    /// Assigned, with a session.
    Connected,
    /// Assigned, without a session since then.
    Lost(Time),
    /// No longer assigned; counts until its successor's first conclusive result.
    Unassigned,
    /// Revoked: counts no more, from now on.
    Revoked,
}

/// What must follow.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask an agent for checks outside its slots. The fleet's budgets may refuse.
    CheckNow(CheckNow),
    /// The open incident changed by its last transition: commit it, tell who must be told.
    /// The incident is [`MonitorState::incident`], or for `resolved` the one carried here.
    Transition(Box<Incident>),
    /// The status changed; for pages, events and metrics. A change to Unknown is not said in the
    /// first 90 s, so `from` is what was said last.
    Status {
        /// Before.
        from: Status,
        /// After.
        to: Status,
    },
    /// What [`MonitorState::durable`] returns changed without a transition: commit it.
    Save,
}

/// A request for checks outside the slots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckNow {
    /// The agent asked.
    pub agent: AgentId,
    /// Tells the answers apart; unique per monitor and round.
    pub nonce: u64,
    /// How many runs.
    pub count: u32,
    /// Time between two starts.
    pub spacing: Duration,
    /// Time from now to the first start.
    pub delay: Duration,
}

/// What lasts beyond a restart, beside the monitor itself. Votes do not: agents bring them back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Durable {
    /// Incidents opened so far; part of the next one's id.
    pub generation: u64,
    /// The open incident.
    pub incident: Option<Incident>,
    /// When the previous incident ended; the next one starts no earlier.
    pub last_ended_at: Option<Time>,
    /// Closed by hand while Down: none opens until it was not Down once.
    pub muted_until_not_down: bool,
    /// Regions whose failing was closed by hand with a regional incident; sorted. None opens a
    /// regional incident again until it voted Up once. A global one opens all the same.
    pub muted_regions: Vec<Region>,
}

/// What a monitor is, in one word for lists.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Status {
    /// The verdict is Up.
    Up,
    /// Up, but slower or closer to expiry than it should be.
    Degraded,
    /// A global incident is open.
    Down,
    /// Too few votes to say.
    Unknown,
    /// Its checks are suspended.
    Paused,
}

impl Status {
    /// The word for it in all interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Paused => "paused",
        }
    }
}

/// How a monitor stands, for people: `monitor show`, lists, pages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct View {
    /// In one word.
    pub status: Status,
    /// Since when.
    pub since: Time,
    /// Why, where there is more to say: why Unknown, what fails.
    pub reason: String,
    /// How many regions must agree.
    pub required: u8,
    /// The open incident.
    pub incident: Option<IncidentId>,
    /// Since when at least one region has failed without a break.
    pub failing_since: Option<Time>,
    /// Every assigned region, sorted.
    pub regions: Vec<RegionView>,
}

/// How a region stands on a monitor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegionView {
    /// The region's id.
    pub region: Region,
    /// Failing is `down`, passing is `up`, the others `none`.
    pub standing: Standing,
    /// The age of its newest conclusive result.
    pub age: Option<Duration>,
    /// That result's outcome.
    pub outcome: Option<OutcomeKind>,
    /// Why it fails, abstains or is degraded.
    pub reason: Option<Reason>,
    /// Why it has no vote; empty for a vote.
    pub because: String,
}

/// Why a deed by hand was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no open incident.
    #[error("there is no open incident")]
    NotOpen,
    /// It is still down.
    #[error("{failing} of {assigned} regions still see it down")]
    StillDown {
        /// Regions that vote Down.
        failing: u8,
        /// Regions assigned.
        assigned: u8,
    },
}

/// One monitor's votes, round and open incident.
pub struct MonitorState {}

impl MonitorState {
    /// Starts from what was stored. Nothing was heard yet: `Unknown(no votes yet)`.
    #[must_use]
    pub fn new(_monitor: &Monitor, _durable: Durable, _epoch: Epoch, _now: Time) -> Self {
        Self {}
    }

    /// Takes what happened; what must follow is pushed on `effects`. Agents must have been tied
    /// by [`Input::Agent`] before their results count.
    ///
    /// # Errors
    /// A deed by hand is refused; nothing changed.
    pub fn on(
        &mut self,
        _input: Input<'_>,
        _now: Time,
        _effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    /// When the next timer is due; [`Input::Tick`] wanted then, or with any later input.
    /// Reads one field, so it may be asked after each input. What renews a vote does not move it:
    /// a tick may find nothing due and then moves it outwards.
    #[must_use]
    pub fn next_wake(&self) -> Option<Time> {
        None
    }

    /// The open incident.
    #[must_use]
    pub fn incident(&self) -> Option<&Incident> {
        None
    }

    /// Notes which channels were told of an incident, so that its later transitions carry it.
    /// Called for every [`Effect::Transition`] that told anybody; the caller commits it.
    pub fn note_told(&mut self, _incident: IncidentId, _told: Vec<Told>) {}

    /// What must last.
    #[must_use]
    pub fn durable(&self) -> Durable {
        Durable::default()
    }

    /// How it stands, for people.
    #[must_use]
    pub fn view(&self, _now: Time) -> View {
        View {
            status: Status::Unknown,
            since: Time::EPOCH,
            reason: String::new(),
            required: 0,
            incident: None,
            failing_since: None,
            regions: Vec::new(),
        }
    }
}
