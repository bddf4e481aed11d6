//! Answers as JSON and as words. Scripts rely on the shapes of JSON: they stay.

use std::time::Duration;

use serde_json::{Value, json};
use vigilmon_common::duration;
use vigilmon_common::time::Time;
use vigilmon_proto::v1;

/// How wide a sheet about one thing is, where nothing in it is longer.
const COLUMNS: usize = 80;

/// A time of the wire; absent ones are `null` in JSON.
pub(crate) fn time(at: Option<&prost_types::Timestamp>) -> Option<Time> {
    at.map(vigilmon_proto::convert::time)
}

/// Now, by the clock of this machine.
pub(crate) fn now() -> Time {
    vigilmon_runtime::clock::SystemClock::shared().now()
}

/// A span of the wire.
pub(crate) fn span(span: Option<&prost_types::Duration>) -> Option<Duration> {
    span.and_then(vigilmon_proto::convert::span)
}

/// Seconds as JSON has them: whole where they are.
pub(crate) fn seconds(span: Option<Duration>) -> Value {
    match span {
        None => Value::Null,
        Some(span) if span.subsec_nanos() == 0 => json!(span.as_secs()),
        Some(span) => json!(span.as_secs_f64()),
    }
}

/// A span for people: `30s`, `1h30m`.
pub(crate) fn span_text(of: Option<&prost_types::Duration>) -> String {
    span(of).map(duration::format).unwrap_or_default()
}

/// An age for people: `4s ago`.
pub(crate) fn age_text(age: Option<Duration>) -> String {
    match age {
        None => "-".to_owned(),
        Some(age) if age < Duration::from_secs(1) => "just now".to_owned(),
        Some(age) => format!("{} ago", lasting(age)),
    }
}

/// A measured span for people: `2s`, `1h4m10s`; below a second in milliseconds.
pub(crate) fn lasting(span: Duration) -> String {
    match span.as_secs() {
        0 => duration::rounded(span),
        seconds => duration::format(Duration::from_secs(seconds)),
    }
}

/// A time for people, in UTC to the second: `2026-03-01 10:02:03`.
pub(crate) fn time_text(at: Option<&prost_types::Timestamp>) -> String {
    let Some(at) = time(at) else {
        return "-".to_owned();
    };
    let text = at.to_rfc3339();
    text.get(..19)
        .map_or(text.clone(), |cut| cut.replace('T', " "))
}

/// A time for people where room is scarce, in UTC to the minute: `2026-03-01 10:02`.
pub(crate) fn minute_text(at: Option<&prost_types::Timestamp>) -> String {
    let text = time_text(at);
    text.get(..16).map_or(text.clone(), str::to_owned)
}

/// The day of a time, UTC: `2026-03-01`.
pub(crate) fn day_text(at: Option<&prost_types::Timestamp>) -> String {
    let text = time_text(at);
    text.get(..10).map_or(text.clone(), str::to_owned)
}

/// The hour and minute of a time, UTC: `10:02`.
pub(crate) fn clock_text(at: Option<&prost_types::Timestamp>) -> String {
    let text = time_text(at);
    text.get(11..16).map_or(text.clone(), str::to_owned)
}

/// Lines of a sheet about one thing: a label, and pieces of text behind it, as many on a line as 80
/// columns hold.
pub(crate) fn filled(
    label: &str,
    pieces: impl IntoIterator<Item = String>,
    between: &str,
) -> Vec<String> {
    filled_behind(&format!("  {label:<9} "), pieces, between)
}

/// A text in lines of 80 columns behind a head of blanks and a label; none of its words is broken.
pub(crate) fn wrapped(head: &str, text: &str) -> Vec<String> {
    filled_behind(head, text.split_whitespace().map(str::to_owned), " ")
}

fn filled_behind(
    head: &str,
    pieces: impl IntoIterator<Item = String>,
    between: &str,
) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for piece in pieces {
        let wanted = head.len() + line.chars().count() + between.len() + piece.chars().count();
        if line.is_empty() {
            line = piece;
        } else if wanted + between.trim_end().len() <= COLUMNS {
            line = line + between + &piece;
        } else {
            lines.push(line + between.trim_end());
            line = piece;
        }
    }
    lines.push(line);
    let indent = " ".repeat(head.len());
    let lines = lines.into_iter().enumerate();
    lines
        .map(|(place, line)| format!("{}{line}", if place == 0 { head } else { &indent }))
        .collect()
}

/// A text, or `null` when it is empty.
pub(crate) fn text(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        json!(text)
    }
}

/// How a token stands at `now`, of the API or of agents: good, expired or revoked.
pub(crate) fn token_state(
    revoked: Option<&prost_types::Timestamp>,
    expires: Option<&prost_types::Timestamp>,
    now: Time,
) -> &'static str {
    let expired = time(expires).is_some_and(|at| at <= now);
    match (revoked.is_some(), expired) {
        (true, _) => "revoked",
        (false, true) => "expired",
        (false, false) => "good",
    }
}

/// A time as JSON.
pub(crate) fn time_json(at: Option<&prost_types::Timestamp>) -> Value {
    time(at).map_or(Value::Null, |at| json!(at.to_rfc3339()))
}

/// The word of an outcome.
pub(crate) fn outcome(of: i32) -> &'static str {
    match v1::Outcome::try_from(of) {
        Ok(v1::Outcome::Up) => "up",
        Ok(v1::Outcome::Degraded) => "degraded",
        Ok(v1::Outcome::Down) => "down",
        Ok(v1::Outcome::Inconclusive) => "inconclusive",
        _ => "unknown",
    }
}

/// The vote that a standing is.
pub(crate) fn vote(of: i32) -> &'static str {
    match v1::Standing::try_from(of) {
        Ok(v1::Standing::Failing) => "down",
        Ok(v1::Standing::Passing) => "up",
        _ => "none",
    }
}

/// The word of a status of monitors.
pub(crate) fn status(of: i32) -> &'static str {
    match v1::MonitorStatus::try_from(of) {
        Ok(v1::MonitorStatus::Up) => "up",
        Ok(v1::MonitorStatus::Degraded) => "degraded",
        Ok(v1::MonitorStatus::Down) => "down",
        Ok(v1::MonitorStatus::Paused) => "paused",
        _ => "unknown",
    }
}

/// The word behind a prefix of the wire's enums: `SCOPE_GLOBAL` → `global`.
pub(crate) fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_ascii_lowercase()
}

/// The word of a severity.
pub(crate) fn severity(of: i32) -> String {
    let severity = v1::Severity::try_from(of).unwrap_or_default();
    word(severity.as_str_name(), "SEVERITY_")
}

/// A reason as JSON.
pub(crate) fn reason_json(reason: Option<&v1::Reason>) -> Value {
    match reason {
        None => Value::Null,
        Some(reason) => json!({
            "code": reason.code,
            "text": reason.text,
            "status_code": reason.status_code,
        }),
    }
}

/// A reason for people: its text, else its code.
pub(crate) fn reason_text(reason: Option<&v1::Reason>) -> String {
    match reason {
        None => String::new(),
        Some(reason) if reason.text.is_empty() => reason.code.clone(),
        Some(reason) => reason.text.clone(),
    }
}

/// Phases as JSON, in milliseconds.
pub(crate) fn phases_json(phases: Option<&v1::Phases>) -> Value {
    let millis = |micros: Option<u64>| micros.map(|us| us as f64 / 1000.0);
    let phases = phases.copied().unwrap_or_default();
    json!({
        "dns_ms": millis(phases.dns_us),
        "connect_ms": millis(phases.connect_us),
        "tls_ms": millis(phases.tls_us),
        "first_byte_ms": millis(phases.first_byte_us),
        "transfer_ms": millis(phases.transfer_us),
    })
}

/// What a check saw beside its outcome, as JSON.
pub(crate) fn observation_json(seen: Option<&v1::Observation>) -> Value {
    match seen {
        None => Value::Null,
        Some(seen) => json!({
            "status_code": seen.status_code,
            "address": text(&seen.address),
            "body_excerpt": text(&seen.body_excerpt),
            "assertions": seen.assertions,
            "redirects": seen.redirects,
            "certificate_not_after": time_json(seen.certificate_not_after.as_ref()),
            "hint": text(&seen.hint),
        }),
    }
}

/// A latency for people: `12 ms`.
pub(crate) fn latency_text(took: Option<&prost_types::Duration>) -> String {
    match span(took) {
        None => "-".to_owned(),
        Some(took) if took < Duration::from_millis(10) => {
            format!("{:.1} ms", took.as_secs_f64() * 1000.0)
        }
        Some(took) => format!("{} ms", took.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_contracts() {
        assert_eq!(severity(v1::Severity::Critical as i32), "critical");
        assert_eq!(vote(v1::Standing::Stale as i32), "none");
        assert_eq!(status(v1::MonitorStatus::Degraded as i32), "degraded");
        assert_eq!(outcome(v1::Outcome::Inconclusive as i32), "inconclusive");
    }

    #[test]
    fn ages_are_told_without_fractions_of_seconds() {
        let age = |millis| age_text(Some(Duration::from_millis(millis)));
        assert_eq!(age(2_770), "2s ago");
        assert_eq!(age(3_850_400), "1h4m10s ago");
        assert_eq!(age(999), "just now");
        assert_eq!(lasting(Duration::from_millis(40)), "40 ms");
    }

    #[test]
    fn a_token_is_good_until_it_expires_or_is_revoked() {
        let at = |millis| vigilmon_proto::convert::timestamp(Time::from_millis(millis));
        let now = Time::from_millis(2_000);
        assert_eq!(token_state(None, None, now), "good");
        assert_eq!(token_state(None, Some(&at(2_001)), now), "good");
        assert_eq!(token_state(None, Some(&at(2_000)), now), "expired");
        assert_eq!(
            token_state(Some(&at(1_000)), Some(&at(1_500)), now),
            "revoked"
        );
    }

    #[test]
    fn pieces_fill_lines_and_none_is_broken() {
        let filled = |pieces: &[&str]| {
            let pieces = pieces.iter().map(|&piece| piece.to_owned());
            filled("label", pieces, "; ")
        };
        assert_eq!(filled(&["a", "b c"]), ["  label     a; b c"]);
        let (long, longer) = ("x".repeat(33), "y y ".repeat(30));
        let lines = filled(&[&long, &long[1..], "z", &longer]);
        assert_eq!(lines[0].len(), 80);
        assert!(lines[0].ends_with("x;"), "{lines:?}");
        assert_eq!(
            lines[1..],
            [format!("{:12}z;", ""), format!("{:12}{longer}", "")]
        );
    }

    #[test]
    fn a_long_text_goes_on_below_its_beginning() {
        let text = "word ".repeat(16) + "end";
        let lines = wrapped("  ", &text);
        assert_eq!(
            lines,
            [
                format!("  {}", text[..74].trim_end()),
                "  word end".to_owned()
            ]
        );
        assert_eq!(wrapped("  a ", ""), ["  a "]);
    }

    #[test]
    fn times_are_utc_to_the_second() {
        let at = vigilmon_proto::convert::timestamp(Time::from_millis(1_772_359_323_004));
        assert_eq!(time_text(Some(&at)), "2026-03-01 10:02:03");
        assert_eq!(minute_text(Some(&at)), "2026-03-01 10:02");
        assert_eq!(day_text(Some(&at)), "2026-03-01");
        assert_eq!(clock_text(Some(&at)), "10:02");
        assert_eq!(time_text(None), "-");
    }
}
