//! Pings: what a sign of life settles, begins, ends, opens and closes.
//!
//! Any ping but `log` is a sign of life: it settles the time in whose window it falls, also when
//! it says that the job failed. Of starts only one does, until the job says how it went: else one
//! that dies in every run would stay up for ever. A failure opens an incident at once, a success
//! closes whatever is open. One that is older than the newest that said either, since its body took
//! longer, opens and closes nothing.

use super::HeartbeatState;
use super::incident::Cause;
use crate::heartbeat::interface::{Effect, LastPing};
use crate::heartbeat::{HeartbeatStatus, Ping, Signal};
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
        let settles = self.settles(ping);
        let outlived = self.run_goes_on(ping, is_news);
        let decides = self.note_verdict(ping);
        if ping.signal.is_success() {
            self.outlive(outlived, ping, decides);
        }
        if !is_news {
            // A newer `start` does not undo what the run before it said.
            if decides && !self.heartbeat.paused {
                self.settle_overtaken(ping.at);
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
                if !settles {
                    self.refresh(ping.at, effects);
                } else {
                    self.settle(ping.at, was_unobserved);
                    if decides || ping.signal == Signal::Start {
                        self.answer(ping, now, effects);
                    }
                }
                if was_late && self.status == HeartbeatStatus::Up {
                    // Also where no tick came between, as when pings are replayed.
                    self.durable.since = Some(ping.at);
                }
            }
        }
        self.wake = self.next_due();
    }

    /// Notes what a ping says of how the job is; `true` if it is the newest that does.
    fn note_verdict(&mut self, ping: &Ping) -> bool {
        let durable = &mut self.durable;
        if ping.signal.is_success() {
            let former = durable.last_success;
            durable.last_success = Some(former.map_or(ping.at, |at| at.max(ping.at)));
        }
        let says_how = ping.signal.is_success() || ping.signal.is_failure();
        let decides = says_how && durable.last_verdict.is_none_or(|at| ping.at >= at);
        if decides {
            durable.last_verdict = Some(ping.at);
        }
        decides
    }

    /// Whether a sign of life may count for what is awaited. A start does not while another one
    /// that came since the job last said how it went is without its end: that run may be dead, and
    /// this one die like it. An end that we may not have heard is no such.
    fn settles(&self, ping: &Ping) -> bool {
        let durable = &self.durable;
        let is_awaited = durable.muted || durable.unobserved.is_some();
        if ping.signal != Signal::Start || is_awaited {
            return true;
        }
        let said = durable.last_verdict.unwrap_or(Time::EPOCH);
        let mut since = durable.runs.iter().filter(|run| run.started > said);
        since.all(|run| run.unheard)
    }

    /// Counts the next deadline from what a job said that a start has overtaken; that start counts
    /// now as it would have after it.
    fn settle_overtaken(&mut self, said: Time) {
        let mut starts = self.durable.runs.iter().map(|run| run.started);
        let at = starts.find(|started| *started > said).unwrap_or(said);
        if self.durable.anchor.is_some_and(|anchor| at > anchor) {
            self.settle(at, false);
        }
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
}
