//! A heartbeat: how it stands and why, what came last, and for editors where its job pings.
//!
//! The ping URL is a secret: it is in no page of who may only look.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use vigilmon_common::duration;
use vigilmon_common::heartbeat::{
    BODIES_KEPT, Heartbeat, HeartbeatStatus, OpenRun, PINGS_KEPT, Ping, View, marks, snippets,
};
use vigilmon_common::time::Time;

use self::pings::PingRow;
use super::heartbeats::Why;
use super::incidents::IncidentRow;
use super::phases::Bars;
use super::words::{When, ran};
use super::{Frame, Pages, Wanted, no, schedule};
use crate::engine::{CommandError, Handle};
use crate::http::ping_url;
use crate::secret::OpenError;
use crate::visits::Visitor;

pub(super) mod deeds;
pub(super) mod form;
mod given;
pub(super) mod pings;

/// Pings that are listed unless all are asked for.
const LISTED: usize = 20;
/// Incidents that are shown.
const INCIDENTS: usize = 10;

/// What of it is wanted.
#[derive(Deserialize)]
pub(super) struct Asked {
    /// `all`: every ping that is kept.
    #[serde(default)]
    pings: String,
}

/// Where the job pings, for who may see it.
struct Secret {
    url: String,
    snippets: Vec<snippets::Snippet>,
}

/// A time as how far away it is, and by the clock.
struct Moment {
    away: When,
    exact: When,
}

struct Run {
    rid: String,
    started: When,
    overrun: bool,
}

#[derive(Template)]
#[template(path = "pages/heartbeat.html", blocks = ["main"])]
struct HeartbeatPage {
    frame: Frame,
    id: String,
    name: String,
    status: &'static str,
    since: When,
    since_ago: When,
    why: Option<Why>,
    /// The open incident.
    incident: Option<String>,
    schedule: String,
    expression: Option<String>,
    grace: String,
    due: Option<Moment>,
    /// When silence becomes an incident, where that is later than the due time.
    deadline: Option<Moment>,
    last_ping: Option<(String, Moment)>,
    last_success: Option<When>,
    last_run: Option<String>,
    max_run: Option<String>,
    post_only: bool,
    severity: &'static str,
    labels: Vec<String>,
    runs: Vec<Run>,
    never_finished: u64,
    /// For editors; or why it cannot be shown to them.
    secret: Option<Result<Secret, OpenError>>,
    /// Until when the URL before the present one counts.
    former_until: Option<When>,
    /// Pings that ever came.
    total: u64,
    drawn: Bars,
    pings: Vec<PingRow>,
    /// Pings that are kept.
    kept: usize,
    incidents: Vec<IncidentRow>,
}

impl HeartbeatPage {
    fn is_paused(&self) -> bool {
        self.status == HeartbeatStatus::Paused.as_str()
    }
}

/// The page of a heartbeat, by id or name.
pub(super) async fn page(
    State(pages): State<Pages>,
    visitor: Visitor,
    wanted: Wanted,
    Path(reference): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let site = &pages.site;
    let engine = &site.engine;
    let frame = Frame::new(&pages, &visitor, "heartbeats", "Heartbeat");
    let heartbeat = match engine.heartbeat(&reference) {
        Ok(heartbeat) => heartbeat,
        Err(error) => return no(&error),
    };
    let listed = match asked.pings.as_str() {
        "all" => PINGS_KEPT,
        _ => LISTED,
    };
    let now = engine.clock().now();
    let secret = frame.may_act.then(|| {
        let url = ping_url(site.public_url.as_str(), &site.key, &heartbeat);
        url.map(|url| Secret::of(url, &heartbeat))
    });
    let read = match Read::of(engine, &heartbeat, listed).await {
        Ok(read) => read,
        Err(error) => return no(&error),
    };
    let page = shown(frame, &heartbeat, secret, read, now);
    wanted.answer(&page.frame, &page, &page.as_main())
}

/// What is read for the page.
struct Read {
    view: View,
    pings: Vec<Ping>,
    /// Of the pings that are listed, in their order.
    bodies: Vec<Option<Bytes>>,
    incidents: Vec<IncidentRow>,
}

impl Read {
    async fn of(
        engine: &Handle,
        heartbeat: &Heartbeat,
        listed: usize,
    ) -> Result<Self, CommandError> {
        let id = heartbeat.id;
        let mut views = engine.heartbeat_views(Some(vec![id])).await?;
        let view = views.remove(&id).ok_or_else(CommandError::stopping)?;
        let pings = engine.pings(id, PINGS_KEPT).await?;
        let mut bodies = Vec::new();
        let mut asked = 0;
        for ping in pings.iter().take(listed) {
            // What is older has none any more.
            let may = ping.body_kept > 0 && asked < BODIES_KEPT;
            asked += usize::from(may);
            bodies.push(match may {
                true => engine.ping_body(id, ping.n).await?,
                false => None,
            });
        }
        let some = engine.incidents_behind(Some(id), None, false, INCIDENTS);
        let incidents = some.await?;
        let directory = engine.directory().read();
        let incidents = incidents
            .iter()
            .map(|one| IncidentRow::of(one, &directory))
            .collect();
        Ok(Self {
            view,
            pings,
            bodies,
            incidents,
        })
    }
}

fn shown(
    frame: Frame,
    heartbeat: &Heartbeat,
    secret: Option<Result<Secret, OpenError>>,
    read: Read,
    now: Time,
) -> HeartbeatPage {
    let spec = &heartbeat.spec;
    let former = heartbeat.tokens.iter().filter(|token| token.is_good(now));
    let former_until = former.filter_map(|token| token.until).max();
    let view = &read.view;
    let is_running =
        view.status == HeartbeatStatus::Up && !view.runs.is_empty() && view.unobserved.is_none();
    let marks = marks(&read.pings, &view.given_up);
    let rows = read.pings.iter().zip(&marks).zip(&read.bodies);
    let rows = rows.map(|((ping, mark), body)| PingRow::of(ping, mark, body.as_ref()));
    let labels = spec.labels.iter().map(|(k, v)| format!("{k}={v}"));
    HeartbeatPage {
        frame,
        id: heartbeat.id.to_string(),
        name: spec.name.to_string(),
        status: view.status.as_str(),
        since: When::at(view.since),
        since_ago: When::ago(view.since),
        // What runs has a line of its own.
        why: Why::of(view).filter(|_| !is_running),
        incident: view.incident.map(|id| id.to_string()),
        schedule: schedule::words(&spec.schedule),
        expression: schedule::expression(&spec.schedule).map(str::to_owned),
        grace: schedule::grace(spec.grace),
        due: view.due.map(Moment::until),
        deadline: view
            .deadline
            .filter(|at| view.due != Some(*at))
            .map(Moment::until),
        last_ping: view
            .last_ping
            .map(|ping| (ping.signal.to_string(), Moment::ago(ping.at))),
        last_success: view.last_success.map(When::ago),
        last_run: view.last_run.map(ran),
        max_run: spec.max_run.map(duration::format),
        post_only: spec.post_only,
        severity: spec.severity.as_str(),
        labels: labels.collect(),
        runs: view.runs.iter().map(Run::of).collect(),
        never_finished: view.never_finished,
        secret,
        former_until: former_until.map(When::at),
        total: view.pings,
        drawn: pings::drawn(&read.pings, &marks, &view.runs),
        kept: read.pings.len(),
        pings: rows.collect(),
        incidents: read.incidents,
    }
}

impl Moment {
    const fn until(at: Time) -> Self {
        Self {
            away: When::until(at),
            exact: When::at(at),
        }
    }

    const fn ago(at: Time) -> Self {
        Self {
            away: When::ago(at),
            ..Self::until(at)
        }
    }
}

impl Run {
    fn of(run: &OpenRun) -> Self {
        Self {
            rid: run.rid.as_deref().unwrap_or_default().to_owned(),
            started: When::ago(run.started),
            overrun: run.overrun,
        }
    }
}

impl Secret {
    fn of(url: String, heartbeat: &Heartbeat) -> Self {
        Self {
            snippets: snippets::all(&url, &heartbeat.spec),
            url,
        }
    }
}

#[cfg(test)]
mod tests;
