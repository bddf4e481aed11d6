//! The runner: one task that owns the schedule and the session, and joins them to checks and
//! sockets.
//!
//! `select` waits and changes nothing, `apply` changes and never waits. Checks are tasks, started
//! when the scheduler says so; what they saw goes to the session, which says when it leaves.

mod checks;
mod effects;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::schedule::{self, Scheduler};
use vigilmon_common::session::agent::{self, AgentEnd};
use vigilmon_common::session::messages::{CoordinatorMessage, Leave};
use vigilmon_runtime::random;
use vigilmon_runtime::supervisor::Supervisor;

use crate::control::Order;
use crate::link::{Backfill, Connection, Dialer, Event, Happened};
use crate::metrics::Metrics;
use crate::probe::Probe;
use crate::time::AgentClock;
use checks::{Made, Underway};

/// Events of streams that wait for the runner; a stream that fills this waits.
const EVENTS_MAX: usize = 1024;
/// How long an orderly end may take in all.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(5);
/// How long it waits for checks under way; the rest is for their results.
const CHECKS_END_WITHIN: Duration = Duration::from_secs(3);
/// How long the coordinator may take to close the stream once all is said.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// How an agent stands, for those who started it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Status {
    /// A session with a coordinator stands.
    pub connected: bool,
    /// Monitors that it checks.
    pub monitors: usize,
    /// It will not connect any more, and why.
    pub left: Option<Leave>,
}

/// What the runner is made of.
pub(crate) struct Parts<P> {
    pub(crate) probe: P,
    pub(crate) clock: AgentClock,
    pub(crate) dialer: Dialer,
    pub(crate) settings: agent::Settings,
    pub(crate) limits: schedule::Limits,
    pub(crate) addresses: AddressPolicy,
    pub(crate) supervisor: Supervisor,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) orders: mpsc::Receiver<Order>,
}

/// The owner of the agent's state.
pub(crate) struct Runner<P> {
    probe: Arc<P>,
    clock: AgentClock,
    dialer: Dialer,
    addresses: AddressPolicy,
    supervisor: Supervisor,
    status: watch::Sender<Status>,
    metrics: Arc<Metrics>,
    orders: mpsc::Receiver<Order>,
    scheduler: Scheduler,
    session: AgentEnd,
    /// What the session wants done, in its order.
    wanted: VecDeque<agent::Effect>,
    checks: JoinSet<Made>,
    underway: HashMap<Id, Underway>,
    connection: Option<Connection>,
    backfill: Option<Backfill>,
    streams: u64,
    events: mpsc::Receiver<Event>,
    report: mpsc::Sender<Event>,
    stopping: Option<Duration>,
}

/// What the runner waited for.
enum Turn {
    Link(Event),
    Checked(Id, Option<Made>),
    Ordered(Order),
    Time,
    Stop,
}

impl<P: Probe> Runner<P> {
    pub(crate) fn new(parts: Parts<P>) -> Self {
        let (report, events) = mpsc::channel(EVENTS_MAX);
        let now = parts.clock.now();
        Self {
            probe: Arc::new(parts.probe),
            clock: parts.clock,
            dialer: parts.dialer,
            addresses: parts.addresses,
            supervisor: parts.supervisor,
            status: parts.status,
            metrics: parts.metrics,
            orders: parts.orders,
            scheduler: Scheduler::new(parts.limits),
            session: AgentEnd::new(parts.settings, now.wall),
            wanted: VecDeque::new(),
            checks: JoinSet::new(),
            underway: HashMap::new(),
            connection: None,
            backfill: None,
            streams: 0,
            events,
            report,
            stopping: None,
        }
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while !self.is_done() {
            let turn = self.select(&stop).await;
            self.apply(turn);
        }
        self.close().await;
    }

    /// Chooses what to do next; changes nothing.
    async fn select(&mut self, stop: &CancellationToken) -> Turn {
        let sleep = self.until_next_wake();
        tokio::select! {
            event = self.events.recv() => event.map_or(Turn::Time, Turn::Link),
            Some(ended) = self.checks.join_next_with_id() => match ended {
                Ok((id, made)) => Turn::Checked(id, Some(made)),
                Err(broken) => Turn::Checked(broken.id(), None),
            },
            Some(order) = self.orders.recv() => Turn::Ordered(order),
            () = tokio::time::sleep(sleep) => Turn::Time,
            () = stop.cancelled(), if self.stopping.is_none() => Turn::Stop,
        }
    }

    fn until_next_wake(&self) -> Duration {
        let now = self.clock.now();
        let after = |at: Duration| at.saturating_sub(now.monotonic);
        let schedule = self.scheduler.next_wake().map(after);
        let session = self.session.next_wake().map(|at| at.since(now.wall));
        let end = self.stopping.map(|since| after(since + STOP_WITHIN));
        let patience = self.stopping.map(|since| after(since + CHECKS_END_WITHIN));
        let patience = patience.filter(|left| !left.is_zero());
        let schedule = schedule.filter(|_| self.stopping.is_none());
        [schedule, session, end, patience]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(STOP_WITHIN)
    }

    fn apply(&mut self, turn: Turn) {
        match turn {
            Turn::Link(event) => self.link(event),
            Turn::Checked(id, made) => self.checked(id, made),
            // Whoever asked may have gone.
            Turn::Ordered(Order::Answer(reply)) => drop(reply.send(())),
            Turn::Ordered(Order::Dial(dialer)) => {
                let is_new = !self.dialer.has_token_of(&dialer);
                self.dialer = *dialer;
                // The present session stands by the former token, which may be revoked next.
                if is_new && self.connection.is_some() {
                    self.lost(false, "a new token was read");
                }
            }
            Turn::Time => {
                self.schedule(schedule::Input::Tick);
                self.session(agent::Input::Tick);
            }
            Turn::Stop => {
                info!(running = self.underway.len(), "stopping");
                self.stopping = Some(self.clock.now().monotonic);
            }
        }
        self.publish();
    }

    fn link(&mut self, event: Event) {
        let of_session = self.connection.as_ref().map(|c| c.stream) == Some(event.stream);
        let of_backfill = self.backfill.as_ref().map(|b| b.stream) == Some(event.stream);
        match event.what {
            Happened::Opened(client) if of_session => {
                if let Some(connection) = &mut self.connection {
                    connection.opened(client);
                }
                self.session(agent::Input::Connected);
            }
            Happened::Received(message) if of_session => {
                self.note(&message);
                self.session(agent::Input::Received(*message));
            }
            Happened::Ended { refused, error } if of_session => self.lost(refused, &error),
            Happened::BackfillAcked(ack) if of_backfill => {
                self.session(agent::Input::BackfillAcked(ack));
            }
            Happened::BackfillEnded(error) if of_backfill => {
                warn!(error, "back-fill ended early");
                self.backfill = None;
                let jitter = random::fraction();
                self.session(agent::Input::BackfillEnded { jitter });
            }
            // Of a stream that was given up before.
            Happened::Opened(_)
            | Happened::Received(_)
            | Happened::Ended { .. }
            | Happened::BackfillAcked(_)
            | Happened::BackfillEnded(_) => {}
        }
    }

    /// Says in the log what operators look for.
    fn note(&self, message: &CoordinatorMessage) {
        let coordinator = self.connection.as_ref().map(|c| c.coordinator.as_str());
        match message {
            CoordinatorMessage::Welcome(welcome) => {
                let (agent, session) = (welcome.agent, welcome.session);
                info!(%agent, %session, coordinator, "session stands");
            }
            CoordinatorMessage::GoAway { window, why } => {
                let window_ms = window.as_millis();
                info!(reason = ?why, window_ms, coordinator, "coordinator ends the session");
            }
            _ => {}
        }
    }

    fn lost(&mut self, refused: bool, error: &str) {
        let connection = self.connection.take();
        self.backfill = None;
        let coordinator = connection.map(|c| c.coordinator).unwrap_or_default();
        if self.session.is_connected() {
            warn!(coordinator, error, "session lost");
        } else if refused {
            warn!(coordinator, error, "coordinator refuses this agent");
        } else {
            warn!(coordinator, error, "cannot reach the coordinator");
        }
        let jitter = random::fraction();
        self.session(agent::Input::Disconnected { refused, jitter });
    }

    fn publish(&self) {
        let connected = self.session.is_connected();
        let monitors = self.scheduler.monitors();
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.connected.set(i64::from(connected));
        self.metrics.monitors.set(gauge(monitors));
        self.metrics.running.set(gauge(self.underway.len()));
        self.metrics.unacked.set(gauge(self.session.unacked()));
        let dropped = self.session.dropped();
        self.metrics
            .dropped
            .set(i64::try_from(dropped).unwrap_or(i64::MAX));
        self.status.send_if_modified(|status| {
            let before = *status;
            status.connected = connected;
            status.monitors = monitors;
            *status != before
        });
    }

    /// Whether an orderly end has nothing to wait for any more.
    fn is_done(&self) -> bool {
        let Some(since) = self.stopping else {
            return false;
        };
        let waited = self.clock.now().monotonic.saturating_sub(since);
        let checks_ended = self.underway.is_empty() || waited >= CHECKS_END_WITHIN;
        let settled = !self.session.is_connected() || self.session.unacked() == 0;
        waited >= STOP_WITHIN || (checks_ended && settled)
    }

    /// Closes the stream so that what was said is read.
    async fn close(mut self) {
        self.checks.abort_all();
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        connection.finish();
        let closed = async {
            while let Some(event) = self.events.recv().await {
                if event.stream == connection.stream && matches!(event.what, Happened::Ended { .. })
                {
                    return;
                }
            }
        };
        let closed = tokio::time::timeout(CLOSE_WITHIN, closed).await.is_ok();
        info!(closed, unacked = self.session.unacked(), "agent ends");
    }
}
