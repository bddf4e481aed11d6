//! The door of pings: a request at a ping URL becomes a ping of the engine, its answer is `OK`.
//!
//! Pings come from everywhere and in bursts, and a lost one is a false alarm. So they go past the
//! pages' layers: no check of the host name (the token in the URL is the right to ping, and jobs
//! may know us by inner names), no cookies, no bound on the body but on its time. A ping counts
//! with any body, and also where its client goes away after sending it. It is answered when it is
//! durable.
//!
//! What this module does not do: it decides nothing about heartbeats, and it logs no request: the
//! URL is a secret.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue,
    RETRY_AFTER, USER_AGENT,
};
use http::request::Parts;
use http::{Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Body;
use tokio::time::timeout;
use vigilmon_common::heartbeat::{AGENT_MAX, HeartbeatDraft, Method, Signal};

use crate::engine::{
    Actor, CREATED_BY, CommandError, Handle, Knocks, PingRefusal, PingTarget, Reading, Said,
    SlugRefusal,
};
use crate::metrics::{HttpDoor, PingCounters};
use crate::secret::SecretKey;
use crate::token;

mod body;
mod call;

use call::{Call, Query, Whose, is_slug};

/// How long it may take to store a ping, or to make its heartbeat; whoever hears nothing by then is told to try again.
const STORED_WITHIN: Duration = Duration::from_secs(10);
/// After so many seconds a client may try again.
const AGAIN_AFTER: HeaderValue = HeaderValue::from_static("5");
/// What a heartbeat that a ping makes expects: a job a day.
const MADE_EVERY: Duration = Duration::from_secs(24 * 3600);
const MADE_GRACE: Duration = Duration::from_secs(3600);

const METHODS: &str = "GET, HEAD, POST, PUT";
const BAD_SIGNAL: &str =
    "the last part of a ping URL is start, fail, log or an exit code, 0 to 255";
/// What a ping is told that counts, behind `OK`, where it names no run as it meant to.
const BAD_RID: &str = "; without its rid, which takes 1 to 64 of A-Z a-z 0-9 . _ -";
const BAD_SLUG: &str = "a new slug is of a-z, 0-9 and single dashes, up to 100 of them";
const TOO_SLOW: &str = "this took too long; try again";
const NO_SLUG: &str = "no heartbeat has this slug; ?create=1 makes one";

/// Takes pings; cheap to clone.
#[derive(Clone)]
pub struct Pings(Arc<Inner>);

struct Inner {
    engine: Handle,
    key: SecretKey,
}

/// A ping whose head was read and found good.
struct Begun {
    reading: Reading,
    signal: Signal,
    rid: Option<Box<str>>,
    method: Method,
    counted: Counted,
}

/// How a ping counts.
#[derive(Clone, Copy)]
struct Counted {
    /// Its heartbeat was made for it.
    made: bool,
    /// It was to name a run and does not: a job that did well is not lost for that.
    without_rid: bool,
}

/// Why a request is no ping.
enum No {
    /// Nobody's.
    Unknown,
    /// By a method that does not count; these do.
    Method(&'static str),
    /// Malformed, or not allowed.
    Refused(StatusCode, Cow<'static, str>),
    /// It cannot be stored now.
    NotNow(Cow<'static, str>),
}

impl Pings {
    /// Pings go to this engine; tokens of heartbeats that they make are sealed with this key.
    #[must_use]
    pub fn new(engine: Handle, key: SecretKey) -> Self {
        Self(Arc::new(Inner { engine, key }))
    }

    /// Where the door says who knocks.
    pub(super) fn knocks(&self) -> Knocks {
        self.0.engine.knocks()
    }

    /// What the door counts.
    pub(super) fn counters(&self) -> Arc<HttpDoor> {
        Arc::clone(&self.0.engine.metrics().http)
    }

    /// Whether a request at this path is for here.
    pub(super) fn take(path: &str) -> bool {
        Call::read(path).is_some()
    }

    /// Answers a request at a ping URL; `ended` when nothing more comes over its connection.
    pub(super) async fn answer<B>(
        &self,
        request: Request<B>,
        from: IpAddr,
        ended: impl Future<Output = ()>,
    ) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (head, body) = request.into_parts();
        let done = match self.begin(&head).await {
            Ok(begun) => {
                let read = body::read(body, ended).await;
                let whole = read.whole;
                let stored = self.store(begun, &head.headers, from, read).await;
                (stored, whole)
            }
            // Who asks whether to send is told before; who sends anyway may finish, to hear why.
            Err(no) if head.headers.contains_key(EXPECT) => (Err(no), body.is_end_stream()),
            Err(no) => (Err(no), body::let_go(body, ended).await),
        };
        let (result, whole) = done;
        if let Err(no) = &result {
            self.count(no);
        }
        response(&head, result, whole)
    }

    async fn begin(&self, head: &Parts) -> Result<Begun, No> {
        let call = Call::read(head.uri.path()).ok_or(No::Unknown)?;
        let method = method(&head.method).ok_or(No::Method(METHODS))?;
        let query = Query::read(head.uri.query());
        let found = match call.whose {
            Whose::Token(token) => self
                .0
                .engine
                .find_ping(token)
                .ok_or(SlugRefusal::UnknownKey),
            Whose::Slug { key, slug } => self.0.engine.find_slug(key, slug),
            Whose::Nobody => Err(SlugRefusal::UnknownKey),
        };
        // To who has no right here nothing else is said.
        if found == Err(SlugRefusal::UnknownKey) {
            return Err(No::Unknown);
        }
        let signal = call.signal.ok_or_else(|| malformed(BAD_SIGNAL))?;
        let (target, made) = match (found, call.whose) {
            (Ok(target), _) => (target, false),
            (Err(SlugRefusal::Unknown), Whose::Slug { key, slug }) if query.create => {
                let made = timeout(STORED_WITHIN, self.make(key, slug)).await;
                made.map_err(|_| No::NotNow(TOO_SLOW.into()))??
            }
            (Err(SlugRefusal::Unknown), _) => {
                return Err(No::Refused(StatusCode::NOT_FOUND, NO_SLUG.into()));
            }
            (Err(refusal), _) => {
                return Err(No::Refused(
                    StatusCode::CONFLICT,
                    refusal.to_string().into(),
                ));
            }
        };
        if target.post_only && method != Method::Post {
            return Err(No::Method("POST"));
        }
        Ok(Begun {
            reading: self.0.engine.begin_ping(target.id),
            signal,
            rid: query.rid.map(Into::into),
            method,
            counted: Counted {
                made,
                without_rid: query.no_rid && query.rid.is_none(),
            },
        })
    }

    /// Makes the heartbeat of a slug, unless somebody was faster.
    async fn make(&self, key: &str, slug: &str) -> Result<(PingTarget, bool), No> {
        if !is_slug(slug) {
            return Err(malformed(BAD_SLUG));
        }
        let (label, value) = CREATED_BY;
        let draft = HeartbeatDraft {
            name: Some(slug.to_owned()),
            every: Some(MADE_EVERY),
            grace: Some(MADE_GRACE),
            labels: Some(BTreeMap::from([(label.to_owned(), value.to_owned())])),
            ..HeartbeatDraft::default()
        };
        let (_, token) = token::for_pings(&self.0.key);
        let engine = &self.0.engine;
        let error = match engine
            .create_heartbeat(Actor::slug_ping(), draft, token)
            .await
        {
            Ok(made) => {
                let target = PingTarget {
                    id: made.id,
                    post_only: made.spec.post_only,
                };
                return Ok((target, true));
            }
            Err(error) => error,
        };
        let text = error.to_string();
        Err(match error {
            // By this name, or by another that has this slug.
            CommandError::Exists { .. } | CommandError::Invalid(_) => {
                match engine.find_slug(key, slug) {
                    Ok(target) => return Ok((target, false)),
                    Err(_) => No::Refused(StatusCode::CONFLICT, text.into()),
                }
            }
            CommandError::Refused { hint, .. } => {
                No::Refused(StatusCode::FORBIDDEN, format!("{text}; {hint}").into())
            }
            CommandError::Unavailable(_) => No::NotNow(text.into()),
            _ => No::Refused(StatusCode::BAD_REQUEST, text.into()),
        })
    }

    async fn store(
        &self,
        begun: Begun,
        headers: &HeaderMap,
        from: IpAddr,
        read: body::Read,
    ) -> Result<Counted, No> {
        let said = Said {
            signal: begun.signal,
            rid: begun.rid,
            method: begun.method,
            from: Some(from),
            agent: agent(headers),
            body: Some(read.kept).filter(|kept| !kept.is_empty()),
            body_size: read.size,
        };
        let stored = self.0.engine.ping(begun.reading, said);
        match timeout(STORED_WITHIN, stored).await {
            Ok(Ok(())) => Ok(begun.counted),
            Ok(Err(PingRefusal::Gone)) => Err(No::Unknown),
            Ok(Err(refusal)) => Err(No::NotNow(refusal.to_string().into())),
            Err(_) => Err(No::NotNow(TOO_SLOW.into())),
        }
    }

    fn count(&self, no: &No) {
        let counters: &PingCounters = &self.0.engine.metrics().heartbeats.pings;
        match no {
            No::Unknown => counters.unknown.inc(),
            No::Method(_) | No::Refused(..) => counters.refused.inc(),
            No::NotNow(_) => counters.overloaded.inc(),
        };
    }
}

fn malformed(text: &'static str) -> No {
    No::Refused(StatusCode::BAD_REQUEST, text.into())
}

fn method(of: &http::Method) -> Option<Method> {
    of.as_str().parse().ok()
}

/// What the client calls itself, as far as it is kept.
fn agent(headers: &HeaderMap) -> Box<str> {
    let Some(value) = headers.get(USER_AGENT) else {
        return Box::default();
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(AGENT_MAX).collect::<String>().into()
}

/// The answer; a connection on which a body is still coming ends with it.
fn response(head: &Parts, result: Result<Counted, No>, whole: bool) -> Response<Full<Bytes>> {
    let text = |text| Bytes::from_static(text);
    let mut allow = None;
    let mut again = false;
    let (status, text) = match result {
        Ok(counted) => {
            let (status, word) = match counted.made {
                false => (StatusCode::OK, "OK"),
                true => (StatusCode::CREATED, "Created"),
            };
            let more = if counted.without_rid { BAD_RID } else { "" };
            (status, format!("{word}{more}").into())
        }
        Err(No::Unknown) => (StatusCode::NOT_FOUND, text(b"not found")),
        Err(No::Method(methods)) => {
            allow = Some(HeaderValue::from_static(methods));
            let text = format!("a ping here comes by {methods}");
            (StatusCode::METHOD_NOT_ALLOWED, text.into())
        }
        Err(No::Refused(status, text)) => (status, text.into_owned().into()),
        Err(No::NotNow(text)) => {
            again = true;
            (StatusCode::SERVICE_UNAVAILABLE, text.into_owned().into())
        }
    };
    let is_head = head.method == http::Method::HEAD;
    let length = text.len();
    let mut response = Response::new(Full::new(if is_head { Bytes::new() } else { text }));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if is_head {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    if let Some(methods) = allow {
        headers.insert(ALLOW, methods);
    }
    if again {
        headers.insert(RETRY_AFTER, AGAIN_AFTER);
    }
    if !whole && head.version < Version::HTTP_2 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests;
