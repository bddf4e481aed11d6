//! The agents of a scenario, the ways between them and the coordinator, and what befalls both.

use super::*;

/// What happens next.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// An agent's slot.
    Slot(usize),
    /// A run that was asked for, and how many follow it.
    Run {
        at: usize,
        nonce: u64,
        n: u32,
        more: u32,
    },
    /// A result reaches the coordinator, if the session that carries it still lives.
    Arrive {
        at: usize,
        session: u32,
        result: Box<CheckResult>,
    },
    /// An agent's vote summary reaches the coordinator.
    Summary { at: usize, session: u32 },
    /// A lost agent comes back.
    Return(usize),
}

/// One agent: what it knows by itself.
#[derive(Clone, Debug)]
pub(super) struct SimAgent {
    pub(super) id: AgentId,
    pub(super) connected: bool,
    session: u32,
    /// Its conclusive results under the present meaning: start, and whether Down.
    seen: Vec<(Time, bool)>,
}

impl SimAgent {
    pub(super) fn new(id: AgentId) -> Self {
        Self {
            id,
            connected: false,
            session: 0,
            seen: Vec::new(),
        }
    }

    pub(super) fn region(&self) -> usize {
        region_of(self.id)
    }

    fn summary(&self, world: &World) -> Option<SummaryEntry> {
        let &(newest, is_down) = self.seen.last()?;
        let run: Vec<_> = self
            .seen
            .iter()
            .rev()
            .take_while(|seen| seen.1 == is_down)
            .collect();
        let other = self.seen.iter().rev().find(|seen| seen.1 != is_down);
        Some(SummaryEntry {
            monitor: world.monitor.id,
            meaning: world.state.rules.meaning,
            outcome: if is_down { down() } else { Outcome::Up },
            age: world.now.since(newest),
            run_length: u32::try_from(run.len()).unwrap(),
            run_age: world.now.since(run.last().unwrap().0),
            other_age: other.map(|seen| world.now.since(seen.0)),
        })
    }
}

impl Sim {
    pub(super) fn happen(&mut self, event: Event) {
        match event {
            Event::Slot(at) => {
                let _ = self.check(at, Run::Slot(self.world.now));
                self.later(self.world.monitor.spec.interval, Event::Slot(at));
            }
            Event::Run { at, nonce, n, more } => {
                // The next one starts 1 s later, or when this one is over.
                let took = self.check(at, asked(nonce, n));
                if more > 0 {
                    let next = Event::Run {
                        at,
                        nonce,
                        n: n + 1,
                        more: more - 1,
                    };
                    self.later(took.max(secs(1)), next);
                }
            }
            Event::Arrive {
                at,
                session,
                result,
            } => self.arrive(at, session, &result),
            Event::Summary { at, session } => {
                let agent = &self.agents[at];
                if let Some(entry) = agent
                    .summary(&self.world)
                    .filter(|_| session == agent.session)
                {
                    let agent = agent.id;
                    let before = self.world.votes().0;
                    self.oracle.heard_summary(agent);
                    self.give(Input::Summary { agent, entry });
                    if self.world.votes().0 > before {
                        self.coverage.met("a summary turned a vote down");
                    }
                }
            }
            Event::Return(at) => self.connect(at),
        }
    }

    fn arrive(&mut self, at: usize, session: u32, result: &CheckResult) {
        let agent = &self.agents[at];
        if !agent.connected || session != agent.session {
            self.coverage.met("a result of a broken session was lost");
            return;
        }
        let known = self.world.state.seat_of(result.agent).and_then(|seat| {
            self.world.state.seats[seat]
                .trail
                .as_ref()
                .map(|trail| trail.started)
        });
        if known.is_some_and(|newest| newest > result.started) {
            self.coverage.met("a result came after a newer one");
        }
        // What is due is judged before the result; the oracle must not know it yet.
        if self
            .world
            .state
            .next_wake()
            .is_some_and(|wake| wake <= self.world.now)
        {
            self.give(Input::Tick);
        }
        let assigned = &self.world.monitor.spec.regions;
        if !assigned.contains(&region(region_of(result.agent))) {
            return self.give(Input::Result(result));
        }
        self.oracle.heard(result, self.world.state.rules.meaning);
        self.give(Input::Result(result));
    }

    /// A check begins; its result is on its way at once, to arrive when the check is over. Returns
    /// how long it takes.
    fn check(&mut self, at: usize, run: Run) -> Duration {
        let started = self.world.now;
        let agent = &mut self.agents[at];
        // Runs of one agent start apart, or they would be one look.
        if self.world.monitor.paused || agent.seen.last().is_some_and(|seen| seen.0 == started) {
            return secs(0);
        }
        let spurious = !self.healed && self.weather == Weather::Storm && self.dice.one_in(40);
        let is_down = self.truth[agent.region()] != spurious;
        let odd = !self.healed && self.dice.one_in(30);
        let outcome = match (odd, is_down) {
            (true, _) => inconclusive(),
            (false, true) => down(),
            (false, false) => Outcome::Up,
        };
        if outcome.is_conclusive() {
            agent.seen.push((started, is_down));
        }
        let (id, session, connected) = (agent.id, agent.session, agent.connected);
        let timeout = u64::try_from(self.world.monitor.spec.timeout.as_millis()).unwrap();
        let took = match is_down && self.dice.one_in(2) {
            true => timeout,
            false => 20 + self.dice.below(200),
        };
        let took = Duration::from_millis(took);
        if !connected {
            return took;
        }
        // A session keeps the order; while things go wrong, one may break and be made anew.
        let way = match (self.healed, self.dice.one_in(20)) {
            (true, _) => 20,
            (false, true) => self.dice.below(20_000),
            (false, false) => 5 + self.dice.below(100),
        };
        let result = Box::new(self.world.result(id, started, run, &outcome));
        self.later(
            took + Duration::from_millis(way),
            Event::Arrive {
                at,
                session,
                result,
            },
        );
        took
    }

    pub(super) fn asked(&mut self, check: &CheckNow) {
        let at = self
            .agents
            .iter()
            .position(|agent| agent.id == check.agent)
            .unwrap();
        assert!(
            self.agents[at].connected,
            "asked an agent without a session"
        );
        // Budgets may refuse; the slots must do then.
        if !self.healed && self.dice.one_in(10) {
            return;
        }
        let wait = check.delay + Duration::from_millis(5 + self.dice.below(100));
        let (nonce, more) = (check.nonce, check.count - 1);
        self.later(
            wait,
            Event::Run {
                at,
                nonce,
                n: 0,
                more,
            },
        );
    }

    pub(super) fn connect(&mut self, at: usize) {
        let agent = &mut self.agents[at];
        if agent.connected {
            return;
        }
        agent.connected = true;
        agent.session += 1;
        let (id, session) = (agent.id, agent.session);
        let region = region(region_of(id));
        self.give(Input::Agent {
            agent: id,
            region,
            tie: Tie::Connected,
        });
        let wait = Duration::from_millis(self.dice.below(500));
        self.later(wait, Event::Summary { at, session });
    }

    pub(super) fn disconnect(&mut self, at: usize) {
        let agent = &mut self.agents[at];
        if !agent.connected {
            return;
        }
        agent.connected = false;
        let (id, now) = (agent.id, self.world.now);
        let region = region(region_of(id));
        self.give(Input::Agent {
            agent: id,
            region,
            tie: Tie::Lost(now),
        });
    }

    /// A start of the coordinator: what is durable is all that is left of it.
    fn restart(&mut self) {
        if self.world.state.incident().is_some() {
            self.coverage.met("a start with an incident open");
        }
        if self.world.state.round.is_some() {
            self.coverage.met("a start while a round ran");
        }
        self.world.restart();
        self.oracle.forget();
        for at in 0..self.agents.len() {
            let was_connected = std::mem::take(&mut self.agents[at].connected);
            if was_connected {
                let wait = Duration::from_millis(self.dice.below(5000));
                self.later(wait, Event::Return(at));
            }
        }
    }

    fn save(&mut self, change: impl FnOnce(&mut Monitor)) {
        change(&mut self.world.monitor);
        let monitor = self.world.monitor.clone();
        let before = (self.world.state.rules.meaning, self.world.state.activity);
        self.give(Input::Saved(&monitor));
        if before != (self.world.state.rules.meaning, self.world.state.activity) {
            self.oracle.forget();
            self.agents.iter_mut().for_each(|agent| agent.seen.clear());
        }
        self.oracle.keep(&monitor.spec.regions);
    }

    /// Something goes wrong, comes right, or is done by somebody.
    pub(super) fn misfortune(&mut self) {
        let regions = self.truth.len();
        let r = usize::try_from(self.dice.below(regions as u64)).unwrap();
        let at = usize::try_from(self.dice.below(self.agents.len() as u64)).unwrap();
        let by = "ann".to_owned();
        match self.dice.below(21) {
            0..3 => self.truth[r] = !self.truth[r],
            3 | 4 => self.truth.fill(true),
            5..8 => self.truth.fill(false),
            8..11 => self.disconnect(at),
            11..14 => self.connect(at),
            14 => self.restart(),
            15 => {
                let force = self.dice.one_in(2);
                self.give(Input::Resolve { by, force });
            }
            16 => self.give(Input::Acknowledge {
                by,
                note: String::new(),
            }),
            17 => {
                let paused = !self.world.monitor.paused && self.dice.one_in(2);
                self.save(|monitor| monitor.paused = paused);
            }
            18 => {
                let timeout = secs(2 + self.dice.below(8));
                self.save(|monitor| monitor.spec.timeout = timeout);
            }
            19 => {
                let keep = self.dice.roll();
                self.save(|monitor| {
                    let regions = (0..regions).filter(|r| keep >> r & 1 == 1 || *r == 0);
                    monitor.spec.regions = regions.map(region).collect();
                });
            }
            _ => {
                let policy = self.dice.of(&[Policy::Majority, Policy::All, Policy::Any]);
                self.save(|monitor| monitor.spec.quorum = policy);
            }
        }
    }

    /// Only region 0 sees what is not there; agents and the coordinator fail as they like.
    pub(super) fn lie(&mut self) {
        let at = usize::try_from(self.dice.below(self.agents.len() as u64)).unwrap();
        match self.dice.below(10) {
            0..4 => self.truth[0] = !self.truth[0],
            4..6 => self.disconnect(at),
            6..9 => self.connect(at),
            _ => self.restart(),
        }
    }

    /// Every fault heals, and the target is up.
    pub(super) fn heal(&mut self) {
        self.healed = true;
        self.truth.fill(false);
        for at in 0..self.agents.len() {
            self.connect(at);
        }
        let regions = 0..self.truth.len();
        self.save(|monitor| {
            monitor.paused = false;
            monitor.spec.regions = regions.map(region).collect();
        });
    }
}
