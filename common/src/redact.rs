//! What may be shown of what users gave us: URLs without credentials, headers without secrets.
//!
//! Outside the agent a target is only shown redacted: no user info, query values `…`. A
//! [`Secret`] prints as `…` wherever it is printed by accident; getting at it takes a word.

use std::fmt;

use url::Url;

/// A text that is never printed: passwords, tokens, header values that are credentials.
#[derive(Clone, Default, Eq, Hash, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the request, the wire to an agent, or sealing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Words in a header's name that make its value a secret.
const SECRET_HEADER_WORDS: [&str; 9] = [
    "authorization",
    "cookie",
    "token",
    "secret",
    "password",
    "api-key",
    "apikey",
    "auth",
    "session",
];

/// Whether a header's value looks like a credential by the header's name.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("-key") || SECRET_HEADER_WORDS.iter().any(|word| name.contains(word))
}

/// A URL as it may be shown: no user info, query values `…`, no fragment.
#[must_use]
pub fn url(url: &Url) -> String {
    let mut shown = format!("{}://{}", url.scheme(), host_and_port(url));
    shown.push_str(url.path());
    if let Some(query) = url.query() {
        shown.push('?');
        push_query(&mut shown, query);
    }
    shown
}

/// A text that should have been a URL, as an error may show it: cut, without what could be
/// credentials.
#[must_use]
pub fn url_like(text: &str) -> String {
    /// Longest text that an error repeats.
    const SHOWN_MAX: usize = 100;
    let (head, query) = match text.split_once(['?', '#']) {
        Some((head, _)) => (head, "?…"),
        None => (text, ""),
    };
    let (scheme, rest) = match head.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), head),
    };
    let rest = match rest.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => rest.to_owned(),
    };
    let whole = format!("{scheme}{rest}{query}");
    let mut shown: String = whole
        .chars()
        .filter(|c| !c.is_control())
        .take(SHOWN_MAX)
        .collect();
    if shown.len() < whole.len() {
        shown.push('…');
    }
    shown
}

/// The target as messages for people name it: host, port if not the scheme's own, path.
#[must_use]
pub fn short_url(url: &Url) -> String {
    let path = url.path().trim_end_matches('/');
    format!("{}{path}", host_and_port(url))
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn push_query(shown: &mut String, query: &str) {
    for (place, pair) in query.split('&').enumerate() {
        if place > 0 {
            shown.push('&');
        }
        match pair.split_once('=') {
            Some((key, _)) => {
                shown.push_str(key);
                shown.push_str("=…");
            }
            // A query without `=` may be a token as a whole.
            None => shown.push('…'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        url(&Url::parse(text).unwrap())
    }

    #[test]
    fn a_shown_url_has_neither_user_nor_query_values() {
        assert_eq!(
            shown("https://u:pw@api.example.com:8443/health?token=abc&v=1#x"),
            "https://api.example.com:8443/health?token=…&v=…"
        );
        assert_eq!(shown("http://a.example/?abc"), "http://a.example/?…");
        assert_eq!(shown("http://[::1]:80/x"), "http://[::1]/x");
    }

    #[test]
    fn messages_name_host_own_port_and_path() {
        let short = |text| short_url(&Url::parse(text).unwrap());
        assert_eq!(
            short("https://u@api.example.com:443/health?x=1"),
            "api.example.com/health"
        );
        assert_eq!(
            short("http://api.example.com:8080/"),
            "api.example.com:8080"
        );
    }

    #[test]
    fn a_broken_url_is_repeated_without_its_credentials() {
        assert_eq!(url_like("htp://u:pw@host/x?token=abc"), "htp://…@host/x?…");
        assert_eq!(url_like("api.example.com/health"), "api.example.com/health");
        assert!(url_like(&"x".repeat(500)).ends_with('…'));
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some(…)");
    }

    #[test]
    fn headers_that_carry_credentials_are_known_by_name() {
        for name in [
            "Authorization",
            "Cookie",
            "Set-Cookie",
            "X-API-Key",
            "X-Auth-Token",
        ] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in ["Accept", "Content-Type", "X-Request-Id"] {
            assert!(!is_secret_header(name), "{name}");
        }
    }
}
