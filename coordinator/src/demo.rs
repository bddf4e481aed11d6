//! The demonstration's site: a small real HTTP server on a loopback port, which can be broken
//! everywhere or for the agents of some regions only. What is broken is the site, never the
//! monitoring of it: it tells regions apart by what probes call themselves.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vigilmon_common::name::Region;

pub mod job;

/// Regions that it may be broken for at once; more are as good as everywhere.
const REGIONS_MAX: usize = 100;

/// The small site that is watched; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct DemoSite(Arc<Mutex<Broken>>);

/// For whom the site is broken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Broken {
    /// For everybody.
    pub everywhere: bool,
    /// For the agents of these regions.
    pub regions: BTreeSet<Region>,
}

impl DemoSite {
    /// Serves it until `stop`.
    ///
    /// # Errors
    /// The server failed.
    pub async fn serve(self, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
        let router = Router::new()
            .route("/", get(shop))
            .route("/health", get(health))
            .with_state(self);
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
        Ok(served.await?)
    }

    /// Breaks it for a region, or for everybody.
    pub fn break_for(&self, region: Option<Region>) {
        let mut broken = self.lock();
        match region {
            Some(region) if broken.regions.len() < REGIONS_MAX => {
                broken.regions.insert(region);
            }
            Some(_) | None => broken.everywhere = true,
        }
    }

    /// Mends it for a region that it was broken for, or for everybody.
    pub fn mend_for(&self, region: Option<&Region>) {
        let mut broken = self.lock();
        match region {
            Some(region) => {
                broken.regions.remove(region);
            }
            None => *broken = Broken::default(),
        }
    }

    /// For whom it is broken.
    #[must_use]
    pub fn broken(&self) -> Broken {
        self.lock().clone()
    }

    /// Whether it is broken for whoever sends these headers.
    fn is_broken_for(&self, headers: &HeaderMap) -> bool {
        let agent = headers
            .get(USER_AGENT)
            .and_then(|agent| agent.to_str().ok());
        let region = agent.and_then(region_of);
        let broken = self.lock();
        broken.everywhere || region.is_some_and(|region| broken.regions.contains(&region))
    }

    fn lock(&self) -> MutexGuard<'_, Broken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The region that a probe names: `Vigilmon/1.0 (region=us-east; …)`.
fn region_of(agent: &str) -> Option<Region> {
    let (_, rest) = agent.split_once("(region=")?;
    let region = rest.split([';', ')']).next()?;
    Region::parse(region).ok()
}

async fn shop(State(site): State<DemoSite>, headers: HeaderMap) -> Response {
    if site.is_broken_for(&headers) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "out of order\n").into_response();
    }
    "a small shop, open\n".into_response()
}

async fn health(State(site): State<DemoSite>, headers: HeaderMap) -> Response {
    let (code, status, database) = match site.is_broken_for(&headers) {
        true => (StatusCode::SERVICE_UNAVAILABLE, "degraded", "unreachable"),
        false => (StatusCode::OK, "ok", "ok"),
    };
    let body = serde_json::json!({ "status": status, "checks": { "database": database } });
    (code, axum::Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_broken_for_the_probes_of_a_region_only() {
        let site = DemoSite::default();
        let broken_for = |agent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(USER_AGENT, agent.parse().unwrap());
            site.is_broken_for(&headers)
        };
        let us_east = "Vigilmon/1.0 (region=us-east; +https://vigilmon.org)";
        let eu_west = "Vigilmon/1.0 (region=eu-west; +https://vigilmon.org)";
        let region = Region::parse("us-east").unwrap();
        site.break_for(Some(region.clone()));
        assert!(broken_for(us_east));
        assert!(!broken_for(eu_west) && !broken_for("curl/8"));
        site.mend_for(Some(&region));
        assert!(!broken_for(us_east));
        site.break_for(None);
        assert!(broken_for(eu_west) && broken_for("curl/8"));
        site.mend_for(None);
        assert_eq!(site.broken(), Broken::default());
    }
}
