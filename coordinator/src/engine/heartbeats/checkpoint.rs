//! Checkpoints: what pings changed is committed now and then, in slices, so that little has to be
//! applied again at a start and the log stays short.

use std::time::Duration;

use vigilmon_common::id::MonitorId;

use super::owner::Owner;
use crate::store::Change;

/// How often a checkpoint begins while pings come.
const EVERY: Duration = Duration::from_secs(60);
/// It begins earlier after so many pings: what a start applies again stays small.
const PINGS_MAX: usize = 200_000;
/// Heartbeats that are committed at once: pings wait behind.
pub(super) const SLICE: usize = 1000;
/// Between two slices while nothing else wakes the owner.
const PAUSE: Duration = Duration::from_millis(10);

/// How far the present checkpoint is, and what the next one is about.
pub(super) struct Checkpoint {
    /// Heartbeats that pings changed, and that are in no checkpoint yet.
    pub(super) dirty: Vec<MonitorId>,
    /// How many pings did.
    pub(super) pings: usize,
    began_at: Duration,
    underway: Option<Underway>,
}

struct Underway {
    /// All pings up to this one are applied to what is committed.
    up_to: u64,
    left: Vec<MonitorId>,
}

impl Checkpoint {
    /// Nothing has changed; `now` is monotonic.
    pub(super) const fn new(now: Duration) -> Self {
        Self {
            dirty: Vec::new(),
            pings: 0,
            began_at: now,
            underway: None,
        }
    }

    /// How long the next slice has time, if there is one.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.underway.is_some().then_some(PAUSE)
    }

    fn is_due(&self, now: Duration) -> bool {
        let aged = now.saturating_sub(self.began_at) >= EVERY;
        self.underway.is_none() && self.pings > 0 && (aged || self.pings >= PINGS_MAX)
    }

    fn begin(&mut self, up_to: u64, now: Duration) {
        self.began_at = now;
        self.pings = 0;
        // What is left of one that is under way belongs to this one then.
        let mut left = std::mem::take(&mut self.dirty);
        left.extend(
            self.underway
                .take()
                .into_iter()
                .flat_map(|former| former.left),
        );
        self.underway = Some(Underway { up_to, left });
    }
}

impl Owner {
    /// Goes on with the checkpoint by one slice, or begins one when it is time.
    pub(super) async fn check(&mut self) -> anyhow::Result<()> {
        let now = self.env.clock.monotonic();
        if self.checkpoint.is_due(now) {
            self.checkpoint.begin(self.seq, now);
        }
        self.slice().await
    }

    async fn slice(&mut self) -> anyhow::Result<()> {
        let Some(underway) = &mut self.checkpoint.underway else {
            return Ok(());
        };
        let rest = underway.left.len().saturating_sub(SLICE);
        let ids = underway.left.split_off(rest);
        let finished = underway.left.is_empty().then_some(underway.up_to);
        let mut changes = Vec::with_capacity(ids.len() + 1);
        for id in ids {
            let kept = self.kept.get_mut(&id);
            // What was committed since with an incident need not be again.
            if let Some(kept) = kept.filter(|kept| kept.dirty) {
                kept.dirty = false;
                let durable = Box::new(kept.state.durable());
                changes.push(Change::PutHeartbeatDurable(id, durable));
            }
        }
        changes.extend(finished.map(Change::SetPinged));
        if !changes.is_empty() {
            self.env.stores.state.commit(changes).await?;
        }
        if let Some(up_to) = finished {
            self.env.stores.history.forget_pings(up_to).await?;
            self.checkpoint.underway = None;
        }
        Ok(())
    }

    /// At an orderly stop: a start has nothing to apply again, and knows until when we listened.
    pub(super) async fn end(&mut self) -> anyhow::Result<()> {
        if let Some(mark) = self.last_mark() {
            // First, since a stop may have no patience for the rest.
            self.env.stores.state.commit(vec![mark]).await?;
        }
        let now = self.env.clock.monotonic();
        if self.checkpoint.pings > 0 || self.checkpoint.underway.is_some() {
            self.checkpoint.begin(self.seq, now);
        }
        while self.checkpoint.underway.is_some() {
            self.slice().await?;
        }
        Ok(())
    }
}
