//! `vigilmon incident …`

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vigilmon_proto::v1;

use super::done;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};
use crate::pages;

mod facts;
mod list;
mod why;

/// What is done with incidents.
#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Incidents, newest first
    List(ListArgs),
    /// One incident and all that happened to it
    Show(Id),
    /// Why it opened, changed and ended: every region's vote, and the rule
    Why(Id),
    /// Take it: say that you are on it
    Ack(AckArgs),
    /// Close it by hand
    Resolve(ResolveArgs),
    /// Say something about it
    Comment(CommentArgs),
}

/// Which incidents.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only those that have not ended
    #[arg(long)]
    open: bool,
    /// Only of this monitor
    #[arg(long, value_name = "MONITOR")]
    monitor: Option<String>,
}

/// An incident by id.
#[derive(Args, Debug)]
pub(crate) struct Id {
    /// Its id
    id: String,
}

/// Somebody takes it.
#[derive(Args, Debug)]
pub(crate) struct AckArgs {
    /// Its id
    id: String,
    /// What you say with it
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// Somebody closes it.
#[derive(Args, Debug)]
pub(crate) struct ResolveArgs {
    /// Its id
    id: String,
    /// Although regions still see it down; none opens then until it was up once
    #[arg(long)]
    force: bool,
}

/// Somebody says something.
#[derive(Args, Debug)]
pub(crate) struct CommentArgs {
    /// Its id
    id: String,
    /// What
    text: String,
}

/// Does it; the exit code.
pub(crate) async fn run(
    command: &IncidentCommand,
    client: &Client,
    format: Format,
) -> Result<u8, Failure> {
    match command {
        IncidentCommand::List(args) => list(args, client, format).await,
        IncidentCommand::Show(Id { id }) => {
            let (project, r#ref) = (client.project.clone(), id.clone());
            let request = v1::GetIncidentRequest { project, r#ref };
            let incident = client.incidents().get_incident(request).await?.into_inner();
            Ok(print(&incident, format, show))
        }
        IncidentCommand::Why(Id { id }) => {
            let (project, r#ref) = (client.project.clone(), id.clone());
            let request = v1::ExplainIncidentRequest { project, r#ref };
            let answer = client.incidents().explain(request).await?.into_inner();
            Ok(print(
                &answer.incident.unwrap_or_default(),
                format,
                why::lines,
            ))
        }
        IncidentCommand::Ack(args) => {
            let incident = acknowledge(args, client).await?;
            Ok(deed("acknowledged", &incident, format))
        }
        IncidentCommand::Resolve(args) => {
            Ok(deed("resolved", &resolve(args, client).await?, format))
        }
        IncidentCommand::Comment(args) => {
            Ok(deed("commented on", &comment(args, client).await?, format))
        }
    }
}

async fn acknowledge(args: &AckArgs, client: &Client) -> Result<v1::Incident, Failure> {
    let (project, r#ref, note) = (client.project.clone(), args.id.clone(), args.note.clone());
    let request = v1::AcknowledgeIncidentRequest {
        project,
        r#ref,
        note,
    };
    Ok(client.incidents().acknowledge(request).await?.into_inner())
}

async fn resolve(args: &ResolveArgs, client: &Client) -> Result<v1::Incident, Failure> {
    let (project, r#ref, force) = (client.project.clone(), args.id.clone(), args.force);
    let request = v1::ResolveIncidentRequest {
        project,
        r#ref,
        force,
    };
    Ok(client.incidents().resolve(request).await?.into_inner())
}

async fn comment(args: &CommentArgs, client: &Client) -> Result<v1::Incident, Failure> {
    let (project, r#ref, text) = (client.project.clone(), args.id.clone(), args.text.clone());
    let request = v1::CommentIncidentRequest {
        project,
        r#ref,
        text,
    };
    Ok(client.incidents().comment(request).await?.into_inner())
}

fn deed(said: &str, incident: &v1::Incident, format: Format) -> u8 {
    done(
        format,
        &format!("{said} {}", incident.id),
        &to_json(incident),
    )
}

fn print(incident: &v1::Incident, format: Format, text: fn(&v1::Incident) -> Vec<String>) -> u8 {
    match format {
        Format::Json | Format::Yaml => output::data(format, &to_json(incident)),
        Format::Table => output::lines(&text(incident)),
    }
    exit::DONE
}

async fn list(args: &ListArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let all = pages::all(async |page_token| {
        let request = v1::ListIncidentsRequest {
            project: client.project.clone(),
            open_only: args.open,
            monitor: args.monitor.clone().unwrap_or_default(),
            page_size: 0,
            page_token,
        };
        let page = client
            .incidents()
            .list_incidents(request)
            .await?
            .into_inner();
        Ok((page.incidents, page.next_page_token))
    })
    .await?;
    match format {
        Format::Json | Format::Yaml => {
            output::data(format, &all.iter().map(to_json).collect::<Value>())
        }
        Format::Table => list::print(&all),
    }
    Ok(exit::DONE)
}

fn name(incident: &v1::Incident) -> String {
    match &incident.subject {
        Some(v1::incident::Subject::Monitor(facts)) => facts.name.clone(),
        Some(v1::incident::Subject::System(facts)) => {
            let code = incident
                .reason
                .as_ref()
                .map_or("system", |reason| reason.code.as_str());
            format!("{code} {}", facts.about)
        }
        None => String::new(),
    }
}

fn scope(of: i32) -> String {
    format::word(
        v1::Scope::try_from(of).unwrap_or_default().as_str_name(),
        "SCOPE_",
    )
}

fn status(incident: &v1::Incident) -> String {
    let status = v1::IncidentStatus::try_from(incident.status).unwrap_or_default();
    format::word(status.as_str_name(), "INCIDENT_STATUS_")
}

fn resolution(incident: &v1::Incident) -> Option<String> {
    let resolution = v1::Resolution::try_from(incident.resolution).ok()?;
    (resolution != v1::Resolution::Unspecified)
        .then(|| format::word(resolution.as_str_name(), "RESOLUTION_"))
}

fn kind(transition: &v1::Transition) -> String {
    let kind = v1::TransitionKind::try_from(transition.kind).unwrap_or_default();
    format::word(kind.as_str_name(), "TRANSITION_KIND_")
}

fn show(incident: &v1::Incident) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{}: {} incident {}",
            name(incident),
            scope(incident.scope),
            status(incident)
        ),
        format!("  id        {}", incident.id),
        format!("  severity  {}", format::severity(incident.severity)),
    ];
    let reason = format::reason_text(incident.reason.as_ref());
    lines.extend(format::wrapped("  reason    ", &reason));
    lines.extend(incident.heartbeat.iter().flat_map(facts::lines));
    if !incident.named.is_empty() {
        lines.push(format!("  regions   {}", incident.named.join(", ")));
    }
    if let Some(v1::incident::Subject::System(facts)) = &incident.subject
        && !facts.affected.is_empty()
    {
        lines.extend(format::filled("affected", facts.affected.clone(), ", "));
    }
    lines.push(format!(
        "  started   {} UTC",
        format::time_text(incident.start_time.as_ref())
    ));
    if incident.end_time.is_some() {
        lines.push(format!(
            "  ended     {} UTC",
            format::time_text(incident.end_time.as_ref())
        ));
        if let Some(lasted) = format::span(incident.duration.as_ref()) {
            lines.push(format!("  lasted    {}", format::lasting(lasted)));
        }
    }
    if let Some(resolution) = resolution(incident) {
        lines.push(format!("  resolved  {resolution}"));
    }
    lines.push("  what happened".to_owned());
    for transition in &incident.transitions {
        let mut line = format!(
            "    {:>2}  {}  {}",
            transition.seq,
            format::time_text(transition.time.as_ref()),
            kind(transition)
        );
        if !transition.by.is_empty() {
            line.push_str(&format!(" by {}", transition.by));
        }
        if !transition.note.is_empty() {
            line.push_str(&format!(": {}", transition.note));
        }
        lines.push(line);
    }
    lines
}

/// An incident as JSON: as in webhooks, with what else is known.
fn to_json(incident: &v1::Incident) -> Value {
    let (monitor, system) = match &incident.subject {
        Some(v1::incident::Subject::Monitor(facts)) => {
            let labels: std::collections::BTreeMap<_, _> = facts.labels.iter().collect();
            let monitor = json!({
                "id": facts.id,
                "name": facts.name,
                "kind": facts.kind,
                "target": format::text(&facts.target),
                "labels": labels,
            });
            (monitor, Value::Null)
        }
        Some(v1::incident::Subject::System(facts)) => {
            let system = json!({
                "about": facts.about,
                "summary": facts.summary,
                "affected": facts.affected,
            });
            (Value::Null, system)
        }
        None => (Value::Null, Value::Null),
    };
    let regions = incident.regions.as_ref().map(|tally| {
        json!({
            "failing": tally.failing,
            "passing": tally.passing,
            "stale": tally.stale,
            "abstaining": tally.abstaining,
            "required": tally.required,
            "assigned": tally.assigned,
        })
    });
    json!({
        "id": incident.id,
        "scope": scope(incident.scope),
        "severity": format::severity(incident.severity),
        "status": status(incident),
        "started_at": format::time_json(incident.start_time.as_ref()),
        "decided_at": format::time_json(incident.decide_time.as_ref()),
        "ended_at": format::time_json(incident.end_time.as_ref()),
        "resolved_at": format::time_json(incident.resolve_time.as_ref()),
        "duration_seconds": format::seconds(format::span(incident.duration.as_ref())),
        "resolution": resolution(incident),
        "acknowledged_by": format::text(&incident.acknowledged_by),
        "url": format::text(&incident.url),
        "named": incident.named,
        "reason": format::reason_json(incident.reason.as_ref()),
        "monitor": monitor,
        "system": system,
        "regions": regions,
        "heartbeat": incident.heartbeat.as_ref().map(facts::to_json),
        "transitions": incident.transitions.iter().map(why::transition_json).collect::<Value>(),
    })
}
