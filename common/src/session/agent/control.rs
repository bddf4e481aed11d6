//! The agent's side of everything but results: connecting, the assignment, checks that are asked
//! for, summaries, leaving.

use std::time::Duration;

use super::asked::Asked;
use super::held::{Change, Misfit};
use super::link::{Link, Up};
use super::reconnect::fraction_of;
use super::{AgentEnd, Effect, SUMMARY_MAX, WELCOME_WAIT};
use crate::id::MonitorId;
use crate::session::assignment::Position;
use crate::session::messages::{
    AgentMessage, CoordinatorMessage, Health, Hello, Leave, PROTOCOLS, Pulse, Sync, Welcome,
};
use crate::time::Time;

impl AgentEnd {
    pub(super) fn connected(&mut self, now: Time, out: &mut Vec<Effect>) {
        if !matches!(self.link, Link::Opening) {
            return;
        }
        self.link = Link::Greeting { since: now };
        out.push(Effect::Send(AgentMessage::Hello(Hello {
            name: self.settings.name.clone(),
            boot: self.settings.boot,
            build: self.settings.build.clone(),
            protocols: PROTOCOLS,
            capabilities: self.settings.capabilities.clone(),
            region: self.settings.region.clone(),
            have: self.held.position(),
            waiting: self.retained.waiting(now),
            clock: now,
        })));
    }

    pub(super) fn disconnected(&mut self, refused: bool, jitter: f64, now: Time) {
        let window = match &self.link {
            Link::Stopped => return,
            Link::Up(up) => up.leaves_within,
            Link::Down { .. } | Link::Opening | Link::Greeting { .. } | Link::Closing => None,
        };
        let wait = match window {
            Some(window) => fraction_of(window, jitter),
            None => self.reconnect.wait(refused, jitter),
        };
        self.link = Link::Down {
            retry_at: now + wait,
        };
        self.away_since.get_or_insert(now);
        self.retained.disconnected();
        self.held.disconnected();
        self.waiting.clear();
    }

    pub(super) fn received(
        &mut self,
        message: CoordinatorMessage,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        match (&mut self.link, message) {
            (Link::Greeting { .. }, CoordinatorMessage::Welcome(welcome)) => {
                self.welcomed(&welcome, now, out);
            }
            (Link::Up(up), message) => {
                up.last_heard = now;
                self.heard(message, now, out);
            }
            (Link::Greeting { .. }, _) => self.disconnect(out),
            (Link::Down { .. } | Link::Opening | Link::Closing | Link::Stopped, _) => {}
        }
    }

    fn welcomed(&mut self, welcome: &Welcome, now: Time, out: &mut Vec<Effect>) {
        self.link = Link::Up(Up::new(welcome, now));
        self.reconnect.stands();
        self.away_since = None;
        self.ttl = welcome.assignment_ttl;
        if self.epoch.is_some_and(|known| known != welcome.epoch) {
            self.retained.resend_acked();
        }
        self.epoch = Some(welcome.epoch);
        match (welcome.sync, self.held.position()) {
            (Sync::Resume, Some(applied)) => self.acknowledge(applied, out),
            (Sync::Resume, None) => self.need_snapshot(out),
            (Sync::Snapshot, _) => self.held.await_snapshot(),
        }
        self.summarise(0, &[], now, out);
    }

    fn heard(&mut self, message: CoordinatorMessage, now: Time, out: &mut Vec<Effect>) {
        match message {
            CoordinatorMessage::Welcome(_) => self.disconnect(out),
            CoordinatorMessage::SnapshotBegin { position, monitors } => {
                self.held.begin(position, monitors);
            }
            CoordinatorMessage::SnapshotPart(monitors) => {
                if self.held.part(monitors) == Err(Misfit) {
                    self.need_snapshot(out);
                }
            }
            CoordinatorMessage::SnapshotEnd => {
                let change = self.held.end().map(Some);
                self.changed(change, now, out);
            }
            CoordinatorMessage::Delta(delta) => {
                let change = self.held.delta(delta);
                self.changed(change, now, out);
            }
            CoordinatorMessage::CheckNow(ask) => {
                let asked = self.waiting.take(ask, &self.held, now);
                self.run(asked, out);
            }
            CoordinatorMessage::Ack(ack) => self.acked(&ack, now, out),
            CoordinatorMessage::Pulse { .. } => {}
            CoordinatorMessage::AskSummary { ask, monitors } => {
                self.summarise(ask, &monitors, now, out);
            }
            CoordinatorMessage::GoAway { window, why } => self.go_away(window, why, out),
        }
    }

    fn changed(
        &mut self,
        change: Result<Option<Change>, Misfit>,
        now: Time,
        out: &mut Vec<Effect>,
    ) {
        match change {
            Err(Misfit) => self.need_snapshot(out),
            Ok(None) => {}
            Ok(Some(change)) => {
                self.summaries.forget(&change.removes);
                out.push(Effect::Apply(change));
                let ready = self.waiting.ready(&self.held, now);
                self.run(ready, out);
            }
        }
    }

    fn run(&self, asked: impl IntoIterator<Item = Asked>, out: &mut Vec<Effect>) {
        for asked in asked {
            match asked {
                Asked::Run(run) => out.push(Effect::Run(run)),
                Asked::Refuse { nonce, reason } => {
                    let answer = Err(reason);
                    self.send(AgentMessage::Answer { nonce, answer }, out);
                }
            }
        }
    }

    pub(super) fn acknowledge(&self, applied: Position, out: &mut Vec<Effect>) {
        let rejects = self.held.rejects();
        self.send(AgentMessage::AssignmentAck { applied, rejects }, out);
    }

    fn need_snapshot(&mut self, out: &mut Vec<Effect>) {
        self.held.await_snapshot();
        self.send(AgentMessage::AskSnapshot, out);
    }

    fn summarise(&self, ask: u64, monitors: &[MonitorId], now: Time, out: &mut Vec<Effect>) {
        let mut rest = self.summaries.entries(monitors, now).into_iter();
        loop {
            let entries = rest.by_ref().take(SUMMARY_MAX).collect();
            let last = rest.len() == 0;
            self.send(AgentMessage::Summary { entries, last, ask }, out);
            if last {
                return;
            }
        }
    }

    fn go_away(&mut self, window: Duration, why: Leave, out: &mut Vec<Effect>) {
        match why {
            Leave::Drain => {
                if let Link::Up(up) = &mut self.link {
                    up.leaves_within = Some(window);
                    up.urgent = true;
                }
            }
            Leave::Replaced | Leave::Revoked => {
                self.link = Link::Stopped;
                let change = self.held.lapse();
                self.summaries.forget(&change.removes);
                out.push(Effect::Apply(change));
                out.push(Effect::Disconnect);
                out.push(Effect::Stop(why));
            }
        }
    }

    /// What time alone brings.
    pub(super) fn due(&mut self, now: Time, out: &mut Vec<Effect>) {
        match &mut self.link {
            Link::Down { retry_at } if *retry_at <= now => {
                self.link = Link::Opening;
                out.push(Effect::Connect);
            }
            Link::Greeting { since } if now.since(*since) >= WELCOME_WAIT => self.disconnect(out),
            Link::Up(up) if up.silent_at() <= now => self.disconnect(out),
            Link::Up(up) => {
                let pulse = up.pulse_due(now);
                if pulse {
                    self.pulse(now, out);
                }
                self.flush(now, out);
                self.fill_back(now, out);
            }
            Link::Down { .. } | Link::Opening | Link::Greeting { .. } | Link::Closing => {}
            Link::Stopped => {}
        }
        let lapsed = self.away_since.is_some_and(|at| now.since(at) >= self.ttl);
        if lapsed && self.held.position().is_some() {
            let change = self.held.lapse();
            self.summaries.forget(&change.removes);
            out.push(Effect::Apply(change));
        }
    }

    fn pulse(&self, now: Time, out: &mut Vec<Effect>) {
        let unacked = self.retained.unacked() as u64;
        self.send(
            AgentMessage::Pulse(Pulse {
                clock: now,
                have: self.held.position(),
                health: Health {
                    unacked,
                    ..Health::default()
                },
            }),
            out,
        );
    }
}
