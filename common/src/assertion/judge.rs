//! The judgement of an answer.
//!
//! Assertions are judged in this order: status, header, contains / not-contains / matches, json,
//! latency. The first failure is the reason, all are in the evidence. A body is read up to a
//! bound; an assertion that what was read does not meet fails as truncated, for nobody can say
//! whether the rest would have met it. An answer that passes costs no evidence.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::{Held, JsonAssertion, Pattern, white_space};
use crate::duration;
use crate::monitor::HttpSpec;
use crate::monitor::http::{DegradedLatency, ExpectHeader};
use crate::outcome::{Outcome, Reason, ReasonCode};
use crate::redact;

/// What came back.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status of the last hop.
    pub status: u16,
    /// What the status is called, such as `Service Unavailable`; may be empty.
    pub phrase: &'a str,
    /// The headers, names in lower case. Only needed where the monitor expects headers.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The decoded body, as far as it was read.
    pub body: &'a [u8],
    /// Whether there was more of it.
    pub truncated: bool,
    /// How long the whole check took.
    pub took: Duration,
}

/// The judgement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// The outcome; its reason is the first failure.
    pub outcome: Outcome,
    /// Each assertion as judged; empty for an answer that is simply up.
    pub assertions: Vec<String>,
    /// What would help; empty without an idea.
    pub hint: String,
}

/// Judges an answer.
#[must_use]
pub fn judge(spec: &HttpSpec, answer: &Answer<'_>) -> Verdict {
    let seen = Seen::of(answer);
    let Some(first) = assertions(spec).find_map(|assertion| assertion.judge(&seen)) else {
        return Verdict {
            outcome: Outcome::Up,
            assertions: Vec::new(),
            hint: String::new(),
        };
    };
    let line = |assertion: Assertion<'_>| match assertion.judge(&seen) {
        Some(failure) => format!("{assertion}: failed, {}", failure.evidence),
        None => format!("{assertion}: ok"),
    };
    let reason = Reason::new(first.code, first.text).with_status(answer.status);
    Verdict {
        outcome: if first.degraded {
            Outcome::Degraded(reason)
        } else {
            Outcome::Down(reason)
        },
        assertions: assertions(spec).map(line).collect(),
        hint: first.hint,
    }
}

/// An answer with what is derived from it once.
struct Seen<'a> {
    answer: &'a Answer<'a>,
    text: OnceCell<Cow<'a, str>>,
    json: OnceCell<Option<Value>>,
}

impl<'a> Seen<'a> {
    fn of(answer: &'a Answer<'a>) -> Self {
        Self {
            answer,
            text: OnceCell::new(),
            json: OnceCell::new(),
        }
    }

    fn text(&self) -> &str {
        self.text
            .get_or_init(|| String::from_utf8_lossy(self.answer.body))
    }

    fn json(&self) -> Option<&Value> {
        let parse = || serde_json::from_slice(self.answer.body).ok();
        self.json.get_or_init(parse).as_ref()
    }
}

/// One demand of a monitor.
#[derive(Clone, Copy)]
enum Assertion<'a> {
    Status(&'a HttpSpec),
    Header(&'a ExpectHeader),
    Contains(&'a str),
    NotContains(&'a str),
    Matches(&'a Pattern),
    Json(&'a JsonAssertion),
    MaxLatency(Duration),
    DegradedLatency(DegradedLatency),
}

/// Every demand of a monitor, in the order of judgement.
fn assertions(spec: &HttpSpec) -> impl Iterator<Item = Assertion<'_>> {
    std::iter::once(Assertion::Status(spec))
        .chain(spec.expect_headers.iter().map(Assertion::Header))
        .chain(spec.contains.iter().map(|text| Assertion::Contains(text)))
        .chain(
            spec.not_contains
                .iter()
                .map(|text| Assertion::NotContains(text)),
        )
        .chain(spec.matches.iter().map(Assertion::Matches))
        .chain(spec.json.iter().map(Assertion::Json))
        .chain(spec.max_latency.map(Assertion::MaxLatency))
        .chain(spec.degraded_latency.map(Assertion::DegradedLatency))
}

/// An assertion that failed.
struct Failure {
    code: ReasonCode,
    /// The reason's text.
    text: String,
    /// What follows `failed, ` in the evidence.
    evidence: String,
    hint: String,
    degraded: bool,
}

impl Failure {
    fn new(code: ReasonCode, text: String, evidence: impl Into<String>) -> Self {
        Self {
            code,
            text,
            evidence: evidence.into(),
            hint: String::new(),
            degraded: false,
        }
    }
}

impl Assertion<'_> {
    fn judge(&self, seen: &Seen<'_>) -> Option<Failure> {
        match self {
            Self::Status(spec) => status(spec, seen.answer),
            Self::Header(expected) => header(expected, seen.answer),
            Self::Contains(text) => contains(text, seen),
            Self::NotContains(text) => seen.text().contains(text).then(|| {
                let said = format!("body contains `{text}`");
                Failure::new(ReasonCode::HttpBody, said, "the body contains it")
            }),
            Self::Matches(pattern) => (!pattern.is_match(seen.text())).then(|| {
                let said = format!("body does not match `{}`", pattern.as_str());
                not_met(seen, ReasonCode::HttpBody, said, "the body does not match")
            }),
            Self::Json(assertion) => json(assertion, seen),
            Self::MaxLatency(limit) => slower(*limit, seen.answer.took)
                .map(|said| Failure::new(ReasonCode::Latency, said.clone(), said)),
            Self::DegradedLatency(thresholds) => degraded(thresholds, seen.answer.took),
        }
    }
}

fn status(spec: &HttpSpec, answer: &Answer<'_>) -> Option<Failure> {
    if spec.expect_status.contains(answer.status) {
        return None;
    }
    let said = format!("{} {}", answer.status, answer.phrase);
    let said = said.trim_end().to_owned();
    let evidence = format!("was {}", answer.status);
    Some(Failure::new(ReasonCode::HttpStatus, said, evidence))
}

fn header(expected: &ExpectHeader, answer: &Answer<'_>) -> Option<Failure> {
    let ExpectHeader { name, value } = expected;
    let values = || {
        let named = answer.headers.iter().filter(|(other, _)| other == name);
        named.map(|(_, value)| String::from_utf8_lossy(value))
    };
    let meets = |seen: &str| {
        let bare = seen.split(';').next().unwrap_or_default();
        value.is_empty() || seen.trim() == value || bare.trim() == value
    };
    if values().any(|seen| meets(&seen)) {
        return None;
    }
    let (said, evidence) = match values().next() {
        None => (format!("no header {name}"), "not there".to_owned()),
        Some(_) if redact::is_secret_header(name) => (
            format!("{name} is not as expected"),
            "another value".to_owned(),
        ),
        Some(seen) => {
            let seen: String = seen.chars().take(100).collect();
            (
                format!("{name} is `{seen}`, not `{value}`"),
                format!("was `{seen}`"),
            )
        }
    };
    Some(Failure::new(ReasonCode::HttpHeader, said, evidence))
}

fn contains(keyword: &str, seen: &Seen<'_>) -> Option<Failure> {
    if seen.text().contains(keyword) {
        return None;
    }
    let said = format!("body does not contain `{keyword}`");
    let near_miss = seen
        .json()
        .filter(|_| white_space::same_without(seen.text(), keyword));
    let Some(document) = near_miss else {
        return Some(not_met(
            seen,
            ReasonCode::HttpBody,
            said,
            "the body does not contain it",
        ));
    };
    let mut failure = Failure::new(
        ReasonCode::HttpBody,
        format!("{said}, but would if white space did not count"),
        "it would match but for white space",
    );
    failure.hint = white_space::hint(document, keyword);
    Some(failure)
}

fn json(assertion: &JsonAssertion, seen: &Seen<'_>) -> Option<Failure> {
    let text = assertion.as_str();
    let Some(document) = seen.json() else {
        let said = format!("body is not JSON, so `{text}` cannot hold");
        return Some(not_met(
            seen,
            ReasonCode::HttpJson,
            said,
            "the body is not JSON",
        ));
    };
    match assertion.judge(document) {
        Held::Yes => None,
        Held::NothingSelected => {
            let said = format!("`{text}` does not hold: nothing is there");
            Some(Failure::new(ReasonCode::HttpJson, said, "nothing is there"))
        }
        Held::Was(node) => {
            let said = format!("`{text}` does not hold: was {node}");
            Some(Failure::new(
                ReasonCode::HttpJson,
                said,
                format!("was {node}"),
            ))
        }
    }
}

/// A demand that what was read of the body does not meet: truncated, if there was more.
fn not_met(seen: &Seen<'_>, code: ReasonCode, said: String, evidence: &str) -> Failure {
    if !seen.answer.truncated {
        return Failure::new(code, said, evidence);
    }
    let read = seen.answer.body.len();
    Failure::new(
        ReasonCode::HttpBodyTruncated,
        format!("{said} in the first {read} bytes, more was not read"),
        format!("{evidence} in the first {read} bytes"),
    )
}

fn slower(limit: Duration, took: Duration) -> Option<String> {
    let said = || {
        format!(
            "took {}, over {}",
            duration::rounded(took),
            duration::format(limit)
        )
    };
    (took > limit).then(said)
}

fn degraded(thresholds: &DegradedLatency, took: Duration) -> Option<Failure> {
    let critical = thresholds.critical.and_then(|limit| slower(limit, took));
    let said = match critical {
        Some(said) => format!("{said} (critical)"),
        None => {
            let said = slower(thresholds.warning, took)?;
            let two = thresholds.critical.is_some();
            if two {
                format!("{said} (warning)")
            } else {
                said
            }
        }
    };
    let mut failure = Failure::new(ReasonCode::Latency, said.clone(), said);
    failure.degraded = true;
    Some(failure)
}

impl fmt::Display for Assertion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(spec) => write!(f, "status {}", spec.expect_status),
            Self::Header(expected) if redact::is_secret_header(&expected.name) => {
                write!(f, "header {}", expected.name)
            }
            Self::Header(expected) => write!(f, "header {}: {}", expected.name, expected.value),
            Self::Contains(text) => write!(f, "contains {text}"),
            Self::NotContains(text) => write!(f, "not_contains {text}"),
            Self::Matches(pattern) => write!(f, "matches {}", pattern.as_str()),
            Self::Json(assertion) => write!(f, "json {}", assertion.as_str()),
            Self::MaxLatency(limit) => write!(f, "max_latency {}", duration::format(*limit)),
            Self::DegradedLatency(thresholds) => {
                write!(
                    f,
                    "degraded_latency {}",
                    duration::format(thresholds.warning)
                )?;
                match thresholds.critical {
                    Some(critical) => write!(f, ",{}", duration::format(critical)),
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
