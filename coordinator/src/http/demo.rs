//! The demonstration: one page that shows how the regions vote on a small site, and breaks it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use vigilmon_common::decide::View;
use vigilmon_common::heartbeat::{Heartbeat, PingToken};
use vigilmon_common::incident::{Incident, Standing, Subject};
use vigilmon_common::name::Region;
use vigilmon_common::time::Time;

use crate::demo::DemoSite;
use crate::engine::{CommandError, Handle};
use crate::secret::{OpenError, SecretKey};
use crate::token;

/// Incidents and messages that the page shows.
const SHOWN_MAX: usize = 20;
/// Heartbeats that the page shows, and pings of each.
const HEARTBEATS_MAX: usize = 4;
const PINGS_MAX: usize = 24;
/// Open pages at once.
pub const PAGES_MAX: usize = 32;
/// The page hears of a change at most this often, and of the passing of time this often.
const QUIET: Duration = Duration::from_millis(200);
const BEAT: Duration = Duration::from_secs(1);
/// Only this page sends it: another site cannot without asking first, and is refused then.
const DEED_HEADER: &str = "x-vigilmon-demo";

/// A message as the demonstration's channel got it.
#[derive(Clone, Debug)]
pub struct Letter {
    /// When it arrived.
    pub at: Time,
    /// The event's type.
    pub event: String,
    /// The first fact.
    pub subject: String,
    /// All facts, a line each.
    pub text: String,
}

/// Reads the inbox, oldest first.
pub type ReadInbox = Arc<dyn Fn() -> Vec<Letter> + Send + Sync>;

/// What the page knows.
#[derive(Clone)]
pub struct Demo {
    /// The engine.
    pub engine: Handle,
    /// The site that is watched.
    pub site: DemoSite,
    /// Where it is served.
    pub site_address: SocketAddr,
    /// Where we are served: its job pings there.
    pub http: SocketAddr,
    /// Seals tokens of ping URLs, and opens them.
    pub key: SecretKey,
    /// What the demonstration's channel got.
    pub inbox: ReadInbox,
    /// Places of open pages.
    pub places: Arc<Semaphore>,
    /// Ends what would last as long as a page is open.
    pub stop: CancellationToken,
}

impl Demo {
    /// What a new heartbeat's pings are known by.
    #[must_use]
    pub fn new_ping_token(&self) -> PingToken {
        token::for_pings(&self.key).1
    }

    /// Where a heartbeat is pinged on this machine.
    ///
    /// # Errors
    /// The key does not open its token.
    pub fn ping_url(&self, heartbeat: &Heartbeat) -> Result<String, OpenError> {
        super::ping_url(&format!("http://{}", self.http), &self.key, heartbeat)
    }
}

/// The page and what it asks for.
pub(super) fn router(demo: Demo) -> Router {
    Router::new()
        .route("/demo", get(page))
        .route("/demo/demo.css", get(style))
        .route("/demo/demo.js", get(script))
        .route("/demo/state", get(state))
        .route("/demo/events", get(events))
        .route("/demo/break", post(break_site))
        .route("/demo/mend", post(mend_site))
        .with_state(demo)
}

async fn page() -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                  img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, include_str!("../../assets/demo.html"))
}

async fn style() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, include_str!("../../assets/demo.css"))
}

async fn script() -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, include_str!("../../assets/demo.js"))
}

/// For whom; absent: for everybody.
#[derive(Deserialize)]
struct Whom {
    region: Option<Region>,
}

async fn break_site(
    State(demo): State<Demo>,
    Query(whom): Query<Whom>,
    headers: HeaderMap,
) -> Response {
    deed(&headers, || demo.site.break_for(whom.region))
}

async fn mend_site(
    State(demo): State<Demo>,
    Query(whom): Query<Whom>,
    headers: HeaderMap,
) -> Response {
    deed(&headers, || demo.site.mend_for(whom.region.as_ref()))
}

fn deed(headers: &HeaderMap, what: impl FnOnce()) -> Response {
    if !headers.contains_key(DEED_HEADER) {
        let text = format!("send the header {DEED_HEADER}: 1\n");
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    what();
    StatusCode::NO_CONTENT.into_response()
}

#[derive(Serialize)]
struct Shown {
    broken: bool,
    /// Names of the regions that find it broken.
    broken_in: Vec<String>,
    /// The region that the page breaks it for.
    one_region: Option<OneRegion>,
    site: String,
    monitors: Vec<MonitorShown>,
    heartbeats: Vec<HeartbeatShown>,
    incidents: Vec<IncidentShown>,
    inbox: Vec<MessageShown>,
}

#[derive(Serialize)]
struct OneRegion {
    region: String,
    name: String,
}

#[derive(Serialize)]
struct MonitorShown {
    name: String,
    target: String,
    status: &'static str,
    since: Time,
    reason: String,
    required: u8,
    regions: Vec<RegionShown>,
}

#[derive(Serialize)]
struct RegionShown {
    region: String,
    name: String,
    vote: &'static str,
    text: String,
    age_seconds: Option<f64>,
}

#[derive(Serialize)]
struct HeartbeatShown {
    name: String,
    schedule: String,
    status: &'static str,
    reason: String,
    last_ping_at: Option<Time>,
    due_at: Option<Time>,
    /// The last, newest first.
    pings: Vec<PingShown>,
}

#[derive(Serialize)]
struct PingShown {
    at: Time,
    signal: String,
    bad: bool,
}

#[derive(Serialize)]
struct IncidentShown {
    id: String,
    what: String,
    scope: String,
    status: String,
    reason: String,
    regions: Vec<String>,
    open: bool,
    started_at: Time,
    ended_at: Option<Time>,
}

#[derive(Serialize)]
struct MessageShown {
    at: Time,
    subject: String,
    text: String,
    bad: bool,
}

async fn state(State(demo): State<Demo>) -> Response {
    match shown(&demo).await {
        Some(shown) => axum::Json(shown).into_response(),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the coordinator is stopping\n",
        )
            .into_response(),
    }
}

async fn events(State(demo): State<Demo>) -> Response {
    let Ok(place) = Arc::clone(&demo.places).try_acquire_owned() else {
        let text = "too many of these pages are open\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    let open = Open {
        changes: demo.engine.changes(),
        demo,
        first: true,
        _place: place,
    };
    Sse::new(futures_util::stream::unfold(open, next))
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// A page that is open.
struct Open {
    demo: Demo,
    changes: watch::Receiver<u64>,
    first: bool,
    _place: OwnedSemaphorePermit,
}

async fn next(mut page: Open) -> Option<(Result<Event, Infallible>, Open)> {
    let stop = page.demo.stop.clone();
    let shown = stop.run_until_cancelled_owned(async move {
        if !std::mem::take(&mut page.first) {
            // Whatever comes first: a change, or a second that makes ages wrong.
            let _ = tokio::time::timeout(BEAT, page.changes.changed()).await;
            tokio::time::sleep(QUIET).await;
            page.changes.mark_unchanged();
        }
        let shown = shown(&page.demo).await?;
        let event = Event::default().json_data(shown).ok()?;
        Some((Ok(event), page))
    });
    shown.await.flatten()
}

/// `None` once the engine stops.
async fn shown(demo: &Demo) -> Option<Shown> {
    let heartbeats = heartbeats(&demo.engine).await.ok()?;
    let views = demo.engine.views(None).await.ok()?;
    let directory = demo.engine.directory().read();
    let monitors = directory.monitors().filter_map(|monitor| {
        let view = views.get(&monitor.id)?;
        Some(MonitorShown {
            name: monitor.spec.name.as_str().to_owned(),
            target: monitor.spec.target(),
            status: view.status.as_str(),
            since: view.since,
            reason: view.reason.clone(),
            required: view.required,
            regions: regions(view, &|region| directory.display_name(region)),
        })
    });
    let incidents = demo.engine.incidents(false);
    let broken = demo.site.broken();
    Some(Shown {
        broken: broken.everywhere,
        broken_in: broken
            .regions
            .iter()
            .map(|r| directory.display_name(r))
            .collect(),
        one_region: directory
            .regions()
            .keys()
            .next_back()
            .map(|region| OneRegion {
                region: region.to_string(),
                name: directory.display_name(region),
            }),
        site: format!("http://{}", demo.site_address),
        monitors: monitors.collect(),
        heartbeats,
        incidents: incidents
            .iter()
            .take(SHOWN_MAX)
            .map(|i| incident_shown(i, &|region| directory.display_name(region)))
            .collect(),
        inbox: messages(&demo.inbox),
    })
}

/// The first heartbeats by name, each with its last pings.
async fn heartbeats(engine: &Handle) -> Result<Vec<HeartbeatShown>, CommandError> {
    let first: Vec<Arc<Heartbeat>> = {
        let directory = engine.directory().read();
        directory
            .heartbeats()
            .take(HEARTBEATS_MAX)
            .cloned()
            .collect()
    };
    let ids = first.iter().map(|heartbeat| heartbeat.id).collect();
    let views = engine.heartbeat_views(Some(ids)).await?;
    let mut shown = Vec::new();
    for heartbeat in first {
        let Some(view) = views.get(&heartbeat.id) else {
            continue;
        };
        let pings = engine.pings(heartbeat.id, PINGS_MAX).await?;
        let pings = pings.iter().map(|ping| PingShown {
            at: ping.at,
            signal: ping.signal.to_string(),
            bad: ping.signal.is_failure(),
        });
        shown.push(HeartbeatShown {
            name: heartbeat.spec.name.to_string(),
            schedule: heartbeat.spec.schedule.to_string(),
            status: view.status.as_str(),
            reason: view.reason.clone(),
            last_ping_at: view.last_ping.map(|ping| ping.at),
            due_at: view.due,
            pings: pings.collect(),
        });
    }
    Ok(shown)
}

fn regions(view: &View, name: &dyn Fn(&Region) -> String) -> Vec<RegionShown> {
    let shown = |region: &vigilmon_common::decide::RegionView| RegionShown {
        region: region.region.as_str().to_owned(),
        name: name(&region.region),
        vote: match region.standing {
            Standing::Failing => "down",
            Standing::Passing => "up",
            Standing::Stale | Standing::Abstaining => "none",
        },
        text: match (&region.reason, region.standing) {
            (Some(reason), _) => reason.to_string(),
            (None, Standing::Passing) => "up".to_owned(),
            (None, _) => region.because.clone(),
        },
        age_seconds: region.age.map(|age| age.as_secs_f64()),
    };
    view.regions.iter().map(shown).collect()
}

fn incident_shown(incident: &Incident, name: &dyn Fn(&Region) -> String) -> IncidentShown {
    IncidentShown {
        id: incident.id.to_string(),
        what: match &incident.subject {
            Subject::Monitor(facts) => facts.name.clone(),
            Subject::System(facts) => facts.summary.clone(),
        },
        scope: incident.scope.to_string(),
        status: incident.status.to_string(),
        reason: incident.reason.to_string(),
        regions: incident.named.iter().map(name).collect(),
        open: incident.is_open(),
        started_at: incident.started_at,
        ended_at: incident.ended_at,
    }
}

fn messages(inbox: &ReadInbox) -> Vec<MessageShown> {
    let newest = inbox().into_iter().rev().take(SHOWN_MAX);
    newest
        .map(|letter| MessageShown {
            at: letter.at,
            bad: letter.event.ends_with("opened"),
            subject: letter.subject,
            text: letter.text,
        })
        .collect()
}
