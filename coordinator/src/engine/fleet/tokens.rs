//! Commands on regions and tokens.

use std::time::Duration;

use vigilmon_common::decide::Tie;
use vigilmon_common::id::{AgentId, TokenId};
use vigilmon_common::name::Region;
use vigilmon_common::session::messages::Leave;
use vigilmon_runtime::random;

use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, Object};
use crate::engine::handle::not_found;
use crate::store::{AgentTokenRecord, ApiTokenRecord, Change, RegionRecord, Role};
use crate::token;

/// The project that exists from the start.
pub(crate) const DEFAULT_PROJECT: &str = "default";

impl Fleet {
    pub(super) async fn add_region(&mut self, by: &Actor, region: Region) -> Result<(), Failure> {
        if self.directory.read().regions().contains_key(&region) {
            return Ok(());
        }
        let now = self.env.clock.now();
        let object = format!("region {region}");
        let record = RegionRecord {
            region,
            display_name: None,
            created_at: now,
        };
        let changes = vec![
            Change::PutRegion(record.clone()),
            audit::entry(by, "region.add", &object, record.region.as_str(), "", now),
        ];
        self.commit(changes).await?;
        self.directory.write().put_region(record);
        self.publish_directory();
        Ok(())
    }

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
        for &agent in &agents {
            self.assignments.revoke(agent);
        }
        let reassigned = self.reassign_region(&record.region.clone(), now);
        let object = format!("agent_token {id}");
        let mut changes = vec![
            Change::PutAgentToken(record.clone()),
            audit::entry(by, "agent_token.revoke", &object, &record.label, "", now),
        ];
        changes.extend(self.revoked_records(&agents, now));
        changes.extend(reassigned.changes.iter().cloned());
        self.commit(changes).await?;
        self.directory.write().put_agent_token(record.clone());
        for &agent in &agents {
            self.tell_ties(agent, Tie::Revoked).await;
            self.env.dispatch.close(agent, Leave::Revoked);
        }
        self.announce(reassigned).await;
        self.presence_of(&record.region.clone(), now).await?;
        Ok(record)
    }

    fn revoked_records(&self, agents: &[AgentId], now: vigilmon_common::time::Time) -> Vec<Change> {
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

    pub(super) async fn create_api_token(
        &mut self,
        by: &Actor,
        label: String,
    ) -> Result<(ApiTokenRecord, String), Failure> {
        let now = self.env.clock.now();
        let secret = random::token(token::API_PREFIX);
        let (at, bytes) = random::for_id(now);
        let record = ApiTokenRecord {
            id: TokenId::new(at, bytes),
            digest: token::digest(&secret),
            role: Role::Admin,
            project: DEFAULT_PROJECT.to_owned(),
            label,
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        let object = format!("api_token {}", record.id);
        let changes = vec![
            Change::PutApiToken(record.clone()),
            audit::entry(by, "api_token.create", &object, &record.label, "admin", now),
        ];
        self.commit(changes).await?;
        self.directory.write().put_api_token(record.clone());
        Ok((record, secret))
    }
}
