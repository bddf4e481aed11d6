//! Runs: which begin, which end, and which are given up as never finished.
//!
//! | given up                                                | when                            |
//! |---------------------------------------------------------|---------------------------------|
//! | the run that is open under the same run id              | another one begins              |
//! | the oldest                                              | more would be open than may be  |
//! | one that is over its limit, or without a limit outdated | one that began later ended well |
//! | one without a limit that the open incident speaks for   | such an end closes the incident |
//!
//! A run without a limit is outdated once a ping that is awaited from its beginning on would be
//! missed. An incident speaks for the runs that began while it was open; one that a run opened
//! which took too long, also for those before. So runs that died like it open no further ones: one
//! that has a limit is waited for until then, since it may be well, and tells nothing after it.

use super::HeartbeatState;
use crate::heartbeat::interface::OpenRun;
use crate::heartbeat::{PINGS_KEPT, Ping, RUNS_MAX, Signal};
use crate::outcome::ReasonCode;
use crate::time::Time;

impl HeartbeatState {
    /// Begins or ends the run that a ping is about; returns how many of those that are open began
    /// before the one that it ended.
    pub(super) fn run_goes_on(&mut self, ping: &Ping, is_news: bool) -> usize {
        if ping.shared {
            return 0;
        }
        let durable = &mut self.durable;
        let known = durable.runs.iter().position(|run| run.rid == ping.rid);
        if ping.signal != Signal::Start {
            // The end of a run before this one may have been overtaken by its start.
            let is_its_end = |at: &usize| durable.runs[*at].started <= ping.at;
            let Some(at) = known.filter(is_its_end) else {
                return 0;
            };
            let run = durable.runs.remove(at);
            durable.last_run = Some(ping.at.since(run.started));
            return at;
        }
        if !is_news {
            // Its end may have been put before it.
            return 0;
        }
        let given_up = known.or_else(|| (durable.runs.len() >= RUNS_MAX).then_some(0));
        if let Some(at) = given_up {
            self.give_up(at, ping);
        }
        self.durable.runs.push(OpenRun {
            rid: ping.rid.clone(),
            n: ping.n,
            started: ping.at,
            spared: std::time::Duration::ZERO,
            unheard: false,
            overrun: false,
            told: false,
        });
        0
    }

    /// Gives up runs for which nobody waits any more, now that one which began after the first
    /// `earlier` ended well. `decides`: it closes what is open.
    pub(super) fn outlive(&mut self, earlier: usize, ping: &Ping, decides: bool) {
        let incident = self.durable.incident.as_ref().filter(|_| decides);
        let spoken_for = incident.map(|incident| {
            let of_a_run = incident.reason.code == ReasonCode::HeartbeatOverrun;
            if of_a_run {
                Time::EPOCH
            } else {
                incident.started_at
            }
        });
        if spoken_for.is_some() {
            self.note_overruns(ping.at);
        }
        for at in (0..earlier).rev() {
            let run = &self.durable.runs[at];
            let is_told = spoken_for.is_some_and(|from| run.started >= from);
            let is_limited = self.heartbeat.spec.max_run.is_some();
            if run.overrun || is_told && !is_limited || self.is_outdated(run, ping.at) {
                self.give_up(at, ping);
            } else {
                self.durable.runs[at].told |= is_told;
            }
        }
    }

    fn give_up(&mut self, at: usize, ping: &Ping) {
        let durable = &mut self.durable;
        let run = durable.runs.remove(at);
        durable.never_finished += 1;
        let kept = u64::try_from(PINGS_KEPT).unwrap_or(u64::MAX);
        durable.given_up.retain(|n| n + kept > ping.n);
        durable.given_up.push(run.n);
    }

    /// Notes which runs are over their limits by now: that is known, and opens nothing any more.
    pub(super) fn note_overruns(&mut self, now: Time) {
        for at in 0..self.durable.runs.len() {
            let is_over = self.is_over_its_limit(&self.durable.runs[at], now);
            self.durable.runs[at].overrun |= is_over;
        }
    }

    /// Whether a run took longer than it may, whatever was noted.
    pub(super) fn is_over_its_limit(&self, run: &OpenRun, now: Time) -> bool {
        self.run_limit(run).is_some_and(|limit| now > limit)
    }

    fn is_outdated(&self, run: &OpenRun, now: Time) -> bool {
        let spec = &self.heartbeat.spec;
        if spec.max_run.is_some() {
            return false;
        }
        let awaited = self.awaited_after(run.started + run.spared);
        awaited.is_some_and(|awaited| now > awaited.due + spec.grace)
    }
}
