//! The list of incidents, the newest first, and the rows in which other pages show some.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use vigilmon_common::incident::{Incident, Scope, Subject};
use vigilmon_common::time::Time;

use super::words::{When, lasting};
use super::{Frame, Pages, Wanted, no};
use crate::engine::{Directory, IncidentPlace};
use crate::visits::Visitor;

/// Incidents on a page.
const PAGE: usize = 50;

/// Which incidents are wanted; whatever cannot be read counts as absent.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    only: String,
    #[serde(default)]
    behind: String,
}

/// An incident in a list.
pub(super) struct IncidentRow {
    pub(super) id: String,
    pub(super) what: String,
    pub(super) status: &'static str,
    pub(super) scope: &'static str,
    pub(super) severity: &'static str,
    pub(super) why: String,
    pub(super) started: When,
    pub(super) lasted: Option<String>,
}

impl IncidentRow {
    pub(super) fn of(incident: &Incident, directory: &Directory) -> Self {
        let names = incident.named.iter().map(|r| directory.display_name(r));
        let names: Vec<String> = names.collect();
        let why = match (&incident.subject, names.join(", ")) {
            // Its summary is what it is called.
            (Subject::System(_), _) => String::new(),
            (Subject::Monitor(_), names) if names.is_empty() => incident.reason.to_string(),
            (Subject::Monitor(_), names) => format!("{} — {names}", incident.reason),
        };
        Self {
            id: incident.id.to_string(),
            what: what(incident),
            status: incident.status.as_str(),
            scope: incident.scope.as_str(),
            severity: incident.severity.as_str(),
            why,
            started: When::at(incident.started_at),
            lasted: incident.duration().map(lasting),
        }
    }

    /// Whether the scope is worth a word: most are global.
    pub(super) fn special(&self) -> bool {
        self.scope != Scope::Global.as_str()
    }
}

/// What an incident is about.
pub(super) fn what(incident: &Incident) -> String {
    match &incident.subject {
        Subject::Monitor(facts) => facts.name.clone(),
        Subject::System(facts) => facts.summary.clone(),
    }
}

#[derive(Template)]
#[template(path = "pages/incidents.html", blocks = ["main"])]
struct IncidentsPage {
    frame: Frame,
    only_open: bool,
    rows: Vec<IncidentRow>,
    /// Whether the list begins with the newest.
    first: bool,
    after: Option<String>,
}

/// The list.
pub(super) async fn page(
    State(pages): State<Pages>,
    visitor: Visitor,
    wanted: Wanted,
    Query(asked): Query<Asked>,
) -> Response {
    let frame = Frame::new(&pages, &visitor, "incidents", "Incidents");
    let only_open = asked.only == "open";
    let place = IncidentPlace::read(&asked.behind);
    let engine = &pages.site.engine;
    let found = engine
        .incidents_behind(None, place, only_open, PAGE + 1)
        .await;
    let found = match found {
        Ok(found) => found,
        Err(error) => return no(&error),
    };
    let only = if only_open { "only=open&" } else { "" };
    let last = found.get(PAGE - 1).filter(|_| found.len() > PAGE);
    let after = last.map(|last| {
        let place = IncidentPlace::of(last).write();
        format!("/incidents?{only}behind={place}")
    });
    let page = {
        let directory = engine.directory().read();
        let shown = found.iter().take(PAGE);
        IncidentsPage {
            frame,
            only_open,
            rows: shown.map(|one| IncidentRow::of(one, &directory)).collect(),
            first: place.is_none(),
            after,
        }
    };
    wanted.answer(&page.frame, &page, &page.as_main())
}

/// How long an incident has lasted by now, or did.
pub(super) fn span(incident: &Incident, now: Time) -> String {
    let end = incident.ended_at.unwrap_or(now);
    lasting(end.since(incident.started_at))
}
