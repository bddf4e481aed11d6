//! The fleet: agents, regions, and the tokens that let agents in.

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::id::TokenId;
use vigilmon_common::name::{self, Region};
use vigilmon_common::session::assignment::{Reject, RejectWhy};
use vigilmon_proto::convert::timestamp;
use vigilmon_proto::v1;
use vigilmon_proto::v1::fleet_service_server::FleetService;

use super::auth::Caller;
use super::{Api, error, token};
use crate::engine::{AgentView, Directory, Object};
use crate::store::AgentTokenRecord;

/// Most rejected monitors that are answered of an agent.
const REJECTED_MAX: usize = 100;

#[async_trait]
impl FleetService for Api {
    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        Caller::reader(&request)?;
        let region = request.into_inner().region;
        let directory = self.engine.directory().read();
        let wanted =
            |agent: &&AgentView| region.is_empty() || agent.record.region.as_str() == region;
        let mut agents: Vec<&AgentView> = directory.agents().values().filter(wanted).collect();
        agents.sort_by_key(|agent| (&agent.record.region, &agent.record.name, agent.record.id));
        let agents = agents.into_iter().map(agent_to_wire).collect();
        Ok(Response::new(v1::ListAgentsResponse { agents }))
    }

    async fn get_agent(
        &self,
        request: Request<v1::GetAgentRequest>,
    ) -> Result<Response<v1::Agent>, Status> {
        Caller::reader(&request)?;
        let reference = request.into_inner().r#ref;
        let directory = self.engine.directory().read();
        let found = directory.agent(&reference).map(agent_to_wire);
        found
            .map(Response::new)
            .ok_or_else(|| error::not_found(Object::Agent, &reference))
    }

    async fn list_regions(
        &self,
        request: Request<v1::ListRegionsRequest>,
    ) -> Result<Response<v1::ListRegionsResponse>, Status> {
        Caller::reader(&request)?;
        let directory = self.engine.directory().read();
        let regions = directory.regions().keys();
        let regions = regions.map(|region| region_to_wire(&directory, region));
        Ok(Response::new(v1::ListRegionsResponse {
            regions: regions.collect(),
        }))
    }

    async fn create_region(
        &self,
        request: Request<v1::CreateRegionRequest>,
    ) -> Result<Response<v1::Region>, Status> {
        let caller = Caller::admin(&request)?;
        let request = request.into_inner();
        let region = region_id("name", &request.id)?;
        let shown = display_name(&request.display_name)?;
        let made = self.engine.create_region(caller.actor(), region, shown);
        let made = made.await.map_err(error::status)?;
        let directory = self.engine.directory().read();
        Ok(Response::new(region_to_wire(&directory, &made.region)))
    }

    async fn update_region(
        &self,
        request: Request<v1::UpdateRegionRequest>,
    ) -> Result<Response<v1::Region>, Status> {
        let caller = Caller::admin(&request)?;
        let request = request.into_inner();
        let region = known_region(&request.id)?;
        let shown = display_name(&request.display_name)?;
        let after = self.engine.update_region(caller.actor(), region, shown);
        let after = after.await.map_err(error::status)?;
        let directory = self.engine.directory().read();
        Ok(Response::new(region_to_wire(&directory, &after.region)))
    }

    async fn delete_region(
        &self,
        request: Request<v1::DeleteRegionRequest>,
    ) -> Result<Response<v1::DeleteRegionResponse>, Status> {
        let caller = Caller::admin(&request)?;
        let region = known_region(&request.into_inner().id)?;
        let removed = self.engine.remove_region(caller.actor(), region).await;
        removed.map_err(error::status)?;
        Ok(Response::new(v1::DeleteRegionResponse {}))
    }

    async fn revoke_agent(
        &self,
        request: Request<v1::RevokeAgentRequest>,
    ) -> Result<Response<v1::Agent>, Status> {
        let caller = Caller::admin(&request)?;
        let reference = request.into_inner().r#ref;
        let revoked = self.engine.revoke_agent(caller.actor(), &reference).await;
        let agent = revoked.map_err(error::status)?;
        Ok(Response::new(agent_to_wire(&agent)))
    }

    async fn create_agent_token(
        &self,
        request: Request<v1::CreateAgentTokenRequest>,
    ) -> Result<Response<v1::CreateAgentTokenResponse>, Status> {
        let caller = Caller::admin(&request)?;
        let request = request.into_inner();
        let region = region_id("region", &request.region)?;
        let ttl = request.ttl.as_ref().map(token::ttl).transpose()?;
        let label = token::label(&request.label)?;
        let made = self
            .engine
            .create_agent_token(caller.actor(), region, label, ttl)
            .await;
        let (record, secret) = made.map_err(error::status)?;
        let token = Some(token_to_wire(&record));
        Ok(Response::new(v1::CreateAgentTokenResponse {
            token,
            secret,
        }))
    }

    async fn list_agent_tokens(
        &self,
        request: Request<v1::ListAgentTokensRequest>,
    ) -> Result<Response<v1::ListAgentTokensResponse>, Status> {
        Caller::admin(&request)?;
        let tokens = self.engine.directory().read().agent_tokens();
        let tokens = tokens.iter().map(token_to_wire).collect();
        Ok(Response::new(v1::ListAgentTokensResponse { tokens }))
    }

    async fn revoke_agent_token(
        &self,
        request: Request<v1::RevokeAgentTokenRequest>,
    ) -> Result<Response<v1::AgentToken>, Status> {
        let caller = Caller::admin(&request)?;
        let reference = request.into_inner().r#ref;
        if reference.parse::<TokenId>().is_err() {
            return Err(error::not_found(Object::AgentToken, &reference));
        }
        let revoked = self
            .engine
            .revoke_agent_token(caller.actor(), &reference)
            .await;
        Ok(Response::new(token_to_wire(
            &revoked.map_err(error::status)?,
        )))
    }
}

/// A region that is to be.
fn region_id(field: &str, text: &str) -> Result<Region, Status> {
    Region::parse(text)
        .map_err(|error| error::invalid_field(field, "cannot be a region", &error.to_string()))
}

/// A region that is.
fn known_region(text: &str) -> Result<Region, Status> {
    Region::parse(text).map_err(|_| error::not_found(Object::Region, text))
}

fn display_name(text: &str) -> Result<Option<String>, Status> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    name::display_name(text).map(Some).map_err(|error| {
        error::invalid_field("display_name", "cannot be a name", &error.to_string())
    })
}

fn region_to_wire(directory: &Directory, region: &Region) -> v1::Region {
    let agents = directory.agents().values();
    let good = agents.filter(|a| a.record.region == *region && a.record.revoked_at.is_none());
    let (connected, lost): (Vec<_>, Vec<_>) = good.partition(|a| a.session.is_some());
    v1::Region {
        id: region.to_string(),
        display_name: directory.display_name(region),
        agents_connected: count(connected.len()),
        agents_lost: count(lost.len()),
    }
}

fn agent_to_wire(agent: &AgentView) -> v1::Agent {
    let state = match (agent.record.revoked_at, agent.session) {
        (Some(_), _) => v1::AgentState::Revoked,
        (None, Some(_)) => v1::AgentState::Connected,
        (None, None) => v1::AgentState::Lost,
    };
    let faults = agent.health.iter().flat_map(|health| &health.faults);
    v1::Agent {
        id: agent.record.id.to_string(),
        name: agent.record.name.to_string(),
        region: agent.record.region.to_string(),
        state: state.into(),
        since: Some(timestamp(agent.record.revoked_at.unwrap_or(agent.since))),
        build: agent.record.build.clone(),
        monitors: count(agent.monitors),
        rejected: agent
            .rejected
            .iter()
            .take(REJECTED_MAX)
            .map(rejected_to_wire)
            .collect(),
        faults: faults.map(Into::into).collect(),
        token: agent.record.token.to_string(),
    }
}

fn rejected_to_wire(reject: &Reject) -> v1::RejectedMonitor {
    let reason = match reject.why {
        RejectWhy::Unsupported => v1::RejectionReason::Unsupported,
        RejectWhy::AddressDenied => v1::RejectionReason::AddressDenied,
        RejectWhy::Limit => v1::RejectionReason::Limit,
        RejectWhy::Invalid => v1::RejectionReason::Invalid,
    };
    v1::RejectedMonitor {
        monitor: reject.monitor.to_string(),
        reason: reason.into(),
        text: reject.text.clone(),
    }
}

fn token_to_wire(token: &AgentTokenRecord) -> v1::AgentToken {
    v1::AgentToken {
        id: token.id.to_string(),
        region: token.region.to_string(),
        create_time: Some(timestamp(token.created_at)),
        revoke_time: token.revoked_at.map(timestamp),
        expire_time: token.expires_at.map(timestamp),
        label: token.label.clone(),
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
