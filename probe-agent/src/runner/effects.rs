//! What the session wants done.

use std::net::IpAddr;

use tracing::{info, warn};
use url::Host;
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::monitor::Kind;
use vigilmon_common::schedule::{self, Ask, Assignment, CheckSpec, Target};
use vigilmon_common::session::agent::{self, Change, Effect, RunNow, What};
use vigilmon_common::session::assignment::{Reject, RejectWhy};
use vigilmon_common::session::messages::{AgentMessage, Health, Leave};
use vigilmon_proto::convert::session::{agent_message_to_wire, batch_to_wire};
use vigilmon_runtime::random;

use super::Runner;
use crate::link::{Connection, Jammed};
use crate::probe::Probe;

impl<P: Probe> Runner<P> {
    /// Tells the session, and does what it wants, in its order.
    pub(super) fn session(&mut self, input: agent::Input) {
        let now = self.clock.now().wall;
        let mut effects = Vec::new();
        self.session.on(input, now, &mut effects);
        self.wanted.extend(effects);
        while let Some(effect) = self.wanted.pop_front() {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Connect => self.connect(),
            Effect::Disconnect => self.lost(false, "the session was given up"),
            Effect::Send(message) => self.send(message),
            Effect::Apply(change) => self.put_in_force(change),
            Effect::Run(run) => self.run_now(*run),
            Effect::OpenBackfill(session) => {
                self.streams += 1;
                let connection = self.connection.as_ref();
                self.backfill = connection.and_then(|connection| {
                    let report = self.report.clone();
                    connection.backfill(self.streams, session, report, &self.supervisor)
                });
            }
            Effect::SendBackfill(batch) => {
                let Some(backfill) = &self.backfill else {
                    return;
                };
                if backfill.send(batch_to_wire(&batch)) == Err(Jammed) {
                    self.backfill = None;
                    let jitter = random::fraction();
                    self.session(agent::Input::BackfillEnded { jitter });
                }
            }
            Effect::CloseBackfill => {
                if let Some(backfill) = self.backfill.take() {
                    backfill.close();
                }
            }
            Effect::Stop(why) => self.leave(why),
        }
    }

    fn connect(&mut self) {
        self.streams += 1;
        let road = self.dialer.next();
        let report = self.report.clone();
        self.connection = Some(Connection::open(
            self.streams,
            road,
            report,
            &self.supervisor,
        ));
    }

    fn send(&mut self, mut message: AgentMessage) {
        if let AgentMessage::Pulse(pulse) = &mut message {
            let load = self.scheduler.take_load();
            pulse.health = Health {
                running: load.running,
                waiting: load.waiting,
                started: load.started,
                skipped: load.skipped,
                lateness_max: load.lateness_max,
                ..std::mem::take(&mut pulse.health)
            };
        }
        let Some(connection) = &self.connection else {
            return;
        };
        let sent = self.clock.now().wall;
        if connection.send(agent_message_to_wire(&message, sent)) == Err(Jammed) {
            self.lost(false, "the stream does not keep up");
        }
    }

    fn put_in_force(&mut self, change: Change) {
        let mut rejects = change.rejects;
        let mut upserts = Vec::with_capacity(change.upserts.len());
        let mut removes = change.removes;
        for upsert in change.upserts {
            match denied(&upsert.assignment, &self.addresses) {
                None => upserts.push(upsert.assignment),
                Some(reject) => {
                    warn!(monitor = %reject.monitor, reason = reject.text, "monitor rejected");
                    removes.push(reject.monitor);
                    rejects.push(reject);
                }
            }
        }
        self.schedule(schedule::Input::Unassign(removes));
        self.schedule(schedule::Input::Assign(upserts));
        if let Some(position) = change.position {
            self.session(agent::Input::Applied { position, rejects });
        } else {
            warn!("assignment lapsed, nothing is checked");
        }
    }

    fn run_now(&mut self, run: RunNow) {
        let delay = run.first_at.since(self.clock.now().wall);
        let target = match run.what {
            What::Monitor(assignment) => Target::Assigned(assignment.monitor),
            What::Inline(spec) => Target::Inline(spec),
        };
        self.schedule(schedule::Input::Ask(Ask {
            nonce: run.nonce,
            target,
            count: run.count,
            spacing: run.spacing,
            delay,
            timeout: Some(run.timeout),
            answer_only: run.answer,
        }));
    }

    fn leave(&mut self, why: Leave) {
        match why {
            Leave::Drain => info!("coordinator drains"),
            Leave::Replaced => warn!("replaced by a newer process of the same agent"),
            Leave::Revoked => warn!("the agent token was revoked"),
        }
        self.status.send_modify(|status| status.left = Some(why));
    }
}

/// Whether the target is given by an address that the policy denies. Names are judged at connect,
/// by what they resolve to.
fn denied(assignment: &Assignment, policy: &AddressPolicy) -> Option<Reject> {
    let ip = literal(&assignment.check)?;
    let denied = policy.check(ip).err()?;
    Some(Reject {
        monitor: assignment.monitor,
        why: RejectWhy::AddressDenied,
        text: format!("{denied}; {}", denied.remedy()),
    })
}

fn literal(spec: &CheckSpec) -> Option<IpAddr> {
    let Kind::Http(http) = &spec.kind;
    match http.url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_) => None,
    }
}
