//! Who calls: every call needs a token of the API, but for health and for agents, whose service
//! checks tokens of its own.
//!
//! A layer before all services, so that a service that is added later is closed until it is
//! opened here.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use http::{Request, Response, header};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::error;
use crate::engine::{Actor, Handle};
use crate::store::{ApiTokenRecord, Role};

/// Services whose calls need no token of the API.
const OPEN: [&str; 2] = ["/grpc.health.v1.Health/", "/vigilmon.v1.AgentService/"];

/// Who calls, and what they may do.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    token: Arc<ApiTokenRecord>,
}

impl Caller {
    /// Who called, if they may read.
    pub(super) fn reader<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        Self::with(request, &[Role::Admin, Role::Editor, Role::Viewer], "read")
    }

    /// Who called, if they may change monitors, channels, routes and incidents.
    pub(super) fn editor<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        Self::with(request, &[Role::Admin, Role::Editor], "change anything")
    }

    /// Who called, if they may see where jobs ping: who knows that can say that all is well.
    pub(super) fn pinger<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        let what = "see ping URLs or the key in them";
        Self::with(request, &[Role::Admin, Role::Editor], what)
    }

    /// Who called, if they may say who else may come: agents, and holders of tokens.
    pub(super) fn admin<T>(request: &tonic::Request<T>) -> Result<Self, Status> {
        Self::with(request, &[Role::Admin], "administer")
    }

    fn with<T>(request: &tonic::Request<T>, roles: &[Role], what: &str) -> Result<Self, Status> {
        let caller = request.extensions().get::<Self>();
        let caller = caller.ok_or_else(|| error::unauthenticated("this call needs a token"))?;
        if roles.contains(&caller.token.role) {
            return Ok(caller.clone());
        }
        let role = caller.token.role.as_str();
        let wanted: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        Err(error::denied(
            format!("a token of role {role} may not {what}"),
            &format!("use a token of role {}", wanted.join(" or ")),
        ))
    }

    /// Whether the token is still good.
    pub(super) fn is_good(&self, engine: &Handle) -> bool {
        let now = engine.clock().now();
        let directory = engine.directory().read();
        directory.api_token(&self.token.digest, now).is_some()
    }

    /// The token that the call came with.
    pub(super) fn token(&self) -> &ApiTokenRecord {
        &self.token
    }

    /// As the audit log and transitions name them.
    pub(super) fn actor(&self) -> Actor {
        let label = &self.token.label;
        let name = if label.is_empty() {
            self.token.id.to_string()
        } else {
            label.clone()
        };
        Actor { name }
    }

    /// The project of a call: the token's, which is all that a request may name.
    pub(super) fn project(&self, named: &str) -> Result<&str, Status> {
        let own = self.token.project.as_str();
        if named.is_empty() || named == own {
            return Ok(own);
        }
        Err(error::denied(
            format!("this token is for project `{own}`"),
            "name that project, or none",
        ))
    }
}

/// Puts [`Auth`] before a service.
#[derive(Clone)]
pub(super) struct AuthLayer {
    engine: Handle,
}

impl AuthLayer {
    pub(super) const fn new(engine: Handle) -> Self {
        Self { engine }
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;
    fn layer(&self, inner: S) -> Auth<S> {
        Auth {
            inner,
            engine: self.engine.clone(),
        }
    }
}

/// See the module.
#[derive(Clone)]
pub(super) struct Auth<S> {
    inner: S,
    engine: Handle,
}

impl<S, B> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        if OPEN.iter().any(|open| path.starts_with(open)) {
            return Either::Left(self.inner.call(request));
        }
        match caller(&self.engine, &request) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                Either::Left(self.inner.call(request))
            }
            Err(status) => Either::Right(ready(Ok(status.into_http()))),
        }
    }
}

fn caller<B>(engine: &Handle, request: &Request<B>) -> Result<Caller, Box<Status>> {
    let refused = |text| Box::new(error::unauthenticated(text));
    let header = request
        .headers()
        .get(header::AUTHORIZATION)
        .ok_or_else(|| refused("this call needs `authorization: Bearer vtk_…`"))?;
    let token = header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .and_then(|(_, token)| engine.api_token(token.trim()))
        .ok_or_else(|| refused("this token is unknown, expired or revoked"))?;
    Ok(Caller {
        token: Arc::new(token),
    })
}
