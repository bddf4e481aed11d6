//! `vigilmon monitor check`, and results as rows.

use serde_json::{Value, json};
use tokio_stream::StreamExt;
use vigilmon_proto::v1;

use super::super::monitor_flags::given;
use super::CheckArgs;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// Checks now in every region; exit 0 when up or degraded, 1 when down or undecided.
pub(super) async fn run(args: &CheckArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let is_url = args.target.contains("://");
    let given = given(
        is_url.then_some(args.target.as_str()),
        &args.watch,
        &args.flags,
    )?;
    if !is_url && !given.mask.is_empty() {
        let hint = "flags go with a URL; change a monitor with `vigilmon monitor edit`";
        return Err(Failure::usage("a monitor is checked as it is saved", hint));
    }
    let target = match is_url {
        true => v1::check_monitor_request::Target::Spec(given.spec),
        false => v1::check_monitor_request::Target::Ref(args.target.clone()),
    };
    let request = v1::CheckMonitorRequest {
        project: client.project.clone(),
        target: Some(target),
    };
    let mut stream = client.monitors().check(request).await?.into_inner();
    let mut rows: Vec<v1::CheckRow> = Vec::new();
    while let Some(row) = stream.next().await {
        rows.push(row?);
    }
    rows.sort_by(|a, b| a.region.cmp(&b.region));
    match format {
        Format::Json | Format::Yaml => {
            output::data(format, &rows.iter().map(row_json).collect::<Value>())
        }
        Format::Table => print(&rows),
    }
    Ok(verdict(&rows))
}

/// As the majority of the regions sees it; what they cannot say is no success.
fn verdict(rows: &[v1::CheckRow]) -> u8 {
    let well = |row: &&v1::CheckRow| matches!(format::outcome(row.outcome), "up" | "degraded");
    let good = rows.iter().filter(well).count();
    if good * 2 > rows.len() {
        exit::DONE
    } else {
        exit::FAILED
    }
}

fn print(rows: &[v1::CheckRow]) {
    let head = [
        "REGION",
        "OUTCOME",
        "TOOK",
        "DNS",
        "CONNECT",
        "TLS",
        "TTFB",
        "REASON…",
    ];
    let cell = |micros: Option<u64>| match micros {
        None => "-".to_owned(),
        Some(us) if us < 10_000 => format!("{:.1}", us as f64 / 1000.0),
        Some(us) => (us / 1000).to_string(),
    };
    let row = |row: &v1::CheckRow| {
        let phases = row.phases.unwrap_or_default();
        [
            row.region.clone(),
            format::outcome(row.outcome).to_owned(),
            format::latency_text(row.took.as_ref()),
            cell(phases.dns_us),
            cell(phases.connect_us),
            cell(phases.tls_us),
            cell(phases.first_byte_us),
            format::reason_text(row.reason.as_ref()),
        ]
    };
    output::table(head, rows.iter().map(row).collect());
    let mut hints: Vec<&str> = rows
        .iter()
        .filter_map(|row| Some(row.observation.as_ref()?.hint.as_str()))
        .filter(|hint| !hint.is_empty())
        .collect();
    hints.dedup();
    for hint in hints {
        output::note(&format!("hint: {hint}"));
    }
}

fn row_json(row: &v1::CheckRow) -> Value {
    json!({
        "region": row.region,
        "agent": format::text(&row.agent),
        "outcome": format::outcome(row.outcome),
        "reason": format::reason_json(row.reason.as_ref()),
        "started_at": format::time_json(row.start_time.as_ref()),
        "latency_ms": format::span(row.took.as_ref()).map(|took| took.as_secs_f64() * 1000.0),
        "phases": format::phases_json(row.phases.as_ref()),
        "observation": format::observation_json(row.observation.as_ref()),
    })
}

/// A stored result as JSON.
pub(super) fn result_json(result: &v1::CheckResult) -> Value {
    json!({
        "region": result.region,
        "agent": result.agent,
        "slot_at": format::time_json(result.slot_time.as_ref()),
        "started_at": format::time_json(result.start_time.as_ref()),
        "outcome": format::outcome(result.outcome),
        "reason": format::reason_json(result.reason.as_ref()),
        "latency_ms": format::span(result.took.as_ref()).map(|took| took.as_secs_f64() * 1000.0),
        "lateness_ms":
            format::span(result.lateness.as_ref()).map(|late| late.as_secs_f64() * 1000.0),
        "phases": format::phases_json(result.phases.as_ref()),
        "observation": format::observation_json(result.observation.as_ref()),
    })
}

/// A stored result as a row of a table.
pub(super) fn result_row(result: &v1::CheckResult) -> [String; 5] {
    [
        format::time_text(result.start_time.as_ref()),
        result.region.clone(),
        format::outcome(result.outcome).to_owned(),
        format::latency_text(result.took.as_ref()),
        format::reason_text(result.reason.as_ref()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undecided_is_no_success() {
        let row = |outcome: v1::Outcome| v1::CheckRow {
            outcome: outcome.into(),
            ..Default::default()
        };
        let (up, down) = (row(v1::Outcome::Up), row(v1::Outcome::Down));
        let (slow, none) = (row(v1::Outcome::Degraded), row(v1::Outcome::Inconclusive));
        assert_eq!(verdict(&[up.clone(), slow, down.clone()]), exit::DONE);
        assert_eq!(verdict(&[up.clone(), down, none.clone()]), exit::FAILED);
        assert_eq!(verdict(&[up, none]), exit::FAILED);
        assert_eq!(verdict(&[]), exit::FAILED);
    }
}
