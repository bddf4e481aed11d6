//! A monitor: how it stands and why, what each region sees and how long it took, and what failed
//! last.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use vigilmon_common::decide::{RegionView, Status, View};
use vigilmon_common::duration;
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::Region;
use vigilmon_common::result::{CheckResult, Observation};
use vigilmon_common::time::Time;

use super::incident::agent_name;
use super::incidents::IncidentRow;
use super::phases::{Bars, Timing};
use super::words::{When, measured, said, vote};
use super::{Frame, Pages, Wanted, no};
use crate::engine::{CommandError, Directory, Handle};
use crate::store::{RegionResult, ResultQuery};
use crate::visits::Visitor;

/// Results of a region whose times are drawn.
pub(super) const BARS: usize = 60;
/// Results that are read at once, of all regions.
const RESULTS_MAX: usize = 1000;
/// How far back results are read at most.
const LOOK_BACK: Duration = Duration::from_hours(24);
/// Failures that are shown.
const FAILURES: usize = 8;
/// Incidents that are shown.
const INCIDENTS: usize = 10;

struct RegionRow {
    vote: &'static str,
    name: String,
    said: String,
    seen: Option<When>,
    timing: Option<Timing>,
    bars: Bars,
}

struct Failure {
    key: String,
    outcome: &'static str,
    region: String,
    agent: String,
    at: When,
    took: String,
    reason: String,
    facts: Vec<(&'static str, String)>,
    excerpt: String,
}

#[derive(Template)]
#[template(path = "pages/monitor.html", blocks = ["main"])]
struct MonitorPage {
    frame: Frame,
    id: String,
    name: String,
    kind: &'static str,
    target: String,
    status: &'static str,
    failing: bool,
    since: When,
    since_ago: When,
    why: String,
    /// The open incident.
    incident: Option<String>,
    rule: String,
    every: String,
    timeout: String,
    severity: &'static str,
    labels: Vec<String>,
    regions: Vec<RegionRow>,
    failures: Vec<Failure>,
    incidents: Vec<IncidentRow>,
}

/// The page of a monitor, by id or name.
pub(super) async fn page(
    State(pages): State<Pages>,
    visitor: Visitor,
    wanted: Wanted,
    Path(reference): Path<String>,
) -> Response {
    let engine = &pages.site.engine;
    let frame = Frame::new(&pages, &visitor, "monitor", "Monitor");
    let monitor = match engine.monitor(&reference) {
        Ok(monitor) => monitor,
        Err(error) => return no(&error),
    };
    match shown(frame, engine, &monitor).await {
        Ok(page) => wanted.answer(&page.frame, &page, &page.as_main()),
        Err(error) => no(&error),
    }
}

async fn shown(
    frame: Frame,
    engine: &Handle,
    monitor: &Monitor,
) -> Result<MonitorPage, CommandError> {
    let view = engine.view(monitor.id).await?;
    let now = engine.clock().now();
    let results = results(engine, monitor, now).await?;
    let some = engine.incidents_behind(Some(monitor.id), None, false, INCIDENTS);
    let incidents = some.await?;
    let directory = engine.directory().read();
    let spec = &monitor.spec;
    let assigned = spec.regions.len();
    let labels = spec
        .labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"));
    Ok(MonitorPage {
        frame,
        id: monitor.id.to_string(),
        name: spec.name.to_string(),
        kind: spec.kind.as_str(),
        target: spec.target(),
        status: view.status.as_str(),
        failing: view.status != Status::Down && view.failing_since.is_some(),
        since: When::at(view.since),
        since_ago: When::ago(view.since),
        why: why(&view),
        incident: view.incident.map(|id| id.to_string()),
        rule: format!("{} ({} of {assigned})", spec.quorum, view.required),
        every: duration::format(spec.interval),
        timeout: duration::format(spec.timeout),
        severity: spec.severity.as_str(),
        labels: labels.collect(),
        regions: regions(&view, &results, &directory, now),
        failures: failures(&results, &directory),
        incidents: incidents
            .iter()
            .map(|one| IncidentRow::of(one, &directory))
            .collect(),
    })
}

/// The last results, newest first.
async fn results(
    engine: &Handle,
    monitor: &Monitor,
    now: Time,
) -> Result<Vec<RegionResult>, CommandError> {
    let spec = &monitor.spec;
    let wanted = BARS * spec.regions.len();
    let back = spec
        .interval
        .saturating_mul(u32::try_from(BARS).unwrap_or(u32::MAX));
    let query = ResultQuery {
        monitor: monitor.id,
        region: None,
        // Some miss their slots: look a little further.
        from: now - back.saturating_mul(2).min(LOOK_BACK),
        to: Time::FAR_FUTURE,
        limit: wanted.min(RESULTS_MAX),
    };
    let found = engine.stores().history.results(&query).await;
    found.map_err(|error| CommandError::Unavailable(error.to_string()))
}

/// In one line.
fn why(view: &View) -> String {
    match (view.status, view.reason.is_empty()) {
        (_, false) => view.reason.clone(),
        (Status::Paused, true) => "checks are suspended: `vigilmon monitor resume`".to_owned(),
        (_, true) => format!("no region votes Down; {} needed", view.required),
    }
}

fn regions(
    view: &View,
    results: &[RegionResult],
    directory: &Directory,
    now: Time,
) -> Vec<RegionRow> {
    let mut by_region: BTreeMap<&Region, Vec<&CheckResult>> = BTreeMap::new();
    for one in results {
        by_region.entry(&one.region).or_default().push(&one.result);
    }
    let longest = results.iter().map(|one| one.result.took).max();
    let longest = longest.unwrap_or_default();
    let row = |region: &RegionView| {
        let own = by_region.get(&region.region).map_or(&[][..], Vec::as_slice);
        RegionRow {
            vote: vote(region.standing),
            name: directory.display_name(&region.region),
            said: said(region),
            seen: region.age.map(|age| When::ago(now - age)),
            timing: own.first().map(|newest| Timing::of(newest, longest)),
            bars: Bars::of(own, longest),
        }
    };
    view.regions.iter().map(row).collect()
}

/// The last results that were not simply up, with what was seen.
fn failures(results: &[RegionResult], directory: &Directory) -> Vec<Failure> {
    let failure = |one: &RegionResult| {
        let result = &one.result;
        let reason = result.outcome.reason()?;
        let observation = result.observation.as_deref();
        let started = result.started.as_millis();
        Some(Failure {
            key: format!("{}-{started}-{}", one.region, result.agent),
            outcome: result.outcome.kind().as_str(),
            region: directory.display_name(&one.region),
            agent: agent_name(result.agent, directory),
            at: When::at(result.started),
            took: measured(result.took),
            reason: reason.to_string(),
            facts: observation.map(facts).unwrap_or_default(),
            excerpt: observation.map_or_else(String::new, |o| o.body_excerpt.clone()),
        })
    };
    results.iter().filter_map(failure).take(FAILURES).collect()
}

pub(super) fn facts(seen: &Observation) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if !seen.hint.is_empty() {
        facts.push(("Hint", seen.hint.clone()));
    }
    if let Some(status) = seen.status_code {
        facts.push(("Status", status.to_string()));
    }
    if !seen.address.is_empty() {
        facts.push(("Address", seen.address.clone()));
    }
    facts.extend(seen.redirects.iter().map(|to| ("Redirected", to.clone())));
    facts.extend(seen.assertions.iter().map(|one| ("Judged", one.clone())));
    if let Some(end) = seen.certificate_not_after {
        facts.push(("Certificate until", end.to_rfc3339()));
    }
    facts
}

/// The address of a monitor's page.
pub(super) fn path(id: MonitorId) -> String {
    format!("/monitors/{id}")
}
