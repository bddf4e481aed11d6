//! The worker: owns the outbox machine, holds attempts and timers around it.
//!
//! One loop: something happens, the machine says what follows, the changes are committed, and only
//! then the rest is done. If a commit fails the worker ends, and with it the process: the machine
//! would be ahead of the disk. Rows that the engine could not hand over, because the mailbox was
//! full, are read from the store instead; none is lost.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use vigilmon_common::id::ChannelId;
use vigilmon_common::notify::channel::Channel;
use vigilmon_common::notify::delivery::{
    Answer, Delivery, Effects, Failure, Input, Limits, Report,
};
use vigilmon_common::notify::row::{Purpose, Row};
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::{SharedClock, Stopwatch};
use vigilmon_runtime::random;

use super::attempt::{Attempted, Senders};
use super::mailbox::{Event, Mailbox, Waiting};
use super::outbox::Outbox;
use super::record::{records, subject};
use crate::metrics::{ChannelLabel, Metrics, NotificationLabels};
use crate::store::DeliveryRecord;

/// Longest sleep, so that a wall clock that was set does not hold a row back for long.
const SLEEP_MAX: Duration = Duration::from_secs(30);
/// How long attempts under way may go on when the coordinator stops.
const DRAIN: Duration = Duration::from_millis(1500);

/// Most waiting rows that are told at once.
const WAITING_MAX: usize = 1000;

/// What the notifier asks of the part that owns the channels.
#[async_trait]
pub trait Channels: Send + Sync {
    /// A channel as it stands.
    fn channel(&self, id: ChannelId) -> Option<Channel>;

    /// A number for a new row.
    fn next_row(&self) -> u64;

    /// The receiver wants nothing any more: the channel is to be switched off.
    async fn disable(&self, id: ChannelId, why: String);

    /// The channel fails, and how; `None`: it works. May be told twice.
    async fn failing(&self, id: ChannelId, how: Option<String>);

    /// A step is due: whoever owns its incident decides on it, stores the row as it then is, and
    /// brings it to the outbox like a new one.
    async fn step_due(&self, row: Row);
}

/// What a worker works with.
pub struct Options {
    /// Where rows wait.
    pub outbox: Arc<dyn Outbox>,
    /// Who knows the channels.
    pub channels: Arc<dyn Channels>,
    /// How to send.
    pub senders: Senders,
    /// By which it decides.
    pub clock: SharedClock,
    /// What it counts.
    pub metrics: Arc<Metrics>,
}

/// See the module.
pub struct Worker {
    machine: Delivery,
    outbox: Arc<dyn Outbox>,
    metrics: Arc<Metrics>,
    shared: Arc<Shared>,
    attempts: JoinSet<Finished>,
    /// Which row each attempt is of.
    rows: HashMap<Id, u64>,
}

/// What attempts need.
struct Shared {
    channels: Arc<dyn Channels>,
    senders: Senders,
    clock: SharedClock,
}

/// An attempt that has ended.
pub(super) struct Finished {
    pub(super) row: u64,
    pub(super) at: Time,
    pub(super) took: Duration,
    pub(super) met: Attempted,
}

impl Worker {
    /// A worker that has not begun.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            machine: Delivery::new(Limits::default()),
            outbox: options.outbox,
            metrics: options.metrics,
            shared: Arc::new(Shared {
                channels: options.channels,
                senders: options.senders,
                clock: options.clock,
            }),
            attempts: JoinSet::new(),
            rows: HashMap::new(),
        }
    }

    /// Takes up what the store holds and works until `stop`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn run(
        mut self,
        mut mailbox: Mailbox,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        self.load().await?;
        loop {
            let nap = self.nap();
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.drain().await,
                Some(event) = mailbox.events.recv() => match event {
                    Event::Added(rows) => self.apply(Input::Added(rows), None).await?,
                    Event::ChannelSaved(id) => self.apply(Input::ChannelSaved(id), None).await?,
                    Event::Waiting(id, reply) => self.tell_waiting(id, reply),
                },
                () = mailbox.missed.wait() => self.reload(&mut mailbox).await?,
                Some(ended) = self.attempts.join_next_with_id() => self.landed(ended).await?,
                () = tokio::time::sleep(nap) => self.apply(Input::Tick, None).await?,
            }
        }
    }

    async fn load(&mut self) -> anyhow::Result<()> {
        let rows = self.outbox.load().await?;
        if !rows.is_empty() {
            tracing::info!(rows = rows.len(), "outbox taken up");
        }
        self.apply(Input::Added(rows), None).await
    }

    /// What is in the mailbox is in the store as well.
    async fn reload(&mut self, mailbox: &mut Mailbox) -> anyhow::Result<()> {
        tracing::warn!("the notifier fell behind and reads the outbox from the store");
        let mut saved = Vec::new();
        let mut asked = Vec::new();
        while let Ok(event) = mailbox.events.try_recv() {
            match event {
                Event::Added(_) => {}
                Event::ChannelSaved(id) => saved.push(id),
                Event::Waiting(id, reply) => asked.push((id, reply)),
            }
        }
        self.load().await?;
        for (id, reply) in asked {
            self.tell_waiting(id, reply);
        }
        for id in saved {
            self.apply(Input::ChannelSaved(id), None).await?;
        }
        Ok(())
    }

    /// Whoever asked may have gone meanwhile.
    fn tell_waiting(&self, channel: ChannelId, reply: oneshot::Sender<Vec<Waiting>>) {
        let mut waiting: Vec<Waiting> = self
            .machine
            .waiting_for(channel)
            .map(|(row, in_flight)| Waiting {
                row: row.clone(),
                subject: String::new(),
                in_flight,
            })
            .collect();
        waiting.sort_by_key(|w| (!w.in_flight, w.row.next_at, w.row.id));
        waiting.truncate(WAITING_MAX);
        for one in &mut waiting {
            one.subject = subject(&one.row);
        }
        let _ = reply.send(waiting);
    }

    fn nap(&self) -> Duration {
        let wake = self.machine.next_wake();
        let wait = wake.map(|at| at.since(self.shared.clock.now()));
        wait.unwrap_or(SLEEP_MAX).min(SLEEP_MAX)
    }

    async fn landed(
        &mut self,
        ended: Result<(Id, Finished), tokio::task::JoinError>,
    ) -> anyhow::Result<()> {
        let finished = match ended {
            Ok((id, finished)) => {
                self.rows.remove(&id);
                finished
            }
            Err(error) => {
                let Some(row) = self.rows.remove(&error.id()) else {
                    return Ok(());
                };
                tracing::error!(row, %error, "an attempt to notify broke down");
                Finished {
                    row,
                    at: self.shared.clock.now(),
                    took: Duration::ZERO,
                    met: Attempted::failed(Failure::transient("the attempt broke down")),
                }
            }
        };
        let input = Input::Finished {
            row: finished.row,
            answer: finished.met.answer.clone(),
            random: random::number(),
        };
        self.apply(input, Some(finished)).await
    }

    /// Decides, commits, and only then acts.
    async fn apply(&mut self, input: Input, finished: Option<Finished>) -> anyhow::Result<()> {
        let effects = self.decide(input, finished).await?;
        // Attempts first: the engine may be busy with something large.
        for row in effects.attempts {
            let id = row.id;
            let shared = Arc::clone(&self.shared);
            let task = self
                .attempts
                .spawn(async move { attempt(&shared, row).await });
            self.rows.insert(task.id(), id);
        }
        for row in effects.steps {
            self.shared.channels.step_due(row).await;
        }
        for report in effects.reports {
            self.report(report).await;
        }
        Ok(())
    }

    async fn decide(
        &mut self,
        input: Input,
        finished: Option<Finished>,
    ) -> anyhow::Result<Effects> {
        let now = self.shared.clock.now();
        let channels = Arc::clone(&self.shared.channels);
        let mut effects = self.machine.on(input, now, &mut || channels.next_row());
        let changes = std::mem::take(&mut effects.changes);
        if !changes.is_empty() {
            let records = records(&changes, finished.as_ref(), now);
            self.count(&records);
            self.outbox.commit(changes, records).await?;
        }
        self.gauge();
        Ok(effects)
    }

    async fn report(&self, report: Report) {
        let channels = &self.shared.channels;
        match report {
            Report::Disable { channel, reason } => channels.disable(channel, reason).await,
            Report::Failing { channel, error, .. } => {
                tracing::warn!(%channel, error, "channel fails");
                channels.failing(channel, Some(error)).await;
            }
            Report::Working { channel } => channels.failing(channel, None).await,
        }
    }

    /// Attempts under way may end; nothing new begins. What is cut off is made again after the
    /// next start, under the same key.
    async fn drain(mut self) -> anyhow::Result<()> {
        let limit = tokio::time::sleep(DRAIN);
        tokio::pin!(limit);
        loop {
            tokio::select! {
                ended = self.attempts.join_next() => match ended {
                    Some(Ok(finished)) => {
                        let input = Input::Finished {
                            row: finished.row,
                            answer: finished.met.answer.clone(),
                            random: random::number(),
                        };
                        self.decide(input, Some(finished)).await?;
                    }
                    Some(Err(_)) => {}
                    None => return Ok(()),
                },
                () = &mut limit => {
                    tracing::info!(attempts = self.attempts.len(), "attempts cut off by the stop");
                    return Ok(());
                }
            }
        }
    }

    fn name(&self, channel: ChannelId) -> Option<String> {
        let channel = self.shared.channels.channel(channel)?;
        Some(channel.name.as_str().to_owned())
    }

    fn count(&self, records: &[DeliveryRecord]) {
        for record in records {
            let Some(channel) = self.name(record.channel) else {
                continue;
            };
            let result = record.result.as_str();
            let labels = NotificationLabels { channel, result };
            self.metrics.notifications.get_or_create(&labels).inc();
        }
    }

    fn gauge(&self) {
        for (id, pending) in self.machine.pending() {
            let Some(channel) = self.name(id) else {
                continue;
            };
            let pending = i64::try_from(pending).unwrap_or(i64::MAX);
            let gauge = self
                .metrics
                .outbox_pending
                .get_or_create(&ChannelLabel { channel });
            gauge.set(pending);
        }
    }
}

async fn attempt(shared: &Shared, row: Row) -> Finished {
    let at = shared.clock.now();
    let watch = Stopwatch::start();
    let met = match shared.channels.channel(row.channel) {
        None => Attempted::withheld("the channel was removed".to_owned()),
        Some(Channel {
            disabled: Some(why),
            ..
        }) => Attempted::withheld(format!("the channel is off: {why}")),
        Some(channel) => {
            let copy_of = match row.purpose {
                Purpose::Notice | Purpose::Step => None,
                Purpose::Fallback(of) => shared.channels.channel(of),
            };
            let copy_of = copy_of.as_ref().map(|of| of.name.as_str());
            let met = shared.senders.send(&channel, &row, copy_of, at).await;
            log(&channel, &row, &met, watch.elapsed());
            met
        }
    };
    Finished {
        row: row.id,
        at,
        took: watch.elapsed(),
        met,
    }
}

fn log(channel: &Channel, row: &Row, met: &Attempted, took: Duration) {
    let elapsed_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let attempt = row.attempts + 1;
    let (channel, key, event) = (&channel.name, &row.key, &row.event);
    match &met.answer {
        Answer::Delivered => {
            tracing::info!(%channel, key, event, attempt, elapsed_ms, "notification sent");
        }
        Answer::Failed(failure) => {
            let error = &failure.text;
            tracing::warn!(%channel, key, event, attempt, elapsed_ms, error, "notification not sent");
        }
        Answer::Withheld(why) => {
            tracing::info!(%channel, key, event, why, "notification withheld");
        }
    }
}

#[cfg(test)]
mod tests;
