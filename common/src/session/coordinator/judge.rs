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
        } = batch;
        let mut seq = first_seq;
        results.retain_mut(|result| {
            result.agent = self.agent;
            result.started = now - sent.since(result.started);
            let verdict = self.why_not(result, now);
            if let Some(why) = verdict {
                refused.push(Refused { seq, why });
            }
            seq += 1;
            verdict.is_none()
        });
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
