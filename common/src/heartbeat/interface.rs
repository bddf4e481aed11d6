//! What goes into a heartbeat's state, what comes out of it, and what lasts.

use std::time::Duration;

use super::{Heartbeat, HeartbeatStatus, Ping, Schedule, Signal};
use crate::id::IncidentId;
use crate::incident::Incident;
use crate::time::Time;

/// What happened.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A ping, already stored; one whose number is not above the last applied is ignored.
    Ping(&'a Ping),
    /// The heartbeat was saved: its specification, pause or labels may have changed.
    Saved(&'a Heartbeat),
    /// The heartbeat is being removed; closes what is open.
    Removed,
    /// For a while pings could not be heard.
    Deaf(Spell),
    /// The wall clock was set back by so much: periods wait no longer for it.
    SetBack(Duration),
    /// Somebody wants the open incident closed.
    Resolve {
        /// Who.
        by: String,
        /// Although nothing was heard since.
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
    /// Time has passed; due deadlines fire. Only to be put once every ping that was read before
    /// the deadline has been.
    Tick,
}

/// A span of our own downtime, by the wall clock: no ping could be heard in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spell {
    /// When we were last known to listen.
    pub from: Time,
    /// When we listened again.
    pub to: Time,
    /// How much of it did not pass by the monotonic clock: the wall clock was set forward, or the
    /// machine slept.
    pub stepped: Duration,
}

impl Spell {
    /// How long it was.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.to.since(self.from)
    }

    /// Whether a part of it lies in `from..=to`.
    #[must_use]
    pub fn touches(&self, from: Time, to: Time) -> bool {
        self.from <= to && self.to >= from
    }
}

/// What must follow.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The incident changed by its last transition: commit it, tell who must be told. Carried as
    /// it was right after that transition.
    Transition(Box<Incident>),
    /// The status changed; for pages, events and metrics.
    Status {
        /// Before.
        from: HeartbeatStatus,
        /// After.
        to: HeartbeatStatus,
    },
    /// What [`super::HeartbeatState::unobserved`] returns came or went: the system incident
    /// `own_downtime` may change.
    Unobserved,
    /// What [`super::HeartbeatState::durable`] returns changed in a way that replaying pings does
    /// not bring back: commit it.
    Save,
}

/// What lasts beyond a restart, beside the heartbeat itself. Brought up to date by the pings that
/// are stored with numbers above `seq`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Durable {
    /// Incidents opened so far; part of the next one's id.
    pub generation: u64,
    /// The open incident.
    pub incident: Option<Incident>,
    /// When the previous incident ended; the next one starts no earlier.
    pub last_ended_at: Option<Time>,
    /// The number of the newest ping that was applied.
    pub seq: u64,
    /// Rows of pings stored so far: the number of the newest.
    pub n: u64,
    /// Pings so far; those that share a row count one by one.
    pub pings: u64,
    /// The newest ping that was a sign of life: any but `log`.
    pub last_ping: Option<LastPing>,
    /// When the job last said that it is done.
    pub last_success: Option<Time>,
    /// Since when the present state is.
    pub since: Option<Time>,
    /// What the next deadline is counted from: the last sign of life, or when it was made, resumed
    /// or given another schedule. `None`: none is armed yet.
    pub anchor: Option<Time>,
    /// How far short spells of our own downtime have moved the present deadline.
    pub moved: Duration,
    /// The newest long spell of our own downtime in the span in which the present ping is due.
    pub spell: Option<Spell>,
    /// A miss that we may have caused ourselves, until the next sign of life.
    pub unobserved: Option<Unobserved>,
    /// Runs that began and have not ended, oldest first.
    pub runs: Vec<OpenRun>,
    /// How long the last finished run took.
    pub last_run: Option<Duration>,
    /// Runs that began and never ended.
    pub never_finished: u64,
    /// Which pings began those runs, by their numbers among its own; as far as they are kept.
    pub given_up: Vec<u64>,
    /// Closed by hand while nothing was heard: none opens until the next sign of life.
    pub muted: bool,
    /// The newest ping that said how the job is, success or failure: an older one that comes later
    /// opens and closes nothing.
    pub last_verdict: Option<Time>,
    /// The version of the heartbeat that all this was counted by; 0: none was noted yet.
    pub version: u64,
    /// Kept bodies, oldest first; at most [`super::BODIES_KEPT`].
    pub bodies: Vec<KeptBody>,
}

/// A body that is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeptBody {
    /// The ping's number among all pings of the store.
    pub seq: u64,
    /// The ping's number among the heartbeat's own.
    pub n: u64,
    /// How much of it is kept, in bytes.
    pub size: u32,
}

/// The newest sign of life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LastPing {
    /// When its request was read.
    pub at: Time,
    /// What it said.
    pub signal: Signal,
}

/// A ping that was due while we could not hear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unobserved {
    /// When it was expected.
    pub due: Time,
    /// When we could not hear.
    pub spell: Spell,
}

/// A run that began and has not ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenRun {
    /// Its id, where the job gave one.
    pub rid: Option<Box<str>>,
    /// The number of the ping that began it, among the heartbeat's own.
    pub n: u64,
    /// When it began.
    pub started: Time,
    /// How much longer than otherwise it may take: its end may have come while we could not hear.
    pub spared: Duration,
    /// Whether that was so for long: then an end that was tried again may be lost, too.
    pub unheard: bool,
    /// Whether it took longer than allowed.
    pub overrun: bool,
    /// Whether an incident spoke for it that is closed since: its taking longer opens no other one.
    pub told: bool,
}

/// What a transition says of a heartbeat, beside its incident.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeartbeatFacts {
    /// The state after the transition.
    pub state: HeartbeatStatus,
    /// When pings are expected.
    pub schedule: Schedule,
    /// How much later one may come.
    pub grace: Duration,
    /// The newest sign of life.
    pub last_ping_at: Option<Time>,
    /// When the missing one was expected.
    pub due_at: Option<Time>,
    /// How late it was when the transition was decided.
    pub late: Option<Duration>,
}

/// How a heartbeat stands, as far as lists sort and count by it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Brief {
    /// In one word.
    pub status: HeartbeatStatus,
    /// Since when.
    pub since: Time,
    /// The newest sign of life.
    pub last_ping: Option<Time>,
    /// When the next ping is expected.
    pub due: Option<Time>,
}

/// How a heartbeat stands, for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct View {
    /// In one word.
    pub status: HeartbeatStatus,
    /// Since when.
    pub since: Time,
    /// Why, where there is more to say, in one line.
    pub reason: String,
    /// When the next ping is expected; `None` while nothing is: never pinged, or paused.
    pub due: Option<Time>,
    /// When its absence becomes an incident.
    pub deadline: Option<Time>,
    /// The newest sign of life.
    pub last_ping: Option<LastPing>,
    /// When the job last said that it is done.
    pub last_success: Option<Time>,
    /// How long the last finished run took.
    pub last_run: Option<Duration>,
    /// Runs that began and have not ended, oldest first.
    pub runs: Vec<OpenRun>,
    /// Runs that began and never ended.
    pub never_finished: u64,
    /// Which pings began those runs, by their numbers among its own; as far as they are kept.
    pub given_up: Vec<u64>,
    /// A miss that we may have caused ourselves.
    pub unobserved: Option<Unobserved>,
    /// Pings so far.
    pub pings: u64,
    /// The open incident.
    pub incident: Option<IncidentId>,
}

/// Why a deed by hand was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// There is no open incident.
    #[error("there is no open incident")]
    NotOpen,
    /// Nothing was heard since.
    #[error("its job has not said since that it is well")]
    StillDown,
}
