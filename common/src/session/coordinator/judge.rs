//! Which results can be used at all. Those that cannot are acked with a reason, or the agent
//! would send them for ever.

use std::collections::HashSet;
use std::time::Duration;

use crate::id::{AgentId, MonitorId};
use crate::result::{CheckResult, Run};
use crate::session::clock::{Offset, TOLERATED};
use crate::session::messages::{Batch, Refused, RefusedWhy};
use crate::time::Time;

/// How long results are kept; older ones come too late for everything.
pub const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// What results of one agent are judged by.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The agent.
    pub agent: AgentId,
    /// What is assigned to it.
    pub assigned: HashSet<MonitorId>,
    /// How far its clock is off.
    pub offset: Offset,
}

impl Judge {
    /// The results of a batch that can be used, by our clock and under the agent's id; the others
    /// are pushed on `refused`.
    pub fn usable(&self, batch: Batch, now: Time, refused: &mut Vec<Refused>) -> Vec<CheckResult> {
        let Batch {
            first_seq,
            sent,
            mut results,
            unreadable,
        } = batch;
        let mut unreadable = unreadable.into_iter().peekable();
        let mut next = first_seq;
        let mut number = |refused: &mut Vec<Refused>| {
            while let Some(seq) = unreadable.next_if_eq(&next) {
                refused.push(Refused {
                    seq,
                    why: RefusedWhy::Invalid,
                });
                next += 1;
            }
            next += 1;
            next - 1
        };
        results.retain_mut(|result| {
            let seq = number(refused);
            result.agent = self.agent;
            result.started = now - sent.since(result.started);
            let why = self.why_not(result, now);
            refused.extend(why.map(|why| Refused { seq, why }));
            why.is_none()
        });
        number(refused);
        results
    }

    fn why_not(&self, result: &CheckResult, now: Time) -> Option<RefusedWhy> {
        if !self.assigned.contains(&result.monitor) {
            return Some(RefusedWhy::MonitorGone);
        }
        if now.since(result.started) > KEPT_FOR {
            return Some(RefusedWhy::TooOld);
        }
        match result.run {
            Run::Slot(slot) if self.offset.to_ours(slot) > now + TOLERATED => {
                Some(RefusedWhy::ClockOff)
            }
            Run::Slot(_) | Run::Asked { .. } => None,
        }
    }
}
