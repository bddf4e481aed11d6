//! Agents that come and go.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;
use vigilmon_common::decide::Tie;
use vigilmon_common::fleet::assignment::KEEPS_SHARE;
use vigilmon_common::fleet::presence;
use vigilmon_common::id::{AgentId, SessionId};
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::Region;
use vigilmon_common::session::assignment::Snapshot;
use vigilmon_common::time::Time;

use super::assign::Reassigned;
use super::{Failure, Fleet};
use crate::engine::command::CommandError;
use crate::engine::directory::AgentView;
use crate::engine::dispatch::ToAgent;
use crate::engine::handle::Arrival;
use crate::store::{AgentRecord, Change};

impl Fleet {
    pub(super) async fn connect(
        &mut self,
        arrival: Arrival,
        sender: mpsc::Sender<ToAgent>,
    ) -> Result<Snapshot, Failure> {
        let now = self.env.clock.now();
        let agent = arrival.agent();
        let revoked = {
            let directory = self.directory.read();
            let token = directory.agent_token_by_id(arrival.token);
            token.is_none_or(|t| t.revoked_at.is_some())
        };
        if revoked {
            return Err(CommandError::Refused {
                message: "the agent's token was revoked".to_owned(),
                hint: "make a new one with `vigilmon agent token add`".to_owned(),
            }
            .into());
        }
        let former = self.directory.read().agents().get(&agent).cloned();
        if former
            .as_ref()
            .is_some_and(|f| f.record.revoked_at.is_some())
        {
            return Err(CommandError::Refused {
                message: format!("the agent {} was revoked", arrival.name),
                hint: "give it another name, or a new token".to_owned(),
            }
            .into());
        }
        self.assignments.set_agent(agent, &arrival.region, None);
        // Where the agent was here a moment ago, nothing else moves.
        let returns = former
            .as_ref()
            .is_some_and(|f| f.session.is_some() || now.since(f.since) < KEEPS_SHARE);
        let mut reassigned = Reassigned::default();
        if !returns || self.assignments.count(agent) == 0 {
            reassigned = self.reassign_region(&arrival.region, now);
        }
        let record = self.record(&arrival, former.as_ref(), now);
        let mut changes = vec![Change::PutAgent(record.clone())];
        changes.extend(reassigned.changes.iter().cloned());
        self.commit(changes).await?;
        self.enter(agent, arrival.session, record, sender, now);
        self.tell_ties(agent, Tie::Connected).await;
        // The snapshot below has this agent's part already; the delta would not fit.
        reassigned.deltas.retain(|(to, _)| *to != agent);
        self.announce(reassigned).await;
        self.presence_of(&arrival.region, now).await?;
        tracing::info!(%agent, name = %arrival.name, region = %arrival.region, "agent connected");
        Ok(self.assignments.snapshot(agent))
    }

    fn record(&self, arrival: &Arrival, former: Option<&AgentView>, now: Time) -> AgentRecord {
        AgentRecord {
            id: arrival.agent(),
            name: arrival.name.clone(),
            region: arrival.region.clone(),
            token: arrival.token,
            first_seen: former.map_or(now, |f| f.record.first_seen),
            last_seen: now,
            build: arrival.build.clone(),
            revision: self.assignments.revision_of(arrival.agent()),
            lost_at: None,
            revoked_at: None,
        }
    }

    fn enter(
        &self,
        agent: AgentId,
        session: SessionId,
        record: AgentRecord,
        sender: mpsc::Sender<ToAgent>,
        now: Time,
    ) {
        let revision = self.assignments.revision_of(agent);
        self.env.dispatch.enter(agent, session, revision, sender);
        let mut view = AgentView::lost(record, now);
        view.session = Some(session);
        view.monitors = self.assignments.count(agent);
        self.directory.write().agents_mut().insert(agent, view);
    }

    pub(super) async fn disconnect(
        &mut self,
        agent: AgentId,
        session: SessionId,
    ) -> anyhow::Result<()> {
        let was_live = {
            let directory = self.directory.read();
            directory
                .agents()
                .get(&agent)
                .is_some_and(|a| a.session == Some(session))
        };
        self.env.dispatch.leave(agent, session);
        if !was_live {
            return Ok(());
        }
        let now = self.env.clock.now();
        let record = {
            let mut directory = self.directory.write();
            let Some(view) = directory.agents_mut().get_mut(&agent) else {
                return Ok(());
            };
            view.session = None;
            view.since = now;
            view.record.last_seen = now;
            view.record.lost_at = Some(now);
            view.record.clone()
        };
        tracing::info!(%agent, name = %record.name, region = %record.region, "agent disconnected");
        let region = record.region.clone();
        self.assignments.set_agent(agent, &region, Some(now));
        store(self.commit(vec![Change::PutAgent(record)]).await)?;
        self.tell_ties(agent, Tie::Lost(now)).await;
        store(self.presence_of(&region, now).await)?;
        self.changed();
        Ok(())
    }

    /// What time alone brings: lost agents lose their share, lost regions are told.
    pub(super) async fn tick(&mut self) -> anyhow::Result<()> {
        let now = self.env.clock.now();
        let due: BTreeSet<Region> = {
            let mut directory = self.directory.write();
            let overdue = |a: &&mut AgentView| {
                a.session.is_none() && !a.share_lost && now.since(a.since) >= KEEPS_SHARE
            };
            let mut due = BTreeSet::new();
            for view in directory.agents_mut().values_mut().filter(overdue) {
                view.share_lost = true;
                due.insert(view.record.region.clone());
            }
            due
        };
        for region in due {
            let reassigned = self.reassign_region(&region, now);
            if !reassigned.changes.is_empty() {
                store(self.commit(reassigned.changes.clone()).await)?;
                self.announce(reassigned).await;
            }
        }
        let effects = self.presence.due(now);
        store(self.presence_effects(effects, now).await)
    }

    pub(super) fn reassign_region(&mut self, region: &Region, now: Time) -> Reassigned {
        let monitors: Vec<Arc<Monitor>> = {
            let directory = self.directory.read();
            directory
                .monitors()
                .filter(|m| m.spec.regions.contains(region))
                .cloned()
                .collect()
        };
        self.assignments
            .reassign(monitors.iter().map(Arc::as_ref), &[], now)
    }

    pub(super) async fn tell_ties(&mut self, agent: AgentId, tie: Tie) {
        let moved = self.assignments.ties(agent, tie);
        self.announce(Reassigned {
            moved,
            ..Reassigned::default()
        })
        .await;
    }

    pub(super) async fn presence_of(&mut self, region: &Region, now: Time) -> Result<(), Failure> {
        let connected = {
            let directory = self.directory.read();
            let here = |a: &&AgentView| a.record.region == *region && a.session.is_some();
            directory.agents().values().filter(here).count()
        };
        let count = u32::try_from(connected).unwrap_or(u32::MAX);
        let effects = self
            .presence
            .on(region, presence::Input::Agents(count), now);
        self.presence_effects(effects, now).await
    }
}

/// Outside of commands there is nobody to refuse to.
pub(super) fn store(result: Result<(), Failure>) -> anyhow::Result<()> {
    match result {
        Ok(()) => Ok(()),
        Err(Failure::Store(error)) => Err(error),
        Err(Failure::Refused(error)) => {
            tracing::warn!(%error, "a step of the fleet was refused");
            Ok(())
        }
    }
}
