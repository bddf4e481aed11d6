//! The fleet, the store and the wire around the two ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use crate::id::{Epoch, MonitorId};
use crate::outcome::Outcome;
use crate::result::{CheckResult, Run};
use crate::session::agent::{self, AgentEnd, Limits};
use crate::session::assignment::{Assigned, Delta, Position, Snapshot, digest};
use crate::session::coordinator::{self, Admitted, CREDITS, CoordinatorEnd, Judge};
use crate::session::messages::{Ack, AgentMessage, Batch, CheckNow, CoordinatorMessage, Target};
use crate::session::testing::{
    agent as agent_id, assigned, at, down, monitor, result, session, settings,
};
use crate::time::Time;

/// A natural key, the agent aside.
type Key = (MonitorId, Run);

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Monitor `n` is saved in a new version.
    Save(u8),
    /// Monitor `n` is removed.
    Remove(u8),
    /// A check of monitor `n` ends.
    Check { n: u8, fails: bool },
    /// Up to so many messages arrive on each side.
    Deliver(u8),
    /// What was handed to the store becomes durable.
    Sync,
    /// Monitor `n` is saved, and the delta is lost on the wire.
    LoseDelta(u8),
    /// Somebody asks for a check of monitor `n`.
    Ask(u8),
    /// The wire is cut.
    Cut,
    /// The coordinator is restarted.
    Restart,
    /// The coordinator comes back from a backup that holds nothing.
    Restore,
    /// The Backfill stream alone is cut.
    CutBackfill,
    /// Time passes.
    Wait(u16),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let n = 0..6u8;
    prop_oneof![
        3 => n.clone().prop_map(Step::Save),
        1 => n.clone().prop_map(Step::Remove),
        12 => (n.clone(), any::<bool>()).prop_map(|(n, fails)| Step::Check { n, fails }),
        12 => (1..20u8).prop_map(Step::Deliver),
        6 => Just(Step::Sync),
        1 => n.clone().prop_map(Step::LoseDelta),
        2 => n.prop_map(Step::Ask),
        2 => Just(Step::Cut),
        1 => Just(Step::Restart),
        1 => Just(Step::Restore),
        1 => Just(Step::CutBackfill),
        6 => (1..1000u16).prop_map(Step::Wait),
    ]
}

/// The fleet, the store and the wire around the two ends.
pub(super) struct World {
    pub(super) now: Time,
    pub(super) agent: AgentEnd,
    pub(super) coordinator: Option<CoordinatorEnd>,
    to_coordinator: VecDeque<AgentMessage>,
    to_agent: VecDeque<CoordinatorMessage>,
    backfill: Option<Backfill>,
    epoch: u8,
    revision: u64,
    pub(super) fleet: BTreeMap<u8, Assigned>,
    handed_over: Vec<(Vec<Key>, u64)>,
    pub(super) durable: BTreeSet<Key>,
    pub(super) acked: BTreeSet<Key>,
    pub(super) refused: usize,
    /// What the scheduler would check.
    pub(super) in_force: BTreeMap<MonitorId, Assigned>,
    pub(super) made: u64,
    slots: i64,
    asked: u64,
    ran: BTreeSet<u64>,
}

/// The Backfill stream, both directions.
struct Backfill {
    judge: Judge,
    batches: VecDeque<Batch>,
    acks: VecDeque<Ack>,
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
        let mut settings = settings();
        settings.limits = limits;
        Self {
            now: at(0),
            agent: AgentEnd::new(settings, at(0)),
            coordinator: None,
            to_coordinator: VecDeque::new(),
            to_agent: VecDeque::new(),
            backfill: None,
            epoch: 1,
            revision: 1,
            fleet: BTreeMap::new(),
            handed_over: Vec::new(),
            durable: BTreeSet::new(),
            acked: BTreeSet::new(),
            refused: 0,
            in_force: BTreeMap::new(),
            made: 0,
            slots: 0,
            asked: 0,
            ran: BTreeSet::new(),
        }
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Save(n) => self.save(n),
            Step::LoseDelta(n) => self.lose_delta(n),
            Step::Remove(n) => self.remove(n),
            Step::Check { n, fails } => self.check(n, fails),
            Step::Deliver(most) => (0..most).for_each(|_| self.deliver()),
            Step::Sync => self.sync(),
            Step::Ask(n) => self.ask(n),
            Step::Cut => self.cut(),
            Step::Restart => self.restart(),
            Step::Restore => self.restore(),
            Step::CutBackfill => self.cut_backfill(),
            Step::Wait(millis) => self.wait(Duration::from_millis(millis.into())),
        }
    }

    pub(super) fn position(&self) -> Position {
        Position {
            scope: 0,
            epoch: Epoch::from_bytes([self.epoch; 16]),
            revision: self.revision,
            digest: digest(self.fleet.values()),
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            position: self.position(),
            monitors: self.fleet.values().cloned().collect(),
        }
    }

    // ---- the fleet

    fn lose_delta(&mut self, n: u8) {
        self.save(n);
        let is_delta = |m: &CoordinatorMessage| matches!(m, CoordinatorMessage::Delta(_));
        if self.to_agent.back().is_some_and(is_delta) {
            self.to_agent.pop_back();
        }
    }

    fn save(&mut self, n: u8) {
        let item = assigned(n, self.revision + 1);
        self.fleet.insert(n, item.clone());
        self.announce(vec![item], Vec::new());
    }

    fn remove(&mut self, n: u8) {
        if self.fleet.remove(&n).is_some() {
            self.announce(Vec::new(), vec![monitor(n)]);
        }
    }

    fn announce(&mut self, upserts: Vec<Assigned>, removes: Vec<MonitorId>) {
        let prev_revision = self.revision;
        self.revision += 1;
        let delta = Delta {
            position: self.position(),
            prev_revision,
            upserts,
            removes,
        };
        self.tell_coordinator(coordinator::Input::Delta(delta));
    }

    fn ask(&mut self, n: u8) {
        self.asked += 1;
        let ask = CheckNow {
            nonce: self.asked,
            count: 1,
            spacing: Duration::from_secs(1),
            delay: Duration::ZERO,
            timeout: None,
            what: Target::Monitor {
                monitor: monitor(n),
                revision: self.revision,
            },
            answer: false,
        };
        self.tell_coordinator(coordinator::Input::CheckNow(ask));
    }

    // ---- the agent's checks

    fn check(&mut self, n: u8, fails: bool) {
        self.slots += 1;
        let slot = Time::from_millis(at(0).as_millis() + self.slots);
        let outcome = if fails { down() } else { Outcome::Up };
        let mut made = result(n, outcome, self.now);
        made.run = Run::Slot(slot);
        if self.in_force.contains_key(&made.monitor) {
            self.made += 1;
        }
        self.tell_agent(agent::Input::Produced(made));
    }

    // ---- the ends

    fn tell_agent(&mut self, input: agent::Input) {
        let mut effects = Vec::new();
        self.agent.on(input, self.now, &mut effects);
        for effect in effects {
            self.agent_wants(effect);
        }
    }

    fn agent_wants(&mut self, effect: agent::Effect) {
        match effect {
            agent::Effect::Connect => {
                // The former stream, if the coordinator still believed in it, is fenced.
                self.coordinator = None;
                self.tell_agent(agent::Input::Connected);
            }
            agent::Effect::Disconnect => self.cut(),
            agent::Effect::Send(message) => self.to_coordinator.push_back(message),
            agent::Effect::Apply(change) => self.apply(change),
            agent::Effect::Run(run) => {
                self.ran.insert(run.nonce);
            }
            agent::Effect::OpenBackfill(_) => {
                self.backfill = self.coordinator.as_ref().map(|end| Backfill {
                    judge: end.judge().clone(),
                    batches: VecDeque::new(),
                    acks: VecDeque::new(),
                });
            }
            agent::Effect::SendBackfill(batch) => {
                if let Some(backfill) = &mut self.backfill {
                    backfill.batches.push_back(batch);
                }
            }
            agent::Effect::CloseBackfill => self.backfill = None,
            agent::Effect::Stop(why) => panic!("nobody stops the agent: {why:?}"),
        }
    }

    fn apply(&mut self, change: agent::Change) {
        for monitor in &change.removes {
            self.in_force.remove(monitor);
        }
        for upsert in change.upserts {
            let item = Assigned::Known(upsert.assignment);
            self.in_force.insert(item.monitor(), item);
        }
        if let Some(position) = change.position {
            assert_eq!(
                digest(self.in_force.values()),
                position.digest,
                "whole or not at all"
            );
            let rejects = change.rejects;
            self.tell_agent(agent::Input::Applied { position, rejects });
        }
    }

    fn tell_coordinator(&mut self, input: coordinator::Input) {
        let Some(end) = &mut self.coordinator else {
            return;
        };
        let mut effects = Vec::new();
        end.on(input, self.now, &mut effects);
        self.coordinator_wants(effects);
    }

    fn coordinator_wants(&mut self, effects: Vec<coordinator::Effect>) {
        for effect in effects {
            match effect {
                coordinator::Effect::Send(message) => self.to_agent.push_back(message),
                coordinator::Effect::Results { results, seq } => {
                    self.handed_over.push((keys(&results), seq));
                }
                coordinator::Effect::WantSnapshot => {
                    let snapshot = self.snapshot();
                    self.tell_coordinator(coordinator::Input::Snapshot(snapshot));
                }
                coordinator::Effect::Close(coordinator::Closed::Silent) => self.cut(),
                coordinator::Effect::Close(why) => panic!("the agent kept to the rules: {why}"),
                coordinator::Effect::Summary(_)
                | coordinator::Effect::Rejected(_)
                | coordinator::Effect::Health(_)
                | coordinator::Effect::Gap(_)
                | coordinator::Effect::Answer { .. }
                | coordinator::Effect::ClockOff(_) => {}
            }
        }
    }

    // ---- the wire and the store

    fn deliver(&mut self) {
        if let Some(message) = self.to_coordinator.pop_front() {
            self.arrive(message);
        }
        if let Some(message) = self.to_agent.pop_front() {
            self.note_acks(&message);
            self.tell_agent(agent::Input::Received(message));
        }
        self.deliver_backfill();
    }

    fn arrive(&mut self, message: AgentMessage) {
        if let (AgentMessage::Hello(hello), None) = (&message, &self.coordinator) {
            let admitted = Admitted {
                agent: agent_id(),
                session: session(1),
                protocol: 1,
                assignment: self.snapshot(),
            };
            let mut effects = Vec::new();
            let end = CoordinatorEnd::open(hello, admitted, self.now, &mut effects);
            self.coordinator = Some(end);
            self.coordinator_wants(effects);
            return;
        }
        self.tell_coordinator(coordinator::Input::Received(message));
    }

    fn deliver_backfill(&mut self) {
        let Some(backfill) = &mut self.backfill else {
            return;
        };
        if let Some(batch) = backfill.batches.pop_front() {
            let seq = batch.end_seq() - 1;
            let mut refused = Vec::new();
            let usable = backfill.judge.usable(batch, self.now, &mut refused);
            self.refused += refused.len();
            let keys = keys(&usable);
            self.durable.extend(keys.iter().copied());
            self.acked.extend(keys);
            backfill.acks.push_back(Ack {
                seq,
                refused,
                credits: CREDITS,
            });
        }
        if let Some(ack) = backfill.acks.pop_front() {
            self.tell_agent(agent::Input::BackfillAcked(ack));
        }
    }

    fn note_acks(&mut self, message: &CoordinatorMessage) {
        if let CoordinatorMessage::Ack(ack) = message {
            self.refused += ack.refused.len();
        }
    }

    fn sync(&mut self) {
        for (keys, seq) in std::mem::take(&mut self.handed_over) {
            self.durable.extend(keys.iter().copied());
            self.acked.extend(keys);
            self.tell_coordinator(coordinator::Input::Durable(seq));
        }
    }

    fn cut(&mut self) {
        // What was handed to the store reaches the disk; only its ack is lost.
        for (keys, _) in std::mem::take(&mut self.handed_over) {
            self.durable.extend(keys);
        }
        self.disconnect();
    }

    fn restart(&mut self) {
        self.handed_over.clear();
        self.disconnect();
    }

    fn restore(&mut self) {
        self.epoch += 1;
        self.revision += 1;
        self.durable.clear();
        self.restart();
    }

    fn disconnect(&mut self) {
        self.to_coordinator.clear();
        self.to_agent.clear();
        self.coordinator = None;
        self.backfill = None;
        let refused = false;
        let jitter = 0.3;
        self.tell_agent(agent::Input::Disconnected { refused, jitter });
    }

    fn cut_backfill(&mut self) {
        if self.backfill.take().is_some() {
            self.tell_agent(agent::Input::BackfillEnded { jitter: 0.5 });
        }
    }

    pub(super) fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        self.tell_agent(agent::Input::Tick);
        self.tell_coordinator(coordinator::Input::Tick);
    }

    /// Everything works, and nothing new happens, for a while.
    pub(super) fn quiet(&mut self) {
        for _ in 0..240 {
            self.wait(Duration::from_millis(500));
            for _ in 0..40 {
                self.deliver();
            }
            self.sync();
        }
    }

    pub(super) fn check_bounds(&self, limits: Limits) -> Result<(), TestCaseError> {
        let in_flight = self.to_coordinator.iter().map(|message| match message {
            AgentMessage::Results(batch) => batch.results.len(),
            AgentMessage::Hello(_)
            | AgentMessage::Summary { .. }
            | AgentMessage::Pulse(_)
            | AgentMessage::AssignmentAck { .. }
            | AgentMessage::Gap(_)
            | AgentMessage::Answer { .. }
            | AgentMessage::AskSnapshot => 0,
        });
        let credits = usize::try_from(CREDITS).unwrap_or(usize::MAX);
        prop_assert!(in_flight.sum::<usize>() <= credits);
        prop_assert!(self.agent.unacked() <= limits.count);
        Ok(())
    }
}

fn keys(results: &[CheckResult]) -> Vec<Key> {
    results.iter().map(|r| (r.monitor, r.run)).collect()
}
