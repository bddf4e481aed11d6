//! Pings: what a sign of life settles, begins, ends, opens and closes.
//!
//! Any ping but `log` is a sign of life: it settles the time in whose window it falls, also when
//! it says that the job failed. A failure opens an incident at once, a success closes whatever is
//! open. One that is older than the newest that said either, since its body took longer, opens and
//! closes nothing.

use super::HeartbeatState;
use super::incident::Cause;
use crate::heartbeat::interface::{Effect, LastPing, OpenRun};
use crate::heartbeat::{HeartbeatStatus, Ping, RUNS_MAX, Signal};
use crate::time::Time;

impl HeartbeatState {
    pub(super) fn pinged(&mut self, ping: &Ping, now: Time, effects: &mut Vec<Effect>) {
        if ping.seq <= self.durable.seq {
            return;
        }
        self.durable.seq = ping.seq;
        self.durable.n = self.durable.n.max(ping.n);
        self.durable.pings = self.durable.pings.max(ping.total);
        if ping.body_kept > 0 || !self.durable.bodies.is_empty() {
            // Where the ping is replayed, it has not been noted yet.
            drop(self.body_drops(ping));
        }
        if ping.signal == Signal::Log {
            return;
        }
        let is_news = ping.at >= self.newest;
        // Before the run that it may begin holds what is awaited.
        let was_late = self.late_from().is_some_and(|from| ping.at > from);
        if !ping.shared {
            self.run_goes_on(ping, is_news);
        }
        if ping.signal.is_success() {
            let former = self.durable.last_success;
            self.durable.last_success = Some(former.map_or(ping.at, |at| at.max(ping.at)));
        }
        let says_how = ping.signal.is_success() || ping.signal.is_failure();
        let decides = says_how && self.durable.last_verdict.is_none_or(|at| ping.at >= at);
        if decides {
            self.durable.last_verdict = Some(ping.at);
        }
        if !is_news {
            // A newer `start` does not undo what the run before it said.
            if decides && !self.heartbeat.paused {
                self.answer(ping, now, effects);
            }
        } else {
            self.newest = ping.at;
            self.durable.last_ping = Some(LastPing {
                at: ping.at,
                signal: ping.signal,
            });
            self.durable.muted = false;
            let was_unobserved = self.forget_unobserved(effects);
            if !self.heartbeat.paused {
                self.settle(ping.at, was_unobserved);
                if decides || !says_how {
                    self.answer(ping, now, effects);
                }
                if was_late && self.status == HeartbeatStatus::Up {
                    // Also where no tick came between, as when pings are replayed.
                    self.durable.since = Some(ping.at);
                }
            }
        }
        self.wake = self.next_due();
    }

    /// Counts the next deadline from a sign of life.
    fn settle(&mut self, at: Time, was_unobserved: bool) {
        let anchor = self.durable.anchor.map_or(at, |anchor| anchor.max(at));
        self.durable.anchor = Some(anchor);
        let is_settled = match self.awaited {
            // A cron time stays awaited until a ping falls in its window.
            Some(awaited) if self.every().is_none() => was_unobserved || anchor >= awaited.opens,
            _ => true,
        };
        if is_settled {
            self.expect_anew();
        }
    }

    /// Opens, closes, and brings the status up to date.
    fn answer(&mut self, ping: &Ping, now: Time, effects: &mut Vec<Effect>) {
        if ping.signal.is_success() {
            if self.durable.incident.is_some() {
                self.recover(ping.at, now, effects);
            }
        } else if ping.signal.is_failure() && self.durable.incident.is_none() {
            self.open(&Cause::Failed(ping), now, effects);
        }
        let status = match self.durable.incident {
            Some(_) => HeartbeatStatus::Down,
            None => HeartbeatStatus::Up,
        };
        if self.status != status {
            let (status, since) = match self.durable.incident {
                Some(_) => self.standing(ping.at),
                None => (HeartbeatStatus::Up, ping.at),
            };
            self.set_status(status, since, effects);
        }
    }

    /// Begins or ends the run that a ping is about.
    fn run_goes_on(&mut self, ping: &Ping, is_news: bool) {
        let durable = &mut self.durable;
        let known = durable.runs.iter().position(|run| run.rid == ping.rid);
        if ping.signal != Signal::Start {
            // The end of a run before this one may have been overtaken by its start.
            let is_its_end = |at: &usize| durable.runs[*at].started <= ping.at;
            if let Some(at) = known.filter(is_its_end) {
                let run = durable.runs.remove(at);
                durable.last_run = Some(ping.at.since(run.started));
            }
            return;
        }
        if !is_news {
            // Its end may have been put before it.
            return;
        }
        let given_up = known.or_else(|| (durable.runs.len() >= RUNS_MAX).then_some(0));
        if let Some(at) = given_up {
            durable.runs.remove(at);
            durable.never_finished += 1;
        }
        durable.runs.push(OpenRun {
            rid: ping.rid.clone(),
            started: ping.at,
            spared: std::time::Duration::ZERO,
            overrun: false,
        });
    }
}
