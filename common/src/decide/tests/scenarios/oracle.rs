//! The oracle: judges openings from the results alone, by another way than the machine does.
//!
//! It keeps every live result, and asks for what any opening must be able to show; it knows
//! nothing of rounds, areas or seats. Incidents must follow each other, each with an id of its own.

use super::*;

#[derive(Clone, Debug)]
struct Heard {
    started: Time,
    outcome: Outcome,
}

/// What was heard live since the last start, and which incidents there were.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    live: BTreeMap<AgentId, Vec<Heard>>,
    /// Agents whose summary came: what they saw before it may belong to a run of theirs.
    summarised: BTreeSet<AgentId>,
    ids: BTreeSet<IncidentId>,
    last_end: Option<Time>,
}

impl Oracle {
    pub(super) fn forget(&mut self) {
        self.live.clear();
        self.summarised.clear();
    }

    /// What was heard from other regions is void.
    pub(super) fn keep(&mut self, regions: &[Region]) {
        self.live
            .retain(|&agent, _| regions.contains(&region(region_of(agent))));
    }

    pub(super) fn heard_summary(&mut self, agent: AgentId) {
        self.summarised.insert(agent);
    }

    pub(super) fn heard(&mut self, result: &CheckResult, meaning: crate::monitor::Meaning) {
        let live = self.live.entry(result.agent).or_default();
        let newer = live.last().is_none_or(|last| last.started < result.started);
        if newer && result.meaning == meaning && result.outcome.is_conclusive() {
            let (started, outcome) = (result.started, result.outcome.clone());
            live.push(Heard { started, outcome });
        }
    }

    pub(super) fn judge(&mut self, world: &World, agents: &[SimAgent], incident: &Incident) {
        let last = incident.transitions.last().unwrap();
        match last.kind {
            TransitionKind::Opened => {
                assert!(self.ids.insert(incident.id), "an id came twice");
                let after = self.last_end.is_none_or(|end| incident.started_at >= end);
                assert!(after, "incidents overlap");
                self.judge_votes(world, agents, incident);
            }
            TransitionKind::Widened => self.judge_votes(world, agents, incident),
            TransitionKind::Resolved => {
                self.last_end = incident.ended_at;
                if incident.resolution == Some(Resolution::Recovered) {
                    self.judge_recovery(world, agents, incident);
                }
            }
            TransitionKind::Narrowed
            | TransitionKind::Acknowledged
            | TransitionKind::Commented
            | TransitionKind::Flapping => {}
        }
    }

    /// Enough regions have an agent whose newest live result is Down and fresh; and where two
    /// regions did not fail together, each was seen Down twice.
    fn judge_votes(&self, world: &World, agents: &[SimAgent], incident: &Incident) {
        let rules = &world.state.rules;
        let fails = |agent: &&SimAgent| {
            let newest = self.live.get(&agent.id).and_then(|live| live.last());
            newest.is_some_and(|heard| {
                heard.outcome.is_down() && world.now.since(heard.started) < rules.window()
            })
        };
        let failing: Vec<&SimAgent> = agents.iter().filter(fails).collect();
        let regions: BTreeSet<usize> = failing.iter().map(|agent| agent.region()).collect();
        let needed = match incident.scope {
            Scope::Global => usize::from(rules.quorum.required()),
            Scope::Regional | Scope::System => 1,
        };
        assert!(
            regions.len() >= needed,
            "{} regions fail, {needed} needed: {:#?}",
            regions.len(),
            incident.transitions.last(),
        );
        if regions.len() == 1 {
            let twice = failing.iter().any(|agent| self.seen_twice(agent.id));
            assert!(twice, "one lost packet opened an incident");
        }
    }

    fn seen_twice(&self, agent: AgentId) -> bool {
        let live = &self.live[&agent];
        let run = live
            .iter()
            .rev()
            .take_while(|heard| heard.outcome.is_down());
        let first = run.last().map(|heard| heard.started);
        let newest = live.last().map(|heard| heard.started);
        newest >= first.map(|at| at + secs(1)) || self.summarised.contains(&agent)
    }

    /// Every named region that is still assigned has an agent that was heard Up, live.
    fn judge_recovery(&self, world: &World, agents: &[SimAgent], incident: &Incident) {
        for named in &incident.named {
            if !world.monitor.spec.regions.contains(named) {
                continue;
            }
            let here = agents
                .iter()
                .filter(|agent| region(agent.region()) == *named);
            let up = here.filter(|agent| {
                let live = self.live.get(&agent.id);
                live.is_some_and(|live| live.iter().any(|heard| !heard.outcome.is_down()))
            });
            assert!(up.count() > 0, "{named} was never heard Up");
        }
    }
}
