//! Heartbeats of the public API: drafts from what users send, answers from what is stored.
//!
//! As with monitors, `common` alone judges a draft; here only what has no form in one is refused.

use std::collections::BTreeMap;
use std::time::Duration;

use vigilmon_common::heartbeat::{
    CRON_GRACE_DEFAULT, Cron, Heartbeat, HeartbeatDraft, HeartbeatFacts, HeartbeatSpec,
    HeartbeatStatus, Mark, OpenRun, Ping, Schedule, TIME_ZONE_DEFAULT, View, slug,
};
use vigilmon_common::id::ChannelId;
use vigilmon_common::monitor::Severity;
use vigilmon_common::name::Name;
use vigilmon_common::problem::Problems;

use super::channel::names_of;
use super::monitor::severity_from_wire;
use super::spec::{list, optional_span, text};
use super::{duration, timestamp};
use crate::v1;
use crate::v1::heartbeat_facts::Schedule as FactsSchedule;
use crate::v1::heartbeat_spec::Schedule as WireSchedule;

/// The draft of a new heartbeat.
///
/// # Errors
/// Something has no form in a draft.
pub fn draft_from_wire(name: &str, wire: &v1::HeartbeatSpec) -> Result<HeartbeatDraft, Problems> {
    let mut problems = Problems::none();
    let draft = open_draft(name, wire, &mut problems);
    problems.or(draft)
}

/// The draft of a heartbeat that takes the place of a stored one, whole: every field that is absent
/// has its default. What has no form in a draft is noted.
#[must_use]
pub fn draft_over(name: &str, wire: &v1::HeartbeatSpec, problems: &mut Problems) -> HeartbeatDraft {
    let is_cron = matches!(wire.schedule, Some(WireSchedule::Cron(_)));
    closed_draft(open_draft(name, wire, problems), is_cron)
}

/// What an update lays over a stored heartbeat: the fields that the mask names, or all when it
/// names none. A named field that is absent gets its default; a schedule has none, and must be
/// given where it is named.
///
/// # Errors
/// The mask names no field of a heartbeat, or something has no form in a draft.
pub fn patch_from_wire(
    wire: &v1::Heartbeat,
    mask: &[String],
    stored: &HeartbeatSpec,
) -> Result<HeartbeatDraft, Problems> {
    let mut problems = Problems::none();
    let absent = v1::HeartbeatSpec::default();
    let spec = wire.spec.as_ref().unwrap_or(&absent);
    let whole = ["name".to_owned(), "spec".to_owned()];
    let mask = match (mask, &wire.spec, wire.name.is_empty()) {
        ([], None, _) => &whole[..1],
        ([], Some(_), true) => &whole[1..],
        ([], Some(_), false) => &whole[..],
        (mask, _, _) => mask,
    };
    let given = open_draft(&wire.name, spec, &mut problems);
    let schedule_changes = mask
        .iter()
        .any(|path| path == "spec" || path == "spec.every" || path.starts_with("spec.cron"));
    let is_cron = match &spec.schedule {
        Some(schedule) if schedule_changes => matches!(schedule, WireSchedule::Cron(_)),
        _ => matches!(stored.schedule, Schedule::Cron(_)),
    };
    let full = closed_draft(given, is_cron);
    let mut patch = HeartbeatDraft::default();
    for path in mask {
        if !pick(path, &full, &mut patch) {
            let message = format!(
                "`{}` is no field of a heartbeat",
                super::cut(path.clone(), 60)
            );
            let remedy = "name `name`, `spec`, or fields of `spec`";
            problems.add("update_mask", message, remedy);
        }
    }
    for (path, lacks) in [
        ("spec", full.every.is_none() && full.cron.is_none()),
        ("spec.every", full.every.is_none()),
        ("spec.cron", full.cron.is_none()),
        ("spec.cron.expression", full.cron.is_none()),
        ("spec.cron.time_zone", full.cron.is_none()),
    ] {
        if lacks && mask.iter().any(|named| named == path) {
            let is_cron = path.starts_with("spec.cron");
            let field = if is_cron { "cron" } else { "every" };
            let message = format!("`update_mask` names `{path}`, which lacks a schedule");
            problems.add(field, message, "give `every` or `cron`");
        }
    }
    problems.or(patch)
}

/// A draft with every field that is absent left open.
fn open_draft(name: &str, wire: &v1::HeartbeatSpec, problems: &mut Problems) -> HeartbeatDraft {
    let (every, cron) = match &wire.schedule {
        Some(WireSchedule::Every(every)) => (Some(every), None),
        Some(WireSchedule::Cron(cron)) => (None, Some(cron)),
        None => (None, None),
    };
    let labels: BTreeMap<String, String> = wire
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    HeartbeatDraft {
        name: text(name),
        every: optional_span("every", every, problems),
        cron: cron.map(|cron| cron.expression.clone()),
        tz: cron.and_then(|cron| text(&cron.time_zone)),
        grace: optional_span("grace", wire.grace.as_ref(), problems),
        max_run: optional_span("max_run", wire.max_run.as_ref(), problems),
        alarm_before_first_ping: Some(wire.alarm_before_first_ping),
        post_only: Some(wire.post_only),
        severity: severity_from_wire("severity", wire.severity, problems),
        labels: Some(labels).filter(|labels| !labels.is_empty()),
        notify: list(&wire.notify),
    }
}

/// The same with every open field closed by its default, so that laying it over resets them.
fn closed_draft(draft: HeartbeatDraft, is_cron: bool) -> HeartbeatDraft {
    let grace = if is_cron {
        CRON_GRACE_DEFAULT
    } else {
        Duration::ZERO
    };
    let time_zone = draft.cron.as_ref().map(|_| TIME_ZONE_DEFAULT.to_owned());
    HeartbeatDraft {
        tz: draft.tz.or(time_zone),
        grace: draft.grace.or(Some(grace)),
        max_run: draft.max_run.or(Some(Duration::ZERO)),
        severity: draft
            .severity
            .or_else(|| Some(Severity::default().to_string())),
        labels: draft.labels.or_else(|| Some(BTreeMap::new())),
        notify: draft.notify.or_else(|| Some(Vec::new())),
        ..draft
    }
}

/// Takes over the field that a path of a mask names; false when it names none.
fn pick(path: &str, full: &HeartbeatDraft, patch: &mut HeartbeatDraft) -> bool {
    macro_rules! take {
        ($($field:ident),*) => {{ $(patch.$field.clone_from(&full.$field);)* }};
    }
    match path {
        "name" => take!(name),
        "spec" => take!(
            every,
            cron,
            tz,
            grace,
            max_run,
            alarm_before_first_ping,
            post_only,
            severity,
            labels,
            notify
        ),
        "spec.every" => take!(every),
        "spec.cron" => take!(cron, tz),
        "spec.cron.expression" => take!(cron),
        "spec.cron.time_zone" => take!(tz),
        "spec.grace" => take!(grace),
        "spec.max_run" => take!(max_run),
        "spec.alarm_before_first_ping" => take!(alarm_before_first_ping),
        "spec.post_only" => take!(post_only),
        "spec.severity" => take!(severity),
        "spec.labels" => take!(labels),
        "spec.notify" => take!(notify),
        _ => return false,
    }
    true
}

/// A heartbeat as it is answered: channels by name, without its ping URL.
#[must_use]
pub fn heartbeat_to_wire(
    heartbeat: &Heartbeat,
    project: &str,
    view: Option<&View>,
    channel_name: &dyn Fn(ChannelId) -> Option<Name>,
) -> v1::Heartbeat {
    v1::Heartbeat {
        id: heartbeat.id.to_string(),
        name: heartbeat.spec.name.to_string(),
        project: project.to_owned(),
        etag: heartbeat.version.to_string(),
        spec: Some(spec_to_wire(&heartbeat.spec, channel_name)),
        paused: heartbeat.paused,
        create_time: Some(timestamp(heartbeat.created_at)),
        update_time: Some(timestamp(heartbeat.updated_at)),
        state: view.map(state_to_wire),
        ping_url: String::new(),
        slug: slug(heartbeat.spec.name.as_str()),
        former_slug: String::new(),
    }
}

fn spec_to_wire(
    spec: &HeartbeatSpec,
    channel_name: &dyn Fn(ChannelId) -> Option<Name>,
) -> v1::HeartbeatSpec {
    v1::HeartbeatSpec {
        schedule: Some(match &spec.schedule {
            Schedule::Every(every) => WireSchedule::Every(duration(*every)),
            Schedule::Cron(cron) => WireSchedule::Cron(cron_to_wire(cron)),
        }),
        grace: Some(duration(spec.grace)),
        max_run: spec.max_run.map(duration),
        alarm_before_first_ping: spec.alarm_before_first_ping,
        post_only: spec.post_only,
        severity: v1::Severity::from(spec.severity).into(),
        labels: spec.labels.clone().into_iter().collect(),
        notify: names_of(&spec.notify, channel_name),
    }
}

fn cron_to_wire(cron: &Cron) -> v1::CronSchedule {
    v1::CronSchedule {
        expression: cron.expression().to_owned(),
        time_zone: cron.time_zone().to_owned(),
    }
}

/// How a heartbeat stands.
#[must_use]
pub fn state_to_wire(view: &View) -> v1::HeartbeatState {
    v1::HeartbeatState {
        status: v1::HeartbeatStatus::from(view.status).into(),
        since: Some(timestamp(view.since)),
        reason: view.reason.clone(),
        due_time: view.due.map(timestamp),
        deadline_time: view.deadline.map(timestamp),
        last_ping_time: view.last_ping.map(|ping| timestamp(ping.at)),
        last_signal: view
            .last_ping
            .map(|ping| ping.signal.to_string())
            .unwrap_or_default(),
        last_success_time: view.last_success.map(timestamp),
        last_run: view.last_run.map(duration),
        runs: view.runs.iter().map(run_to_wire).collect(),
        never_finished: view.never_finished,
        unobserved_due_time: view.unobserved.map(|unobserved| timestamp(unobserved.due)),
        pings: view.pings,
        incident: view.incident.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn run_to_wire(run: &OpenRun) -> v1::OpenRun {
    v1::OpenRun {
        rid: run.rid.as_deref().unwrap_or_default().to_owned(),
        start_time: Some(timestamp(run.started)),
        overrun: run.overrun,
    }
}

/// A ping, with what the pings around it say of its run.
#[must_use]
pub fn ping_to_wire(ping: &Ping, mark: &Mark) -> v1::Ping {
    v1::Ping {
        number: ping.n,
        time: Some(timestamp(ping.at)),
        signal: ping.signal.to_string(),
        rid: ping.rid.as_deref().unwrap_or_default().to_owned(),
        method: ping.method.as_str().to_owned(),
        from: ping.from.map(|ip| ip.to_string()).unwrap_or_default(),
        user_agent: ping.agent.to_string(),
        count: ping.count,
        body_size: ping.body_size,
        body_kept: ping.body_kept,
        run: mark.run.map(duration),
        never_finished: mark.never_finished,
    }
}

impl From<HeartbeatStatus> for v1::HeartbeatStatus {
    fn from(status: HeartbeatStatus) -> Self {
        match status {
            HeartbeatStatus::New => Self::New,
            HeartbeatStatus::Up => Self::Up,
            HeartbeatStatus::Late => Self::Late,
            HeartbeatStatus::Down => Self::Down,
            HeartbeatStatus::Paused => Self::Paused,
        }
    }
}

impl From<&HeartbeatFacts> for v1::HeartbeatFacts {
    fn from(facts: &HeartbeatFacts) -> Self {
        Self {
            state: v1::HeartbeatStatus::from(facts.state).into(),
            schedule: Some(match &facts.schedule {
                Schedule::Every(every) => FactsSchedule::Every(duration(*every)),
                Schedule::Cron(cron) => FactsSchedule::Cron(cron_to_wire(cron)),
            }),
            grace: Some(duration(facts.grace)),
            last_ping_time: facts.last_ping_at.map(timestamp),
            due_time: facts.due_at.map(timestamp),
            late: facts.late.map(duration),
        }
    }
}

#[cfg(test)]
mod tests;
