//! Shard owners: each owns the votes, rounds and incidents of its monitors, and is the one place
//! that changes them.
//!
//! The order of every group (ARCHITECTURE.md, the flow): results are stored and synced; all go through
//! [`MonitorState::on`]; `CheckNow` leaves; what must last is committed and synced; then results
//! are acknowledged, the notifier is woken, pages are told. A storage error ends the process
//! before anything leaves that is not on the disk.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vigilmon_common::decide::{Brief, CheckNow, Effect, Input, MonitorState, Refusal};
use vigilmon_common::id::{AgentId, MonitorId};
use vigilmon_common::incident::Incident;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::notify::plan::plan;
use vigilmon_common::notify::row::{Row, RowState};
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::Stopwatch;
use vigilmon_runtime::fault;

use super::applied::Ticket;
use super::env::Env;
use super::events;
use crate::store::{Change, RegionResult};

/// Messages that may wait for an owner; senders wait beyond.
pub(crate) const MAILBOX: usize = 4096;
/// Messages that are applied and committed together.
const GROUP_MAX: usize = 256;
/// The longest sleep: a step of the wall clock is noticed within it.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// After a start a step waits so long for agents to say how its monitor stands, and looks again
/// this often.
const STEPS_WARM_UP: Duration = Duration::from_secs(90);
const STEPS_AGAIN: Duration = Duration::from_secs(2);
/// The stored mark of applied results is at most this old (ARCHITECTURE.md, the flow).
const MARK_EVERY: Duration = Duration::from_secs(30);

mod inputs;
mod message;

pub(crate) use message::{Deed, DeedKind, ShardMessage, TieChange};

struct Watched {
    monitor: Arc<Monitor>,
    host: Box<str>,
    state: MonitorState,
    armed: Option<Time>,
    /// As it was last put on the board.
    brief: Brief,
    /// What was stored of it when it was adopted rests on all results that started up to then.
    settled: Time,
}

/// What a group brings about, gathered while it is applied.
#[derive(Default)]
struct Consequences {
    checks: Vec<(MonitorId, CheckNow)>,
    incidents: Vec<Incident>,
    rows: Vec<Row>,
    save: BTreeSet<MonitorId>,
    briefs: Vec<(MonitorId, Brief)>,
    changes: Vec<Change>,
    replies: Vec<Box<dyn FnOnce() + Send>>,
    seen: bool,
}

/// Owns some shards.
pub(crate) struct Owner {
    env: Env,
    monitors: HashMap<MonitorId, Watched>,
    timers: BinaryHeap<Reverse<(Time, MonitorId)>>,
    effects: Vec<Effect>,
    asked_again: HashSet<AgentId>,
    marked_at: Time,
    started: Time,
}

impl Owner {
    /// Starts without monitors.
    pub(crate) fn new(env: Env) -> Self {
        let marked_at = env.clock.now();
        Self {
            env,
            monitors: HashMap::new(),
            timers: BinaryHeap::new(),
            effects: Vec::new(),
            asked_again: HashSet::new(),
            started: marked_at,
            marked_at,
        }
    }

    /// Takes a monitor as it was stored.
    pub(crate) fn adopt(&mut self, monitor: Arc<Monitor>, state: MonitorState) {
        let host = target_host(&monitor);
        let watched = Watched {
            settled: settled(&state),
            brief: state.brief(),
            monitor,
            host,
            state,
            armed: None,
        };
        self.env.board.put([(watched.monitor.id, watched.brief)]);
        self.monitors.insert(watched.monitor.id, watched);
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
        let mut told = None;
        for effect in self.effects.drain(..) {
            match effect {
                Effect::CheckNow(check) => out.checks.push((id, check)),
                Effect::Transition(incident) => {
                    let mut incident = *incident;
                    // A late timer and the input itself may each move it: both were decided
                    // before anybody was told of the first.
                    if let Some((_, told)) = told.take_if(|(id, _)| *id == incident.id) {
                        incident.told = told;
                    }
                    let rows = notify(&self.env, &watched.monitor, &mut incident, now);
                    told = Some((incident.id, incident.told.clone()));
                    watched.state.note_told(incident.id, incident.told.clone());
                    log_transition(&incident, &rows);
                    let directory = self.env.notify_directory.load();
                    out.changes
                        .extend(events::change(&incident, &directory.public_url));
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
        let brief = watched.state.brief();
        if brief != watched.brief {
            watched.brief = brief;
            out.briefs.push((id, brief));
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
        let saved = std::mem::take(&mut out.save);
        // An open incident may change without a transition: a region joins those that it names.
        let open = saved
            .iter()
            .filter_map(|id| self.monitors.get(id)?.state.incident());
        out.incidents.extend(open.cloned());
        let mut newest: BTreeMap<_, &Incident> = BTreeMap::new();
        for incident in &out.incidents {
            newest.insert(incident.id, incident);
        }
        changes.extend(
            newest
                .into_values()
                .map(|i| Change::PutIncident(Box::new(i.clone()))),
        );
        for id in saved {
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
            let events = self.env.events.begin(&changes);
            let commit = self.env.stores.state.commit(changes).await?;
            fault::point("after-commit");
            if let Some(events) = events {
                events.committed(commit);
            }
        }
        if let Some(ticket) = ticket {
            ticket.applied();
        }
        Ok(())
    }

    /// Step 4: what is on the disk may be told.
    fn hand_over(&self, out: Consequences) {
        for incident in out.incidents {
            self.env.incidents.put(incident);
        }
        self.env.board.put(out.briefs);
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

fn log_transition(incident: &Incident, rows: &[Row]) {
    let messages = rows.iter().filter(|row| !row.is_waiting()).count();
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

/// Says what became of a step whose time had come.
pub(super) fn log_step(row: &Row) {
    let (channel, key) = (&row.channel, &row.key);
    match &row.state {
        RowState::Suppressed(reason) => {
            tracing::info!(%channel, key, reason, "step not sent");
        }
        _ if row.is_waiting() => {
            let to = row.next_at.to_rfc3339();
            tracing::info!(%channel, key, to, "step put off");
        }
        _ => tracing::info!(%channel, key, "step sent on its way"),
    }
}

/// Up to when results made what was stored: the last transition of the open incident, or the end
/// of the one before. Applied again they would take it back.
fn settled(state: &MonitorState) -> Time {
    let open = state.incident().and_then(|open| open.transitions.last());
    let ended = state.durable().last_ended_at;
    open.map(|last| last.at).max(ended).unwrap_or(Time::EPOCH)
}

/// The host that budgets count by.
fn target_host(monitor: &Monitor) -> Box<str> {
    match &monitor.spec.kind {
        vigilmon_common::monitor::Kind::Http(http) => {
            http.url.host_str().unwrap_or_default().into()
        }
    }
}
