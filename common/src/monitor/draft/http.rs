//! The kind `http` of a draft.

mod parts;

use std::time::Duration;

use url::Url;

use self::parts::{
    check_length, check_named_address, header, set_by_the_check, take_user_info, texts,
};
use super::bounds::whole_millis;
use crate::address::AddressPolicy;
use crate::assertion::{JsonAssertion, Pattern};
use crate::duration;
use crate::monitor::http::{
    Basic, DegradedLatency, ExpectHeader, Header, HttpSpec, IpFamily, Method,
};
use crate::monitor::status_set::StatusSet;
use crate::problem::Problems;
use crate::redact::{self, Secret};

/// Longest URL, in bytes.
const URL_MAX: usize = 4096;
/// Most redirects that may be followed.
const REDIRECTS_MAX: u32 = 20;

/// The flags of kind `http` as a user gives them. Empty texts, empty lists and zero durations
/// take away what was set before.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct HttpDraft {
    /// `--http URL`, `http.url`.
    pub url: Option<String>,
    /// `--method`.
    pub method: Option<String>,
    /// `--header 'K: V'`.
    pub header: Option<Vec<String>>,
    /// `--body`.
    pub body: Option<String>,
    /// `--expect-status 200|2xx|200,302,400-404`.
    pub expect_status: Option<String>,
    /// `--contains`.
    pub contains: Option<Vec<String>>,
    /// `--not-contains`.
    pub not_contains: Option<Vec<String>>,
    /// `--matches`.
    pub matches: Option<Vec<String>>,
    /// `--json 'PATH OP VALUE'`.
    pub json: Option<Vec<String>>,
    /// `--expect-header 'K: V'`.
    pub expect_header: Option<Vec<String>>,
    /// `--max-latency`.
    pub max_latency: Option<Duration>,
    /// `--degraded-latency`: one or two.
    pub degraded_latency: Option<Vec<Duration>>,
    /// `--follow-redirects`.
    pub follow_redirects: Option<u32>,
    /// `--insecure`.
    pub insecure: Option<bool>,
    /// `--basic USER:PASSWORD`.
    pub basic: Option<Secret>,
    /// `--bearer`.
    pub bearer: Option<Secret>,
    /// `--ip any|4|6`.
    pub ip: Option<String>,
}

impl std::fmt::Debug for HttpDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.as_deref().map(redact::url_like);
        f.debug_struct("HttpDraft")
            .field("url", &url)
            .finish_non_exhaustive()
    }
}

impl HttpDraft {
    /// Makes a specification, or says everything that is wrong, by the names below `http`.
    ///
    /// # Errors
    /// Something is malformed, out of bounds, or names an address that is denied.
    pub fn check(&self, addresses: Option<&AddressPolicy>) -> Result<HttpSpec, Problems> {
        let mut problems = Problems::none();
        let url = self.check_url(addresses, &mut problems);
        // A stand-in lets the other fields be checked too; with a problem noted it goes nowhere.
        let stand_in = || Url::parse("http://stand-in/").expect("a constant URL");
        let mut spec = HttpSpec::to(url.unwrap_or_else(stand_in));
        self.check_request(&mut spec, &mut problems);
        self.check_credentials(&mut spec, &mut problems);
        self.check_assertions(&mut spec, &mut problems);
        self.check_latency(&mut spec, &mut problems);
        if spec.method.is_head() && spec.reads_body() {
            let message = "answers to HEAD have no body, but an assertion looks at it";
            problems.add("method", message, "use GET");
        }
        problems.or(spec)
    }

    /// What a specification says, every field set: [`check`](Self::check) makes the same of it.
    #[must_use]
    pub fn of(spec: &HttpSpec) -> Self {
        let pair = |name: &str, value: &str| format!("{name}: {value}");
        let basic = |basic: &Basic| format!("{}:{}", basic.user, basic.password.expose());
        let degraded = spec.degraded_latency.iter();
        Self {
            url: Some(spec.url.to_string()),
            method: Some(spec.method.as_str().to_owned()),
            header: Some(
                spec.headers
                    .iter()
                    .map(|h| pair(&h.name, &h.value))
                    .collect(),
            ),
            body: Some(spec.body.clone().unwrap_or_default()),
            expect_status: Some(spec.expect_status.to_string()),
            contains: Some(spec.contains.clone()),
            not_contains: Some(spec.not_contains.clone()),
            matches: Some(spec.matches.iter().map(|p| p.as_str().to_owned()).collect()),
            json: Some(spec.json.iter().map(|j| j.as_str().to_owned()).collect()),
            expect_header: Some(
                spec.expect_headers
                    .iter()
                    .map(|h| pair(&h.name, &h.value))
                    .collect(),
            ),
            max_latency: Some(spec.max_latency.unwrap_or_default()),
            degraded_latency: Some(
                degraded
                    .flat_map(|d| std::iter::once(d.warning).chain(d.critical))
                    .collect(),
            ),
            follow_redirects: Some(spec.follow_redirects),
            insecure: Some(spec.insecure),
            basic: Some(spec.basic.as_ref().map(basic).unwrap_or_default().into()),
            bearer: Some(spec.bearer.clone().unwrap_or_default()),
            ip: Some(spec.ip.as_str().to_owned()),
        }
    }

    /// Leaves open what followed from other fields, so that it follows them still.
    pub(super) fn forget_derived(&mut self, spec: &HttpSpec) {
        if spec.follow_redirects == HttpSpec::default_redirects(&spec.expect_status) {
            self.follow_redirects = None;
        }
    }

    pub(super) fn with(self, over: Self) -> Self {
        Self {
            url: over.url.or(self.url),
            method: over.method.or(self.method),
            header: over.header.or(self.header),
            body: over.body.or(self.body),
            expect_status: over.expect_status.or(self.expect_status),
            contains: over.contains.or(self.contains),
            not_contains: over.not_contains.or(self.not_contains),
            matches: over.matches.or(self.matches),
            json: over.json.or(self.json),
            expect_header: over.expect_header.or(self.expect_header),
            max_latency: over.max_latency.or(self.max_latency),
            degraded_latency: over.degraded_latency.or(self.degraded_latency),
            follow_redirects: over.follow_redirects.or(self.follow_redirects),
            insecure: over.insecure.or(self.insecure),
            basic: over.basic.or(self.basic),
            bearer: over.bearer.or(self.bearer),
            ip: over.ip.or(self.ip),
        }
    }

    fn check_url(&self, addresses: Option<&AddressPolicy>, problems: &mut Problems) -> Option<Url> {
        let text = self.url.as_deref().unwrap_or_default().trim();
        let shown = redact::url_like(text);
        if text.is_empty() {
            problems.add(
                "url",
                "a URL is missing",
                "write it like https://example.com/health",
            );
            return None;
        }
        if text.len() > URL_MAX {
            let message = format!("the URL is {} bytes long", text.len());
            problems.add("url", message, format!("keep it within {URL_MAX}"));
            return None;
        }
        let mut url = match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url,
            Ok(_) if text.contains("://") => {
                let message = format!("`{shown}` is neither http nor https");
                problems.add("url", message, "write it like https://example.com/health");
                return None;
            }
            // `example.com:8080/x` is parsed with a scheme of `example.com`.
            Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => {
                let message = format!("`{shown}` is no URL");
                problems.add("url", message, format!("write https://{shown}"));
                return None;
            }
            Err(error) => {
                let message = format!("`{shown}` is no URL: {error}");
                problems.add("url", message, "write it like https://example.com/health");
                return None;
            }
        };
        if url.port() == Some(0) {
            problems.add(
                "url",
                format!("`{shown}` names port 0"),
                "use a port from 1 to 65535",
            );
        }
        url.set_fragment(None);
        if let Some(policy) = addresses {
            check_named_address(&url, policy, problems);
        }
        Some(url)
    }

    fn check_request(&self, spec: &mut HttpSpec, problems: &mut Problems) {
        if let Some(text) = &self.method {
            match text.parse::<Method>() {
                Ok(method) => spec.method = method,
                Err(error) => problems.add("method", error.to_string(), ""),
            }
        }
        check_length("header", self.header.as_deref(), problems);
        for text in self.header.iter().flatten() {
            match header(text) {
                Ok((name, value)) => {
                    if let Some(remedy) = set_by_the_check(&name) {
                        problems.add("header", format!("`{name}` cannot be set"), remedy);
                    }
                    spec.headers.push(Header { name, value });
                }
                Err(message) => {
                    problems.add("header", message, "write it like 'Accept: text/html'")
                }
            }
        }
        spec.body = self.body.clone().filter(|body| !body.is_empty());
        spec.insecure = self.insecure.unwrap_or_default();
        if let Some(text) = &self.ip {
            match text.trim().parse::<IpFamily>() {
                Ok(ip) => spec.ip = ip,
                Err(error) => problems.add("ip", error.to_string(), ""),
            }
        }
    }

    /// User info in the URL is basic authentication; it moves there, so that URLs are no secrets.
    fn check_credentials(&self, spec: &mut HttpSpec, problems: &mut Problems) {
        let mut ways = Vec::new();
        if let Some(basic) = self.basic.as_ref().filter(|basic| !basic.is_empty()) {
            ways.push("basic");
            match basic.expose().split_once(':') {
                Some((user, password)) if !basic.expose().chars().any(char::is_control) => {
                    spec.basic = Some(Basic {
                        user: user.to_owned(),
                        password: password.into(),
                    });
                }
                _ => problems.add("basic", "not USER:PASSWORD", "put a `:` between the two"),
            }
        }
        if let Some(bearer) = self.bearer.as_ref().filter(|bearer| !bearer.is_empty()) {
            ways.push("bearer");
            if bearer.expose().bytes().all(|b| b.is_ascii_graphic()) {
                spec.bearer = Some(bearer.clone());
            } else {
                problems.add("bearer", "not a token", "use visible ASCII without spaces");
            }
        }
        if let Some(user_info) = take_user_info(&mut spec.url) {
            ways.push("url");
            spec.basic.get_or_insert(user_info);
        }
        if spec
            .headers
            .iter()
            .any(|header| header.name == "authorization")
        {
            ways.push("header");
        }
        if let [_, second, ..] = ways[..] {
            let message = format!("credentials are given twice: {}", ways.join(" and "));
            problems.add(
                second,
                message,
                "give one of basic, bearer, a user in the URL, a header",
            );
        }
    }

    fn check_assertions(&self, spec: &mut HttpSpec, problems: &mut Problems) {
        if let Some(text) = self
            .expect_status
            .as_ref()
            .filter(|text| !text.trim().is_empty())
        {
            match text.parse::<StatusSet>() {
                Ok(set) => spec.expect_status = set,
                Err(error) => {
                    let remedy = "write it like 200, 2xx, 200,302 or 400-404";
                    problems.add("expect_status", error.to_string(), remedy);
                }
            }
        }
        let redirects = HttpSpec::default_redirects(&spec.expect_status);
        spec.follow_redirects = self.follow_redirects.unwrap_or(redirects);
        if spec.follow_redirects > REDIRECTS_MAX {
            let message = format!("{} redirects are too many", spec.follow_redirects);
            problems.add(
                "follow_redirects",
                message,
                format!("follow at most {REDIRECTS_MAX}"),
            );
        }
        check_length("expect_header", self.expect_header.as_deref(), problems);
        for text in self.expect_header.iter().flatten() {
            match header(text) {
                Ok((name, value)) => spec.expect_headers.push(ExpectHeader { name, value }),
                Err(message) => {
                    let remedy = "write it like 'Content-Type: application/json'";
                    problems.add("expect_header", message, remedy);
                }
            }
        }
        spec.contains = texts("contains", self.contains.as_deref(), problems);
        spec.not_contains = texts("not_contains", self.not_contains.as_deref(), problems);
        for text in texts("matches", self.matches.as_deref(), problems) {
            match Pattern::parse(&text) {
                Ok(pattern) => spec.matches.push(pattern),
                Err(error) => problems.add("matches", error.to_string(), ""),
            }
        }
        for text in texts("json", self.json.as_deref(), problems) {
            match JsonAssertion::parse(&text) {
                Ok(json) => spec.json.push(json),
                Err(error) => {
                    let remedy = "write it like '$.status == \"ok\"'";
                    problems.add("json", error.to_string(), remedy);
                }
            }
        }
    }

    fn check_latency(&self, spec: &mut HttpSpec, problems: &mut Problems) {
        let set = |span: &Duration| !whole_millis(*span).is_zero();
        spec.max_latency = self.max_latency.filter(set).map(whole_millis);
        let degraded: Vec<Duration> = self
            .degraded_latency
            .iter()
            .flatten()
            .copied()
            .map(whole_millis)
            .collect();
        let remedy = "write one, or a smaller and a larger: 500ms,3s";
        spec.degraded_latency = match degraded[..] {
            [] | [Duration::ZERO] => None,
            [warning] => Some(DegradedLatency {
                warning,
                critical: None,
            }),
            [warning, critical] if !warning.is_zero() && warning < critical => {
                Some(DegradedLatency {
                    warning,
                    critical: Some(critical),
                })
            }
            [..] => {
                let shown: Vec<String> = degraded
                    .iter()
                    .take(4)
                    .map(|span| duration::format(*span))
                    .collect();
                let message = format!("`{}` are no thresholds", shown.join(","));
                problems.add("degraded_latency", message, remedy);
                None
            }
        };
        let (Some(limit), Some(degraded)) = (spec.max_latency, spec.degraded_latency) else {
            return;
        };
        let highest = degraded.critical.unwrap_or(degraded.warning);
        if highest >= limit {
            let (highest, limit) = (duration::format(highest), duration::format(limit));
            let message = format!("{highest} is never reached: above {limit} it is down");
            problems.add(
                "degraded_latency",
                message,
                format!("use less than {limit}"),
            );
        }
    }
}
