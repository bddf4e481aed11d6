//! `vigilmon monitor check`, and results as rows.

use serde_json::{Value, json};
use tokio_stream::StreamExt;
use vigilmon_common::monitor::Policy;
use vigilmon_common::quorum::Quorum;
use vigilmon_proto::v1;

use super::super::monitor_flags::given;
use super::CheckArgs;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// How many regions must agree on what a check by hand saw.
enum Required {
    /// As many as the saved monitor asks for.
    Known(usize),
    /// By the rule of this word among those that answer; a majority when it is empty.
    Rule(String),
}

/// Checks now in every region; exit 0 when up or degraded, 1 when down or undecided.
pub(super) async fn run(args: &CheckArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let is_url = args.target.contains("://");
    let mut given = given(
        is_url.then_some(args.target.as_str()),
        &args.watch,
        &args.flags,
    );
    std::mem::take(&mut given.wrong).or(())?;
    if !is_url && !given.mask.is_empty() {
        let hint = "flags go with a URL; change a monitor with `vigilmon monitor edit`";
        return Err(Failure::usage("a monitor is checked as it is saved", hint));
    }
    let (required, target) = if is_url {
        let rule = Required::Rule(given.spec.quorum.clone());
        (rule, v1::check_monitor_request::Target::Spec(given.spec))
    } else {
        let target = v1::check_monitor_request::Target::Ref(args.target.clone());
        (saved(client, &args.target).await?, target)
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
    Ok(match verdict(&rows, &required) {
        Verdict::Up => exit::DONE,
        Verdict::Down | Verdict::Undecided => exit::FAILED,
    })
}

/// What a saved monitor asks for.
async fn saved(client: &Client, name: &str) -> Result<Required, Failure> {
    let request = v1::GetStateRequest {
        project: client.project.clone(),
        r#ref: name.to_owned(),
    };
    let state = client.monitors().get_state(request).await?.into_inner();
    let required = state.quorum.unwrap_or_default().required;
    Ok(Required::Known(
        usize::try_from(required).unwrap_or(usize::MAX),
    ))
}

/// What enough regions saw.
#[derive(Debug, Eq, PartialEq)]
enum Verdict {
    Up,
    Down,
    Undecided,
}

/// Down where enough regions saw that, else up where enough saw up or degraded. What they cannot
/// say counts for neither, and where nobody must agree nothing is decided.
fn verdict(rows: &[v1::CheckRow], required: &Required) -> Verdict {
    let required = match required {
        Required::Known(required) => *required,
        Required::Rule(word) => by_rule(word, rows.len()),
    };
    let saw = |words: &[&str]| {
        let seen = rows.iter().map(|row| format::outcome(row.outcome));
        seen.filter(|outcome| words.contains(outcome)).count()
    };
    match required {
        0 => Verdict::Undecided,
        _ if saw(&["down"]) >= required => Verdict::Down,
        _ if saw(&["up", "degraded"]) >= required => Verdict::Up,
        _ => Verdict::Undecided,
    }
}

/// How many of `regions` a rule asks for; 0 for what is no rule, which the coordinator refuses.
fn by_rule(word: &str, regions: usize) -> usize {
    let policy = match word {
        "" => Ok(Policy::Majority),
        word => word.parse(),
    };
    let quorum = policy.ok().and_then(|it| Quorum::new(it, regions).ok());
    quorum.map_or(0, |quorum| usize::from(quorum.required()))
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

    use Verdict::{Down, Undecided, Up};

    /// Rows of regions that saw `u`p, `s`low, `d`own, or nothing conclusive.
    fn rows(seen: &str) -> Vec<v1::CheckRow> {
        let row = |letter| v1::CheckRow {
            outcome: match letter {
                'u' => v1::Outcome::Up,
                's' => v1::Outcome::Degraded,
                'd' => v1::Outcome::Down,
                _ => v1::Outcome::Inconclusive,
            }
            .into(),
            ..Default::default()
        };
        seen.chars().map(row).collect()
    }

    #[test]
    fn a_url_is_judged_by_the_rule_that_is_given() {
        let all = [
            ("majority", "usd", Up),
            ("majority", "udd", Down),
            ("majority", "ud-", Undecided),
            ("majority", "u--", Undecided),
            ("majority", "ud", Undecided),
            ("any", "uud", Down),
            ("any", "u--", Up),
            ("any", "---", Undecided),
            ("all", "ddd", Down),
            ("all", "usu", Up),
            ("all", "ddu", Undecided),
            ("2", "uddu", Down),
            ("2", "uud-", Up),
            ("3", "uudd", Undecided),
        ];
        for (word, seen, expected) in all {
            let required = Required::Rule(word.to_owned());
            assert_eq!(verdict(&rows(seen), &required), expected, "{word}: {seen}");
        }
    }

    #[test]
    fn a_saved_monitor_is_judged_by_its_own_quorum() {
        assert_eq!(verdict(&rows("uud"), &Required::Known(1)), Down);
        assert_eq!(verdict(&rows("uud"), &Required::Known(2)), Up);
        assert_eq!(verdict(&rows("uud"), &Required::Known(3)), Undecided);
    }

    #[test]
    fn where_nobody_answers_nothing_is_decided() {
        let majority = Required::Rule(String::new());
        assert_eq!(verdict(&[], &majority), Undecided);
        assert_eq!(verdict(&rows("uu-"), &majority), Up);
        assert_eq!(verdict(&rows("uuu"), &Required::Known(0)), Undecided);
    }
}
