//! The heartbeat within an event: what was expected of its job, and what came.

use serde::{Deserialize, Serialize};

use super::Seconds;
use crate::heartbeat::{HeartbeatFacts, Schedule};
use crate::time::Time;

/// A heartbeat within an event, as it stood after the transition. It has either
/// `expected_every_seconds`, or `cron` with `time_zone`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of `HeartbeatFacts`, and receivers rely on them"
)]
pub struct HeartbeatPart {
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_every_seconds: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cron: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    pub grace_seconds: Seconds,
    pub last_ping_at: Option<Time>,
    /// When the ping was expected that did not come.
    pub due_at: Option<Time>,
    /// How late it was when that was decided.
    pub late_seconds: Option<Seconds>,
}

impl HeartbeatPart {
    pub(super) fn of(facts: &HeartbeatFacts) -> Self {
        let (every, cron) = match &facts.schedule {
            Schedule::Every(every) => (Some(Seconds(*every)), None),
            Schedule::Cron(cron) => (None, Some(cron)),
        };
        Self {
            state: facts.state.to_string(),
            expected_every_seconds: every,
            cron: cron.map(|cron| cron.expression().to_owned()),
            time_zone: cron.map(|cron| cron.time_zone().to_owned()),
            grace_seconds: Seconds(facts.grace),
            last_ping_at: facts.last_ping_at,
            due_at: facts.due_at,
            late_seconds: facts.late.map(Seconds),
        }
    }
}
