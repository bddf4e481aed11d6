//! View: how a heartbeat stands, for people, with the reason in one line.

use super::HeartbeatState;
use super::words::{near, span};
use crate::heartbeat::interface::{OpenRun, View};
use crate::heartbeat::{HeartbeatStatus, NO_PING, Schedule};
use crate::time::Time;

impl HeartbeatState {
    /// How it stands, for people.
    #[must_use]
    pub fn view(&self, now: Time) -> View {
        let durable = &self.durable;
        View {
            status: self.status,
            since: self.since(),
            reason: self.why(now),
            due: self.due_for_people(now),
            deadline: self.alarm_at(),
            last_ping: durable.last_ping,
            last_success: durable.last_success,
            last_run: durable.last_run,
            runs: self.shown_runs(now),
            never_finished: durable.never_finished,
            given_up: durable.given_up.clone(),
            unobserved: durable.unobserved,
            pings: durable.pings,
            incident: durable.incident.as_ref().map(|incident| incident.id),
        }
    }

    /// While an incident is open nothing else tells which runs are over their limits.
    fn shown_runs(&self, now: Time) -> Vec<OpenRun> {
        let mut runs = self.durable.runs.clone();
        for run in &mut runs {
            run.overrun |= self.is_over_its_limit(run, now);
        }
        runs
    }

    /// When the next ping is expected. While one is missing, a cron schedule still has a next time.
    fn due_for_people(&self, now: Time) -> Option<Time> {
        let awaited = self.awaited?;
        match &self.heartbeat.spec.schedule {
            Schedule::Cron(cron) if !self.is_watched() && awaited.due < now => {
                cron.expected_after(now).map(|expected| expected.at)
            }
            Schedule::Cron(_) | Schedule::Every(_) => Some(awaited.due),
        }
    }

    fn why(&self, now: Time) -> String {
        let durable = &self.durable;
        let near = |time: Time| near(time, self.tells_seconds(), now);
        match self.status {
            HeartbeatStatus::Paused => "its alarms are suspended".to_owned(),
            HeartbeatStatus::Down => {
                let reason = durable.incident.as_ref().map(|i| i.reason.to_string());
                reason.unwrap_or_default()
            }
            HeartbeatStatus::Late if durable.muted => {
                format!("{}; closed by hand", self.silence())
            }
            HeartbeatStatus::Late => {
                let overdue = now.since(self.late_from().unwrap_or(now));
                let overdue = format!("{} is {} overdue", self.wanted(), span(overdue));
                match self.alarm_at() {
                    Some(alarm) => format!("{overdue}; alarm at {}", near(alarm)),
                    None => overdue,
                }
            }
            HeartbeatStatus::New => {
                let since = match durable.last_ping {
                    Some(_) => "since it was resumed",
                    None => "yet",
                };
                match self.alarm_at() {
                    Some(alarm) => format!("{NO_PING} {since}; alarm at {}", near(alarm)),
                    None => format!("{NO_PING} {since}; alarms begin with the first"),
                }
            }
            HeartbeatStatus::Up => self.why_up(now),
        }
    }

    fn why_up(&self, now: Time) -> String {
        let near = |time: Time| near(time, self.tells_seconds(), now);
        if let Some(miss) = &self.durable.unobserved {
            let next = match self.awaited {
                Some(awaited) => format!("; the next is expected by {}", near(awaited.due)),
                None => String::new(),
            };
            return format!(
                "no ping could be heard {}–{}: Vigilmon was down{next}",
                near(miss.spell.from).trim_end_matches(" UTC"),
                near(miss.spell.to),
            );
        }
        match self.durable.runs.last() {
            Some(run) => format!("running for {}", span(now.since(run.started))),
            None => String::new(),
        }
    }
}
