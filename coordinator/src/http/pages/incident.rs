//! An incident: what is wrong, why that was decided, who was told of it, and what people do to it.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use vigilmon_common::id::{AgentId, ChannelId, IncidentId, MonitorId};
use vigilmon_common::incident::{
    Evidence, Incident, RegionEvidence, Subject, Transition, TransitionKind,
};
use vigilmon_common::notify::delivery::EXPIRY;
use vigilmon_common::outcome::OutcomeKind;
use vigilmon_common::time::Time;

use super::guard::Editor;
use super::incidents::{span, what};
use super::words::{When, lasting, vote};
use super::{Frame, Pages, Wanted, heartbeats, monitor, no, refused, schedule, see_other};
use crate::engine::{Actor, CommandError, Directory, Handle, Object};
use crate::store::{DeliveryPlace, DeliveryRecord};
use crate::visits::Visitor;

/// Longest note and comment, in characters.
const NOTE_MAX: usize = 2000;
/// Attempts that are looked through, of each channel.
const ATTEMPTS_MAX: usize = 500;

struct Step {
    seq: u32,
    kind: &'static str,
    class: &'static str,
    at: When,
    by: String,
    note: String,
    evidence: Option<Ground>,
}

/// What a transition was decided on.
struct Ground {
    rule: String,
    otherwise: String,
    votes: Vec<VoteRow>,
    heartbeat: Option<HeartbeatGround>,
}

/// What a heartbeat's transition was decided on.
struct HeartbeatGround {
    schedule: String,
    grace: Option<String>,
    last_ping: Option<When>,
    due: Option<When>,
    late: Option<String>,
}

struct VoteRow {
    vote: &'static str,
    name: String,
    confirmed: bool,
    said: Vec<String>,
}

struct Delivery {
    channel: String,
    event: String,
    at: Option<When>,
    attempt: u32,
    result: &'static str,
    detail: String,
}

#[derive(Template)]
#[template(path = "pages/incident.html", blocks = ["main"])]
struct IncidentPage {
    frame: Frame,
    id: String,
    what: String,
    /// Whether it is about a heartbeat.
    of_heartbeat: bool,
    /// Where the monitor is shown, while it exists.
    monitor: Option<String>,
    target: String,
    status: &'static str,
    scope: &'static str,
    severity: &'static str,
    is_open: bool,
    reason: String,
    regions: String,
    started: When,
    ended: Option<When>,
    lasted: String,
    resolution: &'static str,
    taken_by: String,
    affected: Vec<String>,
    steps: Vec<Step>,
    deliveries: Vec<Delivery>,
}

/// The page of an incident.
pub(super) async fn page(
    State(pages): State<Pages>,
    visitor: Visitor,
    wanted: Wanted,
    Path(id): Path<String>,
) -> Response {
    let engine = &pages.site.engine;
    let frame = Frame::new(&pages, &visitor, "incidents", "Incident");
    let found = match read(&id) {
        Ok(id) => engine.incident_ever(id).await,
        Err(error) => Err(error),
    };
    let incident = match found {
        Ok(incident) => incident,
        Err(error) => return no(&error),
    };
    let deliveries = match deliveries(engine, &incident).await {
        Ok(deliveries) => deliveries,
        Err(error) => return no(&error),
    };
    let now = engine.clock().now();
    let page = shown(
        frame,
        &incident,
        deliveries,
        &engine.directory().read(),
        now,
    );
    wanted.answer(&page.frame, &page, &page.as_main())
}

fn shown(
    frame: Frame,
    incident: &Incident,
    deliveries: Vec<Delivery>,
    directory: &Directory,
    now: Time,
) -> IncidentPage {
    let (monitor, target, affected) = match &incident.subject {
        Subject::Monitor(facts) => {
            let path = subject_path(facts.id, directory);
            (path, facts.target.clone(), Vec::new())
        }
        Subject::System(facts) => (None, String::new(), facts.affected.clone()),
    };
    let regions = incident.named.iter().map(|r| directory.display_name(r));
    IncidentPage {
        frame,
        id: incident.id.to_string(),
        what: what(incident),
        of_heartbeat: is_of_heartbeat(incident),
        monitor,
        target,
        status: incident.status.as_str(),
        scope: incident.scope.as_str(),
        severity: incident.severity.as_str(),
        is_open: incident.is_open(),
        reason: incident.reason.to_string(),
        regions: regions.collect::<Vec<_>>().join(", "),
        started: When::at(incident.started_at),
        ended: incident.ended_at.map(When::at),
        lasted: span(incident, now),
        resolution: incident.resolution.map_or("", |why| why.as_str()),
        taken_by: incident.acknowledged_by.clone().unwrap_or_default(),
        affected,
        steps: steps(incident, directory),
        deliveries,
    }
}

/// Where a monitor or heartbeat is shown, while it exists.
fn subject_path(id: MonitorId, directory: &Directory) -> Option<String> {
    let monitor = directory.monitor_by_id(id);
    let monitor = monitor.map(|monitor| monitor::path(monitor.id));
    let heartbeat = || directory.heartbeat_by_id(id);
    monitor.or_else(|| heartbeat().map(|heartbeat| heartbeats::path(heartbeat.id)))
}

/// What happened, the newest first.
fn steps(incident: &Incident, directory: &Directory) -> Vec<Step> {
    let step = |transition: &Transition| Step {
        seq: transition.seq,
        kind: transition.kind.as_str(),
        class: class(transition.kind),
        at: When::at(transition.at),
        by: transition.by.clone().unwrap_or_default(),
        note: transition.note.clone(),
        evidence: transition.evidence.as_ref().map(|e| ground(e, directory)),
    };
    incident.transitions.iter().rev().map(step).collect()
}

/// Whether no regions vote on it.
fn is_of_heartbeat(incident: &Incident) -> bool {
    match &incident.subject {
        Subject::Monitor(facts) => facts.kind == "heartbeat",
        Subject::System(_) => false,
    }
}

const fn class(kind: TransitionKind) -> &'static str {
    match kind {
        TransitionKind::Opened | TransitionKind::Widened => "down",
        TransitionKind::Narrowed | TransitionKind::Flapping => "degraded",
        TransitionKind::Acknowledged | TransitionKind::Commented => "none",
        TransitionKind::Resolved => "up",
    }
}

fn ground(evidence: &Evidence, directory: &Directory) -> Ground {
    let row = |region: &RegionEvidence| VoteRow {
        vote: vote(region.standing),
        name: directory.display_name(&region.region),
        confirmed: region.confirmed,
        said: said(region, directory),
    };
    Ground {
        rule: evidence.rule.clone(),
        otherwise: evidence.otherwise.clone(),
        votes: evidence.regions.iter().map(row).collect(),
        heartbeat: evidence.heartbeat.as_ref().map(|facts| HeartbeatGround {
            schedule: schedule::words(&facts.schedule),
            grace: (!facts.grace.is_zero()).then(|| schedule::grace(facts.grace)),
            last_ping: facts.last_ping_at.map(When::at),
            due: facts.due_at.map(When::at),
            // Less is how long it took to decide.
            late: facts.late.filter(|late| late.as_secs() > 0).map(lasting),
        }),
    }
}

/// What a region's agents had seen, a line each.
fn said(region: &RegionEvidence, directory: &Directory) -> Vec<String> {
    let several = region.agents.len() > 1;
    let line = |agent: &vigilmon_common::incident::AgentEvidence| {
        let seen = match (&agent.reason, agent.outcome) {
            (Some(reason), _) => reason.to_string(),
            (None, Some(OutcomeKind::Up)) => "up".to_owned(),
            (None, Some(outcome)) => outcome.as_str().to_owned(),
            (None, None) => return "no result yet".to_owned(),
        };
        let run = match agent.run_length {
            0 | 1 => String::new(),
            length => format!(", {length} in a row"),
        };
        let who = match several {
            true => format!("{}: ", agent_name(agent.agent, directory)),
            false => String::new(),
        };
        format!("{who}{seen} · {} old{run}", lasting(agent.age))
    };
    let because = (!region.because.is_empty()).then(|| region.because.clone());
    let lines = because.into_iter().chain(region.agents.iter().map(line));
    let lines: Vec<String> = lines.collect();
    match lines.is_empty() {
        true => vec!["no result yet".to_owned()],
        false => lines,
    }
}

/// An agent's name; its id where it is gone.
pub(super) fn agent_name(id: AgentId, directory: &Directory) -> String {
    let agent = directory.agents().get(&id);
    agent.map_or_else(|| id.to_string(), |agent| agent.record.name.to_string())
}

/// Every attempt to tell somebody, the newest first; who is still to be told comes before.
async fn deliveries(engine: &Handle, incident: &Incident) -> Result<Vec<Delivery>, CommandError> {
    let unavailable = |e: crate::store::StoreError| CommandError::Unavailable(e.to_string());
    let stores = engine.stores();
    // Attempts are committed with the outbox and move to the history from there.
    stores.settle().await.map_err(unavailable)?;
    let names: BTreeMap<ChannelId, String> = {
        let directory = engine.directory().read();
        let channels = directory.channels().values();
        channels.map(|c| (c.id, c.name.to_string())).collect()
    };
    // Nothing about it was tried later than this.
    let ended = incident.resolved_at.map(|at| at + EXPIRY * 2);
    let before = DeliveryPlace {
        at: ended.unwrap_or(Time::FAR_FUTURE),
        ..DeliveryPlace::END
    };
    let mut found: Vec<DeliveryRecord> = Vec::new();
    for channel in names.keys() {
        let tried = stores
            .history
            .deliveries(*channel, before, ATTEMPTS_MAX)
            .await;
        let tried = tried.map_err(unavailable)?;
        found.extend(
            tried
                .into_iter()
                .filter(|d| d.incident == Some(incident.id)),
        );
    }
    found.sort_by_key(|d| std::cmp::Reverse((d.at, d.attempt)));
    let tried: HashSet<ChannelId> = found.iter().map(|d| d.channel).collect();
    let name = |id: &ChannelId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
    let waiting = incident
        .told
        .iter()
        .filter(|told| !tried.contains(&told.channel));
    let waiting = waiting.map(|told| Delivery {
        channel: name(&told.channel),
        event: String::new(),
        at: None,
        attempt: 0,
        result: "waiting",
        detail: "not tried yet".to_owned(),
    });
    let tried = found.iter().map(|d| Delivery {
        channel: name(&d.channel),
        event: d.event.clone(),
        at: Some(When::at(d.at)),
        attempt: d.attempt,
        result: d.result.as_str(),
        detail: d.detail.clone(),
    });
    Ok(waiting.chain(tried).collect())
}

/// What a form of the page sends.
#[derive(Deserialize)]
pub(super) struct Deed {
    #[serde(default)]
    note: String,
    #[serde(default)]
    force: String,
}

/// Somebody does something to an incident.
pub(super) async fn act(
    State(pages): State<Pages>,
    Editor(visitor): Editor,
    Path((id, deed)): Path<(String, String)>,
    Form(given): Form<Deed>,
) -> Response {
    let engine = &pages.site.engine;
    let note = given.note.trim().to_owned();
    if note.chars().count() > NOTE_MAX {
        return unprocessable(&format!("The text is longer than {NOTE_MAX} characters."));
    }
    let by = Actor {
        name: visitor.name(),
    };
    let id = match read(&id) {
        Ok(id) => id,
        Err(error) => return no(&error),
    };
    let done = match deed.as_str() {
        "acknowledge" => engine.acknowledge(by, id, note).await,
        "comment" if note.is_empty() => return unprocessable("The comment is empty."),
        "comment" => engine.comment(by, id, note).await,
        "resolve" => engine.resolve(by, id, given.force == "yes").await,
        _ => {
            let (title, text) = ("Not found", "There is no such deed.");
            return refused(StatusCode::NOT_FOUND, title, text, "");
        }
    };
    match done {
        Ok(_) => see_other(&format!("/incidents/{id}")),
        Err(error) => no(&error),
    }
}

fn unprocessable(text: &str) -> Response {
    refused(StatusCode::UNPROCESSABLE_ENTITY, "Not done", text, "")
}

fn read(id: &str) -> Result<IncidentId, CommandError> {
    id.parse().map_err(|_| CommandError::NotFound {
        object: Object::Incident,
        reference: id.chars().take(60).collect(),
    })
}
