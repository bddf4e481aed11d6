//! What is done to check a monitor, on both protocols.
//!
//! Incoming specifications become drafts: `common` alone decides what is valid and says what is
//! not. Outgoing ones are whole for agents, and masked for everybody else: passwords, tokens,
//! values of secret headers and of URL queries are `…`. [`keep_secrets`] puts back what was masked,
//! so that what was read may be sent back changed.

use std::time::Duration;

use vigilmon_common::monitor::draft::HttpDraft;
use vigilmon_common::monitor::http::{HttpSpec, IpFamily};
use vigilmon_common::problem::Problems;
use vigilmon_common::redact;

use super::{duration, span};
use crate::v1;

/// What stands in place of a secret.
pub const MASK: &str = "…";

/// A specification for an agent, secrets and all.
#[must_use]
pub fn http_to_wire(spec: &HttpSpec) -> v1::HttpSpec {
    let degraded = spec.degraded_latency.iter();
    v1::HttpSpec {
        url: spec.url.to_string(),
        method: spec.method.as_str().to_owned(),
        headers: spec
            .headers
            .iter()
            .map(|h| header(&h.name, &h.value))
            .collect(),
        body: spec.body.clone().unwrap_or_default(),
        expect_status: spec.expect_status.to_string(),
        contains: spec.contains.clone(),
        not_contains: spec.not_contains.clone(),
        matches: spec.matches.iter().map(|p| p.as_str().to_owned()).collect(),
        json: spec.json.iter().map(|j| j.as_str().to_owned()).collect(),
        expect_headers: spec
            .expect_headers
            .iter()
            .map(|h| header(&h.name, &h.value))
            .collect(),
        max_latency: spec.max_latency.map(duration),
        degraded_latency: degraded
            .flat_map(|d| std::iter::once(d.warning).chain(d.critical))
            .map(duration)
            .collect(),
        follow_redirects: Some(spec.follow_redirects),
        insecure: spec.insecure,
        basic: spec.basic.as_ref().map(|basic| v1::BasicAuth {
            user: basic.user.clone(),
            password: basic.password.expose().to_owned(),
        }),
        bearer: spec
            .bearer
            .as_ref()
            .map(|b| b.expose().to_owned())
            .unwrap_or_default(),
        ip: match spec.ip {
            IpFamily::Any => v1::IpVersion::Unspecified,
            IpFamily::V4 => v1::IpVersion::IpVersion4,
            IpFamily::V6 => v1::IpVersion::IpVersion6,
        }
        .into(),
    }
}

/// A specification for the public API, secrets masked.
#[must_use]
pub fn http_to_wire_masked(spec: &HttpSpec) -> v1::HttpSpec {
    let mut wire = http_to_wire(spec);
    wire.url = redact::url(&spec.url);
    for header in &mut wire.headers {
        if redact::is_secret_header(&header.name) {
            MASK.clone_into(&mut header.value);
        }
    }
    if let Some(basic) = &mut wire.basic {
        MASK.clone_into(&mut basic.password);
    }
    if !wire.bearer.is_empty() {
        MASK.clone_into(&mut wire.bearer);
    }
    wire
}

/// The specification that came, checked.
///
/// # Errors
/// Everything that is wrong with it.
pub fn http_from_wire(wire: &v1::HttpSpec) -> Result<HttpSpec, Problems> {
    let mut problems = Problems::none();
    let draft = http_draft_from_wire(wire, &mut problems);
    match draft.check(None) {
        Ok(spec) => problems.or(spec),
        Err(more) => {
            problems.extend(more);
            Err(problems)
        }
    }
}

/// The draft that came. What is absent or empty stays open; what has no form in a draft is noted.
#[must_use]
pub fn http_draft_from_wire(wire: &v1::HttpSpec, problems: &mut Problems) -> HttpDraft {
    HttpDraft {
        url: text(&wire.url),
        method: text(&wire.method),
        header: headers("header", &wire.headers, problems),
        body: text(&wire.body),
        expect_status: text(&wire.expect_status),
        contains: list(&wire.contains),
        not_contains: list(&wire.not_contains),
        matches: list(&wire.matches),
        json: list(&wire.json),
        expect_header: headers("expect_header", &wire.expect_headers, problems),
        max_latency: optional_span("max_latency", wire.max_latency.as_ref(), problems),
        degraded_latency: spans("degraded_latency", &wire.degraded_latency, problems),
        follow_redirects: wire.follow_redirects,
        insecure: Some(wire.insecure),
        basic: wire.basic.as_ref().map(|basic| {
            if basic.user.contains(':') {
                problems.add("basic", "a user with `:`", "HTTP has no way to send it");
            }
            format!("{}:{}", basic.user, basic.password).into()
        }),
        bearer: text(&wire.bearer).map(Into::into),
        ip: match v1::IpVersion::try_from(wire.ip) {
            Ok(v1::IpVersion::Unspecified) => None,
            Ok(v1::IpVersion::IpVersion4) => Some(IpFamily::V4.as_str().to_owned()),
            Ok(v1::IpVersion::IpVersion6) => Some(IpFamily::V6.as_str().to_owned()),
            Err(_) => {
                let message = format!("this version does not know the value {}", wire.ip);
                problems.add("ip", message, "leave it out, or give 4 or 6");
                None
            }
        },
    }
}

/// Puts what is stored in place of each `…` of a draft. Notes a `…` that stands for nothing.
pub fn keep_secrets(draft: &mut HttpDraft, stored: Option<&HttpSpec>, problems: &mut Problems) {
    let mut unknown = |field: &str| {
        problems.add(
            field,
            "`…` stands for a value that is not stored",
            "give the value",
        );
    };
    if let Some(url) = draft.url.as_mut().filter(|url| url.contains(MASK)) {
        match stored.filter(|stored| redact::url(&stored.url) == *url) {
            Some(stored) => *url = stored.url.to_string(),
            None => unknown("url"),
        }
    }
    // Of headers with one name, the n-th stands for the n-th stored.
    let mut left: Vec<_> = stored.iter().flat_map(|stored| &stored.headers).collect();
    for text in draft.header.iter_mut().flatten() {
        let Some((name, value)) = text.split_once(": ") else {
            continue;
        };
        let place = left.iter().position(|h| h.name.eq_ignore_ascii_case(name));
        match (place.map(|place| left.remove(place)), value) {
            (Some(kept), MASK) => *text = format!("{}: {}", kept.name, kept.value),
            (None, MASK) => unknown("header"),
            (_, _) => {}
        }
    }
    if let Some(basic) = &mut draft.basic
        && let Some((user, MASK)) = basic.expose().split_once(':')
    {
        let kept = stored
            .and_then(|s| s.basic.as_ref())
            .filter(|kept| kept.user == user);
        match kept {
            Some(kept) => *basic = format!("{user}:{}", kept.password.expose()).into(),
            None => unknown("basic"),
        }
    }
    if let Some(bearer) = draft
        .bearer
        .as_mut()
        .filter(|bearer| bearer.expose() == MASK)
    {
        match stored.and_then(|s| s.bearer.clone()) {
            Some(kept) => *bearer = kept,
            None => unknown("bearer"),
        }
    }
}

pub(crate) fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

pub(crate) fn list(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

pub(crate) fn optional_span(
    field: &str,
    wire: Option<&prost_types::Duration>,
    problems: &mut Problems,
) -> Option<Duration> {
    let wire = wire?;
    let good = span(wire);
    if good.is_none() {
        problems.add(
            field,
            "a duration below zero or with broken nanoseconds",
            "",
        );
    }
    good
}

fn spans(
    field: &str,
    wire: &[prost_types::Duration],
    problems: &mut Problems,
) -> Option<Vec<Duration>> {
    let spans = wire
        .iter()
        .filter_map(|one| optional_span(field, Some(one), problems));
    Some(spans.collect()).filter(|spans: &Vec<Duration>| !spans.is_empty())
}

fn header(name: &str, value: &str) -> v1::Header {
    v1::Header {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn headers(field: &str, wire: &[v1::Header], problems: &mut Problems) -> Option<Vec<String>> {
    if wire.iter().any(|header| header.name.contains(':')) {
        problems.add(
            field,
            "a header's name with `:`",
            "the value has a field of its own",
        );
    }
    let lines = wire
        .iter()
        .map(|header| format!("{}: {}", header.name, header.value));
    (!wire.is_empty()).then(|| lines.collect())
}
