//! The dashboard: pages for people who signed in, rendered here, and told to look again when
//! something changed.
//!
//! A page works without scripts: links, forms, a reload. With them the page listens to `/live`,
//! asks for its main part anew and changes what differs in place. Nothing is asked of another
//! site, no script or style stands in a page, and what is secret is in none.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use vigilmon_runtime::random;

use self::heartbeat::{deeds, form, pings};
use super::Site;
use crate::engine::CommandError;
use crate::token;
use crate::visits::Visitor;

mod agents;
mod assets;
mod check;
mod guard;
mod heartbeat;
mod heartbeats;
mod incident;
mod incidents;
mod list;
mod live;
mod monitor;
mod overview;
mod phases;
mod schedule;
mod sign_in;
mod words;

/// A page asks for its main part alone by this header.
const PART_HEADER: &str = "x-vigilmon-part";
/// How many heartbeats are down or late: told with a main part, shown in the navigation.
const WRONG_HEADER: HeaderName = HeaderName::from_static("x-vigilmon-heartbeats");
/// Pages take everything from here, and nobody else shows them.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; img-src 'self' data:; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// What the pages share.
#[derive(Clone)]
pub(super) struct Pages {
    site: Site,
    streams: Arc<Semaphore>,
    /// Tells this run of the process from others.
    boot: Arc<str>,
}

/// All pages of the dashboard.
pub(super) fn router(site: Site) -> Router {
    let pages = Pages {
        site,
        streams: Arc::new(Semaphore::new(live::STREAMS_MAX)),
        boot: format!("{:x}", random::number()).into(),
    };
    Router::new()
        .route("/", get(overview::page))
        .route("/monitors/{reference}", get(monitor::page))
        .route("/monitors/{reference}/check", post(check::run))
        .route("/heartbeats", get(heartbeats::page))
        .route("/heartbeats/new", get(form::page).post(form::add))
        .route("/heartbeats/{reference}", get(heartbeat::page))
        .route(
            "/heartbeats/{reference}/edit",
            get(form::edit).post(form::save),
        )
        .route("/heartbeats/{reference}/{deed}", post(deeds::act))
        .route("/heartbeats/{reference}/pings/{number}", get(pings::body))
        .route("/incidents", get(incidents::page))
        .route("/incidents/{id}", get(incident::page))
        .route("/incidents/{id}/{deed}", post(incident::act))
        .route("/agents", get(agents::page))
        .route("/live", get(live::stream))
        .route("/sign-in", get(sign_in::page).post(sign_in::by_token))
        .route("/sign-in/{link}", get(sign_in::link).post(sign_in::by_link))
        .route("/sign-out", post(sign_in::out))
        .route("/assets/{name}", get(assets::serve))
        .layer(middleware::from_fn_with_state(
            pages.clone(),
            guard::same_origin,
        ))
        .layer(middleware::from_fn(with_headers))
        .with_state(pages)
}

async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: forms would then not say where they come from.
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What all pages show around their main part.
struct Frame {
    title: String,
    /// The place in the navigation.
    here: &'static str,
    who: String,
    role: &'static str,
    may_act: bool,
    /// Open incidents.
    open: usize,
    /// How the heartbeats stand.
    heartbeats: heartbeats::Counts,
    /// What is shown is as new as this.
    mark: String,
}

impl Frame {
    /// To be made before anything else is read: what changes afterwards is told to the page.
    fn new(pages: &Pages, visitor: &Visitor, here: &'static str, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            here,
            who: visitor.name(),
            role: visitor.role.as_str(),
            may_act: visitor.may_act(),
            open: pages.site.engine.incidents(true).len(),
            heartbeats: heartbeats::counts(&pages.site.engine.heartbeat_board().read()),
            mark: live::mark(pages),
        }
    }

    /// Heartbeats that are down or late.
    fn wrong(&self) -> usize {
        heartbeats::wrong(&self.heartbeats)
    }
}

/// How a page is wanted: whole, or its main part if that differs from what is shown.
struct Wanted {
    part: bool,
    known: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for Wanted {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let known = parts.headers.get(IF_NONE_MATCH);
        Ok(Self {
            part: parts.headers.contains_key(PART_HEADER),
            known: known.and_then(|k| k.to_str().ok()).map(str::to_owned),
        })
    }
}

impl Wanted {
    /// Answers with the page, or with its main part.
    fn answer(&self, frame: &Frame, page: &impl Template, main: &impl Template) -> Response {
        let mut response = self.rendered(page, main);
        let wrong = HeaderValue::from(frame.wrong());
        response.headers_mut().insert(WRONG_HEADER, wrong);
        response
    }

    fn rendered(&self, page: &impl Template, main: &impl Template) -> Response {
        let rendered = if self.part {
            main.render()
        } else {
            page.render()
        };
        let Ok(text) = rendered else {
            return failed(
                StatusCode::INTERNAL_SERVER_ERROR,
                "this page cannot be shown",
            );
        };
        if !self.part {
            return Html(text).into_response();
        }
        let digest = token::digest(&text);
        let tag = digest[..8].iter().map(|byte| format!("{byte:02x}"));
        let tag = format!("\"{}\"", tag.collect::<String>());
        if self.known.as_deref() == Some(tag.as_str()) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        let mut response = Html(text).into_response();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

#[derive(Template)]
#[template(path = "pages/refused.html")]
struct RefusedPage<'a> {
    title: &'a str,
    text: &'a str,
    hint: &'a str,
}

/// A page that says why there is nothing else to see.
fn refused(status: StatusCode, title: &str, text: &str, hint: &str) -> Response {
    match (RefusedPage { title, text, hint }).render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(_) => failed(status, text),
    }
}

fn failed(status: StatusCode, text: &str) -> Response {
    let kind = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, kind, format!("{text}\n")).into_response()
}

/// A refusal of the engine as a page.
fn no(error: &CommandError) -> Response {
    let (status, title, hint) = match error {
        CommandError::NotFound { .. } => (StatusCode::NOT_FOUND, "Not found", ""),
        CommandError::Refused { hint, .. } => (StatusCode::CONFLICT, "Not done", hint.as_str()),
        CommandError::Unavailable(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "Not now",
            "Try again in a moment.",
        ),
        CommandError::Invalid(_) | CommandError::Exists { .. } | CommandError::Conflict { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Not done", "")
        }
    };
    refused(status, title, &error.to_string(), hint)
}

fn see_other(path: &str) -> Response {
    Redirect::to(path).into_response()
}
