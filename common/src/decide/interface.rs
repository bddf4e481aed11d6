//! What goes into a monitor's state, what comes out of it, and what lasts.

use std::time::Duration;

use super::view::Status;
use crate::id::AgentId;
use crate::incident::Incident;
use crate::monitor::Monitor;
use crate::name::Region;
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
    /// It is carried as it was right after that transition; a later one of the same input is not
    /// in it, nor whom the earlier one told.
    Transition(Box<Incident>),
    /// The status changed; for pages, events and metrics. A change to Unknown is not said in the
    /// first 90 s, so `from` is what was said last.
    Status {
        /// Before.
        from: Status,
        /// After.
        to: Status,
    },
    /// What [`super::MonitorState::durable`] returns changed without a transition: commit it.
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
