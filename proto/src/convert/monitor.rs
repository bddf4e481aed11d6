//! Monitors of the public API: drafts from what users send, answers from what is stored.
//!
//! `common` alone judges a draft. Here only what has no form in one is refused: a broken duration,
//! an unknown enum, an update mask that names no field, a `…` that stands for nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use vigilmon_common::decide::{RegionView, Status, View};
use vigilmon_common::id::{ChannelId, MonitorId};
use vigilmon_common::incident::Standing;
use vigilmon_common::monitor::draft::{
    HttpDraft, INTERVAL_DEFAULT, MonitorDraft, REGIONAL_AFTER_DEFAULT, TIMEOUT_DEFAULT,
};
use vigilmon_common::monitor::{Kind, Monitor, MonitorSpec, Severity};
use vigilmon_common::name::{Name, Region};
use vigilmon_common::problem::Problems;

use super::channel::names_of;
use super::spec::{
    http_draft_from_wire, http_to_wire_masked, keep_secrets, list, optional_span, text,
};
use super::{duration, timestamp};
use crate::v1;

/// The draft of a new monitor.
///
/// # Errors
/// Something has no form in a draft.
pub fn draft_from_wire(name: &str, wire: &v1::MonitorSpec) -> Result<MonitorDraft, Problems> {
    let mut problems = Problems::none();
    let draft = draft_over(name, wire, None, &mut problems);
    problems.or(draft)
}

/// The draft of a monitor that takes the place of a stored one: of that only secrets that are `…`
/// stay. What has no form in a draft is noted.
#[must_use]
pub fn draft_over(
    name: &str,
    wire: &v1::MonitorSpec,
    stored: Option<&MonitorSpec>,
    problems: &mut Problems,
) -> MonitorDraft {
    let mut draft = open_draft(name, wire, problems);
    if let Some(http) = &mut draft.http {
        let stored = stored.map(|stored| {
            let Kind::Http(http) = &stored.kind;
            &**http
        });
        let mut below = Problems::none();
        keep_secrets(http, stored, &mut below);
        problems.extend_below("http", below);
    }
    draft
}

/// What an update lays over a stored monitor: the fields that the mask names, or all when it names
/// none. A named field that is absent gets its default, of which `regions` are those that exist.
///
/// # Errors
/// The mask names no field of a monitor, or something has no form in a draft.
pub fn patch_from_wire(
    wire: &v1::Monitor,
    mask: &[String],
    stored: &MonitorSpec,
    regions: &[Region],
) -> Result<MonitorDraft, Problems> {
    let mut problems = Problems::none();
    let absent = v1::MonitorSpec::default();
    let spec = wire.spec.as_ref().unwrap_or(&absent);
    let whole = ["name".to_owned(), "spec".to_owned()];
    let mask = match (mask, &wire.spec, wire.name.is_empty()) {
        ([], None, _) => &whole[..1],
        ([], Some(_), true) => &whole[1..],
        ([], Some(_), false) => &whole[..],
        (mask, _, _) => mask,
    };
    let names = |path: &str| mask.iter().any(|named| named == path);
    let interval_changes = names("spec") || names("spec.interval");
    let mut given = open_draft(&wire.name, spec, &mut problems);
    if let Some(http) = &mut given.http {
        let Kind::Http(stored) = &stored.kind;
        let mut below = Problems::none();
        keep_secrets(http, Some(stored), &mut below);
        problems.extend_below("http", below);
    }
    let every = given
        .every
        .filter(|_| interval_changes)
        .unwrap_or(if interval_changes {
            INTERVAL_DEFAULT
        } else {
            stored.interval
        });
    let full = closed_draft(given, every, regions);
    let mut patch = MonitorDraft::default();
    for path in mask {
        if !pick(path, &full, &mut patch) {
            let message = format!(
                "`{}` is no field of a monitor",
                super::cut(path.clone(), 60)
            );
            problems.add(
                "update_mask",
                message,
                "name `name`, `spec`, or fields of `spec`",
            );
        }
    }
    problems.or(patch)
}

/// A draft with every field that is absent left open.
fn open_draft(name: &str, wire: &v1::MonitorSpec, problems: &mut Problems) -> MonitorDraft {
    let http = wire
        .kind
        .as_ref()
        .map(|v1::monitor_spec::Kind::Http(http)| {
            let mut below = Problems::none();
            let http = http_draft_from_wire(http, &mut below);
            problems.extend_below("http", below);
            http
        });
    let labels: BTreeMap<String, String> = wire
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    MonitorDraft {
        name: text(name),
        http,
        every: optional_span("every", wire.interval.as_ref(), problems),
        timeout: optional_span("timeout", wire.timeout.as_ref(), problems),
        regions: list(&wire.regions),
        quorum: text(&wire.quorum),
        failures: wire.failures,
        successes: wire.successes,
        regional_after: optional_span("regional_after", wire.regional_after.as_ref(), problems),
        severity: severity_from_wire("severity", wire.severity, problems),
        labels: Some(labels).filter(|labels| !labels.is_empty()),
        notify: list(&wire.notify),
    }
}

/// The same with every open field closed by its default, so that laying it over resets them.
fn closed_draft(draft: MonitorDraft, every: Duration, regions: &[Region]) -> MonitorDraft {
    let all_regions = || regions.iter().map(ToString::to_string).collect();
    MonitorDraft {
        http: draft.http.map(closed_http),
        every: draft.every.or(Some(INTERVAL_DEFAULT)),
        timeout: draft.timeout.or(Some(every.min(TIMEOUT_DEFAULT))),
        regions: draft.regions.or_else(|| Some(all_regions())),
        quorum: draft.quorum.or_else(|| Some("majority".to_owned())),
        failures: draft.failures.or(Some(1)),
        successes: draft.successes.or(Some(1)),
        regional_after: draft.regional_after.or(Some(REGIONAL_AFTER_DEFAULT)),
        severity: draft
            .severity
            .or_else(|| Some(Severity::default().to_string())),
        labels: draft.labels.or_else(|| Some(BTreeMap::new())),
        notify: draft.notify.or_else(|| Some(Vec::new())),
        name: draft.name,
    }
}

fn closed_http(draft: HttpDraft) -> HttpDraft {
    let empty = || Some(String::new());
    HttpDraft {
        url: draft.url.or_else(empty),
        method: draft.method.or_else(|| Some("GET".to_owned())),
        header: draft.header.or_else(|| Some(Vec::new())),
        body: draft.body.or_else(empty),
        expect_status: draft.expect_status.or_else(empty),
        contains: draft.contains.or_else(|| Some(Vec::new())),
        not_contains: draft.not_contains.or_else(|| Some(Vec::new())),
        matches: draft.matches.or_else(|| Some(Vec::new())),
        json: draft.json.or_else(|| Some(Vec::new())),
        expect_header: draft.expect_header.or_else(|| Some(Vec::new())),
        max_latency: draft.max_latency.or(Some(Duration::ZERO)),
        degraded_latency: draft.degraded_latency.or_else(|| Some(Vec::new())),
        // Follows from the expected status, which `common` works out.
        follow_redirects: draft.follow_redirects,
        insecure: draft.insecure.or(Some(false)),
        basic: draft.basic.or_else(|| Some(String::new().into())),
        bearer: draft.bearer.or_else(|| Some(String::new().into())),
        ip: draft.ip.or_else(|| Some("any".to_owned())),
    }
}

/// Takes over the field that a path of a mask names; false when it names none.
fn pick(path: &str, full: &MonitorDraft, patch: &mut MonitorDraft) -> bool {
    macro_rules! take {
        ($($field:ident),*) => {{ $(patch.$field.clone_from(&full.$field);)* }};
    }
    match path {
        "name" => take!(name),
        "spec" => take!(
            http,
            every,
            timeout,
            regions,
            quorum,
            failures,
            successes,
            regional_after,
            severity,
            labels,
            notify
        ),
        "spec.interval" => take!(every),
        "spec.timeout" => take!(timeout),
        "spec.regions" => take!(regions),
        "spec.quorum" => take!(quorum),
        "spec.failures" => take!(failures),
        "spec.successes" => take!(successes),
        "spec.regional_after" => take!(regional_after),
        "spec.severity" => take!(severity),
        "spec.labels" => take!(labels),
        "spec.notify" => take!(notify),
        "spec.http" => take!(http),
        _ => {
            let Some(field) = path.strip_prefix("spec.http.") else {
                return false;
            };
            let full = full
                .http
                .clone()
                .unwrap_or_else(|| closed_http(HttpDraft::default()));
            return pick_http(field, &full, patch.http.get_or_insert_default());
        }
    }
    true
}

fn pick_http(field: &str, full: &HttpDraft, patch: &mut HttpDraft) -> bool {
    macro_rules! by_name {
        ($($name:literal => $field:ident,)*) => {
            match field {
                $($name => patch.$field.clone_from(&full.$field),)*
                _ => return false,
            }
        };
    }
    by_name! {
        "url" => url,
        "method" => method,
        "headers" => header,
        "body" => body,
        "expect_status" => expect_status,
        "contains" => contains,
        "not_contains" => not_contains,
        "matches" => matches,
        "json" => json,
        "expect_headers" => expect_header,
        "max_latency" => max_latency,
        "degraded_latency" => degraded_latency,
        "follow_redirects" => follow_redirects,
        "insecure" => insecure,
        "basic" => basic,
        "bearer" => bearer,
        "ip" => ip,
    }
    true
}

/// A monitor as it is answered: secrets masked, channels by name.
#[must_use]
pub fn monitor_to_wire(
    monitor: &Monitor,
    project: &str,
    view: Option<&View>,
    channel_name: &dyn Fn(ChannelId) -> Option<Name>,
) -> v1::Monitor {
    v1::Monitor {
        id: monitor.id.to_string(),
        name: monitor.spec.name.to_string(),
        project: project.to_owned(),
        etag: monitor.version.to_string(),
        spec: Some(spec_to_wire(&monitor.spec, channel_name)),
        kind: monitor.spec.kind.as_str().to_owned(),
        target: monitor.spec.target(),
        paused: monitor.paused,
        create_time: Some(timestamp(monitor.created_at)),
        update_time: Some(timestamp(monitor.updated_at)),
        state: view.map(|view| state_to_wire(monitor.id, &monitor.spec, view)),
    }
}

fn spec_to_wire(
    spec: &MonitorSpec,
    channel_name: &dyn Fn(ChannelId) -> Option<Name>,
) -> v1::MonitorSpec {
    let Kind::Http(http) = &spec.kind;
    v1::MonitorSpec {
        interval: Some(duration(spec.interval)),
        timeout: Some(duration(spec.timeout)),
        regions: spec.regions.iter().map(ToString::to_string).collect(),
        quorum: spec.quorum.to_string(),
        failures: Some(spec.failures.get().into()),
        successes: Some(spec.successes.get().into()),
        regional_after: Some(duration(spec.regional_after)),
        severity: v1::Severity::from(spec.severity).into(),
        labels: spec.labels.clone().into_iter().collect(),
        notify: names_of(&spec.notify, channel_name),
        kind: Some(v1::monitor_spec::Kind::Http(http_to_wire_masked(http))),
    }
}

/// How a monitor stands.
#[must_use]
pub fn state_to_wire(monitor: MonitorId, spec: &MonitorSpec, view: &View) -> v1::MonitorState {
    v1::MonitorState {
        monitor: monitor.to_string(),
        status: v1::MonitorStatus::from(view.status).into(),
        since: Some(timestamp(view.since)),
        reason: view.reason.clone(),
        quorum: Some(v1::Quorum {
            rule: spec.quorum.to_string(),
            required: view.required.into(),
            assigned: u32::try_from(spec.regions.len()).unwrap_or(u32::MAX),
        }),
        regions: view.regions.iter().map(region_to_wire).collect(),
        incident: view.incident.map(|id| id.to_string()).unwrap_or_default(),
        failing_since: view.failing_since.map(timestamp),
    }
}

fn region_to_wire(view: &RegionView) -> v1::RegionState {
    v1::RegionState {
        region: view.region.to_string(),
        standing: v1::Standing::from(view.standing).into(),
        age: view.age.map(duration),
        outcome: view
            .outcome
            .map_or(v1::Outcome::Unspecified, Into::into)
            .into(),
        reason: view.reason.as_ref().map(Into::into),
        because: view.because.clone(),
    }
}

/// The word of a severity, if one is given.
pub fn severity_from_wire(field: &str, wire: i32, problems: &mut Problems) -> Option<String> {
    let severity = match v1::Severity::try_from(wire) {
        Ok(v1::Severity::Unspecified) => return None,
        Ok(v1::Severity::Info) => Severity::Info,
        Ok(v1::Severity::Warning) => Severity::Warning,
        Ok(v1::Severity::Critical) => Severity::Critical,
        Err(_) => {
            let message = format!("this version does not know the value {wire}");
            problems.add(field, message, "give critical, warning or info");
            return None;
        }
    };
    Some(severity.to_string())
}

impl From<Severity> for v1::Severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Info,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Critical,
        }
    }
}

impl From<Status> for v1::MonitorStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Up => Self::Up,
            Status::Degraded => Self::Degraded,
            Status::Down => Self::Down,
            Status::Unknown => Self::Unknown,
            Status::Paused => Self::Paused,
        }
    }
}

impl From<Standing> for v1::Standing {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Failing => Self::Failing,
            Standing::Passing => Self::Passing,
            Standing::Stale => Self::Stale,
            Standing::Abstaining => Self::Abstaining,
        }
    }
}

#[cfg(test)]
mod tests;
