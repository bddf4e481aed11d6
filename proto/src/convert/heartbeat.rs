//! Heartbeats of the public API.

use vigilmon_common::heartbeat::{HeartbeatFacts, HeartbeatStatus, Schedule};

use super::{duration, timestamp};
use crate::v1;

impl From<HeartbeatStatus> for v1::HeartbeatStatus {
    fn from(status: HeartbeatStatus) -> Self {
        match status {
            HeartbeatStatus::New => Self::New,
            HeartbeatStatus::Up => Self::Up,
            HeartbeatStatus::Late => Self::Late,
            HeartbeatStatus::Down => Self::Down,
            HeartbeatStatus::Paused => Self::Paused,
        }
    }
}

impl From<&HeartbeatFacts> for v1::HeartbeatFacts {
    fn from(facts: &HeartbeatFacts) -> Self {
        use v1::heartbeat_facts::Schedule as Wire;
        Self {
            state: v1::HeartbeatStatus::from(facts.state).into(),
            schedule: Some(match &facts.schedule {
                Schedule::Every(every) => Wire::Every(duration(*every)),
                Schedule::Cron(cron) => Wire::Cron(v1::CronSchedule {
                    expression: cron.expression().to_owned(),
                    time_zone: cron.time_zone().to_owned(),
                }),
            }),
            grace: Some(duration(facts.grace)),
            last_ping_time: facts.last_ping_at.map(timestamp),
            due_time: facts.due_at.map(timestamp),
            late: facts.late.map(duration),
        }
    }
}
