//! Evidence: what a decision rested on, the rule that made it, and what would have changed it.

use std::time::Duration;

use super::HeartbeatState;
use super::incident::Cause;
use super::words::{at, failure, span};
use crate::duration;
use crate::heartbeat::interface::HeartbeatFacts;
use crate::heartbeat::{HeartbeatStatus, Schedule};
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
            Decided::Opened(Cause::Overrun { limit }) => (
                self.overrun(),
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
            Some(ping) => format!(
                "no ping for {} since {}",
                span(now.since(ping.at)),
                at(ping.at, seconds)
            ),
            None => "no ping yet".to_owned(),
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
        let in_time = self.deadline().unwrap_or(now);
        (
            format!("{since}: expected {expected}{grace}"),
            format!("a ping by {} would have been in time", at(in_time, seconds)),
        )
    }

    /// Since when there is silence, as a reason says it.
    pub(super) fn silence(&self) -> String {
        match self.durable.last_ping {
            Some(ping) => format!("no ping since {}", at(ping.at, self.tells_seconds())),
            None => "no ping yet".to_owned(),
        }
    }

    /// That a run takes too long, as a reason says it.
    pub(super) fn overrun(&self) -> String {
        let max_run = self.heartbeat.spec.max_run.unwrap_or_default();
        format!("a run has not ended in {}", duration::format(max_run))
    }

    /// Whether seconds count, with so little time for a ping.
    pub(super) fn tells_seconds(&self) -> bool {
        let spec = &self.heartbeat.spec;
        let allowance = spec.grace + self.every().unwrap_or_default();
        allowance < SECONDS_BELOW
    }
}

const UNTIL_WELL: &str = "left alone it would have stayed open until the job says that it is well";
