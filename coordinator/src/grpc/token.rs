//! Tokens of the public API.

use std::time::Duration;

use tonic::{Request, Response, Status, async_trait};
use vigilmon_proto::convert::{span, timestamp};
use vigilmon_proto::v1;
use vigilmon_proto::v1::token_service_server::TokenService;

use super::auth::Caller;
use super::{Api, error};
use crate::engine::NewApiToken;
use crate::store::{ApiTokenRecord, Role};

/// Longest label of a token, in characters.
const LABEL_MAX: usize = 100;
/// Longest life of a token that has an end.
const TTL_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3600);
/// Shortest life of a token.
const TTL_MIN: Duration = Duration::from_secs(1);

#[async_trait]
impl TokenService for Api {
    async fn create_token(
        &self,
        request: Request<v1::CreateTokenRequest>,
    ) -> Result<Response<v1::CreateTokenResponse>, Status> {
        let caller = Caller::admin(&request)?;
        let request = request.into_inner();
        let token = NewApiToken {
            role: role(request.role())?,
            label: label(&request.label)?,
            ttl: request.ttl.as_ref().map(ttl).transpose()?,
        };
        let made = self.engine.create_api_token(caller.actor(), token).await;
        let (record, secret) = made.map_err(error::status)?;
        Ok(Response::new(v1::CreateTokenResponse {
            token: Some(to_wire(&record)),
            secret,
        }))
    }

    async fn list_tokens(
        &self,
        request: Request<v1::ListTokensRequest>,
    ) -> Result<Response<v1::ListTokensResponse>, Status> {
        Caller::admin(&request)?;
        let tokens = self.engine.directory().read().api_tokens();
        let tokens = tokens.iter().map(to_wire).collect();
        Ok(Response::new(v1::ListTokensResponse { tokens }))
    }

    async fn revoke_token(
        &self,
        request: Request<v1::RevokeTokenRequest>,
    ) -> Result<Response<v1::Token>, Status> {
        let caller = Caller::admin(&request)?;
        let reference = request.into_inner().r#ref;
        let revoked = self
            .engine
            .revoke_api_token(caller.actor(), &reference)
            .await;
        Ok(Response::new(to_wire(&revoked.map_err(error::status)?)))
    }
}

/// A label as tokens of both kinds may have it.
pub(super) fn label(text: &str) -> Result<String, Status> {
    let label = text.trim();
    if label.chars().count() > LABEL_MAX || label.chars().any(char::is_control) {
        let remedy = format!("use at most {LABEL_MAX} characters in one line");
        return Err(error::invalid_field("label", "cannot be a label", &remedy));
    }
    Ok(label.to_owned())
}

/// A life as tokens of both kinds may have it.
pub(super) fn ttl(wire: &prost_types::Duration) -> Result<Duration, Status> {
    let bounds = "give 1 s up to 10 years, or none";
    span(wire)
        .filter(|ttl| (TTL_MIN..=TTL_MAX).contains(ttl))
        .ok_or_else(|| error::invalid_field("ttl", "is out of bounds", bounds))
}

fn role(wire: v1::Role) -> Result<Role, Status> {
    match wire {
        v1::Role::Admin => Ok(Role::Admin),
        v1::Role::Editor => Ok(Role::Editor),
        v1::Role::Viewer => Ok(Role::Viewer),
        v1::Role::Unspecified => {
            let remedy = "give admin, editor or viewer";
            Err(error::invalid_field("role", "must be set", remedy))
        }
    }
}

fn to_wire(token: &ApiTokenRecord) -> v1::Token {
    let role = match token.role {
        Role::Admin => v1::Role::Admin,
        Role::Editor => v1::Role::Editor,
        Role::Viewer => v1::Role::Viewer,
        // None is made in this version.
        Role::Ingest => v1::Role::Unspecified,
    };
    v1::Token {
        id: token.id.to_string(),
        project: token.project.clone(),
        role: role.into(),
        label: token.label.clone(),
        create_time: Some(timestamp(token.created_at)),
        expire_time: token.expires_at.map(timestamp),
        revoke_time: token.revoked_at.map(timestamp),
    }
}
