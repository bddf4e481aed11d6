//! Saved: what an edit, a pause, a resumption or a removal does to deadlines and the incident.
//!
//! Pausing and removing close what is open, and say so. Resuming, and another schedule, count
//! anew from that moment, where alarms are armed: once it was ever pinged, or where silence alarms
//! before that. An open incident stays open over another schedule: nobody has heard that the job is
//! well.
//!
//! Another limit of runs alarms nobody by itself. A run under way whose end is not waited for any
//! more goes by the schedule, from its start or the last ping; where that is over already, it counts
//! anew from the edit.

use std::time::Duration;

use super::HeartbeatState;
use super::evidence::Decided;
use crate::heartbeat::interface::Effect;
use crate::heartbeat::{Heartbeat, HeartbeatStatus};
use crate::incident::{Hand, Resolution};
use crate::time::Time;

impl HeartbeatState {
    pub(super) fn saved(&mut self, heartbeat: &Heartbeat, now: Time, effects: &mut Vec<Effect>) {
        let was_held = self.is_held();
        let former = std::mem::replace(&mut self.heartbeat, heartbeat.clone());
        self.unsaved |= self.durable.version != heartbeat.version;
        self.durable.version = heartbeat.version;
        let another_schedule = former.spec.schedule != heartbeat.spec.schedule;
        match (former.paused, heartbeat.paused) {
            (_, true) => self.suspend(Resolution::Paused, &Decided::Paused, now, effects),
            (true, false) => self.resume(now, effects),
            (false, false) if another_schedule => self.count_anew(now, effects),
            (false, false) => self.adjust(&former, was_held, now, effects),
        }
    }

    pub(super) fn removed(&mut self, now: Time, effects: &mut Vec<Effect>) {
        self.suspend(Resolution::Removed, &Decided::Removed, now, effects);
    }

    fn suspend(
        &mut self,
        resolution: Resolution,
        decided: &Decided<'_>,
        now: Time,
        effects: &mut Vec<Effect>,
    ) {
        let hand = Hand::default();
        self.close(resolution, now, hand, decided, now, effects);
        let durable = &mut self.durable;
        let changes = durable.anchor.is_some() || !durable.runs.is_empty() || durable.muted;
        durable.anchor = None;
        durable.runs.clear();
        durable.muted = false;
        self.unsaved |= changes;
        self.unsaved |= self.forget_unobserved(effects);
        self.expect_anew();
        if self.status != HeartbeatStatus::Paused {
            self.set_status(HeartbeatStatus::Paused, now, effects);
            self.unsaved = true;
        }
    }

    fn resume(&mut self, now: Time, effects: &mut Vec<Effect>) {
        self.durable.runs.clear();
        let from = self.arm(now, effects);
        self.set_status(HeartbeatStatus::New, from, effects);
    }

    fn count_anew(&mut self, now: Time, effects: &mut Vec<Effect>) {
        let from = self.arm(now, effects);
        match self.status {
            HeartbeatStatus::New => self.durable.since = Some(from),
            HeartbeatStatus::Late => {
                let heard = self.durable.last_ping.map_or(now, |ping| ping.at);
                let (status, _) = self.standing(now);
                self.set_status(status, heard.min(now), effects);
            }
            HeartbeatStatus::Up | HeartbeatStatus::Down | HeartbeatStatus::Paused => {}
        }
    }

    /// Counts from now on, where alarms are armed; later than the newest sign of life by the least
    /// there is, so that both are told apart.
    fn arm(&mut self, now: Time, effects: &mut Vec<Effect>) -> Time {
        let last = self.durable.last_ping.map(|ping| ping.at);
        let from = match last {
            Some(last) if last == now => now + Duration::from_millis(1),
            _ => now,
        };
        let armed = last.is_some() || self.heartbeat.spec.alarm_before_first_ping;
        self.durable.anchor = armed.then_some(from);
        self.durable.muted = false;
        self.forget_unobserved(effects);
        self.unsaved = true;
        self.expect_anew();
        from
    }

    /// Takes over an edit that left the schedule as it was.
    fn adjust(&mut self, former: &Heartbeat, was_held: bool, now: Time, effects: &mut Vec<Effect>) {
        let spec = &self.heartbeat.spec;
        if former.spec.alarm_before_first_ping != spec.alarm_before_first_ping
            && self.durable.last_ping.is_none()
        {
            self.arm(now, effects);
        }
        if former.spec.max_run != self.heartbeat.spec.max_run {
            // A run that is over the new limit already is known; the edit is not what it does. With
            // an incident open it stays known.
            if self.durable.incident.is_none() {
                self.durable
                    .runs
                    .iter_mut()
                    .for_each(|run| run.overrun = false);
            }
            self.note_overruns(now);
            self.unsaved |= !self.durable.runs.is_empty();
        }
        self.expect();
        let is_over = self.is_watched() && self.missed_after().is_some_and(|missed| now > missed);
        if was_held && is_over {
            self.arm(now, effects);
        }
        if self.status == HeartbeatStatus::Late {
            self.refresh(now, effects);
        }
    }
}
