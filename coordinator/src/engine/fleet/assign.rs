//! Who checks what: the assignments of all agents, their revisions and digests, and what changes
//! in them when monitors or agents come and go.

use std::collections::{BTreeMap, HashMap};

use vigilmon_common::decide::Tie;
use vigilmon_common::fleet::assignment::{Candidate, choose, eligible};
use vigilmon_common::id::{AgentId, Epoch, MonitorId};
use vigilmon_common::identity::AssignmentDigest;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::Region;
use vigilmon_common::schedule::Assignment;
use vigilmon_common::session::assignment::{Assigned, Delta, Position, Snapshot};
use vigilmon_common::time::Time;

use crate::store::{AssignmentSpan, Change, HistoryRecord};

/// Every shard: this coordinator owns all.
const ALL_SHARDS: u64 = 0;

/// What each agent gets and loses.
type Deltas = BTreeMap<AgentId, (Vec<Assigned>, Vec<MonitorId>)>;

#[derive(Debug, Default)]
struct Of {
    region: Option<Region>,
    lost_since: Option<Time>,
    revoked: bool,
    revision: u64,
    digest: AssignmentDigest,
    set: HashMap<MonitorId, (Assignment, Time)>,
}

/// A tie that an assignment change makes or ends.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) monitor: MonitorId,
    pub(crate) agent: AgentId,
    pub(crate) region: Region,
    pub(crate) tie: Tie,
}

/// What a change of assignments brings.
#[derive(Default)]
pub(crate) struct Reassigned {
    /// To be committed.
    pub(crate) changes: Vec<Change>,
    /// To be told to shard owners.
    pub(crate) moved: Vec<Moved>,
    /// To be told to agents.
    pub(crate) deltas: Vec<(AgentId, Delta)>,
}

/// See the module.
pub(crate) struct Assignments {
    epoch: Epoch,
    revision: u64,
    agents: BTreeMap<AgentId, Of>,
    checked_by: HashMap<MonitorId, Vec<AgentId>>,
}

impl Assignments {
    /// Nobody checks anything yet.
    pub(crate) fn new(epoch: Epoch, revision: u64) -> Self {
        Self {
            epoch,
            revision,
            agents: BTreeMap::new(),
            checked_by: HashMap::new(),
        }
    }

    /// An agent is known, or stands otherwise than before.
    pub(crate) fn set_agent(&mut self, agent: AgentId, region: &Region, lost: Option<Time>) {
        let revision = self.revision;
        let of = self.agents.entry(agent).or_insert_with(|| Of {
            revision,
            ..Of::default()
        });
        of.region = Some(region.clone());
        of.lost_since = lost;
    }

    /// An agent may not come back; the next reassignment takes its monitors away.
    pub(crate) fn revoke(&mut self, agent: AgentId) {
        if let Some(of) = self.agents.get_mut(&agent) {
            of.revoked = true;
        }
    }

    /// What an agent has to check, whole.
    pub(crate) fn snapshot(&self, agent: AgentId) -> Snapshot {
        let Some(of) = self.agents.get(&agent) else {
            let position = self.position(self.revision, AssignmentDigest::EMPTY);
            return Snapshot {
                position,
                monitors: Vec::new(),
            };
        };
        let monitors = of
            .set
            .values()
            .map(|(a, _)| Assigned::from(a.clone()))
            .collect();
        Snapshot {
            position: self.position(of.revision, of.digest),
            monitors,
        }
    }

    /// How many monitors an agent has to check.
    pub(crate) fn count(&self, agent: AgentId) -> usize {
        self.agents.get(&agent).map_or(0, |of| of.set.len())
    }

    /// The revision of an agent's assignment.
    pub(crate) fn revision_of(&self, agent: AgentId) -> u64 {
        self.agents
            .get(&agent)
            .map_or(self.revision, |of| of.revision)
    }

    /// The monitors of an agent, each with the tie that it has now.
    pub(crate) fn ties(&self, agent: AgentId, tie: Tie) -> Vec<Moved> {
        let Some(of) = self.agents.get(&agent) else {
            return Vec::new();
        };
        let Some(region) = &of.region else {
            return Vec::new();
        };
        let moved = |&monitor: &MonitorId| Moved {
            monitor,
            agent,
            region: region.clone(),
            tie,
        };
        of.set.keys().map(moved).collect()
    }

    /// Deals out these monitors anew, by the agents as they stand. `monitors` are as they are now;
    /// `gone` are no longer to be checked by anybody.
    pub(crate) fn reassign<'a>(
        &mut self,
        monitors: impl IntoIterator<Item = &'a Monitor>,
        gone: &[MonitorId],
        now: Time,
    ) -> Reassigned {
        let by_region = self.eligible_by_region(now);
        let mut out = Reassigned::default();
        let mut deltas: Deltas = BTreeMap::new();
        for monitor in monitors {
            let wanted = wanted(monitor, &by_region);
            self.deal(monitor.id, wanted, now, &mut out, &mut deltas);
        }
        for &monitor in gone {
            self.deal(monitor, BTreeMap::new(), now, &mut out, &mut deltas);
            self.checked_by.remove(&monitor);
        }
        self.number(deltas, &mut out);
        out
    }

    fn eligible_by_region(&self, now: Time) -> HashMap<Region, Vec<AgentId>> {
        let mut candidates: HashMap<Region, Vec<Candidate>> = HashMap::new();
        for (&agent, of) in self.agents.iter().filter(|(_, of)| !of.revoked) {
            if let Some(region) = &of.region {
                let candidate = Candidate {
                    agent,
                    lost_since: of.lost_since,
                };
                candidates
                    .entry(region.clone())
                    .or_default()
                    .push(candidate);
            }
        }
        candidates
            .into_iter()
            .map(|(region, list)| (region, eligible(&list, now)))
            .collect()
    }

    /// Brings one monitor to the agents that are wanted for it.
    fn deal(
        &mut self,
        monitor: MonitorId,
        wanted: BTreeMap<AgentId, (Region, Assignment)>,
        now: Time,
        out: &mut Reassigned,
        deltas: &mut Deltas,
    ) {
        self.withdraw(monitor, &wanted, now, out, deltas);
        let checked_by = wanted.keys().copied().collect();
        self.checked_by.insert(monitor, checked_by);
        self.hand_over(monitor, wanted, now, out, deltas);
    }

    /// Takes one monitor from the agents that are no longer wanted for it.
    fn withdraw(
        &mut self,
        monitor: MonitorId,
        wanted: &BTreeMap<AgentId, (Region, Assignment)>,
        now: Time,
        out: &mut Reassigned,
        deltas: &mut Deltas,
    ) {
        let former = self.checked_by.remove(&monitor).unwrap_or_default();
        for agent in former.iter().filter(|a| !wanted.contains_key(a)) {
            let Some(of) = self.agents.get_mut(agent) else {
                continue;
            };
            let Some((was, from)) = of.set.remove(&monitor) else {
                continue;
            };
            of.digest.remove(monitor, was.spec_hash);
            let region = of.region.clone();
            let tie = if of.revoked {
                Tie::Revoked
            } else {
                Tie::Unassigned
            };
            deltas.entry(*agent).or_default().1.push(monitor);
            let Some(region) = region else { continue };
            out.changes
                .push(span(&was, *agent, &region, from, Some(now)));
            out.moved.push(Moved {
                monitor,
                agent: *agent,
                region,
                tie,
            });
        }
    }

    /// Brings one monitor, as it is now, to the agents that do not have it so.
    fn hand_over(
        &mut self,
        monitor: MonitorId,
        wanted: BTreeMap<AgentId, (Region, Assignment)>,
        now: Time,
        out: &mut Reassigned,
        deltas: &mut Deltas,
    ) {
        for (agent, (region, assignment)) in wanted {
            let Some(of) = self.agents.get_mut(&agent) else {
                continue;
            };
            let had = of.set.get(&monitor).map(|(was, from)| (was.clone(), *from));
            if had
                .as_ref()
                .is_some_and(|(was, _)| was.spec_hash == assignment.spec_hash)
            {
                continue;
            }
            let mut from = now;
            if let Some((was, since)) = &had {
                of.digest.remove(monitor, was.spec_hash);
                if was.interval == assignment.interval {
                    from = *since;
                } else {
                    out.changes
                        .push(span(was, agent, &region, *since, Some(now)));
                }
            }
            if from == now {
                out.changes
                    .push(span(&assignment, agent, &region, now, None));
            }
            of.digest.add(monitor, assignment.spec_hash);
            let tie = of.lost_since.map_or(Tie::Connected, Tie::Lost);
            deltas
                .entry(agent)
                .or_default()
                .0
                .push(Assigned::from(assignment.clone()));
            of.set.insert(monitor, (assignment, from));
            if had.is_none() {
                out.moved.push(Moved {
                    monitor,
                    agent,
                    region,
                    tie,
                });
            }
        }
    }

    /// One new revision for all agents whose assignment changed.
    fn number(&mut self, deltas: Deltas, out: &mut Reassigned) {
        if deltas.is_empty() {
            return;
        }
        self.revision += 1;
        out.changes.push(Change::SetRevision(self.revision));
        for (agent, (upserts, removes)) in deltas {
            let Some(of) = self.agents.get_mut(&agent) else {
                continue;
            };
            let prev_revision = of.revision;
            of.revision = self.revision;
            let digest = of.digest;
            let position = self.position(self.revision, digest);
            out.deltas.push((
                agent,
                Delta {
                    position,
                    prev_revision,
                    upserts,
                    removes,
                },
            ));
        }
    }

    const fn position(&self, revision: u64, digest: AssignmentDigest) -> Position {
        Position {
            scope: ALL_SHARDS,
            epoch: self.epoch,
            revision,
            digest,
        }
    }
}

/// Who should check a monitor, and how.
fn wanted(
    monitor: &Monitor,
    by_region: &HashMap<Region, Vec<AgentId>>,
) -> BTreeMap<AgentId, (Region, Assignment)> {
    let mut wanted = BTreeMap::new();
    if monitor.paused {
        return wanted;
    }
    let meaning = monitor.spec.meaning();
    for region in &monitor.spec.regions {
        let Some(eligible) = by_region.get(region) else {
            continue;
        };
        let chosen = choose(monitor.id, eligible);
        let replicas = u16::try_from(chosen.len()).unwrap_or(u16::MAX);
        for (replica, agent) in (0..).zip(chosen) {
            let assignment = Assignment::of(
                monitor.id,
                meaning,
                &monitor.spec,
                region,
                replica,
                replicas,
            );
            if let Some(assignment) = assignment {
                wanted.insert(agent, (region.clone(), assignment));
            }
        }
    }
    wanted
}

fn span(
    assignment: &Assignment,
    agent: AgentId,
    region: &Region,
    from: Time,
    until: Option<Time>,
) -> Change {
    Change::Record(HistoryRecord::Span(AssignmentSpan {
        monitor: assignment.monitor,
        agent,
        region: region.clone(),
        interval: assignment.interval,
        from,
        until,
    }))
}
