//! Evidence: what a decision rested on, the rule that made it, and what would have changed it.

use std::time::Duration;

use super::HeartbeatState;
use super::incident::Cause;
use super::words::{at, failure, span};
use crate::duration;
use crate::heartbeat::interface::HeartbeatFacts;
use crate::heartbeat::{HeartbeatStatus, NO_PING, Schedule, Signal};
use crate::incident::{Evidence, TransitionKind};
use crate::time::Time;

/// A decision, as far as its evidence words it differently.
pub(super) enum Decided<'a> {
    /// An incident opens.
    Opened(&'a Cause<'a>),
    /// A ping says that the job is well.
    Recovered {
        /// When it came.
        at: Time,
    },
    ByHand,
    Paused,
    Removed,
}

/// An allowance below this is told to the second.
const SECONDS_BELOW: Duration = Duration::from_secs(3600);

impl HeartbeatState {
    /// The evidence of a decision made now.
    pub(super) fn evidence(&self, decided: &Decided<'_>, now: Time) -> Evidence {
        let (rule, otherwise) = self.wording(decided, now);
        Evidence {
            rule,
            policy: String::new(),
            required: 0,
            otherwise,
            regions: Vec::new(),
            heartbeat: Some(self.facts(decided, now)),
        }
    }

    fn facts(&self, decided: &Decided<'_>, now: Time) -> HeartbeatFacts {
        let spec = &self.heartbeat.spec;
        let due_at = match decided {
            Decided::Opened(Cause::Missed) => self.awaited.map(|awaited| awaited.due),
            Decided::Opened(_) => None,
            Decided::Recovered { .. } | Decided::ByHand | Decided::Paused | Decided::Removed => {
                self.missing_since()
            }
        };
        let state = match decided {
            Decided::Opened(_) => HeartbeatStatus::Down,
            Decided::Recovered { .. } => HeartbeatStatus::Up,
            Decided::ByHand if self.durable.muted => HeartbeatStatus::Late,
            Decided::ByHand => HeartbeatStatus::Up,
            Decided::Paused | Decided::Removed => HeartbeatStatus::Paused,
        };
        let until = match decided {
            Decided::Recovered { at } => *at,
            Decided::Opened(_) | Decided::ByHand | Decided::Paused | Decided::Removed => now,
        };
        HeartbeatFacts {
            state,
            schedule: spec.schedule.clone(),
            grace: spec.grace,
            last_ping_at: self.durable.last_ping.map(|ping| ping.at),
            due_at,
            late: due_at.map(|due| until.since(due)),
        }
    }

    /// When the ping was due whose absence opened the incident.
    fn missing_since(&self) -> Option<Time> {
        let incident = self.durable.incident.as_ref()?;
        let mut all = incident.transitions.iter();
        let opened = all.find(|t| t.kind == TransitionKind::Opened)?;
        opened.evidence.as_ref()?.heartbeat.as_ref()?.due_at
    }

    fn wording(&self, decided: &Decided<'_>, now: Time) -> (String, String) {
        match decided {
            Decided::Opened(Cause::Missed) => self.missed(now),
            Decided::Opened(Cause::Failed(ping)) => (
                format!(
                    "the job said at {}: {}",
                    at(ping.at, true),
                    failure(ping.signal)
                ),
                "a plain ping or exit code 0 would have been success".to_owned(),
            ),
            Decided::Opened(Cause::Overrun { rid, limit }) => (
                self.overrun(*rid),
                format!(
                    "its end by {} would have been in time",
                    at(*limit, self.tells_seconds())
                ),
            ),
            Decided::Recovered { at: heard } => (
                format!("a ping at {} says that the job is well", at(*heard, true)),
                "without it, or had it said that the job failed, it would have stayed open"
                    .to_owned(),
            ),
            Decided::ByHand => (
                "closed by hand although the job has not said since that it is well".to_owned(),
                UNTIL_WELL.to_owned(),
            ),
            Decided::Paused => ("the heartbeat was paused".to_owned(), UNTIL_WELL.to_owned()),
            Decided::Removed => (
                "the heartbeat was removed".to_owned(),
                UNTIL_WELL.to_owned(),
            ),
        }
    }

    fn missed(&self, now: Time) -> (String, String) {
        let seconds = self.tells_seconds();
        let grace = match self.heartbeat.spec.grace {
            Duration::ZERO => String::new(),
            grace => format!(", grace {}", duration::format(grace)),
        };
        let since = match self.durable.last_ping {
            Some(ping) if !self.only_begins() => format!(
                "{NO_PING} for {} since {}",
                span(now.since(ping.at)),
                at(ping.at, seconds)
            ),
            _ => self.silence(),
        };
        let expected = match &self.heartbeat.spec.schedule {
            Schedule::Every(every) => format!("every {}", duration::format(*every)),
            Schedule::Cron(cron) => {
                let due = self.awaited.map_or(now, |awaited| awaited.due);
                format!(
                    "at {} by `{}` in {}",
                    at(due, seconds),
                    cron.expression(),
                    cron.time_zone()
                )
            }
        };
        let in_time = at(self.missed_after().unwrap_or(now), seconds);
        let wanted = self.wanted();
        (
            format!("{since}: expected {expected}{grace}"),
            format!("{wanted} by {in_time} would have been in time"),
        )
    }

    /// Since when there is silence, as a reason says it; or that nothing but starts was heard.
    pub(super) fn silence(&self) -> String {
        let at = |time| at(time, self.tells_seconds());
        match (self.durable.last_ping, self.durable.last_verdict) {
            (Some(_), None) if self.only_begins() => "runs begin, none has ended yet".to_owned(),
            (Some(_), Some(said)) if self.only_begins() => {
                format!("runs begin, none has ended since {}", at(said))
            }
            (Some(ping), _) => format!("{NO_PING} since {}", at(ping.at)),
            (None, _) => format!("{NO_PING} yet"),
        }
    }

    /// What is missing.
    pub(super) fn wanted(&self) -> &'static str {
        if self.only_begins() {
            "the end of a run"
        } else {
            "a ping"
        }
    }

    /// Whether the newest sign of life is a start that did not count for what is awaited.
    fn only_begins(&self) -> bool {
        let (Some(ping), Some(anchor)) = (self.durable.last_ping, self.durable.anchor) else {
            return false;
        };
        ping.signal == Signal::Start && ping.at > anchor
    }

    /// That a run takes too long, as a reason says it.
    pub(super) fn overrun(&self, rid: Option<&str>) -> String {
        let max_run = self.heartbeat.spec.max_run.unwrap_or_default();
        let run = rid.map_or_else(|| "a run".to_owned(), |rid| format!("run {rid}"));
        format!("{run} has not ended in {}", duration::format(max_run))
    }

    /// Whether seconds count, with so little time for a ping.
    pub(super) fn tells_seconds(&self) -> bool {
        let spec = &self.heartbeat.spec;
        let allowance = spec.grace + self.every().unwrap_or_default();
        allowance < SECONDS_BELOW
    }
}

const UNTIL_WELL: &str = "left alone it would have stayed open until the job says that it is well";
