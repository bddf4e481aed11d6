//! Commands on tokens of agents, and on agents themselves.

use std::time::Duration;

use vigilmon_common::decide::Tie;
use vigilmon_common::id::{AgentId, TokenId};
use vigilmon_common::name::Region;
use vigilmon_common::session::messages::Leave;
use vigilmon_common::time::Time;
use vigilmon_runtime::random;

use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, Object};
use crate::engine::directory::AgentView;
use crate::engine::handle::not_found;
use crate::store::{AgentTokenRecord, Change};
use crate::token;

impl Fleet {
    pub(super) async fn create_agent_token(
        &mut self,
        by: &Actor,
        region: Region,
        label: String,
        ttl: Option<Duration>,
    ) -> Result<(AgentTokenRecord, String), Failure> {
        self.add_region(by, region.clone()).await?;
        let now = self.env.clock.now();
        let secret = random::token(token::AGENT_PREFIX);
        let (at, bytes) = random::for_id(now);
        let record = AgentTokenRecord {
            id: TokenId::new(at, bytes),
            digest: token::digest(&secret),
            region,
            label,
            created_at: now,
            expires_at: ttl.map(|ttl| now + ttl),
            revoked_at: None,
        };
        let object = format!("agent_token {}", record.id);
        let detail = format!("region {}", record.region);
        let changes = vec![
            Change::PutAgentToken(record.clone()),
            audit::entry(
                by,
                "agent_token.create",
                &object,
                &record.label,
                &detail,
                now,
            ),
        ];
        self.commit(changes).await?;
        self.directory.write().put_agent_token(record.clone());
        Ok((record, secret))
    }

    pub(super) async fn revoke_agent_token(
        &mut self,
        by: &Actor,
        reference: &str,
    ) -> Result<AgentTokenRecord, Failure> {
        let not_there = || not_found(Object::AgentToken, reference);
        let id: TokenId = reference.parse().map_err(|_| not_there())?;
        let found = self.directory.read().agent_token_by_id(id).cloned();
        let mut record = found.ok_or_else(not_there)?;
        if record.revoked_at.is_some() {
            return Ok(record);
        }
        let now = self.env.clock.now();
        record.revoked_at = Some(now);
        let agents: Vec<AgentId> = {
            let directory = self.directory.read();
            let with = directory.agents().values().filter(|a| a.record.token == id);
            with.map(|a| a.record.id).collect()
        };
        let object = format!("agent_token {id}");
        let first = vec![
            Change::PutAgentToken(record.clone()),
            audit::entry(by, "agent_token.revoke", &object, &record.label, "", now),
        ];
        let region = record.region.clone();
        self.let_go(&agents, &region, first, now).await?;
        self.directory.write().put_agent_token(record.clone());
        Ok(record)
    }

    pub(super) async fn revoke_agent(
        &mut self,
        by: &Actor,
        reference: &str,
    ) -> Result<Box<AgentView>, Failure> {
        let found = self.directory.read().agent(reference).cloned();
        let found = found.ok_or_else(|| not_found(Object::Agent, reference))?;
        let record = &found.record;
        if record.revoked_at.is_some() {
            return Ok(Box::new(found));
        }
        let now = self.env.clock.now();
        let object = format!("agent {}", record.id);
        let name = record.name.as_str();
        let first = vec![audit::entry(by, "agent.revoke", &object, name, "", now)];
        self.let_go(&[record.id], &record.region, first, now)
            .await?;
        let after = self.directory.read().agents().get(&record.id).cloned();
        Ok(Box::new(after.unwrap_or(found)))
    }

    /// Agents of a region go for good: committed behind what revokes them, then told to all.
    async fn let_go(
        &mut self,
        agents: &[AgentId],
        region: &Region,
        mut changes: Vec<Change>,
        now: Time,
    ) -> Result<(), Failure> {
        for &agent in agents {
            self.assignments.revoke(agent);
        }
        let reassigned = self.reassign_region(region, now);
        changes.extend(self.revoked_records(agents, now));
        changes.extend(reassigned.changes.iter().cloned());
        self.commit(changes).await?;
        for &agent in agents {
            self.tell_ties(agent, Tie::Revoked).await;
            self.env.dispatch.close(agent, Leave::Revoked);
        }
        self.announce(reassigned).await;
        self.presence_of(region, now).await
    }

    fn revoked_records(&self, agents: &[AgentId], now: Time) -> Vec<Change> {
        let mut directory = self.directory.write();
        let mut changes = Vec::new();
        for agent in agents {
            if let Some(view) = directory.agents_mut().get_mut(agent) {
                view.session = None;
                view.since = now;
                view.record.lost_at = Some(now);
                view.record.revoked_at = Some(now);
                changes.push(Change::PutAgent(view.record.clone()));
            }
        }
        changes
    }
}
