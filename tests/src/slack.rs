//! A receiver that speaks as Slack's incoming webhooks do and refuses what Slack refuses.
//!
//! After Slack's documentation of incoming webhooks, of Block Kit and of rate limits: the payload
//! is JSON; it has a text or blocks or attachments; at most 50 blocks, of types that exist; a
//! header is plain text of at most 150 characters, a section's text has at most 3000; whatever is
//! wrong is answered with 400 and one word. Accepted messages are answered with 200 and `ok`.

use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::background::{Served, Shared};
use crate::wait;

/// Most blocks of a message or an attachment.
const BLOCKS_MAX: usize = 50;
/// Longest text of a block.
const TEXT_MAX: usize = 3000;
/// Longest header.
const HEADER_MAX: usize = 150;
/// Block types that a message may have.
const BLOCKS: [&str; 8] = [
    "actions",
    "context",
    "divider",
    "header",
    "image",
    "rich_text",
    "section",
    "video",
];
/// The path of the one webhook that there is; the last part is its secret.
const HOOK: &str = "/services/T0000/B0000/canary5f1cslacksecret";

/// One request that came in.
#[derive(Clone, Debug)]
pub struct Post {
    /// When.
    pub at: Instant,
    /// The body read.
    pub body: Value,
    /// What was answered.
    pub status: u16,
}

impl Post {
    /// The text that notifications show.
    #[must_use]
    pub fn text(&self) -> &str {
        self.body["text"].as_str().unwrap_or_default()
    }

    /// All that its blocks say, a line each block.
    #[must_use]
    pub fn blocks(&self) -> String {
        let attached = self.body["attachments"][0]["blocks"].as_array();
        let blocks = self.body["blocks"].as_array().into_iter().flatten();
        let blocks = blocks.chain(attached.into_iter().flatten());
        let texts = blocks.filter_map(|block| block["text"]["text"].as_str());
        texts.collect::<Vec<_>>().join("\n")
    }
}

#[derive(Default)]
struct Desk {
    posts: Vec<Post>,
    /// Answers that come before the usual one: a status, and seconds to wait.
    refusals: Vec<(u16, &'static str, Option<u64>)>,
}

/// The receiver; it ends when dropped.
pub struct Slack {
    served: Served<Desk>,
}

impl Slack {
    /// Starts one with one webhook.
    #[must_use]
    pub fn start() -> Self {
        let router = axum::Router::new().route("/{*path}", post(receive));
        Self {
            served: Served::start(router),
        }
    }

    /// The webhook's URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(HOOK)
    }

    /// The URL of a path, for webhooks that do not exist.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        format!("http://{}{path}", self.served.address())
    }

    /// The next request is answered so, whatever it is, with a `Retry-After` of so many seconds.
    pub fn refuse(&self, status: u16, word: &'static str, retry_after: Option<u64>) {
        let mut desk = self.served.lock();
        desk.refusals.push((status, word, retry_after));
    }

    /// Every request so far.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        let desk = self.served.lock();
        desk.posts.clone()
    }

    /// Waits for an accepted message whose text begins so.
    #[track_caller]
    pub fn wait_for(&self, begins: &str, within: Duration) -> Post {
        wait::until(&format!("{begins}… in Slack"), within, || {
            let is_it = |post: &Post| post.status == 200 && post.text().starts_with(begins);
            self.posts().into_iter().find(is_it)
        })
    }
}

async fn receive(
    State(desk): State<Shared<Desk>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    raw: Bytes,
) -> Response {
    let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
    let mut desk = desk.lock();
    let (status, word, retry_after) = match desk.refusals.is_empty() {
        false => desk.refusals.remove(0),
        true => match judge(&path, &headers, &body) {
            Ok(()) => (200, "ok", None),
            Err((status, word)) => (status, word, None),
        },
    };
    desk.posts.push(Post {
        at: Instant::now(),
        body,
        status,
    });
    let code = StatusCode::from_u16(status).expect("a status of Slack's");
    let mut response = (code, word).into_response();
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// What Slack would say to a payload.
fn judge(path: &str, headers: &HeaderMap, body: &Value) -> Result<(), (u16, &'static str)> {
    if format!("/{path}") != HOOK {
        return Err((404, "no_service"));
    }
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json || !body.is_object() {
        return Err((400, "invalid_payload"));
    }
    let text = body["text"].as_str().unwrap_or_default();
    let attachments = body["attachments"].as_array().cloned().unwrap_or_default();
    if text.is_empty() && attachments.is_empty() && body.get("blocks").is_none() {
        return Err((400, "no_text"));
    }
    if text.chars().count() > 40_000 {
        return Err((400, "msg_too_long"));
    }
    if attachments.len() > 100 {
        return Err((400, "too_many_attachments"));
    }
    let owners = std::iter::once(body).chain(&attachments);
    if owners
        .filter_map(|owner| owner.get("blocks"))
        .all(are_blocks)
    {
        Ok(())
    } else {
        Err((400, "invalid_blocks"))
    }
}

fn are_blocks(blocks: &Value) -> bool {
    let Some(blocks) = blocks.as_array() else {
        return false;
    };
    (1..=BLOCKS_MAX).contains(&blocks.len()) && blocks.iter().all(is_block)
}

fn is_block(block: &Value) -> bool {
    let kind = block["type"].as_str().unwrap_or_default();
    match kind {
        "header" => block["text"]["type"] == "plain_text" && is_text(&block["text"], HEADER_MAX),
        "section" => match block.get("fields").and_then(Value::as_array) {
            Some(fields) => fields.len() <= 10 && fields.iter().all(|f| is_text(f, 2000)),
            None => is_text(&block["text"], TEXT_MAX),
        },
        kind => BLOCKS.contains(&kind),
    }
}

fn is_text(text: &Value, max: usize) -> bool {
    let said = text["text"].as_str().unwrap_or_default();
    let kind = text["type"].as_str().unwrap_or_default();
    // `emoji` belongs to plain text alone, `verbatim` to mrkdwn.
    let fits = match kind {
        "plain_text" => text.get("verbatim").is_none(),
        "mrkdwn" => text.get("emoji").is_none(),
        _ => false,
    };
    fits && (1..=max).contains(&said.encode_utf16().count())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn word(body: Value) -> Result<(), (u16, &'static str)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        judge(HOOK.trim_start_matches('/'), &headers, &body)
    }

    fn section(length: usize) -> Value {
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": "x".repeat(length) } })
    }

    fn header(length: usize) -> Value {
        json!({ "type": "header", "text": { "type": "plain_text", "text": "x".repeat(length) } })
    }

    #[test]
    fn what_slack_refuses_is_refused() {
        let blocks = |blocks: Vec<Value>| word(json!({ "text": "x", "blocks": blocks }));
        assert_eq!(word(json!({ "text": "x" })), Ok(()));
        assert_eq!(word(json!({})), Err((400, "no_text")));
        assert_eq!(word(json!("x")), Err((400, "invalid_payload")));
        let invalid = Err((400, "invalid_blocks"));
        assert_eq!(blocks(vec![section(3000); 50]), Ok(()));
        assert_eq!(blocks(vec![section(1); 51]), invalid);
        assert_eq!(blocks(vec![section(3001)]), invalid);
        assert_eq!(blocks(vec![section(0)]), invalid);
        assert_eq!(blocks(vec![header(150)]), Ok(()));
        assert_eq!(blocks(vec![header(151)]), invalid);
        assert_eq!(blocks(vec![json!({ "type": "banner" })]), invalid);
        assert_eq!(blocks(vec![]), invalid);
        let attached = json!({ "attachments": [{ "blocks": [section(3001)] }] });
        assert_eq!(word(attached), invalid);
    }
}
