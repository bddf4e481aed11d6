//! Shard owners: each owns the votes, rounds and incidents of its monitors, and is the one place
//! that changes them.
//!
//! The order of every group (DESIGN: one order): results are stored and synced; all go through
//! [`MonitorState::on`]; `CheckNow` leaves; what must last is committed and synced; then results
//! are acknowledged, the notifier is woken, pages are told. A storage error ends the process
//! before anything leaves that is not on the disk.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use vigilmon_common::decide::{CheckNow, Effect, Input, MonitorState, Refusal, Tie, View};
use vigilmon_common::id::{AgentId, MonitorId};
use vigilmon_common::incident::Incident;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::Region;
use vigilmon_common::notify::plan::plan;
use vigilmon_common::notify::row::Row;
use vigilmon_common::time::Time;
use vigilmon_common::vote::SummaryEntry;
use vigilmon_runtime::clock::Stopwatch;
use vigilmon_runtime::fault;

use super::applied::Ticket;
use super::audit;
use super::command::{Actor, CommandError, Object};
use super::env::Env;
use crate::store::{Change, RegionResult};

/// Messages that may wait for an owner; senders wait beyond.
pub(crate) const MAILBOX: usize = 4096;
/// Messages that are applied and committed together.
const GROUP_MAX: usize = 256;
/// The longest sleep: a step of the wall clock is noticed within it.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// The stored mark of applied results is at most this old (DESIGN: one order).
const MARK_EVERY: Duration = Duration::from_secs(30);

/// What a shard owner is told.
pub(crate) enum ShardMessage {
    /// Live results, to be stored, decided and acknowledged.
    Results {
        /// The results.
        results: Vec<RegionResult>,
        /// Told when they are durable and decided.
        done: oneshot::Sender<()>,
    },
    /// Results that were stored before a start and are applied again.
    Replay(Vec<RegionResult>),
    /// An agent's vote summary.
    Summary {
        /// Whose.
        agent: AgentId,
        /// What it says.
        entries: Vec<SummaryEntry>,
    },
    /// Agents' ties to monitors changed.
    Ties(Vec<TieChange>),
    /// A monitor was created or changed; it is committed already.
    Saved(Arc<Monitor>),
    /// A monitor is being removed: what is open closes now.
    Removed {
        /// Which.
        monitor: MonitorId,
        /// Told when that is committed.
        done: oneshot::Sender<()>,
    },
    /// Somebody does something to an incident.
    Deed(Deed),
    /// Somebody wants to see how monitors stand.
    Views {
        /// Which; `None` for all.
        of: Option<Vec<MonitorId>>,
        /// Gets them.
        reply: oneshot::Sender<Vec<(MonitorId, View)>>,
    },
}

/// One agent's tie to one monitor.
pub(crate) struct TieChange {
    /// The monitor.
    pub(crate) monitor: MonitorId,
    /// The agent.
    pub(crate) agent: AgentId,
    /// Where it votes.
    pub(crate) region: Region,
    /// How it stands now.
    pub(crate) tie: Tie,
}

/// Something done by hand to the open incident of a monitor.
pub(crate) struct Deed {
    /// The monitor.
    pub(crate) monitor: MonitorId,
    /// Who does it.
    pub(crate) by: Actor,
    /// What.
    pub(crate) what: DeedKind,
    /// Gets the incident as it is afterwards.
    pub(crate) reply: oneshot::Sender<Result<Incident, CommandError>>,
}

/// What is done by hand.
#[derive(Clone, Debug)]
pub(crate) enum DeedKind {
    /// Somebody takes it.
    Acknowledge(String),
    /// Somebody closes it; `true` although it is still down.
    Resolve(bool),
    /// Somebody says something.
    Comment(String),
}

struct Watched {
    monitor: Arc<Monitor>,
    host: Box<str>,
    state: MonitorState,
    armed: Option<Time>,
}

/// What a group brings about, gathered while it is applied.
#[derive(Default)]
struct Consequences {
    checks: Vec<(MonitorId, CheckNow)>,
    incidents: Vec<Incident>,
    rows: Vec<Row>,
    save: BTreeSet<MonitorId>,
    changes: Vec<Change>,
    replies: Vec<Box<dyn FnOnce() + Send>>,
    seen: bool,
}

/// Owns some shards.
pub(crate) struct Owner {
    env: Env,
    monitors: HashMap<MonitorId, Watched>,
    of_agent: HashMap<AgentId, HashSet<MonitorId>>,
    timers: BinaryHeap<Reverse<(Time, MonitorId)>>,
    effects: Vec<Effect>,
    asked_again: HashSet<AgentId>,
    marked_at: Time,
}

impl Owner {
    /// Starts without monitors.
    pub(crate) fn new(env: Env) -> Self {
        let marked_at = env.clock.now();
        Self {
            env,
            monitors: HashMap::new(),
            of_agent: HashMap::new(),
            timers: BinaryHeap::new(),
            effects: Vec::new(),
            asked_again: HashSet::new(),
            marked_at,
        }
    }

    /// Takes a monitor as it was stored.
    pub(crate) fn adopt(&mut self, monitor: Arc<Monitor>, state: MonitorState) {
        let host = target_host(&monitor);
        self.monitors.insert(
            monitor.id,
            Watched {
                monitor,
                host,
                state,
                armed: None,
            },
        );
    }

    /// Serves the mailbox until `stop`, then what still waits in it.
    pub(crate) async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<ShardMessage>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut group = Vec::with_capacity(GROUP_MAX);
        loop {
            let sleep = self.sleep();
            tokio::select! {
                biased;
                taken = mailbox.recv_many(&mut group, GROUP_MAX) => if taken == 0 {
                    return self.mark(true).await;
                },
                () = stop.cancelled(), if !mailbox.is_closed() => mailbox.close(),
                () = tokio::time::sleep(sleep) => {}
            }
            self.apply(std::mem::take(&mut group)).await?;
        }
    }

    fn sleep(&self) -> Duration {
        let now = self.env.clock.now();
        let due = self
            .timers
            .peek()
            .map_or(SLEEP_MAX, |Reverse((at, _))| at.since(now));
        due.min(SLEEP_MAX)
    }

    async fn apply(&mut self, group: Vec<ShardMessage>) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        let mut out = Consequences::default();
        let mut results = Vec::new();
        let mut done = Vec::new();
        let now = self.env.clock.now();
        for message in group {
            match message {
                ShardMessage::Results {
                    results: some,
                    done: tell,
                } => {
                    append_or_take(&mut results, some);
                    done.push(tell);
                }
                other => self.take(other, now, &mut out),
            }
        }
        let ticket = self.store(&results).await?;
        let now = self.env.clock.now();
        for result in &results {
            out.seen = true;
            let _ = self.decide(
                result.result.monitor,
                Input::Result(&result.result),
                now,
                &mut out,
            );
        }
        self.fire_timers(now, &mut out);
        self.ask(&mut out);
        self.commit(&mut out, ticket).await?;
        for tell in done {
            let _ = tell.send(());
        }
        self.hand_over(out);
        if !results.is_empty() {
            self.env.metrics.committed(watch.elapsed());
            self.count(&results);
        }
        self.mark(false).await
    }

    /// Step 1: results reach the disk.
    async fn store(&self, results: &[RegionResult]) -> anyhow::Result<Option<Ticket>> {
        if results.is_empty() {
            return Ok(None);
        }
        let mut ticket = self.env.applied.begin(self.env.stores.history.last());
        let no = self.env.stores.history.append(results).await?;
        ticket.stored(no);
        fault::point("after-history");
        Ok(Some(ticket))
    }

    /// Step 2 for everything that is not a live result.
    fn take(&mut self, message: ShardMessage, now: Time, out: &mut Consequences) {
        match message {
            ShardMessage::Results { .. } => {}
            ShardMessage::Replay(results) => {
                for one in &results {
                    let input = Input::Result(&one.result);
                    let _ = self.decide(one.result.monitor, input, now, out);
                }
            }
            ShardMessage::Summary { agent, entries } => self.summary(agent, entries, now, out),
            ShardMessage::Ties(changes) => {
                for change in changes {
                    self.tie(change, now, out);
                }
            }
            ShardMessage::Saved(monitor) => self.saved(monitor, now, out),
            ShardMessage::Removed { monitor, done } => {
                let _ = self.decide(monitor, Input::Removed, now, out);
                // What closed it is committed from here; the monitor's own record by the fleet.
                if let Some(gone) = self.monitors.remove(&monitor) {
                    out.changes
                        .push(Change::PutDurable(monitor, Box::new(gone.state.durable())));
                }
                out.save.remove(&monitor);
                out.replies.push(Box::new(move || {
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }));
            }
            ShardMessage::Deed(deed) => self.deed(deed, now, out),
            ShardMessage::Views { of, reply } => {
                let views = self.views(of, now);
                out.replies.push(Box::new(move || drop(reply.send(views))));
            }
        }
    }

    fn summary(
        &mut self,
        agent: AgentId,
        entries: Vec<SummaryEntry>,
        now: Time,
        out: &mut Consequences,
    ) {
        let mut open = Vec::new();
        for entry in entries {
            let monitor = entry.monitor;
            let _ = self.decide(monitor, Input::Summary { agent, entry }, now, out);
            if self
                .monitors
                .get(&monitor)
                .is_some_and(|w| w.state.incident().is_some())
            {
                open.push(monitor);
            }
        }
        // After a start each agent is asked once more about what is open (DESIGN: summaries).
        if !open.is_empty() && self.asked_again.insert(agent) {
            self.env.dispatch.ask_summary(agent, open);
        }
    }

    fn tie(&mut self, change: TieChange, now: Time, out: &mut Consequences) {
        let TieChange {
            monitor,
            agent,
            region,
            tie,
        } = change;
        let of_agent = self.of_agent.entry(agent).or_default();
        match tie {
            Tie::Connected | Tie::Lost(_) => of_agent.insert(monitor),
            Tie::Unassigned | Tie::Revoked => of_agent.remove(&monitor),
        };
        let _ = self.decide(monitor, Input::Agent { agent, region, tie }, now, out);
    }

    fn saved(&mut self, monitor: Arc<Monitor>, now: Time, out: &mut Consequences) {
        if let Some(watched) = self.monitors.get_mut(&monitor.id) {
            watched.host = target_host(&monitor);
            watched.monitor = Arc::clone(&monitor);
        } else {
            let state = MonitorState::new(&monitor, Default::default(), self.env.epoch, now);
            self.adopt(Arc::clone(&monitor), state);
        }
        let _ = self.decide(monitor.id, Input::Saved(&monitor), now, out);
    }

    fn deed(&mut self, deed: Deed, now: Time, out: &mut Consequences) {
        let Deed {
            monitor,
            by,
            what,
            reply,
        } = deed;
        let name = by.name.clone();
        let (action, input) = match what {
            DeedKind::Acknowledge(note) => (
                "incident.acknowledge",
                Input::Acknowledge { by: name, note },
            ),
            DeedKind::Resolve(force) => ("incident.resolve", Input::Resolve { by: name, force }),
            DeedKind::Comment(note) => ("incident.comment", Input::Comment { by: name, note }),
        };
        let answer = match self.decide(monitor, input, now, out) {
            Ok(()) => match out.incidents.last() {
                Some(incident) => {
                    let object = format!("incident {}", incident.id);
                    out.changes
                        .push(audit::entry(&by, action, &object, "", "", now));
                    Ok(incident.clone())
                }
                None => Err(not_open(monitor)),
            },
            Err(Refusal::NotOpen) => Err(not_open(monitor)),
            Err(refusal @ Refusal::StillDown { .. }) => Err(CommandError::Refused {
                message: self.still_down(monitor, &refusal),
                hint: "acknowledge it (`incident ack`), pause the monitor, or add --force"
                    .to_owned(),
            }),
        };
        out.replies.push(Box::new(move || drop(reply.send(answer))));
    }

    fn still_down(&self, monitor: MonitorId, refusal: &Refusal) -> String {
        let name = self
            .monitors
            .get(&monitor)
            .map_or("", |w| w.monitor.spec.name.as_str());
        format!("the incident of `{name}` cannot be resolved: {refusal}")
    }

    fn views(&self, of: Option<Vec<MonitorId>>, now: Time) -> Vec<(MonitorId, View)> {
        match of {
            None => self
                .monitors
                .iter()
                .map(|(&id, w)| (id, w.state.view(now)))
                .collect(),
            Some(ids) => ids
                .into_iter()
                .filter_map(|id| Some((id, self.monitors.get(&id)?.state.view(now))))
                .collect(),
        }
    }

    /// One input through the core; what follows is gathered.
    fn decide(
        &mut self,
        id: MonitorId,
        input: Input<'_>,
        now: Time,
        out: &mut Consequences,
    ) -> Result<(), Refusal> {
        let Some(watched) = self.monitors.get_mut(&id) else {
            return Ok(());
        };
        let answer = watched.state.on(input, now, &mut self.effects);
        for effect in self.effects.drain(..) {
            match effect {
                Effect::CheckNow(check) => out.checks.push((id, check)),
                Effect::Transition(incident) => {
                    let mut incident = *incident;
                    let rows = notify(&self.env, &watched.monitor, &mut incident, now);
                    watched.state.note_told(incident.id, incident.told.clone());
                    log_transition(&incident, rows.len());
                    out.rows.extend(rows);
                    out.incidents.push(incident);
                    out.save.insert(id);
                    out.seen = true;
                }
                Effect::Status { .. } => out.seen = true,
                Effect::Save => {
                    out.save.insert(id);
                }
            }
        }
        if let Some(wake) = watched.state.next_wake()
            && watched.armed.is_none_or(|armed| wake < armed)
        {
            watched.armed = Some(wake);
            self.timers.push(Reverse((wake, id)));
        }
        answer
    }

    fn fire_timers(&mut self, now: Time, out: &mut Consequences) {
        while let Some(&Reverse((at, id))) = self.timers.peek() {
            if at > now {
                return;
            }
            self.timers.pop();
            let Some(watched) = self.monitors.get_mut(&id) else {
                continue;
            };
            if watched.armed != Some(at) {
                continue;
            }
            watched.armed = None;
            let _ = self.decide(id, Input::Tick, now, out);
        }
    }

    /// `CheckNow` leaves before the state commit: it tells nobody anything.
    fn ask(&self, out: &mut Consequences) {
        let now = self.env.clock.monotonic();
        for (monitor, check) in out.checks.drain(..) {
            if let Some(watched) = self.monitors.get(&monitor) {
                self.env
                    .dispatch
                    .check_now(monitor, &watched.host, &check, now);
            }
        }
    }

    /// Step 3: what must last is committed in one batch.
    async fn commit(
        &mut self,
        out: &mut Consequences,
        ticket: Option<Ticket>,
    ) -> anyhow::Result<()> {
        let mut changes = std::mem::take(&mut out.changes);
        let mut newest: BTreeMap<_, &Incident> = BTreeMap::new();
        for incident in &out.incidents {
            newest.insert(incident.id, incident);
        }
        changes.extend(
            newest
                .into_values()
                .map(|i| Change::PutIncident(Box::new(i.clone()))),
        );
        for id in std::mem::take(&mut out.save) {
            if let Some(watched) = self.monitors.get(&id) {
                changes.push(Change::PutDurable(id, Box::new(watched.state.durable())));
            }
        }
        changes.extend(
            out.rows
                .iter()
                .map(|row| Change::PutRow(Box::new(row.clone()))),
        );
        if !changes.is_empty() {
            fault::point("before-commit");
            self.env.stores.state.commit(changes).await?;
            fault::point("after-commit");
        }
        drop(ticket);
        Ok(())
    }

    /// Step 4: what is on the disk may be told.
    fn hand_over(&self, out: Consequences) {
        for incident in out.incidents {
            self.env.incidents.put(incident);
        }
        if !out.rows.is_empty() {
            self.env.notifier.added(out.rows);
        }
        for reply in out.replies {
            reply();
        }
        if out.seen {
            self.env.changed.send_modify(|n| *n += 1);
        }
    }

    /// Keeps the stored mark of applied results young.
    async fn mark(&mut self, at_once: bool) -> anyhow::Result<()> {
        let now = self.env.clock.now();
        if !at_once && now.since(self.marked_at) < MARK_EVERY {
            return Ok(());
        }
        self.marked_at = now;
        if let Some(no) = self.env.applied.to_store() {
            self.env
                .stores
                .state
                .commit(vec![Change::SetApplied(no)])
                .await?;
        }
        Ok(())
    }

    fn count(&self, results: &[RegionResult]) {
        let mut counts: HashMap<(&str, &'static str), u64> = HashMap::new();
        for one in results {
            let key = (one.region.as_str(), one.result.outcome.kind().as_str());
            *counts.entry(key).or_default() += 1;
        }
        for ((region, outcome), count) in counts {
            self.env.metrics.count_results(region, outcome, count);
        }
    }
}

fn append_or_take(all: &mut Vec<RegionResult>, some: Vec<RegionResult>) {
    if all.is_empty() {
        *all = some
    } else {
        all.extend(some)
    }
}

fn notify(env: &Env, monitor: &Monitor, incident: &mut Incident, now: Time) -> Vec<Row> {
    let directory = env.notify_directory.load();
    plan(incident, &monitor.spec.notify, &directory, now, &mut || {
        env.rows.next()
    })
}

fn log_transition(incident: &Incident, messages: usize) {
    if let Some(last) = incident.transitions.last() {
        tracing::info!(
            incident = %incident.id,
            transition = %last.kind,
            scope = %incident.scope,
            reason = %incident.reason.code,
            messages,
            "incident changed"
        );
    }
}

fn not_open(monitor: MonitorId) -> CommandError {
    CommandError::NotFound {
        object: Object::Incident,
        reference: format!("of monitor {monitor}"),
    }
}

/// The host that budgets count by.
fn target_host(monitor: &Monitor) -> Box<str> {
    match &monitor.spec.kind {
        vigilmon_common::monitor::Kind::Http(http) => {
            http.url.host_str().unwrap_or_default().into()
        }
    }
}
