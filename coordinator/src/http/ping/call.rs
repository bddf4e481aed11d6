//! What the URL of a ping says: whose ping it is, what it says, and of which run.
//!
//! ```text
//! /ping/{token}[/{signal}]    /api/heartbeat/{token}…    /api/heartbeats/{token}…
//! /ping/s/{project key}/{slug}[/{signal}]
//! signal: start | fail | log | 0…255    ?rid=RUN    ?create=1 (by slug)
//! ```
//!
//! A slash at the end changes nothing. A token is at least [`TOKEN_MIN`] characters long, so that
//! no token is called `s`.

use vigilmon_common::heartbeat::{Signal, is_rid};

/// Shortest and longest token in a URL, in characters.
const TOKEN_MIN: usize = 22;
const TOKEN_MAX: usize = 43;
/// Longest slug: as long as a name.
const SLUG_MAX: usize = 100;

/// A request for a ping URL.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Call<'a> {
    pub(super) whose: Whose<'a>,
    /// `None`: its last part is none of those that mean something.
    pub(super) signal: Option<Signal>,
}

/// Whose ping it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Whose<'a> {
    /// Of the heartbeat with this token.
    Token(&'a str),
    /// Of the heartbeat with this slug in the project with this key.
    Slug { key: &'a str, slug: &'a str },
    /// Of none that could exist.
    Nobody,
}

impl<'a> Call<'a> {
    /// Reads the path of a URL; `None` where it is none of pings.
    pub(super) fn read(path: &'a str) -> Option<Self> {
        if let Some(rest) = path.strip_prefix("/ping/") {
            let rest = rest.strip_suffix('/').unwrap_or(rest);
            return Some(match rest.strip_prefix("s/") {
                Some(rest) => Self::by_slug(rest),
                None => Self::by_token(rest),
            });
        }
        let rest = path.strip_prefix("/api/heartbeat")?;
        let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix('/')?;
        Some(Self::by_token(rest.strip_suffix('/').unwrap_or(rest)))
    }

    fn by_token(rest: &'a str) -> Self {
        let mut parts = rest.split('/');
        let token = parts.next().unwrap_or_default();
        let whose = if is_token(token) {
            Whose::Token(token)
        } else {
            Whose::Nobody
        };
        Self::ending(whose, parts)
    }

    fn by_slug(rest: &'a str) -> Self {
        let mut parts = rest.split('/');
        let whose = match (parts.next(), parts.next()) {
            (Some(key), Some(slug)) if !key.is_empty() && !slug.is_empty() => {
                Whose::Slug { key, slug }
            }
            _ => Whose::Nobody,
        };
        Self::ending(whose, parts)
    }

    fn ending(whose: Whose<'a>, mut parts: std::str::Split<'a, char>) -> Self {
        let signal = match (parts.next(), parts.next()) {
            (None, _) => Some(Signal::Success),
            (Some(""), _) | (Some(_), Some(_)) => None,
            (Some(part), None) => Signal::of_path(part),
        };
        Self { whose, signal }
    }
}

/// What stands behind the question mark.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Query<'a> {
    /// The run that the ping is about.
    pub(super) rid: Option<&'a str>,
    /// Whether `rid` was given and is no run id.
    pub(super) no_rid: bool,
    /// Whether a heartbeat that does not exist is to be made.
    pub(super) create: bool,
}

impl<'a> Query<'a> {
    /// Reads a query; what Vigilmon does not know in it is nobody's concern. An empty `rid` is none:
    /// a variable that was not set.
    pub(super) fn read(query: Option<&'a str>) -> Self {
        let mut read = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            match pair.split_once('=') {
                Some(("rid", "")) => {}
                Some(("rid", rid)) if is_rid(rid) => read.rid = Some(rid),
                Some(("rid", _)) => read.no_rid = true,
                Some(("create", "1")) => read.create = true,
                _ => {}
            }
        }
        read
    }
}

/// Whether a text may be the slug of a heartbeat that is to be made.
pub(super) fn is_slug(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=SLUG_MAX).contains(&text.len())
        && text.bytes().all(inside)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

fn is_token(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (TOKEN_MIN..=TOKEN_MAX).contains(&text.len()) && text.bytes().all(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "abcdefghijklmnopqrstuv";

    fn token(signal: Option<Signal>) -> Call<'static> {
        Call {
            whose: Whose::Token(TOKEN),
            signal,
        }
    }

    #[test]
    fn every_form_of_a_ping_url_is_read() {
        for before in ["/ping", "/api/heartbeat", "/api/heartbeats"] {
            for after in ["", "/"] {
                let read = |part: &str| {
                    let path = format!("{before}/{TOKEN}{part}{after}");
                    let call = Call::read(&path).unwrap();
                    assert_eq!(call.whose, Whose::Token(TOKEN), "{path}");
                    call.signal
                };
                assert_eq!(read(""), Some(Signal::Success));
                assert_eq!(read("/start"), Some(Signal::Start));
                assert_eq!(read("/fail"), Some(Signal::Fail));
                assert_eq!(read("/log"), Some(Signal::Log));
                assert_eq!(read("/0"), Some(Signal::Exit(0)));
                assert_eq!(read("/255"), Some(Signal::Exit(255)));
            }
        }
        let call = Call::read("/ping/s/pk_1/nightly-cleanup/start/").unwrap();
        let whose = Whose::Slug {
            key: "pk_1",
            slug: "nightly-cleanup",
        };
        assert_eq!((call.whose, call.signal), (whose, Some(Signal::Start)));
    }

    #[test]
    fn what_means_nothing_is_told_from_what_is_no_ping() {
        for path in [
            "/",
            "/ping",
            "/pings/x",
            "/api/heartbeat",
            "/api/heartbeatss/x",
            "/api/v1/monitors",
            "/s/ping",
        ] {
            assert_eq!(Call::read(path), None, "{path}");
        }
        for path in [
            "/ping/",
            "/ping/s",
            "/ping/s/",
            "/ping/s/start",
            "/ping/s//nightly",
            "/ping/short",
            "/ping//start",
            "/ping/abcdefghijklmnopqrstu%41",
            "/api/heartbeat/s/pk_1/nightly",
        ] {
            let call = Call::read(path).unwrap();
            assert_eq!(call.whose, Whose::Nobody, "{path}");
        }
        for part in ["/done", "/256", "/start/start", "//", "/-1"] {
            let path = format!("/ping/{TOKEN}{part}");
            assert_eq!(Call::read(&path), Some(token(None)), "{path}");
        }
    }

    #[test]
    fn a_query_names_the_run_and_nothing_else_matters() {
        let read = |query| Query::read(Some(query));
        assert_eq!(Query::read(None), Query::default());
        for none in ["", "rid", "rid=", "create=0"] {
            assert_eq!(read(none), Query::default(), "{none}");
        }
        let both = read("x=1&rid=a-1.b_2&create=1&&y");
        assert_eq!((both.rid, both.create), (Some("a-1.b_2"), true));
        assert!(!both.no_rid);
        let long = format!("rid={}", "x".repeat(65));
        for bad in ["rid=a%20b", "rid=a b", long.as_str()] {
            let read = read(bad);
            assert_eq!((read.rid, read.no_rid), (None, true), "{bad}");
        }
    }

    #[test]
    fn a_slug_is_what_names_become() {
        for good in ["a", "nightly-cleanup", "2nd"] {
            assert!(is_slug(good), "{good}");
        }
        let long = "x".repeat(101);
        for bad in ["", "-a", "a-", "a--b", "A", "a_b", "a%20b", long.as_str()] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
