//! The HTTP door: pings, the coordinator's own probes, metrics, and pages.
//!
//! Every request but pings and those of probes must name a host that we are known by: a page that a browser
//! was lured to cannot reach us through a name of its own (DNS rebinding).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_util::sync::CancellationToken;
use url::Url;
use vigilmon_common::heartbeat::Heartbeat;

use crate::engine::Handle;
use crate::secret::{OpenError, SecretKey};
use crate::visits::SharedVisits;

pub mod demo;
mod pages;
mod ping;
pub mod readiness;
mod serve;

pub use ping::Pings;
pub use readiness::Readiness;
pub use serve::{Door, serve};

/// How long a request may take; pages and probes are quick.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest request body that is read.
const BODY_MAX: usize = 64 * 1024;

/// What the pages know.
#[derive(Clone)]
pub struct Site {
    /// The engine.
    pub engine: Handle,
    /// Whether the coordinator is ready.
    pub readiness: Readiness,
    /// The hosts that requests may name.
    pub hosts: Arc<Hosts>,
    /// Where people reach the pages.
    pub public_url: Arc<Url>,
    /// Who visits them.
    pub visits: SharedVisits,
    /// Seals tokens of ping URLs, and opens them for who may see them.
    pub key: SecretKey,
    /// Ends what would last as long as a page is open.
    pub stop: CancellationToken,
}

/// Who sent a request, as far as the connection tells: through a proxy that is the proxy.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// The hosts that requests may name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// The host of the public URL, that of the listener, and the names of this machine to itself.
    #[must_use]
    pub fn new(public_url: &Url, listen: Option<SocketAddr>) -> Self {
        let mut hosts = vec![
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "[::1]".to_owned(),
        ];
        hosts.extend(public_url.host_str().map(str::to_ascii_lowercase));
        hosts.extend(
            listen
                .map(|l| l.ip())
                .filter(|ip| !ip.is_unspecified())
                .map(|ip| match ip {
                    std::net::IpAddr::V4(ip) => ip.to_string(),
                    std::net::IpAddr::V6(ip) => format!("[{ip}]"),
                }),
        );
        hosts.sort();
        hosts.dedup();
        Self(hosts)
    }

    /// Whether a Host header names one of them, whatever the port.
    #[must_use]
    pub fn allow(&self, header: &str) -> bool {
        let host = match header
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((address, _)) => format!("[{address}]"),
            None => header.split(':').next().unwrap_or_default().to_owned(),
        };
        self.0.iter().any(|known| known.eq_ignore_ascii_case(&host))
    }
}

/// Where a heartbeat's job pings, below an address of ours; or why its token cannot be opened.
fn ping_url(base: &str, key: &SecretKey, heartbeat: &Heartbeat) -> Result<String, OpenError> {
    let mut tokens = heartbeat.tokens.iter();
    let present = tokens.find(|token| token.until.is_none());
    let token = key.unseal_text(present.map_or(&[], |token| &token.sealed))?;
    Ok(format!("{}/ping/{}", base.trim_end_matches('/'), *token))
}

/// All pages.
pub fn router(site: Site, demo: Option<demo::Demo>) -> Router {
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .with_state(site.clone())
        .merge(pages::router(site.clone()));
    let guarded = match demo {
        Some(demo) => guarded.merge(demo::router(demo)),
        None => guarded,
    };
    let guarded = guarded.layer(middleware::from_fn_with_state(site.clone(), check_host));
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(site)
        .merge(guarded)
        .layer(axum::extract::DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn(bound_time))
}

/// Alone on a listener of its own: metrics without a token, for a network that is trusted.
pub fn metrics_router(site: Site) -> Router {
    Router::new()
        .route("/metrics", get(metrics_text))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(site)
}

async fn bound_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::GATEWAY_TIMEOUT, "this took too long\n").into_response(),
    }
}

async fn check_host(State(site): State<Site>, request: Request, next: Next) -> Response {
    let header = request.headers().get(HOST).and_then(|h| h.to_str().ok());
    // HTTP/2 names the host in the URI.
    let named = header.or_else(|| request.uri().authority().map(|a| a.as_str()));
    if named.is_some_and(|host| site.hosts.allow(host)) {
        return next.run(request).await;
    }
    let text = "this host name is not one of the coordinator's; set --public-url to the address \
                by which people reach it\n";
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}

async fn live() -> impl IntoResponse {
    axum::Json(serde_json::json!({ "status": "live" }))
}

async fn ready(State(site): State<Site>) -> impl IntoResponse {
    let mut missing = site.readiness.missing();
    if let Some(failure) = site.engine.stores().failure() {
        missing.push(failure.to_string());
    }
    if missing.is_empty() {
        return (
            StatusCode::OK,
            axum::Json(serde_json::json!({ "status": "ready" })),
        );
    }
    let body = serde_json::json!({ "status": "not_ready", "missing": missing });
    (StatusCode::SERVICE_UNAVAILABLE, axum::Json(body))
}

async fn metrics(State(site): State<Site>, headers: HeaderMap) -> Response {
    let token = headers.get(AUTHORIZATION).and_then(|h| h.to_str().ok());
    let token = token.and_then(|h| h.strip_prefix("Bearer "));
    if token.and_then(|t| site.engine.api_token(t)).is_none() {
        let text = "metrics need an API token: send `Authorization: Bearer vtk_…`\n";
        return (StatusCode::UNAUTHORIZED, text).into_response();
    }
    metrics_text(State(site)).await
}

async fn metrics_text(State(site): State<Site>) -> Response {
    match site.engine.render_metrics().await {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_hosts_are_served() {
        let public = Url::parse("https://status.example.org:8443/").unwrap();
        let hosts = Hosts::new(&public, "10.1.2.3:8440".parse().ok());
        for good in [
            "localhost:8440",
            "127.0.0.1",
            "[::1]:8440",
            "Status.Example.Org",
            "10.1.2.3:8440",
        ] {
            assert!(hosts.allow(good), "{good}");
        }
        for bad in [
            "evil.example",
            "status.example.org.evil.example",
            "",
            "[::2]",
            "10.1.2.4",
        ] {
            assert!(!hosts.allow(bad), "{bad}");
        }
    }
}
