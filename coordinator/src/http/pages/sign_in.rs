//! Signing in, by a token or by a link that works once, and signing out.
//!
//! Opening a link only shows a button, which the page's script presses: programs that look at
//! links in mails and chats would use it up otherwise.

use std::net::IpAddr;

use askama::Template;
use axum::Form;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use vigilmon_common::time::Time;
use vigilmon_common::visit::{LinkRefused, VISIT_FOR};

use super::guard::{cookie, cookie_name, own_path, visitor};
use super::{Pages, failed, refused, see_other};
use crate::http::{Peer, Site};
use crate::store::Role;
use crate::visits::Pass;

/// How another link is made.
const ANOTHER: &str = "Run `vigilmon sign-in` where the command line reaches the coordinator: it \
                       prints a new one. Or sign in with a token.";

/// Where to go after the sign-in.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    to: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    token: String,
    #[serde(default)]
    to: String,
}

#[derive(Template)]
#[template(path = "pages/sign_in.html")]
struct SignInPage<'a> {
    to: &'a str,
    problem: &'a str,
}

#[derive(Template)]
#[template(path = "pages/enter.html")]
struct EnterPage<'a> {
    to: &'a str,
}

/// The form for a token.
pub(super) async fn page(
    State(pages): State<Pages>,
    Query(back): Query<Back>,
    headers: HeaderMap,
) -> Response {
    let to = own_path(&back.to);
    if visitor(&pages, &headers).is_some() {
        return see_other(to);
    }
    form(StatusCode::OK, to, "")
}

/// Signs in with a token.
pub(super) async fn by_token(
    State(pages): State<Pages>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    Form(given): Form<Given>,
) -> Response {
    let site = &pages.site;
    let now = site.engine.clock().now();
    let to = own_path(&given.to);
    let Some(token) = site.engine.api_token(given.token.trim()) else {
        return not_signed_in(site, peer, now, || {
            tracing::info!(%peer, "a sign-in with an unknown token was refused");
            let problem = "This token is unknown, expired or revoked.";
            form(StatusCode::UNPROCESSABLE_ENTITY, to, problem)
        });
    };
    if token.role == Role::Ingest {
        let problem = "This token is for pings of heartbeats; it opens no page.";
        return form(StatusCode::UNPROCESSABLE_ENTITY, to, problem);
    }
    let secret = site.visits.begin(Pass::of(&token, token.role), now);
    tracing::info!(%peer, token = %token.id, "signed in with a token");
    signed_in(&pages, &secret, to)
}

/// Shows the button that follows a link, if the link is good.
pub(super) async fn link(
    State(pages): State<Pages>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    Path(link): Path<String>,
    Query(back): Query<Back>,
) -> Response {
    let site = &pages.site;
    let now = site.engine.clock().now();
    if let Err(why) = site.visits.look(&link, now) {
        return not_signed_in(site, peer, now, || bad_link(why));
    }
    let to = own_path(&back.to);
    match (EnterPage { to }).render() {
        Ok(page) => Html(page).into_response(),
        Err(_) => failed(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this page cannot be shown",
        ),
    }
}

/// Follows a link.
pub(super) async fn by_link(
    State(pages): State<Pages>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    Path(link): Path<String>,
    Form(back): Form<Back>,
) -> Response {
    let site = &pages.site;
    let now = site.engine.clock().now();
    match site.visits.follow(&link, now) {
        Ok(secret) => {
            tracing::info!(%peer, "signed in by a link");
            signed_in(&pages, &secret, own_path(&back.to))
        }
        Err(why) => not_signed_in(site, peer, now, || bad_link(why)),
    }
}

/// Signs out.
pub(super) async fn out(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    let site = &pages.site;
    if let Some(secret) = cookie(&headers, &site.public_url) {
        site.visits.end(secret);
    }
    with_cookie(see_other("/sign-in"), &pages, "", 0)
}

fn signed_in(pages: &Pages, secret: &str, to: &str) -> Response {
    with_cookie(see_other(to), pages, secret, VISIT_FOR.as_secs())
}

/// Counts a sign-in that failed, and answers why; who failed too often is only told to wait.
fn not_signed_in(site: &Site, peer: IpAddr, now: Time, why: impl FnOnce() -> Response) -> Response {
    match site.visits.may_try(peer, now) {
        Err(wait) => too_often(wait),
        Ok(()) => {
            site.visits.failed(peer, now);
            why()
        }
    }
}

fn with_cookie(mut response: Response, pages: &Pages, secret: &str, seconds: u64) -> Response {
    let public_url = &pages.site.public_url;
    let name = cookie_name(public_url);
    // Lax: a link in a message must find the visit.
    let mut line = format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    if public_url.scheme() == "https" {
        line.push_str("; Secure");
    }
    if let Ok(line) = HeaderValue::from_str(&line) {
        response.headers_mut().insert(SET_COOKIE, line);
    }
    response
}

fn form(status: StatusCode, to: &str, problem: &str) -> Response {
    match (SignInPage { to, problem }).render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(_) => failed(
            StatusCode::INTERNAL_SERVER_ERROR,
            "this page cannot be shown",
        ),
    }
}

fn bad_link(why: LinkRefused) -> Response {
    let (title, text) = match why {
        LinkRefused::Used => (
            "This link was used already",
            "A sign-in link works once. If it was not you who used it, somebody else is signed in: \
             `vigilmon token revoke` ends every visit that rests on a token.",
        ),
        LinkRefused::Expired => (
            "This link is too old",
            "A sign-in link works within ten minutes.",
        ),
        LinkRefused::Unknown => (
            "This link does not work",
            "It is not one of this coordinator's, or the coordinator was started again since.",
        ),
    };
    refused(StatusCode::GONE, title, text, ANOTHER)
}

fn too_often(wait: std::time::Duration) -> Response {
    let mut response = refused(
        StatusCode::TOO_MANY_REQUESTS,
        "Too many attempts",
        "From your address too many sign-ins failed.",
        "Wait a few seconds, then try again.",
    );
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    response
}
