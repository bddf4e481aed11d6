//! One HTTP check: from the first connection to the judgement, redirects included.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version, header};
use tokio::net::TcpStream;
use vigilmon_common::assertion::{self, Answer, Verdict};
use vigilmon_common::monitor::HttpSpec;
use vigilmon_common::outcome::{Outcome, Reason, ReasonCode};
use vigilmon_common::redact;
use vigilmon_common::result::{EXCERPT_MAX, Observation};
use vigilmon_runtime::clock::Stopwatch;

use super::exchange::{self, Page};
use super::failure::Failure;
use super::redirect::{self, Hop};
use super::trace::Trace;
use super::{Checker, connect, request};
use crate::probe::Checked;

/// Bodies up to this are judged in place; larger ones might hold up other checks.
const JUDGED_IN_PLACE: usize = 64 * 1024;

/// Makes one check.
pub(super) async fn check(checker: &Checker, spec: &HttpSpec, timeout: Duration) -> Checked {
    let watch = Stopwatch::start();
    let mut trace = Trace::begin();
    // On the heap, since this future is large and the runner holds many.
    let walk = Box::pin(walk(checker, spec, timeout, watch, &mut trace));
    let walked = tokio::time::timeout(timeout, walk).await;
    let took = watch.elapsed();
    match walked {
        Ok(Ok(page)) => judged(spec, page, took, &trace).await,
        Ok(Err(failure)) => Checked {
            outcome: failure.outcome,
            phases: trace.phases,
            observation: Some(Box::new(trace.observation(failure.hint))),
        },
        Err(_) => Checked {
            outcome: trace.timed_out(timeout),
            phases: trace.phases,
            observation: Some(Box::new(trace.observation(String::new()))),
        },
    }
}

/// Follows the hops to the answer that counts.
async fn walk(
    checker: &Checker,
    spec: &HttpSpec,
    timeout: Duration,
    watch: Stopwatch,
    trace: &mut Trace,
) -> Result<Page, Failure> {
    let mut hop = Hop::first(spec);
    loop {
        let within = timeout.saturating_sub(watch.elapsed());
        let page = ask(checker, spec, &hop, within, trace).await?;
        let next = match spec.follow_redirects {
            0 => None,
            _ => hop.after(page.status.as_u16(), location(&page.headers), spec)?,
        };
        let Some(next) = next else {
            return Ok(page);
        };
        if trace.redirects.len() >= spec.follow_redirects as usize {
            let text = format!("more than {} redirects", spec.follow_redirects);
            return Err(Failure::down(ReasonCode::HttpRedirects, text));
        }
        trace.hop(redact::url(&next.url));
        hop = next;
    }
}

/// One hop: a connection, a request, an answer.
async fn ask(
    checker: &Checker,
    spec: &HttpSpec,
    hop: &Hop,
    within: Duration,
    trace: &mut Trace,
) -> Result<Page, Failure> {
    let (resolver, policy) = (&checker.resolver, &checker.addresses);
    let stream = connect::to(&hop.url, spec.ip, resolver, policy, within, trace).await?;
    // The body of an answer that leads elsewhere is of no use, and some have none.
    let wants_body = |status: StatusCode, headers: &HeaderMap| {
        let empty = hop.method == "HEAD" || matches!(status.as_u16(), 204 | 304);
        let redirects = redirect::is_one(status.as_u16()) && location(headers).is_some();
        let leads_on = redirects && spec.follow_redirects > 0;
        !(empty || leads_on)
    };
    if hop.url.scheme() != "https" {
        return plain(checker, spec, hop, stream, &wants_body, trace).await;
    }
    let host = hop.url.host_str().unwrap_or_default();
    let stream = checker
        .tls
        .handshake(stream, host, spec.insecure, trace)
        .await?;
    let version = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Version::HTTP_2,
        _ => Version::HTTP_11,
    };
    let request = request::build(spec, hop, version, &checker.user_agent)?;
    exchange::run(stream, request, &wants_body, trace).await
}

async fn plain(
    checker: &Checker,
    spec: &HttpSpec,
    hop: &Hop,
    stream: TcpStream,
    wants_body: exchange::WantsBody<'_>,
    trace: &mut Trace,
) -> Result<Page, Failure> {
    if hop.with_body {
        // The body may leave as a packet of its own; it is not to wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
    }
    let request = request::build(spec, hop, Version::HTTP_11, &checker.user_agent)?;
    exchange::run(stream, request, wants_body, trace).await
}

fn location(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(header::LOCATION).map(|value| value.as_bytes())
}

async fn judged(spec: &HttpSpec, page: Page, took: Duration, trace: &Trace) -> Checked {
    let body = page.body.clone();
    let verdict = if spec.reads_body() && page.body.len() > JUDGED_IN_PLACE {
        let spec = spec.clone();
        let judging = tokio::task::spawn_blocking(move || judge(&spec, &page, took));
        judging.await.unwrap_or_else(|_| not_judged())
    } else {
        judge(spec, &page, took)
    };
    let observation = match verdict.outcome {
        Outcome::Up => None,
        Outcome::Degraded(_) | Outcome::Down(_) | Outcome::Inconclusive(_) => {
            let failed = verdict.outcome.is_down();
            Some(Box::new(Observation {
                body_excerpt: if failed {
                    excerpt(&body)
                } else {
                    String::new()
                },
                assertions: verdict.assertions,
                ..trace.observation(verdict.hint)
            }))
        }
    };
    Checked {
        outcome: verdict.outcome,
        phases: trace.phases,
        observation,
    }
}

fn judge(spec: &HttpSpec, page: &Page, took: Duration) -> Verdict {
    let headers: Vec<(&str, &[u8])> = if spec.expect_headers.is_empty() {
        Vec::new()
    } else {
        let all = page.headers.iter();
        all.map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect()
    };
    let answer = Answer {
        status: page.status.as_u16(),
        phrase: page.status.canonical_reason().unwrap_or_default(),
        headers: &headers,
        body: &page.body,
        truncated: page.truncated,
        took,
    };
    assertion::judge(spec, &answer)
}

/// The judgement ended by a panic: a fault of ours.
fn not_judged() -> Verdict {
    let reason = Reason::new(
        ReasonCode::AgentCapability,
        "the answer could not be judged",
    );
    Verdict {
        outcome: Outcome::Inconclusive(reason),
        assertions: Vec::new(),
        hint: String::new(),
    }
}

/// The beginning of a body, for people.
fn excerpt(body: &Bytes) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(&body[..body.len().min(EXCERPT_MAX)]);
    let mut text = text.into_owned();
    if body.len() > EXCERPT_MAX {
        // The cut may have gone through a character.
        while text.ends_with('\u{fffd}') {
            text.pop();
        }
    }
    let mut end = text.len().min(EXCERPT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
