//! The fleet: agents, regions, and the tokens that let agents in.

use std::time::Duration;

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::id::TokenId;
use vigilmon_common::name::Region;
use vigilmon_common::session::assignment::{Reject, RejectWhy};
use vigilmon_proto::convert::{span, timestamp};
use vigilmon_proto::v1;
use vigilmon_proto::v1::fleet_service_server::FleetService;

use super::auth::Caller;
use super::{Api, error};
use crate::engine::{AgentView, Object};
use crate::store::AgentTokenRecord;

/// Longest label of a token, in characters.
const LABEL_MAX: usize = 100;
/// Longest life of a token that has an end.
const TTL_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3600);
/// Shortest life of a token.
const TTL_MIN: Duration = Duration::from_secs(1);
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
        let regions = directory.regions().keys().map(|region| {
            let agents = || {
                directory
                    .agents()
                    .values()
                    .filter(|a| a.record.region == *region)
            };
            let good = || agents().filter(|a| a.record.revoked_at.is_none());
            v1::Region {
                id: region.to_string(),
                display_name: directory.display_name(region),
                agents_connected: count(good().filter(|a| a.session.is_some()).count()),
                agents_lost: count(good().filter(|a| a.session.is_none()).count()),
            }
        });
        Ok(Response::new(v1::ListRegionsResponse {
            regions: regions.collect(),
        }))
    }

    async fn create_agent_token(
        &self,
        request: Request<v1::CreateAgentTokenRequest>,
    ) -> Result<Response<v1::CreateAgentTokenResponse>, Status> {
        let caller = Caller::admin(&request)?;
        let request = request.into_inner();
        let refused = |error: vigilmon_common::name::InvalidName| {
            error::invalid_field("region", "cannot be a region", &error.to_string())
        };
        let region = Region::parse(&request.region).map_err(refused)?;
        let ttl = request.ttl.as_ref().map(ttl).transpose()?;
        let label = request.label.trim().to_owned();
        if label.chars().count() > LABEL_MAX || label.chars().any(char::is_control) {
            let remedy = format!("use at most {LABEL_MAX} characters in one line");
            return Err(error::invalid_field("label", "cannot be a label", &remedy));
        }
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

fn ttl(wire: &prost_types::Duration) -> Result<Duration, Status> {
    span(wire)
        .filter(|ttl| (TTL_MIN..=TTL_MAX).contains(ttl))
        .ok_or_else(|| {
            error::invalid_field(
                "ttl",
                "is out of bounds",
                "give 1 s up to 10 years, or none",
            )
        })
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
