//! The agent's side of results: what goes at once, what waits, what goes over Backfill.

use super::lane::Lane;
use super::link::{BACKFILL_RETRY, Backfill, Link};
use super::reconnect::fraction_of;
use super::{AgentEnd, BATCH_MAX, BATCH_WAIT, Effect};
use crate::result::{CheckResult, Run};
use crate::session::messages::{Ack, AgentMessage, Batch, Gap};
use crate::time::Time;

impl AgentEnd {
    pub(super) fn missed(&mut self, gap: Gap, now: Time) {
        self.retained.note_gap(gap);
        if let Link::Up(up) = &mut self.link {
            up.flush_at.get_or_insert(now + BATCH_WAIT);
        }
    }

    pub(super) fn produced(&mut self, result: CheckResult, now: Time, out: &mut Vec<Effect>) {
        // A run that ends after its monitor was unassigned is of no use to anybody.
        if !self.held.contains(result.monitor) {
            return;
        }
        let says_new = self.summaries.note(&result);
        let urgent = says_new || matches!(result.run, Run::Asked { .. });
        let in_session = self.is_connected();
        self.retained.keep(result, in_session, now);
        if let Link::Up(up) = &mut self.link {
            up.urgent |= urgent;
            up.flush_at.get_or_insert(now + BATCH_WAIT);
        }
        self.flush(now, out);
    }

    pub(super) fn acked(&mut self, ack: &Ack, now: Time, out: &mut Vec<Effect>) {
        if self.retained.ack_live(ack, now).is_err() {
            self.disconnect(out);
            return;
        }
        if let Link::Up(up) = &mut self.link {
            up.credits = usize::try_from(ack.credits).unwrap_or(usize::MAX);
        }
        self.flush(now, out);
    }

    /// Sends what may be sent: whole batches always, the rest when something is urgent or the
    /// wait is over; never more than the credits allow.
    pub(super) fn flush(&mut self, now: Time, out: &mut Vec<Effect>) {
        let Link::Up(up) = &mut self.link else {
            return;
        };
        let all = up.urgent || up.flush_at.is_some_and(|at| at <= now);
        if all && self.retained.has_gaps() {
            let gaps = self.retained.send_gaps();
            out.extend(gaps.into_iter().map(|g| Effect::Send(AgentMessage::Gap(g))));
        }
        let credits = up.credits.min(self.retained.most_in_flight());
        loop {
            let lane = &mut self.retained.live;
            let room = credits.saturating_sub(lane.in_flight()).min(BATCH_MAX);
            if !all && lane.unsent() < BATCH_MAX {
                break;
            }
            let Some((first_seq, results)) = lane.send(room) else {
                break;
            };
            out.push(Effect::Send(AgentMessage::Results(Batch {
                first_seq,
                sent: now,
                results,
                unreadable: Vec::new(),
            })));
        }
        if self.retained.live.unsent() == 0 && !self.retained.has_gaps() {
            up.urgent = false;
            up.flush_at = None;
        } else if all {
            // Credits have run out; the next ack sends on.
            up.urgent = true;
            up.flush_at = None;
        }
    }

    pub(super) fn backfill_acked(&mut self, ack: &Ack, now: Time, out: &mut Vec<Effect>) {
        let Link::Up(up) = &mut self.link else {
            return;
        };
        let Backfill::Open { credits } = &mut up.backfill else {
            return;
        };
        *credits = usize::try_from(ack.credits).unwrap_or(usize::MAX);
        if self.retained.ack_old(ack, now).is_err() {
            self.disconnect(out);
        }
    }

    pub(super) fn backfill_ended(&mut self, jitter: f64, now: Time) {
        if let Link::Up(up) = &mut self.link
            && matches!(up.backfill, Backfill::Open { .. })
        {
            self.retained.old.reset();
            let retry_at = now + BACKFILL_RETRY + fraction_of(BACKFILL_RETRY, jitter);
            up.backfill = Backfill::Failed { retry_at };
        }
    }

    pub(super) fn fill_back(&mut self, now: Time, out: &mut Vec<Effect>) {
        let Link::Up(up) = &mut self.link else {
            return;
        };
        let most = self.retained.most_in_flight();
        let old = &mut self.retained.old;
        match up.backfill {
            Backfill::Idle if !old.is_empty() => {}
            Backfill::Failed { retry_at } if retry_at <= now => {}
            Backfill::Open { .. } if old.is_empty() => {
                up.backfill = Backfill::Idle;
                out.push(Effect::CloseBackfill);
                return;
            }
            Backfill::Open { credits } => return send_back(old, credits.min(most), now, out),
            Backfill::Idle | Backfill::Failed { .. } => return,
        }
        old.reset();
        let credits = up.credits;
        up.backfill = Backfill::Open { credits };
        out.push(Effect::OpenBackfill(up.session));
        send_back(old, credits.min(most), now, out);
    }
}

fn send_back(old: &mut Lane, credits: usize, now: Time, out: &mut Vec<Effect>) {
    loop {
        let room = credits.saturating_sub(old.in_flight()).min(BATCH_MAX);
        let Some((first_seq, results)) = old.send(room) else {
            return;
        };
        out.push(Effect::SendBackfill(Batch {
            first_seq,
            sent: now,
            results,
            unreadable: Vec::new(),
        }));
    }
}
