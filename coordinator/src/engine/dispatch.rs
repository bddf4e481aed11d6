//! The table of live sessions: where `CheckNow`, deltas and closings leave for agents.
//!
//! Shared by the fleet owner and the shard owners under a lock that is held for a look-up and a
//! non-blocking send. A `CheckNow` does not go through the fleet owner's mailbox: it would wait
//! there behind a commit, and the alert with it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use vigilmon_common::decide;
use vigilmon_common::fleet::budget::Budgets;
use vigilmon_common::id::{AgentId, MonitorId, SessionId};
use vigilmon_common::session::assignment::Delta;
use vigilmon_common::session::messages::{CheckNow, Leave, Target};

/// Messages that may wait for one session's writer. A session that lets more wait is closed: a
/// delta must not be lost silently, and a reconnect brings a snapshot.
pub const SESSION_QUEUE: usize = 1024;

/// What the engine wants said to an agent.
#[derive(Clone, Debug)]
pub enum ToAgent {
    /// A change of its assignment.
    Delta(Delta),
    /// Checks outside the slots.
    CheckNow(CheckNow),
    /// Its vote summary once more, of these monitors.
    AskSummary(Vec<MonitorId>),
    /// The session is over, and why.
    Close(Leave),
}

struct Live {
    session: SessionId,
    revision: u64,
    sender: mpsc::Sender<ToAgent>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Dispatch {
    table: Mutex<Table>,
    /// `CheckNow` that found no session or a full queue.
    undelivered: AtomicU64,
}

#[derive(Default)]
struct Table {
    live: HashMap<AgentId, Live>,
    budgets: Budgets,
}

impl Dispatch {
    /// Enters a session; the former one of the agent is told to close.
    pub(crate) fn enter(
        &self,
        agent: AgentId,
        session: SessionId,
        revision: u64,
        sender: mpsc::Sender<ToAgent>,
    ) {
        let former = self.lock().live.insert(
            agent,
            Live {
                session,
                revision,
                sender,
            },
        );
        if let Some(former) = former {
            let _ = former.sender.try_send(ToAgent::Close(Leave::Replaced));
        }
    }

    /// Takes a session out, unless a newer one took its place. Says whether it was the live one.
    pub(crate) fn leave(&self, agent: AgentId, session: SessionId) -> bool {
        let mut table = self.lock();
        let is_live = table
            .live
            .get(&agent)
            .is_some_and(|live| live.session == session);
        if is_live {
            table.live.remove(&agent);
        }
        is_live
    }

    /// Whether this is the agent's live session.
    #[must_use]
    pub(crate) fn is_live(&self, agent: AgentId, session: SessionId) -> bool {
        self.lock()
            .live
            .get(&agent)
            .is_some_and(|live| live.session == session)
    }

    /// Closes an agent's session.
    pub(crate) fn close(&self, agent: AgentId, why: Leave) {
        if let Some(live) = self.lock().live.remove(&agent) {
            let _ = live.sender.try_send(ToAgent::Close(why));
        }
    }

    /// Closes every session.
    pub(crate) fn close_all(&self, why: Leave) {
        for (_, live) in self.lock().live.drain() {
            let _ = live.sender.try_send(ToAgent::Close(why));
        }
    }

    /// Sends a delta. A session whose queue is full is closed; it will ask for a snapshot.
    pub(crate) fn delta(&self, agent: AgentId, delta: Delta) {
        let mut table = self.lock();
        let Some(live) = table.live.get_mut(&agent) else {
            return;
        };
        live.revision = delta.position.revision;
        if live.sender.try_send(ToAgent::Delta(delta)).is_err() {
            table.live.remove(&agent);
        }
    }

    /// Asks for a summary of some monitors.
    pub(crate) fn ask_summary(&self, agent: AgentId, monitors: Vec<MonitorId>) {
        if let Some(live) = self.lock().live.get(&agent) {
            let _ = live.sender.try_send(ToAgent::AskSummary(monitors));
        }
    }

    /// Asks for the checks of a round, if the budgets allow. `now` is monotonic.
    pub(crate) fn check_now(
        &self,
        monitor: MonitorId,
        host: &str,
        wanted: &decide::CheckNow,
        now: Duration,
    ) {
        let mut table = self.lock();
        if !table.live.contains_key(&wanted.agent) {
            self.undelivered.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if !table.budgets.take(wanted.agent, host, wanted.count, now) {
            return;
        }
        let Some(live) = table.live.get(&wanted.agent) else {
            return;
        };
        let asked = CheckNow {
            nonce: wanted.nonce,
            count: wanted.count,
            spacing: wanted.spacing,
            delay: wanted.delay,
            timeout: None,
            what: Target::Monitor {
                monitor,
                revision: live.revision,
            },
            answer: false,
        };
        if live.sender.try_send(ToAgent::CheckNow(asked)).is_err() {
            self.undelivered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Asks an agent for a check that somebody waits for. Says whether it could be asked.
    pub(crate) fn ask(&self, agent: AgentId, asked: CheckNow) -> bool {
        let table = self.lock();
        let Some(live) = table.live.get(&agent) else {
            return false;
        };
        live.sender.try_send(ToAgent::CheckNow(asked)).is_ok()
    }

    /// `CheckNow` that the budgets refused, and those that found no session or a full queue.
    #[must_use]
    pub(crate) fn refused(&self) -> (u64, u64) {
        (
            self.lock().budgets.refused(),
            self.undelivered.load(Ordering::Relaxed),
        )
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Table> {
        // A panic under this lock leaves a table that is still whole: each entry is set at once.
        self.table
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
