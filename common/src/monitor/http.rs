//! What an HTTP monitor asks and what it demands of the answer.
//!
//! Made only by checking a draft ([`super::draft`]), so its parts fit each other. Printing one
//! shows no credential: not the user, not query values, headers or body.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use url::Url;

use super::InvalidWord;
use super::status_set::StatusSet;
use crate::assertion::{JsonAssertion, Pattern};
use crate::redact::{self, Secret};

/// Redirects that are followed unless the user or an expected 3xx says otherwise.
pub const REDIRECTS_DEFAULT: u32 = 10;

/// A request and the assertions on its answer.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct HttpSpec {
    /// An `http` or `https` URL without user info and fragment.
    pub url: Url,
    /// The request's method.
    pub method: Method,
    /// Headers beside those that a check sends by itself, in the user's order.
    pub headers: Vec<Header>,
    /// What is sent after the headers.
    pub body: Option<String>,
    /// User and password, sent as basic authentication; never together with `bearer`.
    pub basic: Option<Basic>,
    /// The token sent as bearer authentication.
    pub bearer: Option<Secret>,
    /// How many redirects are followed; with 0 the redirect itself is the answer.
    pub follow_redirects: u32,
    /// Whether the server's certificate is taken as it is.
    pub insecure: bool,
    /// Over which version of IP the target is reached.
    pub ip: IpFamily,
    /// The statuses that are fine.
    pub expect_status: StatusSet,
    /// Headers that the answer must have.
    pub expect_headers: Vec<ExpectHeader>,
    /// Texts that the body must have.
    pub contains: Vec<String>,
    /// Texts that the body must not have.
    pub not_contains: Vec<String>,
    /// Expressions that the body must match.
    pub matches: Vec<Pattern>,
    /// What must hold for the body as JSON.
    pub json: Vec<JsonAssertion>,
    /// Slower than this is Down.
    pub max_latency: Option<Duration>,
    /// Slower than this is Degraded.
    pub degraded_latency: Option<DegradedLatency>,
}

impl HttpSpec {
    /// A GET of `url` that wants 2xx and nothing else; assertions are filled in by drafts.
    #[must_use]
    pub fn to(url: Url) -> Self {
        Self {
            url,
            method: Method::default(),
            headers: Vec::new(),
            body: None,
            basic: None,
            bearer: None,
            follow_redirects: REDIRECTS_DEFAULT,
            insecure: false,
            ip: IpFamily::Any,
            expect_status: StatusSet::default(),
            expect_headers: Vec::new(),
            contains: Vec::new(),
            not_contains: Vec::new(),
            matches: Vec::new(),
            json: Vec::new(),
            max_latency: None,
            degraded_latency: None,
        }
    }

    /// How many redirects are followed where the user says nothing.
    #[must_use]
    pub fn default_redirects(expect_status: &StatusSet) -> u32 {
        if expect_status.expects_redirect() {
            0
        } else {
            REDIRECTS_DEFAULT
        }
    }

    /// Whether any assertion looks at the body.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        let texts = self.contains.len() + self.not_contains.len();
        texts + self.matches.len() + self.json.len() > 0
    }
}

impl fmt::Debug for HttpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .headers
            .iter()
            .map(|header| header.name.as_str())
            .collect();
        f.debug_struct("HttpSpec")
            .field("method", &self.method.as_str())
            .field("url", &redact::url(&self.url))
            .field("headers", &names)
            .field("expect_status", &self.expect_status.to_string())
            .finish_non_exhaustive()
    }
}

/// The method of a request: a word of capital letters, not `CONNECT`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Method(String);

impl Method {
    /// Longest method, in letters.
    const LONGEST: usize = 20;

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether answers to it have no body.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.0 == "HEAD"
    }
}

impl Default for Method {
    /// `GET`.
    fn default() -> Self {
        Self("GET".to_owned())
    }
}

impl FromStr for Method {
    type Err = InvalidWord;
    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        let word = text.trim().to_ascii_uppercase();
        let letters = (1..=Self::LONGEST).contains(&word.len())
            && word.bytes().all(|b| b.is_ascii_uppercase());
        if letters && word != "CONNECT" {
            Ok(Self(word))
        } else {
            Err(InvalidWord {
                value: text.chars().take(40).collect(),
                allowed: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or another method",
            })
        }
    }
}

/// A header of the request.
#[derive(Clone, Eq, PartialEq)]
pub struct Header {
    /// Its name in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = redact::is_secret_header(&self.name);
        let value = if secret { "…" } else { self.value.as_str() };
        write!(f, "{}: {value}", self.name)
    }
}

/// A header that the answer must have.
///
/// Met by a value that is equal, or equal up to its parameters: `application/json` is met by
/// `application/json; charset=utf-8`. An empty value asks only for the header.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExpectHeader {
    /// Its name in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// User and password.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Basic {
    /// The user; has no `:`.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// One or two latencies above which an answer is Degraded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DegradedLatency {
    /// Above this it is worth a warning.
    pub warning: Duration,
    /// Above this it is critical; longer than `warning`.
    pub critical: Option<Duration>,
}

/// Over which version of IP a target is reached.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum IpFamily {
    /// Whichever answers first.
    #[default]
    Any,
    /// Only IPv4.
    V4,
    /// Only IPv6.
    V6,
}

impl IpFamily {
    /// The word for it in all interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::V4 => "4",
            Self::V6 => "6",
        }
    }
}

impl FromStr for IpFamily {
    type Err = InvalidWord;
    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        match text {
            "any" => Ok(Self::Any),
            "4" => Ok(Self::V4),
            "6" => Ok(Self::V6),
            _ => Err(InvalidWord {
                value: text.chars().take(40).collect(),
                allowed: "any, 4 or 6",
            }),
        }
    }
}
