//! A monitor, for people and for scripts.

use serde_json::{Value, json};
use vigilmon_proto::v1;

use crate::format;
use crate::output::{self, Format};

mod demands;

/// Prints one monitor.
pub(super) fn print(monitor: &v1::Monitor, format: Format) {
    match format {
        Format::Json | Format::Yaml => output::data(format, &json(monitor)),
        Format::Table => output::lines(&lines(monitor)),
    }
}

/// A monitor as JSON: the row of lists, and what only one monitor shows.
pub(super) fn json(monitor: &v1::Monitor) -> Value {
    let spec = monitor.spec.clone().unwrap_or_default();
    let state = monitor.state.clone().unwrap_or_default();
    let quorum = state.quorum.clone().unwrap_or_default();
    let region = |region: &v1::RegionState| {
        json!({
            "region": region.region,
            "vote": format::vote(region.standing),
            "age_seconds": format::seconds(format::span(region.age.as_ref())),
            "reason": format::reason_json(region.reason.as_ref()),
        })
    };
    let labels: std::collections::BTreeMap<_, _> = spec.labels.iter().collect();
    let http = http(&spec).map(|http| demands::json(http, &monitor.target));
    json!({
        "id": monitor.id,
        "name": monitor.name,
        "kind": monitor.kind,
        "target": monitor.target,
        "http": http,
        "status": format::status(state.status),
        "since": format::time_json(state.since.as_ref()),
        "reason": format::text(&state.reason),
        "interval_seconds": format::seconds(format::span(spec.interval.as_ref())),
        "timeout_seconds": format::seconds(format::span(spec.timeout.as_ref())),
        "failures": spec.failures,
        "successes": spec.successes,
        "regional_after_seconds": format::seconds(format::span(spec.regional_after.as_ref())),
        "severity": format::severity(spec.severity),
        "labels": labels,
        "notify": spec.notify,
        "regions": state.regions.iter().map(region).collect::<Value>(),
        "quorum": {
            "rule": quorum.rule,
            "required": quorum.required,
            "assigned": quorum.assigned,
        },
        "incident": format::text(&state.incident),
        "etag": monitor.etag,
        "created_at": format::time_json(monitor.create_time.as_ref()),
        "updated_at": format::time_json(monitor.update_time.as_ref()),
    })
}

/// A monitor as a row of a table.
pub(super) fn row(monitor: &v1::Monitor) -> [String; 5] {
    let state = monitor.state.clone().unwrap_or_default();
    let count = |vote: &str| {
        state
            .regions
            .iter()
            .filter(|r| format::vote(r.standing) == vote)
            .count()
    };
    let votes: Vec<String> = ["down", "up", "none"]
        .into_iter()
        .filter(|vote| count(vote) > 0)
        .map(|vote| format!("{} {vote}", count(vote)))
        .collect();
    [
        monitor.name.clone(),
        format::status(state.status).to_owned(),
        format::minute_text(state.since.as_ref()),
        votes.join(", "),
        monitor.target.clone(),
    ]
}

fn http(spec: &v1::MonitorSpec) -> Option<&v1::HttpSpec> {
    let Some(v1::monitor_spec::Kind::Http(http)) = &spec.kind else {
        return None;
    };
    Some(http)
}

fn lines(monitor: &v1::Monitor) -> Vec<String> {
    let spec = monitor.spec.clone().unwrap_or_default();
    let state = monitor.state.clone().unwrap_or_default();
    let quorum = state.quorum.clone().unwrap_or_default();
    let mut lines = vec![
        format!("{} ({})", monitor.name, monitor.id),
        format!("  target    {}", monitor.target),
        format!("  kind      {}", monitor.kind),
        format!(
            "  state     {} since {} UTC",
            format::status(state.status),
            format::time_text(state.since.as_ref()),
        ),
    ];
    let failing = failing(&state, &quorum);
    // The reason is often that line, and says no more then.
    let reason = Some(state.reason.clone())
        .filter(|reason| !reason.is_empty() && failing.as_ref() != Some(reason));
    for said in [reason, failing].into_iter().flatten() {
        lines.push(format!("            {said}"));
    }
    lines.push(format!(
        "  rule      {} ({} of {})",
        quorum.rule, quorum.required, quorum.assigned
    ));
    lines.push(format!(
        "  checks    every {}, timeout {}",
        format::span_text(spec.interval.as_ref()),
        format::span_text(spec.timeout.as_ref()),
    ));
    if let Some(http) = http(&spec) {
        lines.extend(format::filled("demands", demands::words(http), "; "));
    }
    lines.push(format!("  severity  {}", format::severity(spec.severity)));
    if !spec.labels.is_empty() {
        lines.push(format!("  labels    {}", labels(&spec)));
    }
    if !spec.notify.is_empty() {
        lines.push(format!("  notify    {}", spec.notify.join(", ")));
    }
    if !state.incident.is_empty() {
        lines.push(format!("  incident  {}", state.incident));
    }
    lines.push("  regions".to_owned());
    let width = state
        .regions
        .iter()
        .map(|r| r.region.len())
        .max()
        .unwrap_or_default();
    lines.extend(
        state
            .regions
            .iter()
            .map(|region| region_line(region, width)),
    );
    lines
}

fn labels(spec: &v1::MonitorSpec) -> String {
    let pair = |(key, value): (&String, &String)| format!("{key}={value}");
    let mut labels: Vec<String> = spec.labels.iter().map(pair).collect();
    labels.sort();
    labels.join(", ")
}

fn region_line(region: &v1::RegionState, width: usize) -> String {
    let why = match format::reason_text(region.reason.as_ref()) {
        text if text.is_empty() => region.because.clone(),
        text => text,
    };
    let age = format::age_text(format::span(region.age.as_ref()));
    let vote = format::vote(region.standing);
    format!(
        "    {:width$}  {vote:4}  {age:10}{}",
        region.region,
        behind("  ", &why)
    )
    .trim_end()
    .to_owned()
}

/// `1 of 4 failing since 10:02 (us-east); 3 needed`, while something fails.
fn failing(state: &v1::MonitorState, quorum: &v1::Quorum) -> Option<String> {
    let failing: Vec<&str> = state
        .regions
        .iter()
        .filter(|r| format::vote(r.standing) == "down")
        .map(|r| r.region.as_str())
        .collect();
    if failing.is_empty() {
        return None;
    }
    Some(format!(
        "{} of {} failing since {} ({}); {} needed",
        failing.len(),
        quorum.assigned,
        format::clock_text(state.failing_since.as_ref()),
        failing.join(", "),
        quorum.required,
    ))
}

fn behind(sign: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{sign}{text}")
    }
}

#[cfg(test)]
mod tests {
    use vigilmon_common::time::Time;
    use vigilmon_proto::convert::timestamp;

    use super::*;

    fn monitor() -> v1::Monitor {
        let at = |millis| Some(timestamp(Time::from_millis(millis)));
        let region = |name: &str, standing: v1::Standing| v1::RegionState {
            region: name.to_owned(),
            standing: standing.into(),
            age: Some(prost_types::Duration {
                seconds: 4,
                nanos: 0,
            }),
            reason: (standing == v1::Standing::Failing).then(|| v1::Reason {
                code: "http_status".to_owned(),
                text: "503 Service Unavailable".to_owned(),
                status_code: Some(503),
            }),
            ..Default::default()
        };
        v1::Monitor {
            id: "m-1".to_owned(),
            name: "api".to_owned(),
            kind: "http".to_owned(),
            target: "https://api.example.com/health".to_owned(),
            spec: Some(v1::MonitorSpec {
                interval: Some(prost_types::Duration {
                    seconds: 30,
                    nanos: 0,
                }),
                timeout: Some(prost_types::Duration {
                    seconds: 10,
                    nanos: 0,
                }),
                severity: v1::Severity::Critical.into(),
                kind: Some(v1::monitor_spec::Kind::Http(v1::HttpSpec {
                    expect_status: "2xx".to_owned(),
                    json: vec!["$.status == \"ok\"".to_owned()],
                    ..Default::default()
                })),
                ..Default::default()
            }),
            state: Some(v1::MonitorState {
                status: v1::MonitorStatus::Up.into(),
                since: at(1_772_359_000_000),
                failing_since: at(1_772_359_323_004),
                quorum: Some(v1::Quorum {
                    rule: "majority".to_owned(),
                    required: 3,
                    assigned: 4,
                }),
                regions: vec![
                    region("ap-southeast", v1::Standing::Passing),
                    region("us-east", v1::Standing::Failing),
                ],
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_monitor_says_its_rule_its_state_and_who_fails() {
        let text = lines(&monitor()).join("\n");
        assert!(text.contains("majority (3 of 4)"), "{text}");
        assert!(
            text.contains("1 of 4 failing since 10:02 (us-east); 3 needed"),
            "{text}"
        );
        assert!(
            text.contains("    us-east       down  4s ago      503 Service Unavailable"),
            "{text}"
        );
        assert!(
            text.contains("  demands   status 2xx; json $.status == \"ok\""),
            "{text}"
        );
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn who_fails_is_said_once() {
        let mut down = monitor();
        let said = "1 of 4 failing since 10:02 (us-east); 3 needed";
        let state = down.state.get_or_insert_default();
        state.reason = said.to_owned();
        let text = lines(&down).join("\n");
        assert_eq!(text.matches(said).count(), 1, "{text}");

        let state = down.state.get_or_insert_default();
        state.reason = "too few votes".to_owned();
        let text = lines(&down).join("\n");
        assert!(text.contains("too few votes"), "{text}");
    }

    #[test]
    fn a_row_for_scripts_has_the_contracts_keys() {
        let row = json(&monitor());
        assert_eq!(row["status"], "up");
        assert_eq!(row["http"]["url"], row["target"]);
        assert_eq!(row["interval_seconds"], 30);
        assert_eq!(row["regions"][1]["vote"], "down");
        assert_eq!(row["regions"][1]["age_seconds"], 4);
        assert_eq!(row["quorum"]["required"], 3);
    }
}
