//! Shard owners: each owns the votes, rounds and incidents of its monitors, and is the one place
//! that changes them.
//!
//! The order of every group (ARCHITECTURE.md, the flow): results are stored and synced; all go through
//! [`MonitorState::on`]; `CheckNow` leaves; what must last is committed and synced; then results
//! are acknowledged, the notifier is woken, pages are told. A storage error ends the process
//! before anything leaves that is not on the disk.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vigilmon_common::decide::{Brief, CheckNow, Effect, Input, MonitorState, Refusal};
use vigilmon_common::id::{AgentId, MonitorId};
use vigilmon_common::monitor::Monitor;
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::Stopwatch;
use vigilmon_runtime::fault;

use super::applied::Ticket;
use super::consequences::Consequences;
use super::env::Env;
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

/// Owns some shards.
pub(crate) struct Owner {
    env: Env,
    monitors: HashMap<MonitorId, Watched>,
    timers: BinaryHeap<Reverse<(Time, MonitorId)>>,
    effects: Vec<Effect>,
    checks: Vec<(MonitorId, CheckNow)>,
    briefs: Vec<(MonitorId, Brief)>,
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
            checks: Vec::new(),
            briefs: Vec::new(),
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
        self.ask();
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
                Effect::CheckNow(check) => self.checks.push((id, check)),
                Effect::Transition(incident) => {
                    let notify = &watched.monitor.spec.notify;
                    out.transition(&self.env, (id, notify), *incident, &mut told, now);
                    if let Some((incident, told)) = &told {
                        watched.state.note_told(*incident, told.clone());
                    }
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
            self.briefs.push((id, brief));
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
    fn ask(&mut self) {
        let now = self.env.clock.monotonic();
        for (monitor, check) in self.checks.drain(..) {
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
        let saved = std::mem::take(&mut out.save);
        let saved = saved
            .iter()
            .filter_map(|id| Some((*id, &self.monitors.get(id)?.state)));
        // An open incident may change without a transition: a region joins those that it names.
        let open = saved.clone().filter_map(|(_, state)| state.incident());
        out.incidents.extend(open.cloned());
        let durables = saved.map(|(id, state)| Change::PutDurable(id, Box::new(state.durable())));
        out.commit(&self.env, durables).await?;
        if let Some(ticket) = ticket {
            ticket.applied();
        }
        Ok(())
    }

    /// Step 4: what is on the disk may be told.
    fn hand_over(&mut self, out: Consequences) {
        self.env.board.put(self.briefs.drain(..));
        out.hand_over(&self.env);
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

/// Up to when results made what was stored: the last transition of the open incident, or the end
/// of the one before. Applied again they would take it back.
fn settled(state: &MonitorState) -> Time {
    let open = state.incident().and_then(|open| open.transitions.last());
    let ended = state.last_ended_at();
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
