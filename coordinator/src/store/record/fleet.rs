//! Regions, agents and tokens as records.

use vigilmon_common::id::{AgentId, TokenId};

use super::{Invalid, Stored, digest, id, millis, name, pb, raw, region, time};
use crate::store::{AgentRecord, AgentTokenRecord, ApiTokenRecord, RegionRecord, Role};

impl Stored for RegionRecord {
    type Message = pb::Region;
    const NAME: &'static str = "region";

    fn to_message(&self) -> pb::Region {
        pb::Region {
            region: self.region.to_string(),
            display_name: self.display_name.clone(),
            created_ms: self.created_at.as_millis(),
        }
    }

    fn from_message(m: pb::Region) -> Result<Self, Invalid> {
        Ok(Self {
            region: region(&m.region)?,
            display_name: m.display_name,
            created_at: time(m.created_ms),
        })
    }
}

impl Stored for AgentRecord {
    type Message = pb::Agent;
    const NAME: &'static str = "agent";

    fn to_message(&self) -> pb::Agent {
        pb::Agent {
            id: raw(self.id.as_bytes()),
            name: self.name.to_string(),
            region: self.region.to_string(),
            token: raw(self.token.as_bytes()),
            first_seen_ms: self.first_seen.as_millis(),
            last_seen_ms: self.last_seen.as_millis(),
            build: self.build.clone(),
            revision: self.revision,
            revoked_ms: millis(self.revoked_at),
            lost_ms: millis(self.lost_at),
        }
    }

    fn from_message(m: pb::Agent) -> Result<Self, Invalid> {
        Ok(Self {
            id: id(&m.id, AgentId::from_bytes)?,
            name: name(&m.name)?,
            region: region(&m.region)?,
            token: id(&m.token, TokenId::from_bytes)?,
            first_seen: time(m.first_seen_ms),
            last_seen: time(m.last_seen_ms),
            build: m.build,
            revision: m.revision,
            revoked_at: m.revoked_ms.map(time),
            lost_at: m.lost_ms.map(time),
        })
    }
}

impl Stored for AgentTokenRecord {
    type Message = pb::AgentToken;
    const NAME: &'static str = "agent token";

    fn to_message(&self) -> pb::AgentToken {
        pb::AgentToken {
            id: raw(self.id.as_bytes()),
            digest: self.digest.to_vec().into(),
            region: self.region.to_string(),
            label: self.label.clone(),
            created_ms: self.created_at.as_millis(),
            expires_ms: millis(self.expires_at),
            revoked_ms: millis(self.revoked_at),
        }
    }

    fn from_message(m: pb::AgentToken) -> Result<Self, Invalid> {
        Ok(Self {
            id: id(&m.id, TokenId::from_bytes)?,
            digest: digest(&m.digest)?,
            region: region(&m.region)?,
            label: m.label,
            created_at: time(m.created_ms),
            expires_at: m.expires_ms.map(time),
            revoked_at: m.revoked_ms.map(time),
        })
    }
}

impl Stored for ApiTokenRecord {
    type Message = pb::ApiToken;
    const NAME: &'static str = "API token";

    fn to_message(&self) -> pb::ApiToken {
        pb::ApiToken {
            id: raw(self.id.as_bytes()),
            digest: self.digest.to_vec().into(),
            role: self.role.as_str().to_owned(),
            project: self.project.clone(),
            label: self.label.clone(),
            created_ms: self.created_at.as_millis(),
            expires_ms: millis(self.expires_at),
            revoked_ms: millis(self.revoked_at),
        }
    }

    fn from_message(m: pb::ApiToken) -> Result<Self, Invalid> {
        let roles = [Role::Admin, Role::Editor, Role::Viewer, Role::Ingest];
        let role = roles.into_iter().find(|r| r.as_str() == m.role);
        Ok(Self {
            id: id(&m.id, TokenId::from_bytes)?,
            digest: digest(&m.digest)?,
            role: role.ok_or_else(|| Invalid(format!("`{}` is no role", m.role)))?,
            project: m.project,
            label: m.label,
            created_at: time(m.created_ms),
            expires_at: m.expires_ms.map(time),
            revoked_at: m.revoked_ms.map(time),
        })
    }
}
