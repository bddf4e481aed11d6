//! Whether we listen: alive marks while we do, and what heartbeats are told of spells in which we
//! did not, before any deadline fires.

use std::collections::VecDeque;
use std::time::Duration;

use vigilmon_common::heartbeat::{GAP_MAX, Heard, Input, Listening};
use vigilmon_common::id::MonitorId;
use vigilmon_common::time::Time;

use super::checkpoint::SLICE;
use super::owner::Owner;
use crate::engine::consequences::Consequences;
use crate::store::Change;

/// Pings that are read at once when they are applied again.
const REPLAY_STEP: usize = 4096;

impl Owner {
    /// Makes good what happened up to the start: pings above the checkpoint are applied again, then
    /// each heartbeat is as it was saved, and the spell since the last alive mark is told. Deadlines
    /// fire only later.
    pub(crate) async fn begin(&mut self, pinged: u64, alive: Option<Time>) -> anyhow::Result<()> {
        self.seq = self.env.stores.history.last_ping().max(pinged);
        let mut heard = alive;
        let mut after = pinged;
        let mut count = 0;
        loop {
            let history = &self.env.stores.history;
            let pings = history.replay_pings(after, REPLAY_STEP).await?;
            let Some(last) = pings.last() else { break };
            after = last.seq;
            count += pings.len();
            // Whoever heard a ping was listening then. One far above the mark proves nothing: the
            // clock was set back since, or marks were not stored although pings were.
            let times = pings.iter().map(|ping| ping.at);
            let proven = times.filter(|at| alive.is_none_or(|alive| *at <= alive + GAP_MAX));
            heard = heard.max(proven.max());
            let mut out = Consequences::default();
            self.hear(&pings, &mut out);
            self.commit(&mut out).await?;
            self.hand_over(out);
        }
        if count > 0 {
            tracing::info!(pings = count, "pings from before the start applied again");
        }
        let now = self.env.clock.now();
        let mut out = Consequences::default();
        let ids: Vec<MonitorId> = self.kept.keys().copied().collect();
        for id in ids {
            let Some(kept) = self.kept.get(&id) else {
                continue;
            };
            self.bodies.load(id, kept.state.bodies());
            if kept.state.heartbeat().paused {
                // A crash may have come between the pause and what follows from it.
                let heartbeat = kept.state.heartbeat().clone();
                let _ = self.decide(id, Input::Saved(&heartbeat), now, &mut out);
            }
        }
        self.forget_gone_bodies().await?;
        self.listening = Listening::new(heard);
        self.marked_at = heard.unwrap_or(Time::EPOCH);
        self.listen(&mut out).await?;
        self.commit(&mut out).await?;
        self.hand_over(out);
        if self.kept.is_empty() {
            // Nothing wakes the owner then.
            self.tell();
        }
        Ok(())
    }

    /// Bodies that went for want of room after their heartbeats were last committed are still noted
    /// there. They are older than any that is left.
    async fn forget_gone_bodies(&mut self) -> anyhow::Result<()> {
        while let Some((id, seq)) = self.bodies.oldest() {
            if self.env.stores.history.ping_body(seq).await?.is_some() {
                break;
            }
            self.bodies.forget(seq);
            if let Some(kept) = self.kept.get_mut(&id) {
                kept.state.body_dropped(seq);
            }
        }
        Ok(())
    }

    /// Looks whether we have listened all the time; what is gathered is committed before
    /// heartbeats are told that we have not.
    pub(super) async fn listen(&mut self, out: &mut Consequences) -> anyhow::Result<()> {
        if self.kept.is_empty() {
            return Ok(());
        }
        let mut untold = VecDeque::from_iter(self.look());
        if untold.is_empty() {
            return Ok(());
        }
        self.commit(out).await?;
        self.hand_over(std::mem::take(out));
        while let Some(heard) = untold.pop_front() {
            match heard {
                Heard::Deaf(spell) => {
                    let (from, to) = (spell.from.to_rfc3339(), spell.to.to_rfc3339());
                    tracing::warn!(from, to, "no ping could be heard");
                    self.put_to_all(&|| Input::Deaf(spell), &mut untold).await?;
                }
                Heard::SetBack(by) => {
                    let elapsed_ms = by.as_millis();
                    tracing::warn!(elapsed_ms, "the clock was set back");
                    self.marked_at = self.marked_at - by;
                    self.put_to_all(&|| Input::SetBack(by), &mut untold).await?;
                }
            }
        }
        // Only now: a start after a crash before this tells everybody again.
        self.store_mark(out);
        Ok(())
    }

    /// By both clocks: up to when everything that knocked was heard, and whether somebody waits.
    fn heard_until(&self) -> (Time, Duration, bool) {
        let clock = &self.env.clock;
        let (now, monotonic) = (clock.now(), clock.monotonic());
        // Only now: who knocked before these times and was not heard is still found.
        let waits = self.hearing.waits_since();
        // The wall clock tells no less than a millisecond.
        let ago = |since| monotonic.saturating_sub(since) + Duration::from_millis(1);
        let ago = waits.map_or(Duration::ZERO, ago).min(monotonic);
        (now - ago, monotonic - ago, waits.is_some())
    }

    /// Compares the clocks with when we last listened: that is now, or while somebody waits to be
    /// heard since when they do. While no ping can reach us the spell goes on: it is found when it
    /// is over.
    fn look(&mut self) -> Option<Heard> {
        let (now, monotonic, waits) = self.heard_until();
        self.looked_at = now;
        self.waits = waits.then_some(now);
        self.is_deaf = self.deaf_since.borrow().is_some();
        let mut looked = self.listening.clone();
        let heard = looked.look(self.looked_at, monotonic);
        if self.is_deaf && !matches!(heard, Some(Heard::SetBack(_))) {
            return None;
        }
        self.listening = looked;
        heard
    }

    /// Puts the same to every heartbeat, committed in slices. What is found meanwhile is to be told
    /// next. Telling many takes long, but is no spell itself: each commit shows that we listen.
    async fn put_to_all(
        &mut self,
        input: &(dyn Fn() -> Input<'static> + Sync),
        untold: &mut VecDeque<Heard>,
    ) -> anyhow::Result<()> {
        let ids: Vec<MonitorId> = self.kept.keys().copied().collect();
        for slice in ids.chunks(SLICE) {
            let now = self.env.clock.now();
            let mut out = Consequences::default();
            for id in slice {
                let _ = self.decide(*id, input(), now, &mut out);
            }
            self.commit(&mut out).await?;
            self.hand_over(out);
            match self.look() {
                Some(heard) => untold.push_back(heard),
                None if self.is_deaf => {}
                None => self.listening.marked(self.looked_at),
            }
        }
        Ok(())
    }

    /// Keeps the stored mark of when we listened young; it is committed with the group.
    pub(super) fn mark(&mut self, out: &mut Consequences) {
        let is_due = || self.listening.mark_due(self.looked_at);
        if !self.kept.is_empty() && !self.is_deaf && is_due() {
            self.store_mark(out);
        }
    }

    /// Of now, or while no ping can reach us that of before, by the clock as it is now.
    fn store_mark(&mut self, out: &mut Consequences) {
        if !self.is_deaf {
            self.marked_at = self.looked_at;
            self.listening.marked(self.looked_at);
        }
        out.changes.push(Change::SetAlive(self.marked_at));
    }

    /// What a start is to know of until when pings could reach us; `None` where the stored mark
    /// says it.
    pub(super) fn last_mark(&self) -> Option<Change> {
        let (heard, ..) = self.heard_until();
        let closed = *self.deaf_since.borrow();
        let at = closed.map_or(heard, |since| since.min(heard));
        // Whatever came between that heartbeats were not told of, the start tells them.
        let is_next = at > self.marked_at && at.since(self.marked_at) <= GAP_MAX;
        (is_next && !self.kept.is_empty()).then_some(Change::SetAlive(at))
    }
}
