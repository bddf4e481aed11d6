//! `vigilmon doctor`: what is wrong, from the connection to the coordinator's disk.

use std::time::Duration;

use serde_json::{Value, json};
use vigilmon_common::time::Time;
use vigilmon_proto::v1;

use crate::client::Client;
use crate::context::ContextFlags;
use crate::failure::{Failure, exit};
use crate::format;
use crate::output::{self, Format};

/// More than this between the two clocks is worth a look.
const CLOCK_SLACK: Duration = Duration::from_secs(5);

/// How wide a line may be.
const WIDTH: usize = 80;

struct Line {
    check: String,
    level: &'static str,
    text: String,
    remedy: String,
}

impl Line {
    fn new(check: &str, level: &'static str, text: impl Into<String>, remedy: &str) -> Self {
        Self {
            check: check.to_owned(),
            level,
            text: text.into(),
            remedy: remedy.to_owned(),
        }
    }

    fn failed(check: &str, failure: &Failure) -> Self {
        Self::new(check, "fail", failure.messages.join("; "), &failure.hint)
    }
}

/// Looks at everything; exit code 1 when something does not work.
pub(crate) async fn run(flags: &ContextFlags, format: Format) -> u8 {
    let mut lines = Vec::new();
    look(flags, &mut lines).await;
    match format {
        Format::Json | Format::Yaml => {
            output::data(format, &lines.iter().map(to_json).collect::<Value>());
        }
        Format::Table => output::lines(&lines.iter().flat_map(said).collect::<Vec<_>>()),
    }
    let failed = lines.iter().any(|line| line.level == "fail");
    if failed { exit::FAILED } else { exit::DONE }
}

async fn look(flags: &ContextFlags, lines: &mut Vec<Line>) {
    let context = match flags.resolve() {
        Ok(context) => context,
        Err(failure) => return lines.push(Line::failed("context", &failure)),
    };
    let client = match Client::connect(&context).await {
        Ok(client) => client,
        Err(failure) => return lines.push(Line::failed("connection", &failure)),
    };
    let asked_at = format::now();
    let answer = client.admin().diagnose(v1::DiagnoseRequest {}).await;
    let answer = match answer {
        Ok(answer) => answer.into_inner(),
        Err(status) => return lines.push(Line::failed("connection", &Failure::from(status))),
    };
    let answered_at = format::now();
    let text = format!("{}, over TLS, with a token of role admin", context.endpoint);
    lines.push(Line::new("connection", "ok", text, ""));
    lines.push(versions(&answer.version));
    if let Some(theirs) = format::time(answer.time.as_ref()) {
        lines.push(clocks(theirs, asked_at, answered_at));
    }
    lines.extend(answer.findings.into_iter().map(found));
}

fn versions(theirs: &str) -> Line {
    let ours = env!("CARGO_PKG_VERSION");
    if theirs == ours {
        return Line::new("version", "ok", ours, "");
    }
    let text = format!("the coordinator is {theirs}, this command is {ours}");
    Line::new(
        "version",
        "warn",
        text,
        "use the same version on both sides",
    )
}

/// How far the clocks are apart at least: the answer was on its way for a while.
fn clocks(theirs: Time, asked_at: Time, answered_at: Time) -> Line {
    let apart = match (theirs < asked_at, theirs > answered_at) {
        (true, _) => asked_at.since(theirs),
        (_, true) => theirs.since(answered_at),
        _ => Duration::ZERO,
    };
    let text = format!("{} apart from the coordinator's", format::lasting(apart));
    if apart <= CLOCK_SLACK {
        return Line::new("clock", "ok", text, "");
    }
    let remedy = "set both clocks by NTP; agents correct theirs, people read the coordinator's";
    Line::new("clock", "warn", text, remedy)
}

fn found(finding: v1::Finding) -> Line {
    let level = match finding.level() {
        v1::FindingLevel::Ok => "ok",
        v1::FindingLevel::Warn => "warn",
        v1::FindingLevel::Fail | v1::FindingLevel::Unspecified => "fail",
    };
    Line::new(&finding.check, level, finding.text, &finding.remedy)
}

fn said(line: &Line) -> Vec<String> {
    let mut said = wrapped(
        &format!("{:<4}  {:<10}  ", line.level, line.check),
        &line.text,
    );
    if !line.remedy.is_empty() {
        said.extend(wrapped(&format!("{:16}→ ", ""), &line.remedy));
    }
    said
}

/// A text behind its head; what does not fit on a line goes on below the text.
fn wrapped(head: &str, text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = head.to_owned();
    let indent = head.chars().count();
    for word in text.split(' ') {
        let length = line.chars().count();
        if length > indent && length + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        } else if length > indent {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

fn to_json(line: &Line) -> Value {
    json!({
        "check": line.check,
        "level": line.level,
        "text": line.text,
        "remedy": format::text(&line.remedy),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_goes_on_below_itself() {
        let text = "word ".repeat(30);
        let line = Line::new("store", "warn", text.trim(), "do something about it");
        let said = said(&line);
        assert!(
            said.iter().all(|line| line.chars().count() <= WIDTH),
            "{said:#?}"
        );
        assert!(
            said[0].starts_with("warn  store       word word"),
            "{said:#?}"
        );
        assert!(said[1].starts_with("                  word"), "{said:#?}");
        assert_eq!(
            said.last().unwrap(),
            "                → do something about it"
        );
    }

    #[test]
    fn only_what_the_way_cannot_explain_is_held_against_a_clock() {
        let at = Time::from_secs;
        let level = |theirs, asked, answered| clocks(at(theirs), at(asked), at(answered)).level;
        assert_eq!(level(105, 100, 110), "ok");
        assert_eq!(level(94, 100, 101), "warn");
        assert_eq!(level(130, 100, 101), "warn");
        assert_eq!(level(97, 100, 101), "ok");
    }
}
