//! Commands on who may come: regions, agents, and tokens of both kinds.

use std::time::Duration;

use vigilmon_common::name::Region;

use super::api_tokens::NewApiToken;
use super::{Fleet, Reply, answer};
use crate::engine::command::Actor;
use crate::engine::directory::AgentView;
use crate::store::{AgentTokenRecord, ApiTokenRecord, RegionRecord};

/// What the fleet owner is told of them. Each is the method of `Handle` with the same name.
pub(crate) enum Administration {
    AddRegion {
        by: Actor,
        region: Region,
        reply: Reply<()>,
    },
    CreateRegion {
        by: Actor,
        region: Region,
        display_name: Option<String>,
        reply: Reply<RegionRecord>,
    },
    UpdateRegion {
        by: Actor,
        region: Region,
        display_name: Option<String>,
        reply: Reply<RegionRecord>,
    },
    RemoveRegion {
        by: Actor,
        region: Region,
        reply: Reply<()>,
    },
    RevokeAgent {
        by: Actor,
        reference: String,
        reply: Reply<Box<AgentView>>,
    },
    CreateAgentToken {
        by: Actor,
        region: Region,
        label: String,
        ttl: Option<Duration>,
        reply: Reply<(AgentTokenRecord, String)>,
    },
    RevokeAgentToken {
        by: Actor,
        reference: String,
        reply: Reply<AgentTokenRecord>,
    },
    CreateApiToken {
        by: Actor,
        token: NewApiToken,
        reply: Reply<(ApiTokenRecord, String)>,
    },
    RevokeApiToken {
        by: Actor,
        reference: String,
        reply: Reply<ApiTokenRecord>,
    },
}

impl Fleet {
    pub(super) async fn administer(&mut self, what: Administration) -> anyhow::Result<()> {
        use Administration as A;
        match what {
            A::AddRegion { by, region, reply } => answer(reply, self.add_region(&by, region).await),
            A::CreateRegion {
                by,
                region,
                display_name,
                reply,
            } => answer(reply, self.create_region(&by, region, display_name).await),
            A::UpdateRegion {
                by,
                region,
                display_name,
                reply,
            } => answer(reply, self.update_region(&by, region, display_name).await),
            A::RemoveRegion { by, region, reply } => {
                answer(reply, self.remove_region(&by, &region).await)
            }
            A::RevokeAgent {
                by,
                reference,
                reply,
            } => answer(reply, self.revoke_agent(&by, &reference).await),
            A::CreateAgentToken {
                by,
                region,
                label,
                ttl,
                reply,
            } => answer(
                reply,
                self.create_agent_token(&by, region, label, ttl).await,
            ),
            A::RevokeAgentToken {
                by,
                reference,
                reply,
            } => answer(reply, self.revoke_agent_token(&by, &reference).await),
            A::CreateApiToken { by, token, reply } => {
                answer(reply, self.create_api_token(&by, token).await)
            }
            A::RevokeApiToken {
                by,
                reference,
                reply,
            } => answer(reply, self.revoke_api_token(&by, &reference).await),
        }
    }
}
