//! The flags of monitors, and the specification that they make.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;
use vigilmon_common::duration;
use vigilmon_proto::convert;
use vigilmon_proto::v1;

use super::wrong::Wrong;
use crate::context::secret;
use crate::failure::Failure;

/// Longest body file.
const BODY_MAX: usize = 1024 * 1024;

/// How a monitor is watched; all of it has defaults.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct WatchFlags {
    /// The time between two checks in one region, such as 30s
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    every: Option<Duration>,
    /// The bound of a whole check
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// The regions that watch; all that exist when none are named
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    regions: Option<Vec<String>>,
    /// How many regions must agree: majority, any, all or a number
    #[arg(long, value_name = "RULE")]
    quorum: Option<String>,
    /// Failures in a row before a region votes down
    #[arg(long, value_name = "N")]
    failures: Option<u32>,
    /// Successes in a row before it votes up again
    #[arg(long, value_name = "N")]
    successes: Option<u32>,
    /// After how long a failure of one region alone is an incident; 0s: never
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    regional_after: Option<Duration>,
    /// critical, warning or info
    #[arg(long, value_name = "WORD")]
    severity: Option<String>,
    /// A label, key=value; may be repeated
    #[arg(long, value_name = "K=V")]
    label: Option<Vec<String>>,
    /// Channels beside those that routes pick
    #[arg(long, value_name = "CHANNEL", value_delimiter = ',')]
    notify: Option<Vec<String>>,
}

/// What an HTTP check asks and demands.
#[derive(Args, Clone, Default)]
pub(crate) struct HttpFlags {
    /// The request's method
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    /// A header of the request, 'Name: value'; may be repeated
    #[arg(long, value_name = "K: V")]
    header: Option<Vec<String>>,
    /// The request's body; @FILE reads a file
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// The statuses that are well: 200, 2xx, 200,302,400-404
    #[arg(long, value_name = "SET")]
    expect_status: Option<String>,
    /// A text that the body must contain; may be repeated
    #[arg(long, value_name = "TEXT")]
    contains: Option<Vec<String>>,
    /// A text that the body must not contain; may be repeated
    #[arg(long, value_name = "TEXT")]
    not_contains: Option<Vec<String>>,
    /// A regular expression that the body must match; may be repeated
    #[arg(long, value_name = "REGEX")]
    matches: Option<Vec<String>>,
    /// A demand on JSON, '$.status == "ok"'; may be repeated
    #[arg(long, value_name = "PATH OP VALUE")]
    json: Option<Vec<String>>,
    /// A header that the answer must have, 'Name: value'; may be repeated
    #[arg(long, value_name = "K: V")]
    expect_header: Option<Vec<String>>,
    /// Slower than this is down
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    max_latency: Option<Duration>,
    /// Slower than this is degraded; a second one is worse
    #[arg(long, value_name = "D[,D]", value_delimiter = ',', value_parser = duration::parse)]
    degraded_latency: Option<Vec<Duration>>,
    /// How many redirects are followed
    #[arg(long, value_name = "N")]
    follow_redirects: Option<u32>,
    /// Do not verify the certificate; =false: verify it
    #[arg(
        long,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    insecure: Option<bool>,
    /// Basic authentication, user:password; @FILE or env:NAME
    #[arg(long, value_name = "USER:PASSWORD")]
    basic: Option<String>,
    /// A bearer token; @FILE or env:NAME
    #[arg(long, value_name = "TOKEN")]
    bearer: Option<String>,
    /// Only IPv4 or IPv6: any, 4 or 6
    #[arg(long, value_name = "any|4|6", value_parser = ["any", "4", "6"])]
    ip: Option<String>,
}

impl std::fmt::Debug for HttpFlags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers, passwords and tokens are secrets.
        f.debug_struct("HttpFlags").finish_non_exhaustive()
    }
}

/// A specification, and the paths of the update mask that name what was given.
pub(crate) struct Given {
    /// What the flags make.
    pub(crate) spec: v1::MonitorSpec,
    /// What they name.
    pub(crate) mask: Vec<String>,
    /// What of them cannot be read, and is left out of both.
    pub(crate) wrong: Wrong,
}

impl Given {
    /// For an edit: one empty text in place of a list takes away all that was in it. A new monitor
    /// has nothing to take away; there an empty text is refused.
    pub(crate) fn empty_lists(&mut self) {
        let mut lists = vec![&mut self.spec.notify];
        if let Some(v1::monitor_spec::Kind::Http(http)) = &mut self.spec.kind {
            lists.extend([&mut http.contains, &mut http.not_contains]);
            lists.extend([&mut http.matches, &mut http.json]);
        }
        for list in lists {
            if matches!(&list[..], [only] if only.is_empty()) {
                list.clear();
            }
        }
    }
}

/// Puts flags together.
pub(crate) fn given(url: Option<&str>, watch: &WatchFlags, http: &HttpFlags) -> Given {
    let mut given = Given {
        spec: v1::MonitorSpec::default(),
        mask: Vec::new(),
        wrong: Wrong::default(),
    };
    watch_fields(watch, &mut given);
    let mut wire = v1::HttpSpec::default();
    let fields = http_fields(url, http, &mut wire, &mut given.wrong);
    if !fields.is_empty() {
        given
            .mask
            .extend(fields.iter().map(|field| format!("spec.http.{field}")));
        given.spec.kind = Some(v1::monitor_spec::Kind::Http(wire));
    }
    given
}

fn watch_fields(flags: &WatchFlags, given: &mut Given) {
    let (spec, wrong) = (&mut given.spec, &mut given.wrong);
    let mut name = |field: &str| given.mask.push(format!("spec.{field}"));
    if let Some(every) = flags.every {
        name("interval");
        spec.interval = Some(convert::duration(every));
    }
    if let Some(timeout) = flags.timeout {
        name("timeout");
        spec.timeout = Some(convert::duration(timeout));
    }
    if let Some(regions) = &flags.regions {
        name("regions");
        spec.regions.clone_from(regions);
    }
    if let Some(quorum) = &flags.quorum {
        name("quorum");
        spec.quorum.clone_from(quorum);
    }
    if flags.failures.is_some() {
        name("failures");
        spec.failures = flags.failures;
    }
    if flags.successes.is_some() {
        name("successes");
        spec.successes = flags.successes;
    }
    if let Some(after) = flags.regional_after {
        name("regional_after");
        spec.regional_after = Some(convert::duration(after));
    }
    if let Some(word) = &flags.severity {
        name("severity");
        spec.severity = wrong.note(severity(word)).unwrap_or_default();
    }
    if let Some(labels) = &flags.label {
        name("labels");
        spec.labels = wrong.note(self::labels(labels)).unwrap_or_default();
    }
    if let Some(notify) = &flags.notify {
        name("notify");
        spec.notify.clone_from(notify);
    }
}

fn http_fields(
    url: Option<&str>,
    flags: &HttpFlags,
    wire: &mut v1::HttpSpec,
    wrong: &mut Wrong,
) -> Vec<&'static str> {
    let mut named = Vec::new();
    macro_rules! copy {
        ($($flag:ident => $field:ident,)*) => {$(
            if let Some(value) = &flags.$flag {
                named.push(stringify!($field));
                wire.$field = value.clone().into();
            }
        )*};
    }
    if let Some(url) = url {
        named.push("url");
        wire.url = url.to_owned();
    }
    copy! {
        method => method,
        expect_status => expect_status,
        contains => contains,
        not_contains => not_contains,
        matches => matches,
        json => json,
        follow_redirects => follow_redirects,
        insecure => insecure,
    }
    if let Some(given) = &flags.header {
        named.push("headers");
        wire.headers = wrong.note(headers("--header", given)).unwrap_or_default();
    }
    if let Some(given) = &flags.expect_header {
        named.push("expect_headers");
        let headers = headers("--expect-header", given);
        wire.expect_headers = wrong.note(headers).unwrap_or_default();
    }
    if let Some(given) = &flags.body {
        named.push("body");
        wire.body = wrong.note(body(given)).unwrap_or_default();
    }
    if let Some(limit) = flags.max_latency {
        named.push("max_latency");
        wire.max_latency = Some(convert::duration(limit));
    }
    if let Some(limits) = &flags.degraded_latency {
        named.push("degraded_latency");
        wire.degraded_latency = limits
            .iter()
            .map(|&limit| convert::duration(limit))
            .collect();
    }
    identity_fields(flags, wire, &mut named, wrong);
    named
}

/// Who asks, and over which protocol.
fn identity_fields(
    flags: &HttpFlags,
    wire: &mut v1::HttpSpec,
    named: &mut Vec<&'static str>,
    wrong: &mut Wrong,
) {
    if let Some(given) = &flags.basic {
        named.push("basic");
        wire.basic = wrong.note(basic(given));
    }
    if let Some(given) = &flags.bearer {
        named.push("bearer");
        wire.bearer = wrong.note(secret("--bearer", given)).unwrap_or_default();
    }
    if let Some(ip) = &flags.ip {
        named.push("ip");
        let version = match ip.as_str() {
            "4" => v1::IpVersion::IpVersion4,
            "6" => v1::IpVersion::IpVersion6,
            _ => v1::IpVersion::Unspecified,
        };
        wire.ip = version.into();
    }
}

/// A severity by word.
pub(crate) fn severity(word: &str) -> Result<i32, Failure> {
    let name = format!("SEVERITY_{}", word.to_ascii_uppercase());
    match v1::Severity::from_str_name(&name) {
        Some(severity) if severity != v1::Severity::Unspecified => Ok(severity.into()),
        _ => Err(Failure::new(
            crate::failure::exit::FAILED,
            format!("--severity: `{word}` is no severity"),
            "use critical, warning or info",
        )),
    }
}

/// Labels of the form key=value.
pub(crate) fn labels(given: &[String]) -> Result<HashMap<String, String>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Failure::usage(
            format!("--label: `{text}` has no `=`"),
            "write key=value",
        )),
    };
    all(given, pair)
}

/// What each of them is, or all that is wrong with them; an empty one is none.
fn all<T, C: FromIterator<T>>(
    given: &[String],
    read: impl Fn(&String) -> Result<T, Failure>,
) -> Result<C, Failure> {
    let mut wrong = Wrong::default();
    let given = given.iter().filter(|text| !text.is_empty());
    let read = given.filter_map(|text| wrong.note(read(text))).collect();
    wrong.or(read)
}

fn headers(flag: &str, given: &[String]) -> Result<Vec<v1::Header>, Failure> {
    let header = |text: &String| match text.split_once(':') {
        Some((name, value)) => Ok(v1::Header {
            name: name.trim().to_owned(),
            value: secret(flag, value.trim())?,
        }),
        None => Err(Failure::new(
            crate::failure::exit::FAILED,
            format!(
                "{flag}: `{}` has no `:`",
                text.chars().take(20).collect::<String>()
            ),
            "write 'Name: value'",
        )),
    };
    all(given, header)
}

fn basic(given: &str) -> Result<v1::BasicAuth, Failure> {
    let text = secret("--basic", given)?;
    if text.is_empty() {
        return Ok(v1::BasicAuth::default());
    }
    match text.split_once(':') {
        Some((user, password)) => Ok(v1::BasicAuth {
            user: user.to_owned(),
            password: password.to_owned(),
        }),
        None => Err(Failure::usage(
            "--basic: there is no `:` in it",
            "write user:password",
        )),
    }
}

fn body(given: &str) -> Result<String, Failure> {
    let text = match given.strip_prefix('@') {
        Some(_) => secret("--body", given)?,
        None => given.to_owned(),
    };
    if text.len() > BODY_MAX {
        return Err(Failure::usage(
            "--body: it is over 1 MiB",
            "send a smaller one",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_is_named() {
        let watch = WatchFlags {
            failures: Some(2),
            ..WatchFlags::default()
        };
        let http = HttpFlags {
            expect_status: Some("2xx".to_owned()),
            ..HttpFlags::default()
        };
        let given = given(None, &watch, &http);
        assert!(given.wrong.is_empty());
        assert_eq!(given.mask, ["spec.failures", "spec.http.expect_status"]);
    }

    #[test]
    fn an_edit_takes_a_list_away_with_an_empty_text() {
        let http = HttpFlags {
            contains: Some(vec![String::new()]),
            json: Some(vec![String::new(), "$.a == 1".to_owned()]),
            ..HttpFlags::default()
        };
        let mut given = given(None, &WatchFlags::default(), &http);
        given.empty_lists();
        let Some(v1::monitor_spec::Kind::Http(http)) = given.spec.kind else {
            panic!("it is one");
        };
        assert!(http.contains.is_empty());
        assert_eq!(
            http.json.len(),
            2,
            "what is wrong beside another is refused"
        );
        assert_eq!(given.mask, ["spec.http.contains", "spec.http.json"]);
    }

    #[test]
    fn secrets_are_not_printed() {
        let http = HttpFlags {
            bearer: Some("hunter2".to_owned()),
            ..HttpFlags::default()
        };
        assert!(!format!("{http:?}").contains("hunter2"));
    }

    #[test]
    fn a_label_is_a_pair() {
        assert_eq!(labels(&["a=b=c".to_owned()]).unwrap()["a"], "b=c");
        let bad = ["ab", "c=d", "ef"].map(str::to_owned);
        let refused = labels(&bad).unwrap_err();
        assert_eq!((refused.code, refused.messages.len()), (2, 2));
    }

    #[test]
    fn all_that_cannot_be_read_is_said_at_once() {
        let some = |text: &str| Some(text.to_owned());
        let watch = WatchFlags {
            severity: some("foo"),
            label: Some(vec!["bad".to_owned()]),
            ..WatchFlags::default()
        };
        let http = HttpFlags {
            header: Some(vec!["a".to_owned(), "b".to_owned()]),
            basic: some("nobody"),
            ..HttpFlags::default()
        };
        let given = given(Some("https://example.com"), &watch, &http);
        let refused = given.wrong.or(()).unwrap_err();
        assert_eq!(refused.code, 1);
        let flags = refused.messages.iter();
        let flags: Vec<&str> = flags
            .filter_map(|said| Some(said.split_once(':')?.0))
            .collect();
        assert_eq!(
            flags,
            ["--severity", "--label", "--header", "--header", "--basic"]
        );
    }
}
