//! Random scenarios: agents with slots, latency, losses and broken sessions around one monitor, a
//! truth that changes, starts of the coordinator, edits and deeds by hand. The invariants are
//! checked after every input; at the end faults heal, and what must become of it is checked too.
//!
//! A failing run prints its seed; `SEEDS` runs in order, so it comes again.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

mod agents;
mod oracle;

use agents::{Event, SimAgent};
use oracle::Oracle;

/// Scenarios in a run of the tests.
const SEEDS: u64 = 120;

/// A small generator of numbers that look random; the same for the same seed.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

/// How often the hard spots were met; a run that misses one proves less than it says.
#[derive(Debug, Default)]
struct Coverage(BTreeMap<&'static str, u32>);

const HARD_SPOTS: [&str; 16] = [
    "opened global",
    "opened regional",
    "widened",
    "narrowed",
    "recovered",
    "refuted",
    "unobserved",
    "forced",
    "paused",
    "the floor was lost during a round",
    "a vote turned up during a round",
    "a result of a broken session was lost",
    "a start with an incident open",
    "a start while a round ran",
    "a summary turned a vote down",
    "a result came after a newer one",
];

impl Coverage {
    fn met(&mut self, spot: &'static str) {
        *self.0.entry(spot).or_default() += 1;
    }
}

/// What may go wrong in a scenario.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Weather {
    /// Anything: outages of any number of regions, losses, edits, deeds by hand.
    Storm,
    /// The target is up all the time; the agents of region 0 alone see what is not there.
    OneRegionLies,
}

struct Sim {
    world: World,
    dice: Dice,
    weather: Weather,
    /// Per region, whether the target is down as seen from there.
    truth: Vec<bool>,
    agents: Vec<SimAgent>,
    queue: BTreeMap<(Time, u64), Event>,
    queued: u64,
    healed: bool,
    oracle: Oracle,
    coverage: Coverage,
}

impl Sim {
    fn new(seed: u64, weather: Weather) -> Self {
        let mut dice = Dice(seed);
        let monitor = Self::monitor(&mut dice, weather);
        let regions = monitor.spec.regions.len();
        let world = World::without_agents(monitor, Durable::default());
        let mut sim = Self {
            world,
            dice,
            weather,
            truth: vec![false; regions],
            agents: Vec::new(),
            queue: BTreeMap::new(),
            queued: 0,
            healed: false,
            oracle: Oracle::default(),
            coverage: Coverage::default(),
        };
        for r in 0..regions {
            let replicas = if sim.dice.one_in(3) { 2 } else { 1 };
            for replica in 0..replicas {
                sim.agents.push(SimAgent::new(agent(r, replica)));
                let at = sim.agents.len() - 1;
                sim.connect(at);
                sim.later(sim.phase(at), Event::Slot(at));
            }
        }
        sim
    }

    fn monitor(dice: &mut Dice, weather: Weather) -> Monitor {
        let least = if weather == Weather::OneRegionLies {
            2
        } else {
            1
        };
        let regions = least + usize::try_from(dice.below(5)).unwrap();
        let mut monitor = monitor(regions);
        let spec = &mut monitor.spec;
        spec.interval = secs(dice.of(&[10, 30, 60, 300]));
        spec.timeout = secs(dice.of(&[2, 5, 10]));
        spec.failures = NonZeroU8::new(dice.of(&[1, 1, 2, 3])).unwrap();
        spec.successes = NonZeroU8::new(dice.of(&[1, 1, 2])).unwrap();
        spec.regional_after = secs(dice.of(&[0, 60, 300]));
        spec.quorum = match (weather, dice.below(4)) {
            (Weather::Storm, 0) => Policy::Any,
            (_, 1) => Policy::All,
            _ => Policy::Majority,
        };
        monitor
    }

    /// The regions' slots spread evenly over the interval, a region's agents between two of them.
    fn phase(&self, at: usize) -> Duration {
        let regions = u32::try_from(self.truth.len()).unwrap();
        let replica = u32::from(self.agents[at].id.as_bytes()[1]);
        let rank = u32::try_from(self.agents[at].region()).unwrap();
        self.world.monitor.spec.interval * (rank * 2 + replica) / (regions * 2)
    }

    fn later(&mut self, wait: Duration, event: Event) {
        self.queued += 1;
        self.queue
            .insert((self.world.now + wait, self.queued), event);
    }

    /// Runs for a while; whatever is due happens in its order.
    fn run(&mut self, span: Duration) {
        let until = self.world.now + span;
        while let Some((&(at, n), _)) = self.queue.iter().next() {
            if at > until {
                break;
            }
            let wake = self.world.state.next_wake().filter(|&wake| wake < at);
            if let Some(wake) = wake {
                // Now and then a timer is late: the next input must do as well.
                let late = !self.healed && self.dice.one_in(4);
                if !late {
                    self.world.now = wake;
                    self.give(Input::Tick);
                    continue;
                }
            }
            let event = self.queue.remove(&(at, n)).unwrap();
            self.world.now = at;
            self.happen(event);
        }
        self.world.pass(until.since(self.world.now));
        self.follow(0);
    }

    fn give(&mut self, input: Input<'_>) {
        let round_ran = self.world.state.round.is_some();
        let before = self.world.votes();
        let seen = self.world.effects.len();
        let _ = self.world.on(input);
        let after = self.world.votes();
        let required = self.world.state.rules.quorum.required();
        if round_ran && before.0 + before.1 >= required && after.0 + after.1 < required {
            self.coverage.met("the floor was lost during a round");
        }
        if round_ran && after.0 < before.0 && after.1 > before.1 {
            self.coverage.met("a vote turned up during a round");
        }
        self.follow(seen);
    }

    /// Lets effects take their course, and checks what they claim.
    fn follow(&mut self, from: usize) {
        let effects: Vec<Effect> = self.world.effects.drain(from..).collect();
        for effect in effects {
            match effect {
                Effect::CheckNow(check) => self.asked(&check),
                Effect::Transition(incident) => self.moved(&incident),
                Effect::Status { .. } | Effect::Save => {}
            }
        }
    }

    fn moved(&mut self, incident: &Incident) {
        let last = incident.transitions.last().unwrap();
        let spot = match (last.kind, incident.scope, incident.resolution) {
            (TransitionKind::Opened, Scope::Global, _) => Some("opened global"),
            (TransitionKind::Opened, _, _) => Some("opened regional"),
            (TransitionKind::Widened, _, _) => Some("widened"),
            (TransitionKind::Narrowed, _, _) => Some("narrowed"),
            (_, _, Some(resolution)) => Some(resolution.as_str()),
            (_, _, None) => None,
        };
        spot.into_iter().for_each(|spot| self.coverage.met(spot));
        if self.weather == Weather::OneRegionLies && !self.healed {
            assert_eq!(
                incident.scope,
                Scope::Regional,
                "one region of several paged everybody"
            );
        }
        self.oracle.judge(&self.world, &self.agents, incident);
    }
}

/// Trouble for an hour or three, then quiet.
fn trouble(sim: &mut Sim) {
    let steps = 40 + sim.dice.below(80);
    for _ in 0..steps {
        let wait = sim.dice.of(&[1, 5, 20, 60, 200, 700]);
        let wait = wait * 1000 + sim.dice.below(1000);
        sim.run(Duration::from_millis(wait));
        match sim.weather {
            Weather::Storm => sim.misfortune(),
            Weather::OneRegionLies => sim.lie(),
        }
    }
}

/// What must become of it once all is well: an incident closes in time, a true outage opens one
/// in time and is closed in time, and the loss of the monitoring itself leaves no trace.
fn healed(sim: &mut Sim) {
    sim.heal();
    let rules = sim.world.state.rules.clone();
    let regions = u32::try_from(sim.truth.len()).unwrap();
    // Time on the way, there and back, that the bounds of the rules leave out.
    let travel = secs(2);
    let closes = rules.interval
        + rules.timeout * 2
        + (rules.timeout + secs(1)) * rules.successes
        + secs(5)
        + travel;
    // Old sessions' results are still on their way; a whole window settles who votes what.
    sim.run(rules.window() * 2 + rules.silence());
    assert_eq!(
        (sim.world.scope(), sim.world.status()),
        (None, Status::Up),
        "it must be quiet"
    );
    let truth_down = sim.world.now;
    sim.truth.fill(true);
    let opens = rules.interval / regions + rules.timeout + rules.round(rules.failures) + travel;
    sim.run(opens);
    assert_eq!(
        sim.world.scope(),
        Some(Scope::Global),
        "down since {truth_down}, unseen"
    );
    sim.run(secs(300));
    sim.truth.fill(false);
    sim.run(closes);
    assert_eq!(
        (sim.world.scope(), sim.world.status()),
        (None, Status::Up),
        "up, unseen"
    );
    let generation = sim.world.state.durable().generation;
    for at in 0..sim.agents.len() {
        sim.disconnect(at);
    }
    sim.run(secs(3600));
    for at in 0..sim.agents.len() {
        sim.connect(at);
    }
    sim.run(rules.window() * 2);
    assert_eq!(sim.world.status(), Status::Up);
    assert_eq!(
        sim.world.state.durable().generation,
        generation,
        "a gap is no outage"
    );
}

fn run(seed: u64, weather: Weather) -> Coverage {
    println!("seed {seed} {weather:?}");
    let mut sim = Sim::new(seed, weather);
    trouble(&mut sim);
    healed(&mut sim);
    sim.coverage
}

#[test]
fn no_invariant_breaks_in_random_scenarios_and_all_hard_spots_are_met() {
    let mut total = Coverage::default();
    for seed in 0..SEEDS {
        for (spot, n) in run(seed, Weather::Storm).0 {
            *total.0.entry(spot).or_default() += n;
        }
    }
    println!("{total:#?}");
    let missed: Vec<_> = HARD_SPOTS
        .iter()
        .filter(|spot| !total.0.contains_key(*spot))
        .collect();
    assert!(missed.is_empty(), "never met: {missed:?}");
}

#[test]
fn one_region_that_lies_never_pages_globally() {
    for seed in 1000..1000 + SEEDS / 2 {
        run(seed, Weather::OneRegionLies);
    }
}
