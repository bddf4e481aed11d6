//! A heartbeat, for people and for scripts.

use std::time::Duration;

use serde_json::{Map, Value, json};
use vigilmon_common::duration;
use vigilmon_common::heartbeat::Cron;
use vigilmon_common::time::Time;
use vigilmon_proto::v1;
use vigilmon_proto::v1::heartbeat_spec::Schedule;

use super::urls::Seen;
use super::{age, get, marks, pings, rough, span, urls};
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// Pings that are listed one by one.
const PINGS_LISTED: usize = 10;
/// Times that a cron expression says next.
const NEXT_SHOWN: usize = 3;
/// How far the values of a sheet are from the margin.
const INDENT: usize = 12;

/// Prints one heartbeat.
pub(super) async fn run(name: &str, client: &Client, format: Format) -> Result<u8, Failure> {
    let heartbeat = get(client, name).await?;
    let url = urls::seen(client, &heartbeat.id).await?;
    let pings = pings::last(client, &heartbeat.id).await?;
    match format {
        Format::Json | Format::Yaml => {
            let mut value = json(&heartbeat);
            value["ping_url"] = match &url {
                Seen::Url(url) => json!(url.url),
                Seen::Hidden => Value::Null,
                Seen::Unreadable(why) => {
                    output::note(&unreadable(why));
                    Value::Null
                }
            };
            let last = pings.iter().take(PINGS_LISTED);
            value["last_pings"] = last.map(pings::to_json).collect();
            output::data(format, &value);
        }
        Format::Table => {
            output::lines(&lines(&heartbeat, &url, format::now()));
            output::lines(&marked(&pings));
            if !pings.is_empty() {
                let last = pings.iter().take(PINGS_LISTED);
                output::table(pings::HEAD, last.map(pings::row).collect());
            }
        }
    }
    Ok(exit::DONE)
}

/// A heartbeat as JSON: the row of lists too.
pub(super) fn json(heartbeat: &v1::Heartbeat) -> Value {
    let spec = heartbeat.spec.clone().unwrap_or_default();
    let state = heartbeat.state.clone().unwrap_or_default();
    let time = |at: &Option<prost_types::Timestamp>| format::time_json(at.as_ref());
    let seconds = |of: &Option<prost_types::Duration>| format::seconds(format::span(of.as_ref()));
    let labels: std::collections::BTreeMap<_, _> = spec.labels.iter().collect();
    let run = |run: &v1::OpenRun| {
        json!({
            "rid": format::text(&run.rid),
            "started_at": time(&run.start_time),
            "overrun": run.overrun,
        })
    };
    let mut value = json!({
        "id": heartbeat.id,
        "name": heartbeat.name,
        "kind": "heartbeat",
        "status": status(&state),
        "since": time(&state.since),
        "reason": format::text(&state.reason),
        "grace_seconds": format::seconds(Some(span(spec.grace.as_ref()))),
        "max_run_seconds": seconds(&spec.max_run),
        "alarm_before_first_ping": spec.alarm_before_first_ping,
        "post_only": spec.post_only,
        "severity": format::severity(spec.severity),
        "labels": labels,
        "notify": spec.notify,
        "paused": heartbeat.paused,
        "last_ping_at": time(&state.last_ping_time),
        "last_signal": format::text(&state.last_signal),
        "last_success_at": time(&state.last_success_time),
        "last_run_seconds": seconds(&state.last_run),
        "next_expected_at": time(&state.due_time),
        "deadline_at": time(&state.deadline_time),
        "unobserved_at": time(&state.unobserved_due_time),
        "runs": state.runs.iter().map(run).collect::<Value>(),
        "never_finished": state.never_finished,
        "pings": state.pings,
        "incident": format::text(&state.incident),
        "slug": format::text(&heartbeat.slug),
        "etag": heartbeat.etag,
        "created_at": time(&heartbeat.create_time),
        "updated_at": time(&heartbeat.update_time),
    });
    if let Some(fields) = value.as_object_mut() {
        fields.extend(schedule_json(&spec));
    }
    value
}

/// When pings are expected, as webhooks say it.
fn schedule_json(spec: &v1::HeartbeatSpec) -> Map<String, Value> {
    let fields = match &spec.schedule {
        Some(Schedule::Every(every)) => {
            let every = format::seconds(format::span(Some(every)));
            vec![("every_seconds", every)]
        }
        Some(Schedule::Cron(cron)) => vec![
            ("cron", json!(cron.expression)),
            ("time_zone", json!(cron.time_zone)),
        ],
        None => Vec::new(),
    };
    let named = fields.into_iter();
    named
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A heartbeat as a row of a table.
pub(super) fn row(heartbeat: &v1::Heartbeat, now: Time) -> [String; 5] {
    let spec = heartbeat.spec.clone().unwrap_or_default();
    let state = heartbeat.state.clone().unwrap_or_default();
    [
        heartbeat.name.clone(),
        status(&state),
        schedule(&spec),
        age(state.last_ping_time.as_ref(), now),
        due(&state, now),
    ]
}

/// When the next ping is expected: `in 8s`, or how long ago it was.
fn due(state: &v1::HeartbeatState, now: Time) -> String {
    match format::time(state.due_time.as_ref()) {
        None => "-".to_owned(),
        Some(at) if at >= now => format!("in {}", format::lasting(rough(at.since(now)))),
        Some(at) if is_overdue(state) => {
            format!("{} overdue", format::lasting(rough(now.since(at))))
        }
        Some(_) if !state.runs.is_empty() => "running".to_owned(),
        Some(_) => "now".to_owned(),
    }
}

/// Whether a time that is over is held against the job: a run that may take as long, or a short
/// restart of ours, excuses it.
fn is_overdue(state: &v1::HeartbeatState) -> bool {
    state.status() != v1::HeartbeatStatus::Up
}

/// What is expected: `every 25h, grace 0s`.
pub(super) fn expected(spec: &v1::HeartbeatSpec) -> String {
    let grace = duration::format(span(spec.grace.as_ref()));
    format!("{}, grace {grace}", schedule(spec))
}

fn schedule(spec: &v1::HeartbeatSpec) -> String {
    match &spec.schedule {
        Some(Schedule::Every(every)) => format!("every {}", format::span_text(Some(every))),
        Some(Schedule::Cron(cron)) => format!("{} {}", cron.expression, cron.time_zone),
        None => "-".to_owned(),
    }
}

fn status(state: &v1::HeartbeatState) -> String {
    format::word(state.status().as_str_name(), "HEARTBEAT_STATUS_")
}

fn lines(heartbeat: &v1::Heartbeat, url: &Seen, now: Time) -> Vec<String> {
    let spec = heartbeat.spec.clone().unwrap_or_default();
    let state = heartbeat.state.clone().unwrap_or_default();
    let mut lines = vec![
        format!("{} ({})", heartbeat.name, heartbeat.id),
        field("expected", &expected(&spec)),
    ];
    if let Some(max_run) = &spec.max_run {
        let text = format!("a run takes at most {}", format::span_text(Some(max_run)));
        lines.push(field("", &text));
    }
    if spec.post_only {
        lines.push(field("", "only POST counts"));
    }
    let since = format::time_text(state.since.as_ref());
    lines.push(field(
        "state",
        &format!("{} since {since} UTC", status(&state)),
    ));
    // What is running has a line of its own.
    let is_running = state.status() == v1::HeartbeatStatus::Up && !state.runs.is_empty();
    let says_more = !is_running || state.unobserved_due_time.is_some();
    if !state.reason.is_empty() && says_more {
        lines.extend(words("", &state.reason));
    }
    lines.extend(next(&spec, &state, now));
    lines.extend(heard(&state, now));
    lines.push(field("severity", &format::severity(spec.severity)));
    if !spec.labels.is_empty() {
        let mut labels: Vec<String> = spec
            .labels
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        labels.sort();
        lines.extend(format::filled("labels", labels, ", "));
    }
    if !spec.notify.is_empty() {
        lines.extend(format::filled("notify", spec.notify.clone(), ", "));
    }
    if !state.incident.is_empty() {
        lines.push(field("incident", &state.incident));
    }
    lines.extend(ping_url(url));
    if !heartbeat.slug.is_empty() {
        lines.push(field("slug", &heartbeat.slug));
    }
    lines
}

/// Where the job pings, or why that is not shown.
fn ping_url(url: &Seen) -> Vec<String> {
    match url {
        Seen::Url(url) => {
            let former = url.former_until_time.is_some();
            let former = former.then(|| field("", &urls::former(url)));
            let present = field("ping URL", &url.url);
            std::iter::once(present).chain(former).collect()
        }
        Seen::Hidden => vec![field(
            "ping URL",
            "shown to a token of role editor or admin",
        )],
        Seen::Unreadable(why) => words("ping URL", &unreadable(why)),
    }
}

fn unreadable(why: &Failure) -> String {
    format!("{}; {}", why.messages.join("; "), why.hint)
}

/// When the next ping is expected, and of a cron expression the times after it.
fn next(spec: &v1::HeartbeatSpec, state: &v1::HeartbeatState, now: Time) -> Vec<String> {
    let Some(due) = format::time(state.due_time.as_ref()) else {
        let text = match state.status() {
            v1::HeartbeatStatus::Paused => "nothing while it is paused",
            _ => "nothing before the first ping",
        };
        return vec![field("next", text)];
    };
    let (overdue, when) = if due >= now {
        ("", format!("in {}", format::lasting(rough(due.since(now)))))
    } else if is_overdue(state) {
        ("overdue: ", format::age_text(Some(rough(now.since(due)))))
    } else {
        ("", format::age_text(Some(rough(now.since(due)))))
    };
    let cron = match &spec.schedule {
        Some(Schedule::Cron(cron)) => Cron::parse(&cron.expression, &cron.time_zone).ok(),
        _ => None,
    };
    let Some(cron) = cron else {
        let due = format::time_text(state.due_time.as_ref());
        return vec![field("next", &format!("{overdue}{due} UTC, {when}"))];
    };
    let mut times = vec![due];
    while times.len() < NEXT_SHOWN {
        let next = times.last().and_then(|last| cron.expected_after(*last));
        let Some(next) = next else { break };
        times.push(next.at);
    }
    let zone = cron.time_zone();
    let mut local = times.iter().map(|time| local(*time, zone));
    let first = local.next().unwrap_or_default();
    let mut lines = vec![field("next", &format!("{overdue}{first} {zone}, {when}"))];
    lines.extend(local.map(|time| field("", &time)));
    lines
}

/// `Fri 2026-11-27 02:00`, in a zone.
fn local(time: Time, zone: &str) -> String {
    let at = jiff::Timestamp::from_millisecond(time.as_millis());
    let zoned = at.and_then(|at| at.in_tz(zone));
    zoned.map_or_else(
        |_| time.to_rfc3339(),
        |at| at.strftime("%a %F %H:%M").to_string(),
    )
}

/// What was heard of the job.
fn heard(state: &v1::HeartbeatState, now: Time) -> Vec<String> {
    let mut lines = Vec::new();
    let last = match &state.last_ping_time {
        Some(at) => {
            let ago = age(Some(at), now);
            format!(
                "{} UTC, {ago}: {}",
                format::time_text(Some(at)),
                state.last_signal
            )
        }
        None => "never".to_owned(),
    };
    lines.push(field("last ping", &last));
    if let Some(success) = &state.last_success_time
        && state.last_success_time != state.last_ping_time
    {
        let ago = age(Some(success), now);
        let text = format!("{} UTC, {ago}: success", format::time_text(Some(success)));
        lines.push(field("", &text));
    }
    if let Some(took) = format::span(state.last_run.as_ref()) {
        lines.push(field(
            "last run",
            &format!("took {}", format::lasting(took)),
        ));
    }
    for run in &state.runs {
        let rid = if run.rid.is_empty() {
            String::new()
        } else {
            format!("{} ", run.rid)
        };
        let since = format::time_text(run.start_time.as_ref());
        let so_far = format::time(run.start_time.as_ref()).map(|at| now.since(at));
        let so_far = format::lasting(rough(so_far.unwrap_or(Duration::ZERO)));
        let over = if run.overrun { ", too long" } else { "" };
        let text = format!("{rid}since {since} UTC, {so_far}{over}");
        lines.extend(words("running", &text));
    }
    if state.never_finished > 0 {
        let runs = if state.never_finished == 1 {
            "run"
        } else {
            "runs"
        };
        let text = format!("{} {runs} that began never finished", state.never_finished);
        lines.push(field("", &text));
    }
    lines
}

/// The line of marks and its legend.
fn marked(pings: &[v1::Ping]) -> Vec<String> {
    let is_ascii = marks::is_ascii(|name| std::env::var(name).ok());
    let width = output::width().saturating_sub(INDENT).max(1);
    let (marks, legend) = marks::line(pings, width, is_ascii);
    if marks.is_empty() {
        return Vec::new();
    }
    vec![field("pings", &marks), field("", &legend), String::new()]
}

fn field(label: &str, text: &str) -> String {
    format!("  {label:<9} {text}")
}

fn words(label: &str, text: &str) -> Vec<String> {
    format::filled(label, text.split_whitespace().map(str::to_owned), " ")
}

#[cfg(test)]
mod tests;
