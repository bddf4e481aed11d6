//! Chat services: Slack and Discord, each by one POST to a URL that is a secret.
//!
//! The payloads are rendered in `vigilmon_common::notify`; here they are sent and the services'
//! answers are read. A refusal is repeated in one bounded line, since only the service knows what
//! it disliked, and without any part of the URL.
//!
//! Discord is asked to wait until it has saved the message (`wait=true`): otherwise it answers 204
//! also to what it then drops.

use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use vigilmon_common::notify::message::Message;
use vigilmon_common::notify::{discord, slack};
use vigilmon_common::time::Time;

use super::attempt::Attempted;
use super::post::Poster;

/// Most of a service's answer that is repeated, in characters.
const SAID_MAX: usize = 160;
/// Parts of a URL that are too short to be a secret, in bytes: `api`, `hooks`.
const PART_MIN: usize = 6;

/// Posts a message to Slack.
pub(super) async fn slack(poster: &Poster, url: &str, message: &Message, now: Time) -> Attempted {
    let body = slack::payload(message);
    match poster.post(url, HeaderMap::new(), body, now).await {
        // `invalid_blocks`, `no_service`: plain text, one word.
        Ok(reply) => reply.meaning(&said(&String::from_utf8_lossy(&reply.body), url)),
        Err(failure) => Attempted::failed(failure),
    }
}

/// What Discord says of a refusal.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    code: Option<i64>,
    /// Seconds; more exact than the header.
    retry_after: Option<f64>,
}

/// Posts a message to Discord.
pub(super) async fn discord(poster: &Poster, url: &str, message: &Message, now: Time) -> Attempted {
    let body = discord::payload(message);
    let mut reply = match poster
        .post(&waiting(url), HeaderMap::new(), body, now)
        .await
    {
        Ok(reply) => reply,
        Err(failure) => return Attempted::failed(failure),
    };
    let refusal: Refusal = serde_json::from_slice(&reply.body).unwrap_or_default();
    let wait = refusal.retry_after;
    let wait = wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    reply.retry_after = wait.or(reply.retry_after);
    let code = refusal.code.filter(|code| *code != 0);
    let code = code
        .map(|code| format!(" (code {code})"))
        .unwrap_or_default();
    reply.meaning(&said(&format!("{}{code}", refusal.message), url))
}

/// The URL with `wait=true`, unless it says something about that itself.
fn waiting(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut parsed) if !parsed.query_pairs().any(|(name, _)| name == "wait") => {
            parsed.query_pairs_mut().append_pair("wait", "true");
            parsed.into()
        }
        Ok(_) | Err(_) => url.to_owned(),
    }
}

/// One line of what a service said, without what of the URL may be a secret.
fn said(text: &str, url: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let mut line: String = line
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let mut parts: Vec<&str> = url
        .split(['/', '?', '&', '=', '#', '@', ':'])
        .filter(|part| part.len() >= PART_MIN)
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    for part in parts {
        line = line.replace(part, "…");
    }
    match line.char_indices().nth(SAID_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
