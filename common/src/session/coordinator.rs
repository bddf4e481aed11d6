//! The coordinator's end of a session.
//!
//! # What it decides
//! How the agent comes to its assignment and whether it has it; which results can be used; what
//! is acked, when; whether the agent is still there.
//!
//! | happens                                   | follows                                    |
//! |-------------------------------------------|--------------------------------------------|
//! | Hello with our epoch, revision and digest | Welcome, resume                            |
//! | any other Hello                           | Welcome, snapshot                          |
//! | a delta that does not follow the last     | a new snapshot is wanted from the fleet    |
//! | a delta too large for one message         | a new snapshot is wanted                   |
//! | a pulse with our revision, another digest | a new snapshot is wanted                   |
//! | two pulses in a row with an older revision | a new snapshot is wanted                  |
//! | results                                   | the usable go to the engine; acked when durable |
//! | a result that can never be used           | acked with the reason                      |
//! | more results than credits, a wrong number | the session is closed                      |
//! | silence for three pulse periods           | the session is closed                      |
//! | replaced, revoked                         | GoAway, closed; nothing changes any more   |
//!
//! # What it does not do
//! It does not see the token, choose what is assigned, store or decide: the effects ask for that.

use std::collections::VecDeque;
use std::time::Duration;

use crate::id::{AgentId, MonitorId, SessionId};
use crate::outcome::Reason;
use crate::result::CheckResult;
use crate::session::agent::{ASSIGNMENT_TTL, PULSES_MISSED};
use crate::session::assignment::{Assigned, Delta, Position, Reject, Snapshot};
use crate::session::clock::Offset;
use crate::session::messages::{
    Ack, AgentMessage, Batch, CheckNow, CoordinatorMessage, FIRST_SEQ, Gap, Health, Hello, Leave,
    Pulse, Refused, Sync, Welcome,
};
use crate::time::Time;
use crate::vote::SummaryEntry;

mod judge;
mod sync;

pub use judge::{Judge, KEPT_FOR};
pub use sync::SNAPSHOT_PART;

use sync::Transfer;

/// Results that may be on their way from one agent: 64 batches, which at 10 ms of road and disk
/// is half a million a second.
pub const CREDITS: u32 = 4096;
/// The time between two pulses.
pub const PULSE: Duration = Duration::from_secs(5);
/// How long agents have to come back after a GoAway.
pub const DRAIN_WINDOW: Duration = Duration::from_secs(3);

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A message came.
    Received(AgentMessage),
    /// The agent's assignment changed.
    Delta(Delta),
    /// The snapshot that [`Effect::WantSnapshot`] asked for.
    Snapshot(Snapshot),
    /// The engine wants a check outside the slots.
    CheckNow(CheckNow),
    /// The engine wants to hear again what the agent knows of these monitors.
    AskSummary(Vec<MonitorId>),
    /// Results up to this number are durable.
    Durable(u64),
    /// The session has to end.
    Leave(Leave),
    /// Time has passed.
    Tick,
}

/// What must follow, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this.
    Send(CoordinatorMessage),
    /// Store and decide these; [`Input::Durable`] with `seq` when they are durable. They may be
    /// none: then it follows when all before them are.
    Results {
        /// What can be used, by our clock.
        results: Vec<CheckResult>,
        /// The number of the last one that came.
        seq: u64,
    },
    /// What the agent last knew.
    Summary(Vec<SummaryEntry>),
    /// All that the agent cannot check.
    Rejected(Vec<Reject>),
    /// How the agent fares.
    Health(Health),
    /// Slots without results.
    Gap(Gap),
    /// For somebody who waits.
    Answer {
        /// The nonce of the question.
        nonce: u64,
        /// What a run saw, or why there will be none.
        answer: Result<Box<CheckResult>, Reason>,
    },
    /// Fetch the whole assignment.
    WantSnapshot,
    /// The agent's clock is off by this many milliseconds, or is right again.
    ClockOff(Option<i64>),
    /// Close the stream. Nothing follows any more.
    Close(Closed),
}

/// Why a session was closed from here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Closed {
    /// The agent was silent for too long.
    #[error("no pulse for {PULSES_MISSED} periods")]
    Silent,
    /// Results came that do not follow the last ones.
    #[error("results out of order: number {came} came, {expected} was next")]
    OutOfOrder {
        /// The number that came.
        came: u64,
        /// The number that was next.
        expected: u64,
    },
    /// More results came than there were credits.
    #[error("more than {CREDITS} results were sent without waiting for an acknowledgement")]
    BeyondCredits,
    /// A second Hello came.
    #[error("a second Hello came on one stream")]
    SecondHello,
    /// It had to end.
    #[error("the session has ended: {0:?}")]
    Left(Leave),
}

/// What the door knows of a session that was admitted.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The agent.
    pub agent: AgentId,
    /// The session.
    pub session: SessionId,
    /// The protocol version that both speak.
    pub protocol: u32,
    /// What the agent is to check.
    pub assignment: Snapshot,
}

/// The coordinator's end of a session.
#[derive(Debug)]
pub struct CoordinatorEnd {
    judge: Judge,
    position: Position,
    snapshot: Transfer,
    behind: u32,
    next_seq: u64,
    durable: u64,
    refused: VecDeque<Refused>,
    asks: u64,
    last_heard: Time,
    next_pulse: Time,
    clock_off: bool,
    closed: bool,
}

impl CoordinatorEnd {
    /// A session of an agent that was admitted: it is welcomed, and synced if need be.
    #[must_use]
    pub fn open(hello: &Hello, admitted: Admitted, now: Time, out: &mut Vec<Effect>) -> Self {
        let mut offset = Offset::default();
        offset.note(hello.clock, now);
        let position = admitted.assignment.position;
        let resumes = hello.have == Some(position);
        out.push(Effect::Send(CoordinatorMessage::Welcome(Welcome {
            session: admitted.session,
            agent: admitted.agent,
            protocol: admitted.protocol,
            credits: CREDITS,
            pulse: PULSE,
            epoch: position.epoch,
            sync: if resumes {
                Sync::Resume
            } else {
                Sync::Snapshot
            },
            scope: position.scope,
            assignment_ttl: ASSIGNMENT_TTL,
            clock: now,
        })));
        let monitors = admitted.assignment.monitors.iter();
        let mut end = Self {
            judge: Judge {
                agent: admitted.agent,
                assigned: monitors.map(Assigned::monitor).collect(),
                offset,
            },
            position,
            snapshot: Transfer::Done,
            behind: 0,
            next_seq: FIRST_SEQ,
            durable: FIRST_SEQ - 1,
            refused: VecDeque::new(),
            asks: 0,
            last_heard: now,
            next_pulse: now + PULSE,
            clock_off: false,
            closed: false,
        };
        if !resumes {
            end.send_snapshot(admitted.assignment, out);
        }
        end
    }

    /// Takes what happened; what must follow is pushed on `out`.
    pub fn on(&mut self, input: Input, now: Time, out: &mut Vec<Effect>) {
        if self.closed {
            return;
        }
        match input {
            Input::Received(message) => {
                self.last_heard = now;
                self.received(message, now, out);
            }
            Input::Delta(delta) => self.delta(delta, out),
            Input::Snapshot(snapshot) => self.fetched(snapshot, out),
            Input::CheckNow(ask) => out.push(Effect::Send(CoordinatorMessage::CheckNow(ask))),
            Input::AskSummary(monitors) => self.ask_summary(monitors, out),
            Input::Durable(seq) => self.durable(seq, out),
            Input::Leave(why) => self.leave(why, out),
            Input::Tick => {}
        }
        self.due(now, out);
    }

    /// Our wall clock was set forward by so many milliseconds, or back by a negative number: what
    /// waits does not wait longer or less for it.
    pub fn clock_stepped(&mut self, by_millis: i64) {
        let moved = |at: Time| Time::from_millis(at.as_millis().saturating_add(by_millis));
        self.last_heard = moved(self.last_heard);
        self.next_pulse = moved(self.next_pulse);
        self.judge.offset.stepped(by_millis);
    }

    /// When [`Input::Tick`] is wanted.
    #[must_use]
    pub fn next_wake(&self) -> Option<Time> {
        (!self.closed).then(|| self.next_pulse.min(self.silent_at()))
    }

    /// What results of this agent are judged by; Backfill asks for it.
    #[must_use]
    pub const fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Whether all results that came are acked.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.durable + 1 == self.next_seq
    }

    fn received(&mut self, message: AgentMessage, now: Time, out: &mut Vec<Effect>) {
        match message {
            AgentMessage::Hello(_) => self.close(Closed::SecondHello, out),
            AgentMessage::Summary { entries, .. } => self.summary(entries, out),
            AgentMessage::Results(batch) => self.results(batch, now, out),
            AgentMessage::Pulse(pulse) => self.pulse(pulse, now, out),
            AgentMessage::AssignmentAck { applied, rejects } => {
                if applied == self.position {
                    self.snapshot = Transfer::Done;
                    self.behind = 0;
                }
                out.push(Effect::Rejected(rejects));
            }
            AgentMessage::Gap(gap) => out.push(Effect::Gap(gap)),
            AgentMessage::Answer { nonce, mut answer } => {
                if let Ok(result) = &mut answer {
                    result.agent = self.judge.agent;
                }
                out.push(Effect::Answer { nonce, answer });
            }
            AgentMessage::AskSnapshot => self.want_snapshot(out),
        }
    }

    fn results(&mut self, batch: Batch, now: Time, out: &mut Vec<Effect>) {
        if batch.first_seq != self.next_seq {
            let (came, expected) = (batch.first_seq, self.next_seq);
            self.close(Closed::OutOfOrder { came, expected }, out);
            return;
        }
        let end = batch.end_seq();
        if end == batch.first_seq {
            return;
        }
        if end - 1 - self.durable > u64::from(CREDITS) {
            self.close(Closed::BeyondCredits, out);
            return;
        }
        self.next_seq = end;
        let mut refused = Vec::new();
        let results = self.judge.usable(batch, now, &mut refused);
        self.refused.extend(refused);
        let seq = end - 1;
        out.push(Effect::Results { results, seq });
    }

    fn durable(&mut self, seq: u64, out: &mut Vec<Effect>) {
        if seq <= self.durable || seq >= self.next_seq {
            return;
        }
        self.durable = seq;
        let covered = self.refused.iter().take_while(|r| r.seq <= seq).count();
        out.push(Effect::Send(CoordinatorMessage::Ack(Ack {
            seq,
            refused: self.refused.drain(..covered).collect(),
            credits: CREDITS,
        })));
    }

    fn summary(&mut self, mut entries: Vec<SummaryEntry>, out: &mut Vec<Effect>) {
        entries.retain(|entry| self.judge.assigned.contains(&entry.monitor));
        if !entries.is_empty() {
            out.push(Effect::Summary(entries));
        }
    }

    fn ask_summary(&mut self, monitors: Vec<MonitorId>, out: &mut Vec<Effect>) {
        self.asks += 1;
        let ask = self.asks;
        out.push(Effect::Send(CoordinatorMessage::AskSummary {
            ask,
            monitors,
        }));
    }

    fn pulse(&mut self, pulse: Pulse, now: Time, out: &mut Vec<Effect>) {
        self.judge.offset.note(pulse.clock, now);
        let off_by = self.judge.offset.off_by();
        if off_by.is_some() != self.clock_off {
            self.clock_off = off_by.is_some();
            out.push(Effect::ClockOff(off_by));
        }
        out.push(Effect::Health(pulse.health));
        self.compare(pulse.have, out);
    }

    fn leave(&mut self, why: Leave, out: &mut Vec<Effect>) {
        let window = match why {
            Leave::Drain => DRAIN_WINDOW,
            Leave::Replaced | Leave::Revoked => Duration::ZERO,
        };
        out.push(Effect::Send(CoordinatorMessage::GoAway { window, why }));
        if why != Leave::Drain {
            self.close(Closed::Left(why), out);
        }
    }

    fn due(&mut self, now: Time, out: &mut Vec<Effect>) {
        if self.closed {
            return;
        }
        if self.silent_at() <= now {
            self.close(Closed::Silent, out);
        } else if self.next_pulse <= now {
            self.next_pulse = now + PULSE;
            out.push(Effect::Send(CoordinatorMessage::Pulse { clock: now }));
        }
    }

    fn silent_at(&self) -> Time {
        self.last_heard + PULSE * PULSES_MISSED
    }

    fn close(&mut self, why: Closed, out: &mut Vec<Effect>) {
        self.closed = true;
        out.push(Effect::Close(why));
    }
}

#[cfg(test)]
mod tests;
