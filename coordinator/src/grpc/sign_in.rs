//! Links that sign in to the dashboard once.

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::visit::LINK_FOR;
use vigilmon_proto::convert::timestamp;
use vigilmon_proto::v1;
use vigilmon_proto::v1::sign_in_service_server::SignInService;

use super::Api;
use super::auth::Caller;
use crate::store::Role;
use crate::visits::{self, Pass};

#[async_trait]
impl SignInService for Api {
    async fn create_sign_in_link(
        &self,
        request: Request<v1::CreateSignInLinkRequest>,
    ) -> Result<Response<v1::CreateSignInLinkResponse>, Status> {
        // Admins only: whoever has a link is let in, so making one is like making a token.
        let caller = Caller::admin(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let token = caller.token();
        let role = match request.read_only {
            true => Role::Viewer,
            false => token.role,
        };
        let now = self.engine.clock().now();
        let secret = self.visits.link(Pass::of(token, role), now);
        tracing::info!(token = %token.id, role = role.as_str(), "sign-in link made");
        Ok(Response::new(v1::CreateSignInLinkResponse {
            url: visits::link_url(&self.public_url, &secret),
            expire_time: Some(timestamp(now + LINK_FOR)),
        }))
    }
}
