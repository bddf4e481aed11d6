//! What the two ends say to each other, in the words of the domain. The wire's form and its
//! versions are the protocol crate's business.

use std::sync::Arc;
use std::time::Duration;

use crate::id::{AgentId, BootId, Epoch, MonitorId, SessionId};
use crate::name::{Name, Region};
use crate::outcome::Reason;
use crate::result::CheckResult;
use crate::schedule::CheckSpec;
use crate::session::assignment::{Assigned, Delta, Position, Reject};
use crate::time::Time;
use crate::vote::SummaryEntry;

/// The protocol versions that this build speaks.
pub const PROTOCOLS: Protocols = Protocols {
    oldest: 1,
    newest: 1,
};

/// A range of protocol versions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Protocols {
    /// The oldest still spoken.
    pub oldest: u32,
    /// The newest.
    pub newest: u32,
}

impl Protocols {
    /// The newest version that both speak.
    #[must_use]
    pub fn common(self, other: Self) -> Option<u32> {
        let newest = self.newest.min(other.newest);
        (newest >= self.oldest.max(other.oldest)).then_some(newest)
    }
}

/// The agent's first message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hello {
    /// What the agent calls itself; with its token this makes its id.
    pub name: Name,
    /// This run of its process.
    pub boot: BootId,
    /// Its version, for people.
    pub build: String,
    /// What it speaks.
    pub protocols: Protocols,
    /// The kinds of monitors that it can check.
    pub capabilities: Vec<String>,
    /// The region it votes for.
    pub region: Region,
    /// The assignment that it holds.
    pub have: Option<Position>,
    /// The results that wait for Backfill.
    pub waiting: Waiting,
    /// The clock that its slots are named by.
    pub clock: Time,
}

/// The results that an agent holds and that are not acked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Waiting {
    /// How many.
    pub results: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The age of the oldest.
    pub oldest_age: Duration,
}

/// The coordinator's first message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Welcome {
    /// The session's id; Backfill names it.
    pub session: SessionId,
    /// The agent's id.
    pub agent: AgentId,
    /// The protocol version that both use from here on.
    pub protocol: u32,
    /// How many results may be on their way, sent and not acked.
    pub credits: u32,
    /// The time between two pulses.
    pub pulse: Duration,
    /// The store's epoch; another one than before means that acked results may be lost.
    pub epoch: Epoch,
    /// How the assignment comes.
    pub sync: Sync,
    /// The shards that the session speaks for, as bits; 0 for all.
    pub scope: u64,
    /// How long the agent may go on probing without a coordinator.
    pub assignment_ttl: Duration,
    /// The coordinator's wall clock.
    pub clock: Time,
}

/// How an agent comes to its assignment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sync {
    /// What it holds is right; deltas follow.
    Resume,
    /// A snapshot follows.
    Snapshot,
}

/// A request to check outside the slots. All times are relative: clocks differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckNow {
    /// Tells the answers apart.
    pub nonce: u64,
    /// How many runs.
    pub count: u32,
    /// Between two starts.
    pub spacing: Duration,
    /// From receipt to the first start.
    pub delay: Duration,
    /// Bounds each run in place of the monitor's own timeout.
    pub timeout: Option<Duration>,
    /// What to check.
    pub what: Target,
    /// The results are for somebody who waits: answered, not stored, no votes.
    pub answer: bool,
}

/// What a [`CheckNow`] is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// An assigned monitor, no older than this revision of the assignment.
    Monitor {
        /// Which.
        monitor: MonitorId,
        /// An agent that lacks it waits for it.
        revision: u64,
    },
    /// A specification that is assigned to nobody; `None` where this build cannot read it.
    Inline(Option<Arc<CheckSpec>>),
}

/// Results in the order in which they were made, numbered within a session or a Backfill.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// The number of the first; the others follow one by one. Numbers begin at [`FIRST_SEQ`].
    pub first_seq: u64,
    /// When it left, by the clock that the starts are told by. On the wire starts are ages, so
    /// that the receiver has both by its own clock.
    pub sent: Time,
    /// The results; `agent` is filled in by the coordinator.
    pub results: Vec<CheckResult>,
    /// The numbers, ascending, of those that could not be read and are missing in `results`.
    pub unreadable: Vec<u64>,
}

/// The first sequence number of a session or a Backfill.
pub const FIRST_SEQ: u64 = 1;

impl Batch {
    /// The number behind the last one.
    #[must_use]
    pub fn end_seq(&self) -> u64 {
        let count = self.results.len() + self.unreadable.len();
        self.first_seq
            .saturating_add(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

/// Slots of a monitor that have no result and will not get one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Gap {
    /// The monitor.
    pub monitor: MonitorId,
    /// The first slot.
    pub from: Time,
    /// The last slot.
    pub to: Time,
    /// How many.
    pub count: u64,
    /// Why.
    pub why: GapReason,
}

/// Why slots have no result.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum GapReason {
    /// The agent could not keep more results and dropped these.
    Overflow,
    /// They passed while the agent could not start them.
    Missed,
}

impl GapReason {
    /// The word for it in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::Missed => "missed",
        }
    }
}

/// How an agent fares, by its own account; the daemon around the session fills it in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Health {
    /// Checks under way.
    pub running: u32,
    /// Checks that wait for a free place.
    pub waiting: u32,
    /// Checks started since the last pulse.
    pub started: u64,
    /// Checks that could not start in time since the last pulse.
    pub skipped: u64,
    /// The greatest lateness since the last pulse.
    pub lateness_max: Duration,
    /// Results held that are not acked; known to the session.
    pub unacked: u64,
    /// What is wrong with the agent itself.
    pub faults: Vec<Reason>,
}

/// The agent's sign of life.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pulse {
    /// The clock that its slots are named by.
    pub clock: Time,
    /// The assignment that it works by.
    pub have: Option<Position>,
    /// How it fares.
    pub health: Health,
}

/// Results are settled: durable at the coordinator, or never of use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ack {
    /// All results up to this number.
    pub seq: u64,
    /// Those among them that can never be used. They too must be forgotten.
    pub refused: Vec<Refused>,
    /// How many results may be sent beyond `seq`.
    pub credits: u32,
}

/// A result that can never be used. It is acked all the same, or it would be sent for ever.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Its number.
    pub seq: u64,
    /// Why.
    pub why: RefusedWhy,
}

/// Why a result can never be used.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RefusedWhy {
    /// The monitor is gone, or not this agent's.
    MonitorGone,
    /// It is older than results are kept.
    TooOld,
    /// It claims a time that has not come.
    ClockOff,
    /// It is malformed.
    Invalid,
}

impl RefusedWhy {
    /// The word for it in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MonitorGone => "monitor_gone",
            Self::TooOld => "too_old",
            Self::ClockOff => "clock_off",
            Self::Invalid => "invalid",
        }
    }
}

/// Why a session will end.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Leave {
    /// The coordinator stops, or hands its shards over.
    Drain,
    /// A newer process of the same agent has connected.
    Replaced,
    /// The agent's token was revoked.
    Revoked,
}

/// From agent to coordinator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AgentMessage {
    /// Who speaks; the first message.
    Hello(Hello),
    /// What the agent last knew of its monitors.
    Summary {
        /// Some of them.
        entries: Vec<SummaryEntry>,
        /// Whether these are the last.
        last: bool,
        /// The number of the question that this answers; 0 after Welcome.
        ask: u64,
    },
    /// Live results.
    Results(Batch),
    /// A sign of life.
    Pulse(Pulse),
    /// An assignment is in force, but for the rejected.
    AssignmentAck {
        /// What the agent works by now.
        applied: Position,
        /// All of it that the agent cannot check.
        rejects: Vec<Reject>,
    },
    /// Slots without result.
    Gap(Gap),
    /// What a [`CheckNow`] saw for somebody who waits.
    Answer {
        /// The nonce of the question.
        nonce: u64,
        /// What a run saw, or why there will be none.
        answer: Result<Box<CheckResult>, Reason>,
    },
    /// A delta did not fit, or the digest came out wrong.
    AskSnapshot,
}

/// From coordinator to agent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CoordinatorMessage {
    /// The session stands.
    Welcome(Welcome),
    /// A whole assignment begins.
    SnapshotBegin {
        /// What it will be.
        position: Position,
        /// How many monitors it has.
        monitors: u32,
    },
    /// Some of its monitors.
    SnapshotPart(Vec<Assigned>),
    /// It is complete; the agent swaps to it.
    SnapshotEnd,
    /// A change.
    Delta(Delta),
    /// Check now.
    CheckNow(CheckNow),
    /// Results are settled, and more may be sent.
    Ack(Ack),
    /// A sign of life.
    Pulse {
        /// The coordinator's wall clock.
        clock: Time,
    },
    /// Tell again what you know.
    AskSummary {
        /// The number of the question, from 1.
        ask: u64,
        /// Of these monitors; of all when empty.
        monitors: Vec<MonitorId>,
    },
    /// The session will end.
    GoAway {
        /// How long it will still be served; connect anew within that.
        window: Duration,
        /// Why.
        why: Leave,
    },
}
