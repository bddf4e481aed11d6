//! Who asks, and whence: visits by their cookie, and forms of our own pages only.
//!
//! A form of another site is refused by what browsers say of a request's origin, beside the
//! cookie's own `SameSite`.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use url::Url;

use super::{PART_HEADER, Pages, failed, refused, see_other};
use crate::visits::Visitor;

/// Longest own path that a sign-in leads back to.
const PATH_MAX: usize = 1000;

/// The cookie of a visit: one for each port, because cookies know only hosts.
pub(super) fn cookie_name(public_url: &Url) -> String {
    match public_url.port() {
        Some(port) => format!("vigilmon_{port}"),
        None => "vigilmon".to_owned(),
    }
}

/// The secret of the visit that a request belongs to.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, public_url: &Url) -> Option<&'a str> {
    let name = cookie_name(public_url);
    let lines = headers.get_all(COOKIE).into_iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named.find_map(|(given, secret)| (given == name).then_some(secret))
}

/// The visitor of a request, if its visit is good.
pub(super) fn visitor(pages: &Pages, headers: &HeaderMap) -> Option<Visitor> {
    let site = &pages.site;
    let secret = cookie(headers, &site.public_url)?;
    let now = site.engine.clock().now();
    site.visits.visitor(secret, &site.engine, now)
}

impl FromRequestParts<Pages> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Response> {
        visitor(pages, &parts.headers).ok_or_else(|| {
            let by_script = parts.headers.contains_key(PART_HEADER) || parts.uri.path() == "/live";
            if by_script || parts.method != Method::GET {
                return failed(StatusCode::UNAUTHORIZED, "sign in first: reload the page");
            }
            let to = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            see_other(&sign_in_path(to))
        })
    }
}

/// Somebody who may change things.
pub(super) struct Editor(pub(super) Visitor);

impl FromRequestParts<Pages> for Editor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, pages).await?;
        if visitor.may_act() {
            return Ok(Self(visitor));
        }
        Err(refused(
            StatusCode::FORBIDDEN,
            "Not allowed",
            "You signed in as a viewer: you may look, and change nothing.",
            "Sign in with the token of an editor.",
        ))
    }
}

/// Where to sign in, and then come back to `to`.
pub(super) fn sign_in_path(to: &str) -> String {
    if to == "/" {
        return "/sign-in".to_owned();
    }
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("to", to)
        .finish();
    format!("/sign-in?{query}")
}

/// A path of our own, or `/` for everything else: a sign-in leads nowhere but to our pages.
pub(super) fn own_path(to: &str) -> &str {
    let plain = to.len() <= PATH_MAX
        && to.starts_with('/')
        && !to.starts_with("//")
        && to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    // What a browser would make of it.
    let base = Url::parse("http://here.invalid/").ok();
    let stays = base.and_then(|base| {
        let joined = base.join(to).ok()?;
        Some(joined.origin() == base.origin())
    });
    if plain && stays == Some(true) {
        to
    } else {
        "/"
    }
}

/// Refuses requests that change something and do not come from a page of ours.
pub(super) async fn same_origin(
    State(pages): State<Pages>,
    request: Request,
    next: Next,
) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if safe || is_ours(request.headers(), &pages.site.public_url) {
        return next.run(request).await;
    }
    refused(
        StatusCode::FORBIDDEN,
        "Refused",
        "This request did not come from a page of this coordinator.",
        "Go back to the page and do it there. If you did: a proxy before the coordinator must \
         pass on the Host header, or --public-url must name the address that you see.",
    )
}

fn is_ours(headers: &HeaderMap, public_url: &Url) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = text(ORIGIN.as_str()).and_then(|origin| Url::parse(origin).ok()) else {
        return false;
    };
    let host = format!(
        "{}://{}",
        origin.scheme(),
        text(HOST.as_str()).unwrap_or_default()
    );
    let named = Url::parse(&host).map(|host| host.origin());
    origin.origin() == public_url.origin() || named.is_ok_and(|named| named == origin.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_own_pages_only() {
        for own in ["/", "/incidents/5?x=1", "/monitors/a%2Fb"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "evil",
        ] {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
        assert_eq!(own_path(&format!("/{}", "a".repeat(PATH_MAX))), "/");
    }

    #[test]
    fn only_requests_of_our_own_pages_change_anything() {
        let public = Url::parse("https://status.example.org/").unwrap();
        let from = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            is_ours(&headers, &public)
        };
        assert!(from(&[("sec-fetch-site", "same-origin")]));
        assert!(from(&[("origin", "https://status.example.org")]));
        assert!(from(&[
            ("origin", "http://10.0.0.5:8440"),
            ("host", "10.0.0.5:8440")
        ]));
        for foreign in ["cross-site", "same-site", "none"] {
            let origin = ("origin", "https://status.example.org");
            assert!(!from(&[("sec-fetch-site", foreign), origin]), "{foreign}");
        }
        assert!(!from(&[("origin", "https://evil.example")]));
        assert!(!from(&[("origin", "null")]));
        assert!(!from(&[
            ("origin", "http://10.0.0.5:9000"),
            ("host", "10.0.0.5:8440")
        ]));
        assert!(!from(&[]), "browsers say where a form comes from");
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let public = Url::parse("http://127.0.0.1:8440/").unwrap();
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=b; vigilmon_8440=secret; c=d".parse().unwrap());
        assert_eq!(cookie(&headers, &public), Some("secret"));
        let other = Url::parse("http://127.0.0.1:8450/").unwrap();
        assert_eq!(cookie(&headers, &other), None);
    }
}
