//! Regions, agents, and tokens of both kinds.

use std::time::Duration;

use tokio::sync::oneshot;
use vigilmon_common::name::Region;

use super::Handle;
use crate::engine::command::{Actor, CommandError};
use crate::engine::directory::AgentView;
use crate::engine::fleet::{Administration, FleetMessage, NewApiToken};
use crate::store::{AgentTokenRecord, ApiTokenRecord, RegionRecord};

impl Handle {
    /// Names a region, if it is not known yet.
    ///
    /// # Errors
    /// The engine is stopping.
    pub async fn add_region(&self, by: Actor, region: Region) -> Result<(), CommandError> {
        self.administer(|reply| Administration::AddRegion { by, region, reply })
            .await
    }

    /// Names a new region.
    ///
    /// # Errors
    /// It is known already.
    pub async fn create_region(
        &self,
        by: Actor,
        region: Region,
        display_name: Option<String>,
    ) -> Result<RegionRecord, CommandError> {
        self.administer(|reply| Administration::CreateRegion {
            by,
            region,
            display_name,
            reply,
        })
        .await
    }

    /// Sets how people read a region's name; `None`: made from its id.
    ///
    /// # Errors
    /// There is no such region.
    pub async fn update_region(
        &self,
        by: Actor,
        region: Region,
        display_name: Option<String>,
    ) -> Result<RegionRecord, CommandError> {
        self.administer(|reply| Administration::UpdateRegion {
            by,
            region,
            display_name,
            reply,
        })
        .await
    }

    /// Forgets a region that nothing uses.
    ///
    /// # Errors
    /// There is no such region, or something names it.
    pub async fn remove_region(&self, by: Actor, region: Region) -> Result<(), CommandError> {
        self.administer(|reply| Administration::RemoveRegion { by, region, reply })
            .await
    }

    /// Revokes one agent: its session closes, its votes count no more, and it cannot come back.
    ///
    /// # Errors
    /// There is no such agent.
    pub async fn revoke_agent(
        &self,
        by: Actor,
        reference: &str,
    ) -> Result<Box<AgentView>, CommandError> {
        let reference = reference.to_owned();
        self.administer(|reply| Administration::RevokeAgent {
            by,
            reference,
            reply,
        })
        .await
    }

    /// Makes a token for agents of a region and returns it with what is kept of it.
    ///
    /// # Errors
    /// The engine is stopping.
    pub async fn create_agent_token(
        &self,
        by: Actor,
        region: Region,
        label: String,
        ttl: Option<Duration>,
    ) -> Result<(AgentTokenRecord, String), CommandError> {
        self.administer(|reply| Administration::CreateAgentToken {
            by,
            region,
            label,
            ttl,
            reply,
        })
        .await
    }

    /// Revokes a token of agents: their sessions close and their votes count no more.
    ///
    /// # Errors
    /// There is no such token.
    pub async fn revoke_agent_token(
        &self,
        by: Actor,
        reference: &str,
    ) -> Result<AgentTokenRecord, CommandError> {
        let reference = reference.to_owned();
        self.administer(|reply| Administration::RevokeAgentToken {
            by,
            reference,
            reply,
        })
        .await
    }

    /// Makes a token of the API and returns it with what is kept of it.
    ///
    /// # Errors
    /// Its name is taken.
    pub async fn create_api_token(
        &self,
        by: Actor,
        token: NewApiToken,
    ) -> Result<(ApiTokenRecord, String), CommandError> {
        self.administer(|reply| Administration::CreateApiToken { by, token, reply })
            .await
    }

    /// Revokes a token of the API.
    ///
    /// # Errors
    /// There is no such token, or it is the last good one of role admin.
    pub async fn revoke_api_token(
        &self,
        by: Actor,
        reference: &str,
    ) -> Result<ApiTokenRecord, CommandError> {
        let reference = reference.to_owned();
        self.administer(|reply| Administration::RevokeApiToken {
            by,
            reference,
            reply,
        })
        .await
    }

    async fn administer<T>(
        &self,
        what: impl FnOnce(oneshot::Sender<Result<T, CommandError>>) -> Administration,
    ) -> Result<T, CommandError> {
        self.fleet(|reply| FleetMessage::Administer(what(reply)))
            .await
    }
}
