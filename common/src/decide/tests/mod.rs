//! A small world around one monitor: regions with agents, a clock that fires what is due, and
//! the invariants that must hold after every input.

use std::num::NonZeroU8;
use std::time::Duration;

use super::*;
use crate::incident::{IncidentStatus, Resolution, TransitionKind};
use crate::monitor::{Kind, MonitorSpec, Policy, Severity};
use crate::name::Name;
use crate::outcome::{Reason, ReasonCode};
use crate::result::{Phases, Run};
use crate::vote::SummaryEntry;

mod by_hand;
mod confirmation;
mod edits;
mod endings;
mod enumeration;
mod evidence;
mod invariants;
mod opening;
mod pairs;
mod properties;
mod rounds;
mod scenarios;
mod scope;
mod summaries;
mod times;
mod verdict;
mod votes;

/// The regions of a world, sorted as a specification has them.
const REGIONS: [&str; 7] = [
    "af-south",
    "ap-east",
    "ap-southeast",
    "eu-north",
    "eu-west",
    "us-east",
    "us-west",
];
/// When a world begins, in seconds.
const BEGIN: i64 = 1_800_000_000;

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn region(r: usize) -> Region {
    Region::parse(REGIONS[r]).unwrap()
}

fn agent(r: usize, replica: usize) -> AgentId {
    let mut bytes = [0; 16];
    bytes[0] = u8::try_from(r + 1).unwrap();
    bytes[1] = u8::try_from(replica).unwrap();
    AgentId::from_bytes(bytes)
}

fn region_of(agent: AgentId) -> usize {
    usize::from(agent.as_bytes()[0]) - 1
}

fn down() -> Outcome {
    let reason = Reason::new(ReasonCode::HttpStatus, "503 Service Unavailable");
    Outcome::Down(reason.with_status(503))
}

fn degraded() -> Outcome {
    Outcome::Degraded(Reason::new(ReasonCode::Latency, "took 1.2 s"))
}

fn inconclusive() -> Outcome {
    Outcome::Inconclusive(Reason::new(ReasonCode::AgentOverload, "too many checks"))
}

/// Three regions, every 30 s, timeout 5 s, the defaults otherwise.
fn monitor(regions: usize) -> Monitor {
    let one = NonZeroU8::MIN;
    Monitor {
        id: MonitorId::from_bytes([7; 16]),
        spec: MonitorSpec {
            name: Name::parse("api").unwrap(),
            kind: kind("https://api.example.com/health"),
            interval: secs(30),
            timeout: secs(5),
            regions: (0..regions).map(region).collect(),
            quorum: Policy::Majority,
            failures: one,
            successes: one,
            regional_after: secs(300),
            severity: Severity::Critical,
            labels: std::collections::BTreeMap::new(),
            notify: Vec::new(),
        },
        paused: false,
        created_at: Time::from_secs(BEGIN),
        updated_at: Time::from_secs(BEGIN),
        version: 1,
    }
}

fn kind(url: &str) -> Kind {
    Kind::Http(Box::new(crate::monitor::HttpSpec::to(url.parse().unwrap())))
}

fn epoch() -> Epoch {
    Epoch::from_bytes([1; 16])
}

fn asked(nonce: u64, n: u32) -> Run {
    Run::Asked { nonce, n }
}

/// One monitor's state and all around it that a test needs.
#[derive(Clone)]
struct World {
    state: MonitorState,
    monitor: Monitor,
    now: Time,
    /// What came out since it was last taken.
    effects: Vec<Effect>,
}

impl World {
    /// One agent in each region, connected, nothing heard yet.
    fn silent(monitor: Monitor) -> Self {
        let mut world = Self::without_agents(monitor, Durable::default());
        for r in 0..world.monitor.spec.regions.len() {
            world.tie(r, Tie::Connected);
        }
        world
    }

    /// The same with one Up result from each region.
    fn up(monitor: Monitor) -> Self {
        let mut world = Self::silent(monitor);
        world.all(&Outcome::Up);
        world.effects.clear();
        world
    }

    /// Three regions with a regional incident that names region 0.
    fn regional() -> Self {
        let mut world = Self::up(monitor(3));
        world.pass_seeing(secs(330), &[down(), Outcome::Up, Outcome::Up]);
        world.hear(0, &down());
        assert_eq!(
            (world.scope(), world.named()),
            (Some(Scope::Regional), vec![0])
        );
        world.effects.clear();
        world
    }

    /// Three regions with a global incident that names regions 0 and 1.
    fn global() -> Self {
        let mut world = Self::up(monitor(3));
        world.pass(secs(30));
        world.hear(0, &down());
        world.hear(1, &down());
        world.hear(2, &Outcome::Up);
        assert_eq!(
            (world.scope(), world.named()),
            (Some(Scope::Global), vec![0, 1])
        );
        world.effects.clear();
        world
    }

    fn without_agents(monitor: Monitor, durable: Durable) -> Self {
        let now = Time::from_secs(BEGIN);
        Self {
            state: MonitorState::new(&monitor, durable, epoch(), now),
            monitor,
            now,
            effects: Vec::new(),
        }
    }

    /// As after a start of the coordinator: only what is durable is left.
    fn restart(&mut self) {
        let durable = self.state.durable();
        self.state = MonitorState::new(&self.monitor, durable, epoch(), self.now);
        self.effects.clear();
    }

    fn on(&mut self, input: Input<'_>) -> Result<(), Refusal> {
        let before = self.effects.len();
        let open_before = self.state.incident().cloned();
        let answer = self.state.on(input, self.now, &mut self.effects);
        invariants::check(
            &self.state,
            open_before.as_ref(),
            &self.effects[before..],
            self.now,
        );
        answer
    }

    fn tie(&mut self, r: usize, tie: Tie) {
        self.tie_agent(agent(r, 0), tie);
    }

    fn tie_agent(&mut self, agent: AgentId, tie: Tie) {
        let region = region(region_of(agent));
        self.on(Input::Agent { agent, region, tie }).unwrap();
    }

    /// A result of region `r` that starts now.
    fn hear(&mut self, r: usize, outcome: &Outcome) {
        self.hear_agent(agent(r, 0), outcome);
    }

    fn hear_agent(&mut self, agent: AgentId, outcome: &Outcome) {
        self.hear_run(agent, self.now, Run::Slot(self.now), outcome);
    }

    fn hear_run(&mut self, agent: AgentId, started: Time, run: Run, outcome: &Outcome) {
        let result = self.result(agent, started, run, outcome);
        self.on(Input::Result(&result)).unwrap();
    }

    fn result(&self, agent: AgentId, started: Time, run: Run, outcome: &Outcome) -> CheckResult {
        CheckResult {
            monitor: self.monitor.id,
            agent,
            run,
            meaning: self.state.rules.meaning,
            started,
            took: secs(0),
            lateness: secs(0),
            outcome: outcome.clone(),
            phases: Phases::default(),
            observation: None,
        }
    }

    /// One result from the first agent of each region, 10 ms apart.
    fn all(&mut self, outcome: &Outcome) {
        for r in 0..self.monitor.spec.regions.len() {
            self.hear(r, outcome);
            self.pass(Duration::from_millis(10));
        }
    }

    /// Time passes; timers fire when they are due.
    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(wake) = self.state.next_wake().filter(|&wake| wake <= until) {
            self.now = self.now.max(wake);
            self.on(Input::Tick).unwrap();
        }
        self.now = until;
    }

    /// Time passes, each region's first agent going on to see what `sees` says, every interval.
    fn pass_seeing(&mut self, span: Duration, sees: &[Outcome]) {
        let until = self.now + span;
        while self.now < until {
            for (r, outcome) in sees.iter().enumerate() {
                self.hear(r, outcome);
            }
            self.pass(self.monitor.spec.interval);
        }
    }

    fn save(&mut self, change: impl FnOnce(&mut Monitor)) {
        change(&mut self.monitor);
        let monitor = self.monitor.clone();
        self.on(Input::Saved(&monitor)).unwrap();
    }

    fn summary(
        &mut self,
        r: usize,
        outcome: &Outcome,
        age: u64,
        length: u32,
        run: u64,
        other: Option<u64>,
    ) {
        let entry = SummaryEntry {
            monitor: self.monitor.id,
            meaning: self.state.rules.meaning,
            outcome: outcome.clone(),
            age: secs(age),
            run_length: length,
            run_age: secs(run),
            other_age: other.map(secs),
        };
        self.on(Input::Summary {
            agent: agent(r, 0),
            entry,
        })
        .unwrap();
    }

    /// Who was asked since the last look, with delay and count; forgets all other effects.
    fn asked(&mut self) -> Vec<(usize, u64, u32)> {
        let checks = self.effects.drain(..).filter_map(|effect| match effect {
            Effect::CheckNow(check) => {
                Some((region_of(check.agent), check.delay.as_secs(), check.count))
            }
            Effect::Transition(_) | Effect::Status { .. } | Effect::Save => None,
        });
        checks.collect()
    }

    /// The transitions since the last look; forgets all other effects.
    fn transitions(&mut self) -> Vec<TransitionKind> {
        let incidents = self.effects.drain(..).filter_map(|effect| match effect {
            Effect::Transition(incident) => Some(incident.transitions.last().unwrap().kind),
            Effect::CheckNow(_) | Effect::Status { .. } | Effect::Save => None,
        });
        incidents.collect()
    }

    /// The incident of the last transition since the last look.
    fn last_incident(&self) -> Incident {
        let mut incidents = self.effects.iter().filter_map(|effect| match effect {
            Effect::Transition(incident) => Some(incident),
            Effect::CheckNow(_) | Effect::Status { .. } | Effect::Save => None,
        });
        *incidents.next_back().unwrap().clone()
    }

    /// How many regions vote Down, and how many Up.
    fn votes(&self) -> (u8, u8) {
        (self.state.count.down, self.state.count.up)
    }

    fn status(&self) -> Status {
        self.state.view(self.now).status
    }

    fn scope(&self) -> Option<Scope> {
        self.state.incident().map(|incident| incident.scope)
    }

    fn named(&self) -> Vec<usize> {
        let named = &self.state.incident().unwrap().named;
        let place = |region: &Region| REGIONS.iter().position(|&r| r == region.as_str()).unwrap();
        named.iter().map(place).collect()
    }
}
