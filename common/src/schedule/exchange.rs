//! What goes into the scheduler, and what comes out.

use std::sync::Arc;
use std::time::Duration;

use super::assignment::{Assignment, CheckSpec};
use super::permits::Destination;
use super::timeline::Ref;
use crate::id::MonitorId;
use crate::monitor::Meaning;
use crate::result::Run;
use crate::time::Time;

/// What an inline ask calls its monitor.
pub const NO_MONITOR: MonitorId = MonitorId::from_bytes([0; 16]);

/// The time, by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The wall clock, which may be stepped: names slots.
    pub wall: Time,
    /// The monotonic clock: drives timers.
    pub monotonic: Duration,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Monitors that are new or changed.
    Assign(Vec<Assignment>),
    /// Monitors that are no longer this agent's.
    Unassign(Vec<MonitorId>),
    /// The whole assignment: what is not in it goes.
    Swap(Vec<Assignment>),
    /// Checks are wanted outside the slots.
    Ask(Ask),
    /// A run that was started has ended.
    Finished(Ticket),
    /// Time has passed.
    Tick,
}

/// A request for checks outside the slots.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Tells the answers apart.
    pub nonce: u64,
    /// What to check.
    pub target: Target,
    /// How many runs.
    pub count: u32,
    /// The least time between two starts.
    pub spacing: Duration,
    /// The time from now to the first start.
    pub delay: Duration,
    /// The bound of each run, if not the monitor's own.
    pub timeout: Option<Duration>,
    /// Whether somebody waits for the answers, which are not stored and make no vote.
    pub answer_only: bool,
}

/// What an ask is about.
#[derive(Clone, Debug)]
pub enum Target {
    /// A monitor of the assignment.
    Assigned(MonitorId),
    /// Something that is not stored.
    Inline(Arc<CheckSpec>),
}

/// What must follow.
#[derive(Debug)]
pub enum Effect {
    /// Start this check; the ticket comes back with [`Input::Finished`].
    Start(DueRun, Ticket),
    /// This run could not start in time: it ends as overload.
    Overloaded(DueRun),
    /// Slots passed while the agent could not check.
    Missed {
        /// Of which monitor.
        monitor: MonitorId,
        /// The first of them.
        first: Time,
        /// The last of them.
        last: Time,
        /// How many.
        count: u64,
    },
    /// An ask was refused.
    Refused {
        /// Which.
        nonce: u64,
        /// Whether somebody waits for the answer.
        answer_only: bool,
        /// Why.
        refusal: Refusal,
    },
}

/// Why an ask was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The monitor is not this agent's.
    #[error("the monitor is not assigned to this agent")]
    NotAssigned,
    /// Too many are under way.
    #[error("too many checks were asked for at once")]
    TooMany,
}

/// A run whose time has come.
#[derive(Clone, Debug)]
pub struct DueRun {
    /// The monitor; [`NO_MONITOR`] for an inline ask.
    pub monitor: MonitorId,
    /// The meaning under which it is made.
    pub meaning: Meaning,
    /// Which run.
    pub run: Run,
    /// What is done.
    pub check: Arc<CheckSpec>,
    /// The bound of the whole check.
    pub timeout: Duration,
    /// How late it is after its time.
    pub lateness: Duration,
    /// Whether somebody waits for the answer, which is not stored and makes no vote.
    pub answer_only: bool,
}

/// Stands for the permit of a run under way.
#[derive(Debug)]
#[must_use = "a run whose ticket is lost holds its permit for ever"]
pub struct Ticket {
    pub(super) of: Ref,
    pub(super) born: u32,
    pub(super) destination: Destination,
}

/// How the scheduler fares; counters since it was last asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Load {
    /// Checks under way.
    pub running: u32,
    /// Checks that wait for a permit.
    pub waiting: u32,
    /// Checks started.
    pub started: u64,
    /// Slots missed and runs that could not start in time.
    pub skipped: u64,
    /// The greatest lateness of a start.
    pub lateness_max: Duration,
}
