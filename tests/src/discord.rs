//! A receiver that speaks as Discord's webhooks do and refuses what Discord refuses.
//!
//! After Discord's documentation of Execute Webhook, of embeds and of rate limits: a message has a
//! content or embeds; at most 10 embeds and 6000 characters in all of them; each part has a limit
//! of its own and may not be empty; links are http or https. Refusals are JSON with `message` and
//! `code`. Accepted messages are answered with 204, or with `wait=true` with 200 and the message.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::background::{Served, Shared};
use crate::wait;

/// The one webhook that there is: its id and its secret.
const HOOK: (&str, &str) = ("123456789012345678", "canary5f1cdiscordsecret");
/// Most characters in all embeds of a message.
const TOTAL_MAX: usize = 6000;

/// One request that came in.
#[derive(Clone, Debug)]
pub struct Post {
    /// When.
    pub at: Instant,
    /// The body read.
    pub body: Value,
    /// Whether it was asked to wait until the message is saved.
    pub waits: bool,
    /// What was answered.
    pub status: u16,
}

impl Post {
    /// The title of its embed.
    #[must_use]
    pub fn title(&self) -> &str {
        self.body["embeds"][0]["title"].as_str().unwrap_or_default()
    }

    /// The value of a field of its embed; empty without such a field.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        let fields = self.body["embeds"][0]["fields"].as_array();
        let mut fields = fields.into_iter().flatten();
        let field = fields.find(|field| field["name"] == name);
        field
            .and_then(|field| field["value"].as_str())
            .unwrap_or_default()
    }
}

#[derive(Default)]
struct Desk {
    posts: Vec<Post>,
    /// Requests that are still to be limited, by the seconds that each has to wait.
    limits: Vec<f64>,
}

/// The receiver; it ends when dropped.
pub struct Discord {
    served: Served<Desk>,
}

impl Discord {
    /// Starts one with one webhook.
    #[must_use]
    pub fn start() -> Self {
        let router = axum::Router::new().route("/api/webhooks/{id}/{secret}", post(receive));
        Self {
            served: Served::start(router),
        }
    }

    /// The webhook's URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(HOOK.1)
    }

    /// The URL with another secret, which is none.
    #[must_use]
    pub fn url_of(&self, secret: &str) -> String {
        format!(
            "http://{}/api/webhooks/{}/{secret}",
            self.served.address(),
            HOOK.0
        )
    }

    /// The next request is answered with 429 and has to wait for so many seconds.
    pub fn limit(&self, seconds: f64) {
        let mut desk = self.served.lock();
        desk.limits.push(seconds);
    }

    /// Every request so far.
    #[must_use]
    pub fn posts(&self) -> Vec<Post> {
        let desk = self.served.lock();
        desk.posts.clone()
    }

    /// Waits for an accepted message whose title begins so.
    #[track_caller]
    pub fn wait_for(&self, begins: &str, within: Duration) -> Post {
        wait::until(&format!("{begins}… in Discord"), within, || {
            let is_it = |post: &Post| post.status < 300 && post.title().starts_with(begins);
            self.posts().into_iter().find(is_it)
        })
    }
}

async fn receive(
    State(desk): State<Shared<Desk>>,
    Path((id, secret)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
    raw: Bytes,
) -> Response {
    let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
    let waits = query.get("wait").is_some_and(|wait| wait == "true");
    let mut desk = desk.lock();
    let response = match desk.limits.is_empty() {
        false => limited(desk.limits.remove(0)),
        true => match judge((&id, &secret), &body) {
            Ok(()) if waits => Json(json!({ "id": "1", "type": 0 })).into_response(),
            Ok(()) => StatusCode::NO_CONTENT.into_response(),
            Err(refusal) => refused(&refusal),
        },
    };
    desk.posts.push(Post {
        at: Instant::now(),
        body,
        waits,
        status: response.status().as_u16(),
    });
    response
}

fn limited(seconds: f64) -> Response {
    let body = json!({
        "message": "You are being rate limited.",
        "retry_after": seconds,
        "global": false,
    });
    let mut response = (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response();
    // The header says whole seconds, the body says it exactly.
    let whole = format!("{:.0}", seconds.ceil());
    let whole = whole.parse().expect("digits are a header's value");
    response.headers_mut().insert(header::RETRY_AFTER, whole);
    response
}

/// Why a request is refused.
#[derive(Debug, Eq, PartialEq)]
enum Refusal {
    UnknownWebhook,
    EmptyMessage,
    Invalid(&'static str),
}

fn refused(refusal: &Refusal) -> Response {
    let (status, message, code) = match refusal {
        Refusal::UnknownWebhook => (StatusCode::NOT_FOUND, "Unknown Webhook", 10015),
        Refusal::EmptyMessage => (
            StatusCode::BAD_REQUEST,
            "Cannot send an empty message",
            50006,
        ),
        Refusal::Invalid(_) => (StatusCode::BAD_REQUEST, "Invalid Form Body", 50035),
    };
    let mut body = json!({ "message": message, "code": code });
    if let Refusal::Invalid(field) = refusal {
        body["errors"] = json!({ "embeds": { "0": { *field: { "_errors": [{
            "code": "BASE_TYPE_BAD_LENGTH",
            "message": "Must be within its limits in length.",
        }] } } } });
    }
    (status, Json(body)).into_response()
}

/// What Discord would say to a message.
fn judge((id, secret): (&str, &str), body: &Value) -> Result<(), Refusal> {
    if (id, secret) != HOOK {
        return Err(Refusal::UnknownWebhook);
    }
    let content = body["content"].as_str().unwrap_or_default();
    let embeds = body["embeds"].as_array().cloned().unwrap_or_default();
    if content.is_empty() && embeds.is_empty() {
        return Err(Refusal::EmptyMessage);
    }
    if size(content) > 2000 {
        return Err(Refusal::Invalid("content"));
    }
    if embeds.len() > 10 {
        return Err(Refusal::Invalid("embeds"));
    }
    let mut total = 0;
    for embed in &embeds {
        total += embed_size(embed)?;
    }
    if total > TOTAL_MAX {
        return Err(Refusal::Invalid("total"));
    }
    Ok(())
}

/// The characters of an embed, if each of its parts is within its limit.
fn embed_size(embed: &Value) -> Result<usize, Refusal> {
    let part = |value: Option<&Value>, field: &'static str, max: usize| match value {
        None => Ok(0),
        Some(value) => {
            let text = value.as_str().ok_or(Refusal::Invalid(field))?;
            let length = size(text);
            if (1..=max).contains(&length) {
                Ok(length)
            } else {
                Err(Refusal::Invalid(field))
            }
        }
    };
    let fields = embed["fields"].as_array().cloned().unwrap_or_default();
    if fields.len() > 25 {
        return Err(Refusal::Invalid("fields"));
    }
    let color = embed.get("color").is_none_or(|color| {
        let color = color.as_u64();
        color.is_some_and(|color| color <= 0x00ff_ffff)
    });
    let is_web = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    let url = embed["url"].as_str().is_none_or(is_web);
    if !color || !url {
        return Err(Refusal::Invalid("color"));
    }
    let mut total = part(embed.get("title"), "title", 256)?;
    total += part(embed.get("description"), "description", 4096)?;
    total += part(embed["footer"].get("text"), "footer", 2048)?;
    for field in &fields {
        let needed = |name| field.get(name).or(Some(&Value::Null));
        total += part(needed("name"), "name", 256)?;
        total += part(needed("value"), "value", 1024)?;
    }
    if total == 0 {
        return Err(Refusal::EmptyMessage);
    }
    Ok(total)
}

/// Surrounding white space is taken off before anything is counted.
fn size(text: &str) -> usize {
    text.trim().encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &Value) -> Result<(), Refusal> {
        judge(HOOK, body)
    }

    fn embed(title: usize, fields: usize, value: usize) -> Value {
        let field = json!({ "name": "n", "value": "v".repeat(value) });
        json!({ "title": "t".repeat(title), "fields": vec![field; fields] })
    }

    #[test]
    fn what_discord_refuses_is_refused() {
        let embeds = |embeds: Vec<Value>| said(&json!({ "embeds": embeds }));
        assert_eq!(said(&json!({ "content": "x" })), Ok(()));
        assert_eq!(said(&json!({})), Err(Refusal::EmptyMessage));
        assert_eq!(embeds(vec![json!({})]), Err(Refusal::EmptyMessage));
        assert_eq!(embeds(vec![embed(256, 5, 1024)]), Ok(()));
        for (bad, field) in [
            (vec![embed(257, 0, 1)], "title"),
            (vec![embed(1, 26, 1)], "fields"),
            (vec![embed(1, 1, 1025)], "value"),
            (vec![embed(1, 1, 0)], "value"),
            (vec![embed(256, 6, 1000)], "total"),
            (vec![embed(1, 0, 1); 11], "embeds"),
            (
                vec![json!({ "description": "d".repeat(4097) })],
                "description",
            ),
        ] {
            assert_eq!(embeds(bad), Err(Refusal::Invalid(field)), "{field}");
        }
        let other = ("1", "2");
        assert_eq!(judge(other, &json!({})), Err(Refusal::UnknownWebhook));
    }
}
