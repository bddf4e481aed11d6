//! The agent's end of the session.
//!
//! # What it decides
//! When to connect; whether the assignment fits or a snapshot is needed; which results go at once
//! and which wait for a batch, and that no more are on their way than there are credits; what goes
//! over Backfill; what may be forgotten; when the assignment has lapsed.
//!
//! | happens                            | follows                                              |
//! |------------------------------------|------------------------------------------------------|
//! | a result answers a `CheckNow`, or says something new | all that waits is sent at once     |
//! | another result                     | sent in a batch of [`BATCH_MAX`], or after [`BATCH_WAIT`] |
//! | the session breaks                 | all that is not acked waits for Backfill             |
//! | Welcome                            | vote summary; then Backfill beside the live results  |
//! | Welcome with another epoch         | what was acked of late goes over Backfill again      |
//! | a delta does not fit               | a snapshot is asked for; nothing changes until it is whole |
//! | no session for the assignment's time to live | nothing is probed any more                 |
//! | replaced by a newer process, revoked | nothing is probed, nothing is connected any more   |
//!
//! # What it does not do
//! No sockets, no timers: [`AgentEnd::next_wake`] says when [`Input::Tick`] is wanted. `now` must
//! be a clock that never steps; results and slots use the same one.

use std::time::Duration;

use crate::id::{BootId, Epoch, SessionId};
use crate::name::{Name, Region};
use crate::outcome::Reason;
use crate::result::CheckResult;
use crate::session::assignment::{Position, Reject};
use crate::session::messages::{Ack, AgentMessage, Batch, CoordinatorMessage, Gap, Leave};
use crate::time::Time;

mod asked;
mod control;
mod held;
mod lane;
mod link;
mod reconnect;
mod results;
mod retained;
mod summaries;

pub use asked::{RunNow, WAITING_MAX, WAITS_FOR, What};
pub use held::{Change, MONITORS_MAX, Upsert};
pub use retained::{KEEP_ACKED, Limits};

use asked::Waiting;
use held::Held;
use link::Link;
use reconnect::Reconnect;
use retained::Retained;
use summaries::Summaries;

/// Results in one message.
pub const BATCH_MAX: usize = 64;
/// How long a result that says nothing new waits for others.
pub const BATCH_WAIT: Duration = Duration::from_secs(1);
/// Entries of a vote summary in one message.
pub const SUMMARY_MAX: usize = 256;
/// How long an agent waits for Welcome.
pub const WELCOME_WAIT: Duration = Duration::from_secs(10);
/// Silence for so many pulse periods ends a session, on either side.
pub const PULSES_MISSED: u32 = 3;
/// How long an agent goes on probing without a coordinator, until a Welcome says otherwise.
pub const ASSIGNMENT_TTL: Duration = Duration::from_secs(24 * 3600);

/// Who an agent is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it calls itself.
    pub name: Name,
    /// This run of its process.
    pub boot: BootId,
    /// Its version, for people.
    pub build: String,
    /// What it can check.
    pub capabilities: Vec<String>,
    /// Where it votes.
    pub region: Region,
    /// What it may retain.
    pub limits: Limits,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The stream that [`Effect::Connect`] asked for is open.
    Connected,
    /// The stream ended, or could not be opened.
    Disconnected {
        /// The coordinator refused us by a status: token, region or version.
        refused: bool,
        /// A random fraction in `0.0..1.0`.
        jitter: f64,
    },
    /// A message came.
    Received(CoordinatorMessage),
    /// A check was made.
    Produced(CheckResult),
    /// What a run saw that somebody waits for, or why it was not made.
    Answered {
        /// The nonce of the request.
        nonce: u64,
        /// What it saw.
        answer: Result<Box<CheckResult>, Reason>,
    },
    /// Slots passed without a run.
    Missed(Gap),
    /// A [`Change`] is in force.
    Applied {
        /// Its position.
        position: Position,
        /// Its rejects, and those of whoever applied it.
        rejects: Vec<Reject>,
    },
    /// Results on the Backfill stream are settled.
    BackfillAcked(Ack),
    /// The Backfill stream ended without having been closed here.
    BackfillEnded {
        /// A random fraction in `0.0..1.0`.
        jitter: f64,
    },
    /// Time has passed.
    Tick,
}

/// What must follow, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Open the session's stream; the answer is [`Input::Connected`] or [`Input::Disconnected`].
    Connect,
    /// Close it, or give up opening it; the answer is [`Input::Disconnected`].
    Disconnect,
    /// Send this on it.
    Send(AgentMessage),
    /// Put this change in force and say so by [`Input::Applied`], unless the assignment lapsed.
    Apply(Change),
    /// Check outside the slots.
    Run(Box<RunNow>),
    /// Open the Backfill stream for this session.
    OpenBackfill(SessionId),
    /// Send this on it.
    SendBackfill(Batch),
    /// Close it: everything is settled.
    CloseBackfill,
    /// This process shall not connect any more.
    Stop(Leave),
}

/// The agent's end of the session.
#[derive(Debug)]
pub struct AgentEnd {
    settings: Settings,
    link: Link,
    reconnect: Reconnect,
    held: Held,
    retained: Retained,
    summaries: Summaries,
    waiting: Waiting,
    epoch: Option<Epoch>,
    ttl: Duration,
    away_since: Option<Time>,
}

impl AgentEnd {
    /// An agent that has just started; it wants to connect at once.
    #[must_use]
    pub fn new(settings: Settings, now: Time) -> Self {
        Self {
            retained: Retained::new(settings.limits),
            settings,
            link: Link::Down { retry_at: now },
            reconnect: Reconnect::default(),
            held: Held::new(MONITORS_MAX),
            summaries: Summaries::default(),
            waiting: Waiting::default(),
            epoch: None,
            ttl: ASSIGNMENT_TTL,
            away_since: Some(now),
        }
    }

    /// Takes what happened; what must follow is pushed on `out`.
    pub fn on(&mut self, input: Input, now: Time, out: &mut Vec<Effect>) {
        match input {
            Input::Connected => self.connected(now, out),
            Input::Disconnected { refused, jitter } => self.disconnected(refused, jitter, now),
            Input::Received(message) => self.received(message, now, out),
            Input::Produced(result) => self.produced(result, now, out),
            Input::Answered { nonce, answer } => {
                self.send(AgentMessage::Answer { nonce, answer }, out)
            }
            Input::Missed(gap) => self.missed(gap, now),
            Input::Applied { position, rejects } => {
                self.held.rejected(rejects);
                self.acknowledge(position, out);
            }
            Input::BackfillAcked(ack) => self.backfill_acked(&ack, now, out),
            Input::BackfillEnded { jitter } => self.backfill_ended(jitter, now),
            Input::Tick => {}
        }
        self.due(now, out);
    }

    /// When [`Input::Tick`] is wanted.
    #[must_use]
    pub fn next_wake(&self) -> Option<Time> {
        let lapse = self.away_since.filter(|_| self.held.position().is_some());
        let lapse = lapse.map(|since| since + self.ttl);
        self.link.next_wake().into_iter().chain(lapse).min()
    }

    /// Whether a session stands.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.link, Link::Up(_))
    }

    /// The assignment that is held.
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        self.held.position()
    }

    /// Results that are not acked.
    #[must_use]
    pub fn unacked(&self) -> usize {
        self.retained.unacked()
    }

    /// Results dropped unacked since the start, because no more could be kept.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.retained.dropped()
    }

    fn send(&self, message: AgentMessage, out: &mut Vec<Effect>) {
        if self.is_connected() {
            out.push(Effect::Send(message));
        }
    }

    fn disconnect(&mut self, out: &mut Vec<Effect>) {
        self.link = Link::Closing;
        out.push(Effect::Disconnect);
    }
}

#[cfg(test)]
mod tests;
