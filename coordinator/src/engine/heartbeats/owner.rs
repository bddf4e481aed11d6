//! The owner's loop: groups of messages through the core, and what follows from them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use vigilmon_common::heartbeat::{
    Bodies, Brief, Deadlines, Durable, Effect, Heartbeat, HeartbeatState, Input, Listening,
    MARK_EVERY, Refusal, View,
};
use vigilmon_common::id::MonitorId;
use vigilmon_common::notify::row::Row;
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::Stopwatch;

use super::checkpoint::Checkpoint;
use super::downtime::{OwnDowntime, Unheard};
use super::message::HeartbeatMessage;
use super::{Hearing, HeartbeatBoard, Heartbeats, Readings};
use crate::engine::command::CommandError;
use crate::engine::consequences::{Consequences, not_open};
use crate::engine::env::Env;
use crate::engine::owner::{Deed, DeedKind};
use crate::store::Change;

/// Messages that are applied and committed together.
const GROUP_MAX: usize = 4096;
/// Deadlines that fire in one commit.
const FIRE_MAX: usize = 1000;
/// The longest sleep while there are heartbeats: whether we listen is looked at so often.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// A deadline that a ping on its way may meet is looked at again after this.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
/// How often the board is told of pings that changed no status.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// A heartbeat and what is to be done about it.
pub(super) struct Kept {
    pub(super) state: HeartbeatState,
    /// As it was last put on the board.
    pub(super) brief: Brief,
    /// Whether pings changed what lasts since it was last committed.
    pub(super) dirty: bool,
    /// Whether the board is to be told of its pings.
    stale: bool,
}

/// See the module.
pub(crate) struct Owner {
    pub(super) env: Env,
    pub(super) readings: Readings,
    pub(super) board: HeartbeatBoard,
    pub(super) kept: HashMap<MonitorId, Kept>,
    pub(super) deadlines: Deadlines,
    pub(super) bodies: Bodies,
    pub(super) listening: Listening,
    /// Since when no ping can reach us; and whether that was so at the last look.
    pub(super) deaf_since: watch::Receiver<Option<Time>>,
    pub(super) is_deaf: bool,
    /// Who knocks; and since when somebody may have who was not heard at the last look.
    pub(super) hearing: Hearing,
    pub(super) waits: Option<Time>,
    /// Up to when all was heard that knocked, at the last look; and when that was last stored.
    pub(super) looked_at: Time,
    pub(super) marked_at: Time,
    pub(super) checkpoint: Checkpoint,
    /// The number of the newest ping.
    pub(super) seq: u64,
    pub(super) unheard: Unheard,
    told: watch::Sender<Option<OwnDowntime>>,
    effects: Vec<Effect>,
    briefs: Vec<(MonitorId, Brief)>,
    /// Whose pings the board is to be told of.
    stale: Vec<MonitorId>,
    shown_at: Duration,
}

impl Owner {
    /// Starts without heartbeats; `told` gets what the system incident `own_downtime` lists, and all
    /// bodies that are kept take no more than `bodies_max` bytes.
    pub(crate) fn new(
        env: Env,
        shared: &Heartbeats,
        told: watch::Sender<Option<OwnDowntime>>,
        bodies_max: u64,
    ) -> Self {
        let shown_at = env.clock.monotonic();
        Self {
            readings: shared.readings.clone(),
            board: shared.board.clone(),
            kept: HashMap::new(),
            deadlines: Deadlines::new(),
            bodies: Bodies::at_most(bodies_max),
            listening: Listening::new(None),
            deaf_since: shared.hearing.deaf_since(),
            is_deaf: false,
            hearing: shared.hearing.clone(),
            waits: None,
            looked_at: Time::EPOCH,
            marked_at: Time::EPOCH,
            checkpoint: Checkpoint::new(shown_at),
            seq: 0,
            unheard: Unheard::new(shown_at),
            told,
            effects: Vec::new(),
            briefs: Vec::new(),
            stale: Vec::new(),
            shown_at,
            env,
        }
    }

    /// Takes a heartbeat as it was stored.
    pub(crate) fn adopt(&mut self, heartbeat: &Heartbeat, durable: Durable, now: Time) {
        let id = heartbeat.id;
        if let Some(miss) = &durable.unobserved {
            self.unheard.note(id, Some(miss), None);
        }
        let state = HeartbeatState::new(heartbeat, durable, self.env.epoch, now);
        let kept = Kept {
            brief: state.brief(),
            state,
            dirty: false,
            stale: false,
        };
        self.board.put([(id, kept.brief)]);
        self.deadlines.set(id, kept.state.next_wake());
        self.kept.insert(id, kept);
    }

    /// Serves the mailbox until `stop`, then what still waits in it.
    pub(crate) async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<HeartbeatMessage>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let mut group = Vec::with_capacity(GROUP_MAX);
        loop {
            let sleep = self.sleep();
            tokio::select! {
                biased;
                taken = mailbox.recv_many(&mut group, GROUP_MAX) => if taken == 0 {
                    return self.end().await;
                },
                () = stop.cancelled(), if !mailbox.is_closed() => mailbox.close(),
                Ok(()) = self.deaf_since.changed() => {}
                () = wait(sleep) => {}
            }
            self.apply(&mut group).await?;
        }
    }

    /// How long nothing has to be done; `None` while there is no heartbeat.
    fn sleep(&self) -> Option<Duration> {
        if self.kept.is_empty() {
            return None;
        }
        if let Some(pause) = self.checkpoint.pause() {
            return Some(pause);
        }
        if self.is_deaf {
            return Some(SLEEP_MAX);
        }
        let now = self.env.clock.now();
        // A deadline fires later than it is.
        let due = self.deadlines.first();
        let due = due.map_or(SLEEP_MAX, |at| (at + Duration::from_millis(1)).since(now));
        let mark = (self.marked_at + MARK_EVERY).since(now);
        let sleep = due.min(mark).min(SLEEP_MAX);
        // What waits to be heard is heard in a moment, or not for long.
        Some(match self.waits {
            Some(_) => sleep.max(AGAIN_AFTER),
            None => sleep,
        })
    }

    async fn apply(&mut self, group: &mut Vec<HeartbeatMessage>) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        let mut out = Consequences::default();
        self.listen(&mut out).await?;
        let mut arrived = Vec::new();
        let now = self.env.clock.now();
        for message in group.drain(..) {
            match message {
                HeartbeatMessage::Ping(ping) => arrived.push(*ping),
                other => self.take(other, now, &mut out),
            }
        }
        let had_pings = !arrived.is_empty();
        let waiting = self.pings(arrived, &mut out).await?;
        // Storing may have taken long.
        self.listen(&mut out).await?;
        let all_fired = self.fire(&mut out);
        self.mark(&mut out);
        self.commit(&mut out).await?;
        for done in waiting {
            // Whoever pinged may have gone.
            let _ = done.send(Ok(()));
        }
        self.hand_over(out);
        if had_pings {
            self.env.metrics.committed(watch.elapsed());
        }
        if all_fired {
            self.tell();
        }
        self.note_full();
        self.show();
        self.check().await
    }

    /// Everything that is no ping, put to the core one by one.
    fn take(&mut self, message: HeartbeatMessage, now: Time, out: &mut Consequences) {
        match message {
            HeartbeatMessage::Ping(_) => {}
            HeartbeatMessage::Saved(heartbeat) => self.saved(&heartbeat, now, out),
            HeartbeatMessage::Removed { heartbeat, done } => {
                let bodies = self.removed(heartbeat, now, out);
                out.replies.push(Box::new(move || drop(done.send(bodies))));
            }
            HeartbeatMessage::Deed(deed) => self.deed(deed, now, out),
            HeartbeatMessage::StepDue { heartbeat, row } => {
                self.step_due(heartbeat, *row, now, out);
            }
            HeartbeatMessage::Views { of, reply } => {
                let views = self.views(of, now);
                out.replies.push(Box::new(move || drop(reply.send(views))));
            }
        }
    }

    fn saved(&mut self, heartbeat: &Arc<Heartbeat>, now: Time, out: &mut Consequences) {
        let id = heartbeat.id;
        if !self.kept.contains_key(&id) {
            if self.kept.is_empty() {
                // Nobody looked while there was nothing to hear.
                self.listening = Listening::new(None);
            }
            self.adopt(heartbeat, Durable::default(), now);
        }
        let _ = self.decide(id, Input::Saved(heartbeat), now, out);
        self.unheard.renamed(id);
    }

    /// Closes what is open; the numbers of pings whose bodies are kept.
    fn removed(&mut self, id: MonitorId, now: Time, out: &mut Consequences) -> Vec<u64> {
        let _ = self.decide(id, Input::Removed, now, out);
        // What closed it is committed from here; the heartbeat's own record by the fleet.
        self.briefs.retain(|(of, _)| *of != id);
        self.board.remove(id);
        self.deadlines.set(id, None);
        self.unheard.note(id, None, None);
        out.save.remove(&id);
        let Some(gone) = self.kept.remove(&id) else {
            return Vec::new();
        };
        let durable = gone.state.durable();
        let bodies: Vec<u64> = durable.bodies.iter().map(|body| body.seq).collect();
        for seq in &bodies {
            self.bodies.forget(*seq);
        }
        out.changes
            .push(Change::PutHeartbeatDurable(id, Box::new(durable)));
        bodies
    }

    fn deed(&mut self, deed: Deed, now: Time, out: &mut Consequences) {
        let id = deed.monitor;
        let kept = self.kept.get(&id);
        let open = kept.and_then(|kept| Some(kept.state.incident()?.id));
        out.deed(deed, open, now, |what, by, out| {
            let input = match what {
                DeedKind::Acknowledge(note) => Input::Acknowledge { by, note },
                DeedKind::Resolve(force) => Input::Resolve { by, force },
                DeedKind::Comment(note) => Input::Comment { by, note },
            };
            let answer = self.decide(id, input, now, out);
            answer.map_err(|refusal| match refusal {
                Refusal::NotOpen => not_open(id),
                Refusal::StillDown => self.still_down(id, refusal),
            })
        });
    }

    fn still_down(&self, id: MonitorId, refusal: Refusal) -> CommandError {
        let kept = self.kept.get(&id);
        let name = kept.map_or("", |kept| kept.state.heartbeat().spec.name.as_str());
        CommandError::Refused {
            message: format!("the incident of `{name}` cannot be resolved: {refusal}"),
            hint: "acknowledge it (`incident ack`), pause the heartbeat, or add --force".to_owned(),
        }
    }

    fn step_due(&mut self, id: MonitorId, row: Row, now: Time, out: &mut Consequences) {
        let kept = self.kept.get_mut(&id);
        let open = kept.as_ref().and_then(|kept| kept.state.incident());
        let told = out.step(&self.env, row, open, now);
        if let (Some(kept), Some((incident, told))) = (kept, told) {
            kept.state.note_told(incident, told);
        }
    }

    fn views(&self, of: Option<Vec<MonitorId>>, now: Time) -> Vec<(MonitorId, View)> {
        let view = |id| Some((id, self.kept.get(&id)?.state.view(now)));
        match of {
            None => self.kept.keys().copied().filter_map(view).collect(),
            Some(ids) => ids.into_iter().filter_map(view).collect(),
        }
    }

    /// One input through the core; what follows is gathered.
    pub(super) fn decide(
        &mut self,
        id: MonitorId,
        input: Input<'_>,
        now: Time,
        out: &mut Consequences,
    ) -> Result<(), Refusal> {
        let Some(kept) = self.kept.get_mut(&id) else {
            return Ok(());
        };
        let answer = kept.state.on(input, now, &mut self.effects);
        let mut told = None;
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Transition(incident) => {
                    let notify = &kept.state.heartbeat().spec.notify;
                    out.transition(&self.env, (id, notify), *incident, &mut told, now);
                    if let Some((incident, told)) = &told {
                        kept.state.note_told(*incident, told.clone());
                    }
                }
                Effect::Status { .. } => out.seen = true,
                Effect::Unobserved => {
                    self.unheard.note(id, kept.state.unobserved(), Some(now));
                }
                Effect::Save => {
                    out.save.insert(id);
                }
            }
        }
        let brief = kept.state.brief();
        if brief.status != kept.brief.status {
            kept.brief = brief;
            self.briefs.push((id, brief));
        } else if brief != kept.brief {
            kept.brief = brief;
            if !std::mem::replace(&mut kept.stale, true) {
                self.stale.push(id);
            }
        }
        self.deadlines.set(id, kept.state.next_wake());
        answer
    }

    /// Lets deadlines fire that no ping can meet any more; whether none is left that could.
    fn fire(&mut self, out: &mut Consequences) -> bool {
        if self.is_deaf {
            return false;
        }
        let now = self.looked_at;
        self.deadlines.look(now);
        for _ in 0..FIRE_MAX {
            let Some(due) = self.deadlines.due() else {
                return true;
            };
            let id = due.heartbeat;
            if self.readings.holds(id, due.heard) {
                self.deadlines.again(id, now + AGAIN_AFTER);
            } else {
                let _ = self.decide(id, Input::Tick, now, out);
            }
        }
        false
    }

    /// What must last is committed in one batch.
    pub(super) async fn commit(&mut self, out: &mut Consequences) -> anyhow::Result<()> {
        let saved = std::mem::take(&mut out.save);
        let mut durables = Vec::with_capacity(saved.len());
        for id in saved {
            let Some(kept) = self.kept.get_mut(&id) else {
                continue;
            };
            kept.dirty = false;
            out.incidents.extend(kept.state.incident().cloned());
            let durable = Box::new(kept.state.durable());
            durables.push(Change::PutHeartbeatDurable(id, durable));
        }
        out.commit(&self.env, durables).await
    }

    /// What is on the disk may be told.
    pub(super) fn hand_over(&mut self, out: Consequences) {
        self.board.put(self.briefs.drain(..));
        out.hand_over(&self.env);
    }

    /// The fleet owner keeps the system incident of what we could not hear.
    pub(super) fn tell(&mut self) {
        let kept = &self.kept;
        let name = |id| Some(kept.get(&id)?.state.heartbeat().spec.name.to_string());
        if let Some(now) = self.unheard.take(name) {
            self.told.send_replace(Some(now));
        }
    }

    /// The board is told of pings that changed no status, seldom: readers must not wait for pings.
    fn show(&mut self) {
        let now = self.env.clock.monotonic();
        if self.stale.is_empty() || now.saturating_sub(self.shown_at) < SHOW_EVERY {
            return;
        }
        self.shown_at = now;
        let mut briefs = Vec::with_capacity(self.stale.len());
        for id in self.stale.drain(..) {
            if let Some(kept) = self.kept.get_mut(&id) {
                kept.stale = false;
                briefs.push((id, kept.brief));
            }
        }
        self.board.put(briefs);
        self.env.changed.send_modify(|n| *n += 1);
    }
}

/// Sleeps; for ever where nothing has to be done.
async fn wait(sleep: Option<Duration>) {
    match sleep {
        Some(sleep) => tokio::time::sleep(sleep).await,
        None => std::future::pending().await,
    }
}
