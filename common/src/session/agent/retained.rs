//! Results that an agent keeps: until they are acked, and a while longer in case the coordinator
//! comes back from an older backup.
//!
//! Bounded by count and bytes. When the bound is reached, acked ones go first, then the oldest
//! successes, then the oldest others; each unacked one that goes is told by a [`Gap`]. What is on
//! its way is never dropped: credits bound it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::lane::{Lane, NeverSent};
use crate::id::MonitorId;
use crate::outcome::OutcomeKind;
use crate::result::{CheckResult, Observation, Run};
use crate::session::messages::{Ack, Gap, GapReason, Waiting};
use crate::time::Time;

/// The bounds of what is retained.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Results, acked or not.
    pub count: usize,
    /// Their size in memory.
    pub bytes: usize,
}

impl Limits {
    /// Six minutes of 5 000 monitors at 30 s, in a fifth of the memory that an agent may use.
    pub const DEFAULT: Self = Self {
        count: 65_536,
        bytes: 16 * 1024 * 1024,
    };
}

/// How long acked results are kept.
pub const KEEP_ACKED: Duration = Duration::from_secs(5 * 60);
/// Dropping looks at everything that waits, so it drops this part of the bound at once.
const SHED_PART: usize = 16;

/// What is retained.
#[derive(Debug)]
pub(super) struct Retained {
    limits: Limits,
    /// Made in this session; sent by it.
    pub(super) live: Lane,
    /// Made before this session; sent by Backfill.
    pub(super) old: Lane,
    acked: VecDeque<(Time, CheckResult)>,
    bytes: usize,
    gaps: BTreeMap<(MonitorId, GapReason), Gap>,
    /// Gaps on their way, with the number of the next result after them: once that is acked they
    /// have arrived, since the stream keeps its order.
    gaps_sent: Vec<(u64, Gap)>,
    dropped: u64,
}

impl Retained {
    pub(super) const fn new(limits: Limits) -> Self {
        Self {
            limits,
            live: Lane::new(),
            old: Lane::new(),
            acked: VecDeque::new(),
            bytes: 0,
            gaps: BTreeMap::new(),
            gaps_sent: Vec::new(),
            dropped: 0,
        }
    }

    /// How many results were dropped unacked, since the process started.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many results are not acked.
    pub(super) fn unacked(&self) -> usize {
        self.live.len() + self.old.len()
    }

    /// How many results may be on their way in one stream: what is on its way cannot be dropped,
    /// so both streams together must stay well below the bound.
    pub(super) const fn most_in_flight(&self) -> usize {
        self.limits.count / 4
    }

    /// What waits, for Hello.
    pub(super) fn waiting(&self, now: Time) -> Waiting {
        let oldest = self.old.oldest().or_else(|| self.live.oldest());
        Waiting {
            results: self.unacked() as u64,
            bytes: self.bytes as u64,
            oldest_age: oldest.map_or(Duration::ZERO, |r| now.since(r.started)),
        }
    }

    /// Keeps a result: for the session where there is one, else for Backfill.
    pub(super) fn keep(&mut self, result: CheckResult, in_session: bool, now: Time) {
        self.bytes += weight(&result);
        if in_session {
            self.live.push(result);
        } else {
            self.old.push(result);
        }
        self.forget_acked(now);
        if self.is_over(0) {
            self.shed();
        }
    }

    /// Slots that passed without a run.
    pub(super) fn note_gap(&mut self, gap: Gap) {
        let key = (gap.monitor, gap.why);
        match self.gaps.get_mut(&key) {
            Some(known) => {
                known.from = known.from.min(gap.from);
                known.to = known.to.max(gap.to);
                known.count = known.count.saturating_add(gap.count);
            }
            None => {
                self.gaps.insert(key, gap);
            }
        }
    }

    /// The gaps to send before the next result.
    pub(super) fn send_gaps(&mut self) -> Vec<Gap> {
        let seq = self.live.next_seq();
        let gaps: Vec<Gap> = std::mem::take(&mut self.gaps).into_values().collect();
        self.gaps_sent.extend(gaps.iter().map(|g| (seq, g.clone())));
        gaps
    }

    /// Whether there are gaps to send.
    pub(super) fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Live results are settled.
    pub(super) fn ack_live(&mut self, ack: &Ack, now: Time) -> Result<(), NeverSent> {
        self.gaps_sent.retain(|(seq, _)| *seq > ack.seq);
        let (acked, bytes) = (&mut self.acked, &mut self.bytes);
        let settle = |result, refused| settle(acked, bytes, result, refused, now);
        self.live.ack(ack, settle)?;
        self.forget_acked(now);
        Ok(())
    }

    /// Results of a Backfill are settled.
    pub(super) fn ack_old(&mut self, ack: &Ack, now: Time) -> Result<(), NeverSent> {
        let (acked, bytes) = (&mut self.acked, &mut self.bytes);
        let settle = |result, refused| settle(acked, bytes, result, refused, now);
        self.old.ack(ack, settle)?;
        self.forget_acked(now);
        Ok(())
    }

    /// The session broke: all that is not acked waits for Backfill.
    pub(super) fn disconnected(&mut self) {
        self.old.reset();
        for result in self.live.take_all() {
            self.old.push(result);
        }
        for (_, gap) in std::mem::take(&mut self.gaps_sent) {
            self.note_gap(gap);
        }
    }

    /// The store's epoch is another: what was acked may be lost there, so it is sent again.
    pub(super) fn resend_acked(&mut self) {
        let acked = std::mem::take(&mut self.acked);
        self.old
            .prepend(acked.into_iter().map(|(_, result)| result));
    }

    fn forget_acked(&mut self, now: Time) {
        while let Some((at, _)) = self.acked.front() {
            if now.since(*at) < KEEP_ACKED && !self.is_over(0) {
                break;
            }
            if let Some((_, result)) = self.acked.pop_front() {
                self.bytes -= weight(&result);
            }
        }
    }

    fn is_over(&self, less: usize) -> bool {
        let count = self.unacked() + self.acked.len();
        count > self.limits.count - self.limits.count / SHED_PART * less
            || self.bytes > self.limits.bytes - self.limits.bytes / SHED_PART * less
    }

    /// Drops what waits until there is room for a while: the oldest successes, then the others.
    fn shed(&mut self) {
        let some = (self.limits.count / SHED_PART).max(1);
        let success = |result: &CheckResult| result.outcome.kind() == OutcomeKind::Up;
        while self.is_over(1) {
            let mut gone = Vec::new();
            let mut left = some;
            for pass in [true, false] {
                for lane in [&mut self.old, &mut self.live] {
                    left -= lane.shed(left, |r| success(r) == pass, |r| gone.push(r));
                }
                if left < some {
                    break;
                }
            }
            if gone.is_empty() {
                break;
            }
            for result in gone {
                self.bytes -= weight(&result);
                self.dropped += 1;
                self.note_gap(lost(&result));
            }
        }
    }
}

fn settle(
    acked: &mut VecDeque<(Time, CheckResult)>,
    bytes: &mut usize,
    result: CheckResult,
    refused: bool,
    now: Time,
) {
    if refused {
        *bytes -= weight(&result);
    } else {
        acked.push_back((now, result));
    }
}

fn lost(result: &CheckResult) -> Gap {
    let at = match result.run {
        Run::Slot(slot) => slot,
        Run::Asked { .. } => result.started,
    };
    Gap {
        monitor: result.monitor,
        from: at,
        to: at,
        count: 1,
        why: GapReason::Overflow,
    }
}

/// About what a result takes in memory.
fn weight(result: &CheckResult) -> usize {
    let reason = result.outcome.reason().map_or(0, |r| r.text.len());
    let seen = result.observation.as_deref().map_or(0, |o| {
        let texts = o.assertions.iter().chain(&o.redirects);
        size_of::<Observation>()
            + o.address.len()
            + o.body_excerpt.len()
            + o.hint.len()
            + texts.map(|t| t.len() + size_of::<String>()).sum::<usize>()
    });
    size_of::<CheckResult>() + reason + seen
}
