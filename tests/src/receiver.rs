//! A receiver of webhooks that verifies every signature with the published library, and that can
//! misbehave.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::background::{Served, Shared};
use crate::wait;

/// The secret that tests share with their channels.
pub const SECRET: &str = "whsec_dmlnaWxtb24tdGVzdHMtc2hhcmUtdGhpcy1zZWNyZXQ=";

/// How the receiver answers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Manner {
    /// 204.
    #[default]
    Accept,
    /// With this status.
    Status(u16),
    /// To another place, which is not there.
    Redirect,
    /// Not at all.
    Hang,
    /// Asks to be left alone for so many seconds.
    Busy(u64),
    /// 200, and a body without an end.
    Endless,
}

/// One request that came in.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// When.
    pub at: Instant,
    /// To which of its inboxes.
    pub inbox: String,
    /// The `webhook-id`.
    pub id: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub raw: Bytes,
    /// The body read.
    pub body: Value,
    /// Whether it was accepted.
    pub accepted: bool,
}

impl Delivery {
    /// Its type, such as `incident.opened`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    /// The name of the monitor that it is about.
    #[must_use]
    pub fn monitor(&self) -> &str {
        self.body["data"]["monitor"]["name"]
            .as_str()
            .unwrap_or_default()
    }

    /// The incident's id.
    #[must_use]
    pub fn incident(&self) -> &str {
        self.body["data"]["incident"]["id"]
            .as_str()
            .unwrap_or_default()
    }

    /// One of the lists of regions, sorted.
    #[must_use]
    pub fn regions(&self, list: &str) -> Vec<String> {
        let regions = self.body["data"]["regions"][list]
            .as_array()
            .into_iter()
            .flatten();
        let mut regions: Vec<String> = regions
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        regions.sort();
        regions
    }
}

#[derive(Default)]
struct Desk {
    manners: HashMap<String, Manner>,
    deliveries: Vec<Delivery>,
    forged: Vec<String>,
}

/// The receiver, with as many inboxes as it is sent to; it ends when dropped.
pub struct Receiver {
    served: Served<Desk>,
}

impl Receiver {
    /// Starts one that accepts everything.
    #[must_use]
    pub fn start() -> Self {
        let router = axum::Router::new().route("/{inbox}", any(receive));
        Self {
            served: Served::start(router),
        }
    }

    /// The URL of an inbox.
    #[must_use]
    pub fn url(&self, inbox: &str) -> String {
        format!("http://{}/{inbox}", self.served.address())
    }

    /// From now on an inbox answers so.
    pub fn behave(&self, inbox: &str, manner: Manner) {
        let mut desk = self.served.lock();
        desk.manners.insert(inbox.to_owned(), manner);
    }

    /// Every request so far; fails when one of them was not signed as it must be.
    #[track_caller]
    #[must_use]
    pub fn attempts(&self, inbox: &str) -> Vec<Delivery> {
        let desk = self.served.lock();
        assert!(
            desk.forged.is_empty(),
            "signatures do not verify: {:?}",
            desk.forged
        );
        desk.deliveries
            .iter()
            .filter(|delivery| delivery.inbox == inbox)
            .cloned()
            .collect()
    }

    /// What an inbox has accepted, one of each `webhook-id`; fails when two with one id differ.
    #[track_caller]
    #[must_use]
    pub fn messages(&self, inbox: &str) -> Vec<Delivery> {
        let mut messages: Vec<Delivery> = Vec::new();
        for delivery in self
            .attempts(inbox)
            .into_iter()
            .filter(|delivery| delivery.accepted)
        {
            match messages.iter().find(|known| known.id == delivery.id) {
                Some(known) => assert_eq!(known.raw, delivery.raw, "one id has one body"),
                None => messages.push(delivery),
            }
        }
        messages
    }

    /// Waits for a message in an inbox that is so.
    #[track_caller]
    pub fn wait_for(
        &self,
        inbox: &str,
        what: &str,
        within: Duration,
        is_it: impl Fn(&Delivery) -> bool,
    ) -> Delivery {
        wait::until(&format!("{what} in inbox {inbox}"), within, || {
            self.messages(inbox)
                .into_iter()
                .find(|delivery| is_it(delivery))
        })
    }
}

async fn receive(
    State(desk): State<Shared<Desk>>,
    Path(inbox): Path<String>,
    headers: HeaderMap,
    raw: Bytes,
) -> Response {
    let manner = {
        let mut desk = desk.lock();
        let manner = desk.manners.get(&inbox).cloned().unwrap_or_default();
        let verifier = standardwebhooks::Webhook::new(SECRET).expect("the secret is one");
        let id = headers
            .get("webhook-id")
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default();
        let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
        if let Err(why) = verifier.verify(&raw, &headers) {
            desk.forged.push(format!("{inbox} {id}: {why}"));
        }
        desk.deliveries.push(Delivery {
            at: Instant::now(),
            id: id.to_owned(),
            inbox,
            headers,
            raw,
            body,
            accepted: matches!(manner, Manner::Accept | Manner::Endless),
        });
        manner
    };
    match manner {
        Manner::Accept => StatusCode::NO_CONTENT.into_response(),
        Manner::Status(status) => StatusCode::from_u16(status)
            .expect("a test names a real status")
            .into_response(),
        Manner::Redirect => (StatusCode::FOUND, [(header::LOCATION, "/elsewhere")]).into_response(),
        Manner::Hang => std::future::pending().await,
        Manner::Busy(seconds) => {
            let wait = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, wait).into_response()
        }
        Manner::Endless => {
            let endless = tokio_stream::iter(std::iter::repeat_with(|| {
                Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 4096]))
            }));
            axum::body::Body::from_stream(endless).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_signed_is_noticed() {
        let receiver = Receiver::start();
        let _ = crate::background::get(&receiver.url("ops"));
        let asked = std::panic::catch_unwind(|| receiver.attempts("ops").len());
        assert!(asked.is_err());
    }
}
