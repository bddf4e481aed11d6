//! Checks that the coordinator asks for, and those of them that wait for their revision.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::held::Held;
use crate::id::MonitorId;
use crate::outcome::{Reason, ReasonCode};
use crate::schedule::{Assignment, CheckSpec};
use crate::session::assignment::Assigned;
use crate::session::messages::{CheckNow, Target};
use crate::time::Time;

/// How many may wait for a revision; the oldest goes when more come.
pub const WAITING_MAX: usize = 1024;
/// How long one may wait: longer than a round lasts, it helps nobody.
pub const WAITS_FOR: Duration = Duration::from_secs(60);

/// Runs to make now, outside the slots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RunNow {
    /// Names the runs: [`crate::result::Run::Asked`].
    pub nonce: u64,
    /// How many.
    pub count: u32,
    /// Between two starts.
    pub spacing: Duration,
    /// When the first one starts.
    pub first_at: Time,
    /// What to check.
    pub what: What,
    /// The bound of each run.
    pub timeout: Duration,
    /// Somebody waits: hand what is seen back as [`super::Input::Answered`], not as a result.
    pub answer: bool,
}

/// What to check outside the slots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    /// An assigned monitor.
    Monitor(Assignment),
    /// Something that is assigned to nobody.
    Inline(Arc<CheckSpec>),
}

/// What becomes of a request.
pub(super) enum Asked {
    Run(Box<RunNow>),
    /// It cannot be answered, and somebody waits.
    Refuse {
        nonce: u64,
        reason: Reason,
    },
}

#[derive(Debug, Default)]
pub(super) struct Waiting {
    list: VecDeque<(Time, CheckNow)>,
}

impl Waiting {
    /// Runs the request, or lets it wait for its revision.
    pub(super) fn take(&mut self, ask: CheckNow, held: &Held, now: Time) -> Option<Asked> {
        if lacks_revision(&ask, held) {
            if self.list.len() >= WAITING_MAX {
                self.list.pop_front();
            }
            self.list.push_back((now, ask));
            return None;
        }
        start(ask, held, now, now)
    }

    /// What can run since the assignment changed.
    pub(super) fn ready(&mut self, held: &Held, now: Time) -> Vec<Asked> {
        let mut ready = Vec::new();
        for (at, ask) in std::mem::take(&mut self.list) {
            if now.since(at) > WAITS_FOR {
                continue;
            }
            if lacks_revision(&ask, held) {
                self.list.push_back((at, ask));
            } else {
                ready.extend(start(ask, held, at, now));
            }
        }
        ready
    }

    /// The session broke: the rounds that asked are over before it stands again.
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }
}

fn lacks_revision(ask: &CheckNow, held: &Held) -> bool {
    match ask.what {
        Target::Monitor { revision, .. } => {
            held.position().is_none_or(|have| have.revision < revision)
        }
        Target::Inline(_) => false,
    }
}

fn start(ask: CheckNow, held: &Held, received: Time, now: Time) -> Option<Asked> {
    let answer = ask.answer;
    let refuse = move |reason: Reason| {
        answer.then_some(Asked::Refuse {
            nonce: ask.nonce,
            reason,
        })
    };
    let what = match ask.what {
        Target::Monitor { monitor, .. } => match held.get(monitor) {
            Some(Assigned::Known(assignment)) => What::Monitor(assignment.clone()),
            Some(Assigned::Unreadable { reject, .. }) => {
                return refuse(Reason::new(ReasonCode::AgentCapability, &reject.text));
            }
            None => return refuse(not_assigned(monitor)),
        },
        Target::Inline(Some(spec)) => What::Inline(spec),
        Target::Inline(None) => return refuse(unreadable()),
    };
    let own = match &what {
        What::Monitor(assignment) => assignment.check.timeout,
        What::Inline(spec) => spec.timeout,
    };
    Some(Asked::Run(Box::new(RunNow {
        nonce: ask.nonce,
        count: ask.count,
        spacing: ask.spacing,
        first_at: (received + ask.delay).max(now),
        what,
        timeout: ask.timeout.unwrap_or(own),
        answer: ask.answer,
    })))
}

fn not_assigned(monitor: MonitorId) -> Reason {
    let text = format!("monitor {monitor} is not assigned to this agent");
    Reason::new(ReasonCode::AgentCapability, text)
}

fn unreadable() -> Reason {
    let text = "this agent's version cannot make such a check; update the agent";
    Reason::new(ReasonCode::AgentCapability, text)
}
