//! Asks: runs outside the slots that a `CheckNow` wants, one after the other.
//!
//! The runs of one ask never overlap each other: each starts when its spacing has passed and the
//! one before has ended, as the coordinator's deadline for a round assumes.

use std::sync::Arc;
use std::time::Duration;

use super::assignment::CheckSpec;
use super::exchange::{Ask, DueRun, Effect, NO_MONITOR, Now, Refusal, Target, Ticket};
use super::permits::Destination;
use super::roster::destination;
use super::scheduler::{ASKS_MAX, ASKS_PER_MONITOR, Scheduler};
use super::timeline::Ref;
use crate::id::MonitorId;
use crate::monitor::Meaning;
use crate::result::Run;

/// An ask under way.
#[derive(Debug)]
pub(super) struct AskState {
    ask: Ask,
    /// The run that is armed, waits or is under way.
    n: u32,
    /// Its time.
    due: Duration,
    /// It is due and waits.
    waiting: bool,
    pub(super) stamp: u32,
    destination: Destination,
}

/// What an ask is about, as it stands when a run is due.
struct Subject {
    monitor: MonitorId,
    meaning: Meaning,
    check: Arc<CheckSpec>,
}

impl AskState {
    fn due_run(&self, subject: Subject, lateness: Duration) -> DueRun {
        DueRun {
            monitor: subject.monitor,
            meaning: subject.meaning,
            run: Run::Asked {
                nonce: self.ask.nonce,
                n: self.n,
            },
            timeout: self.ask.timeout.unwrap_or(subject.check.timeout),
            check: subject.check,
            lateness,
            answer_only: self.ask.answer_only,
        }
    }
}

impl Scheduler {
    pub(super) fn ask(&mut self, ask: Ask, now: Now, effects: &mut Vec<Effect>) {
        let refusal = match &ask.target {
            Target::Assigned(monitor) if self.roster.find(*monitor).is_none() => {
                Some(Refusal::NotAssigned)
            }
            Target::Assigned(_) | Target::Inline(_) => self.no_room_for(&ask),
        };
        if let Some(refusal) = refusal {
            effects.push(Effect::Refused {
                nonce: ask.nonce,
                answer_only: ask.answer_only,
                refusal,
            });
            return;
        }
        if ask.count == 0 || self.asks.values().any(|other| is_same(&other.ask, &ask)) {
            return;
        }
        let index = self.stamp();
        let due = now.monotonic + ask.delay;
        let state = AskState {
            ask,
            n: 0,
            due,
            waiting: false,
            stamp: index,
            destination: Destination(0),
        };
        self.asks.insert(index, state);
        self.arm_ask(index, due);
    }

    fn no_room_for(&self, ask: &Ask) -> Option<Refusal> {
        let Target::Assigned(monitor) = &ask.target else {
            return (self.asks.len() >= ASKS_MAX).then_some(Refusal::TooMany);
        };
        let of_monitor = self
            .asks
            .values()
            .filter(|other| {
                !is_same(&other.ask, ask)
                    && matches!(&other.ask.target, Target::Assigned(m) if m == monitor)
            })
            .count();
        (self.asks.len() >= ASKS_MAX || of_monitor >= ASKS_PER_MONITOR).then_some(Refusal::TooMany)
    }

    /// What an ask is about, as it stands now; `None` when that is no longer assigned.
    fn subject(&self, index: u32) -> Option<Subject> {
        match &self.asks.get(&index)?.ask.target {
            Target::Assigned(monitor) => {
                let assignment = self.roster.find(*monitor)?;
                Some(Subject {
                    monitor: *monitor,
                    meaning: assignment.meaning,
                    check: assignment.check.clone(),
                })
            }
            Target::Inline(check) => Some(Subject {
                monitor: NO_MONITOR,
                meaning: Meaning(0),
                check: check.clone(),
            }),
        }
    }

    /// A run asked for is due, or its patience has ended.
    pub(super) fn ask_due(&mut self, what: Ref, now: Now, effects: &mut Vec<Effect>) {
        let Some(subject) = self.subject(what.index) else {
            self.drop_ask(what.index);
            return;
        };
        let Some(state) = self.asks.get_mut(&what.index) else {
            return;
        };
        if state.stamp != what.stamp {
            return;
        }
        if state.waiting {
            let lateness = now.monotonic.saturating_sub(state.due);
            effects.push(Effect::Overloaded(state.due_run(subject, lateness)));
            self.load.skipped += 1;
            self.next_of_ask(what.index, now.monotonic);
            return;
        }
        state.destination = destination(&subject.check);
        let destination = state.destination;
        if self.permits.take(destination, true) {
            self.start_asked(what, now, effects);
            return;
        }
        state.waiting = true;
        self.load.waiting += 1;
        let patience = state.ask.timeout.unwrap_or(subject.check.timeout);
        self.timeline.push(state.due + patience, what);
        self.permits.wait(what, destination);
    }

    /// Starts a run asked for that has its permit.
    pub(super) fn start_asked(&mut self, what: Ref, now: Now, effects: &mut Vec<Effect>) {
        let subject = self.subject(what.index);
        let stamp = self.stamp();
        let Some(state) = self.asks.get_mut(&what.index) else {
            return;
        };
        let Some(subject) = subject else {
            let destination = state.destination;
            self.permits.release(destination);
            self.drop_ask(what.index);
            return;
        };
        if state.waiting {
            state.waiting = false;
            self.load.waiting = self.load.waiting.saturating_sub(1);
        }
        let lateness = now.monotonic.saturating_sub(state.due);
        // Neither armed nor waiting until it has ended; spacing counts from its start.
        state.stamp = stamp;
        state.due = now.monotonic;
        let ticket = Ticket {
            of: what,
            born: what.index,
            destination: state.destination,
        };
        effects.push(Effect::Start(state.due_run(subject, lateness), ticket));
        self.load.started += 1;
        self.load.lateness_max = self.load.lateness_max.max(lateness);
    }

    pub(super) fn asked_finished(&mut self, ticket: &Ticket, now: Now) {
        self.next_of_ask(ticket.of.index, now.monotonic);
    }

    /// Goes on to the next run of an ask, if there is one.
    fn next_of_ask(&mut self, index: u32, now: Duration) {
        let Some(state) = self.asks.get_mut(&index) else {
            return;
        };
        if state.waiting {
            state.waiting = false;
            self.load.waiting = self.load.waiting.saturating_sub(1);
        }
        state.n += 1;
        if state.n < state.ask.count {
            let due = now.max(state.due + state.ask.spacing);
            self.arm_ask(index, due);
        } else {
            self.drop_ask(index);
        }
    }

    fn arm_ask(&mut self, index: u32, due: Duration) {
        let stamp = self.stamp();
        if let Some(state) = self.asks.get_mut(&index) {
            state.stamp = stamp;
            state.due = due;
            let what = Ref {
                index,
                stamp,
                asked: true,
            };
            self.timeline.push(due, what);
        }
    }

    fn drop_ask(&mut self, index: u32) {
        if self.asks.remove(&index).is_some_and(|state| state.waiting) {
            self.load.waiting = self.load.waiting.saturating_sub(1);
        }
    }
}

/// Whether an ask was sent twice.
fn is_same(one: &Ask, other: &Ask) -> bool {
    one.nonce == other.nonce
        && match (&one.target, &other.target) {
            (Target::Assigned(a), Target::Assigned(b)) => a == b,
            (Target::Inline(_), Target::Inline(_)) => true,
            (Target::Assigned(_), Target::Inline(_)) | (Target::Inline(_), Target::Assigned(_)) => {
                false
            }
        }
}
