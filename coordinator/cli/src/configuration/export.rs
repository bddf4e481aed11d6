//! From the messages of the public API to a document, as `export` writes it.
//!
//! Everything that has a default of its own is left out when it is that default, save the regions:
//! what was exported watches from where it does today, whatever regions come. Secrets are `keep`.

use serde::Serialize;
use serde::ser::SerializeMap;
use vigilmon_common::duration;
use vigilmon_common::heartbeat::{CRON_GRACE_DEFAULT, TIME_ZONE_DEFAULT};
use vigilmon_common::name::Region;
use vigilmon_proto::convert;
use vigilmon_proto::convert::spec::MASK;
use vigilmon_proto::v1;

use super::messages::KEEP;
use crate::format;

/// A span of no length, as it is written.
const NO_SPAN: &str = "0s";

/// A value of a document; maps keep their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Document {
    Text(String),
    Number(u32),
    Truth(bool),
    List(Vec<Document>),
    Map(Vec<(String, Document)>),
}

impl Serialize for Document {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u32(*number),
            Self::Truth(truth) => serializer.serialize_bool(*truth),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// A map as it is written: what is absent is left out.
#[derive(Default)]
struct Entries(Vec<(String, Document)>);

impl Entries {
    fn put(&mut self, key: &str, value: Document) {
        self.0.push((key.to_owned(), value));
    }

    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.put(key, text_of(text));
        }
    }

    fn other(&mut self, key: &str, text: &str, default: &str) {
        if text != default {
            self.text(key, text);
        }
    }

    fn texts<T: AsRef<str>>(&mut self, key: &str, texts: &[T]) {
        if !texts.is_empty() {
            let items = texts.iter().map(|text| text_of(text.as_ref()));
            self.put(key, Document::List(items.collect()));
        }
    }

    fn count(&mut self, key: &str, count: Option<u32>, default: u32) {
        if let Some(count) = count.filter(|count| *count != default) {
            self.put(key, Document::Number(count));
        }
    }

    fn span(&mut self, key: &str, span: Option<&prost_types::Duration>, default: &str) {
        let text = span.and_then(convert::span).map(duration::format);
        self.other(key, &text.unwrap_or_default(), default);
    }

    fn truth(&mut self, key: &str, truth: bool) {
        if truth {
            self.put(key, Document::Truth(true));
        }
    }

    fn severity(&mut self, severity: i32) {
        if severity != v1::Severity::Unspecified as i32 {
            self.other("severity", &format::severity(severity), "critical");
        }
    }

    fn labels<'a>(&mut self, labels: impl IntoIterator<Item = (&'a String, &'a String)>) {
        let pair = |(key, value): (&String, &String)| (key.clone(), text_of(value));
        let mut labels: Vec<_> = labels.into_iter().map(pair).collect();
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        if !labels.is_empty() {
            self.put("labels", Document::Map(labels));
        }
    }

    fn map(self) -> Document {
        Document::Map(self.0)
    }
}

/// A text; a `${` in it stays one when it is read again.
fn text_of(text: &str) -> Document {
    Document::Text(text.replace("${", "$${"))
}

/// The whole as a document that `apply` takes.
pub(crate) fn document(whole: &v1::Configuration) -> Document {
    let mut out = Entries::default();
    let mut list = |key: &str, items: Vec<Document>| {
        if !items.is_empty() {
            out.put(key, Document::List(items));
        }
    };
    list("regions", whole.regions.iter().map(region).collect());
    list("channels", whole.channels.iter().map(channel).collect());
    list("routes", whole.routes.iter().map(route).collect());
    list("monitors", whole.monitors.iter().map(monitor).collect());
    list(
        "heartbeats",
        whole.heartbeats.iter().map(heartbeat).collect(),
    );
    out.map()
}

fn region(region: &v1::Region) -> Document {
    let mut out = Entries::default();
    out.text("name", &region.id);
    let made = Region::parse(&region.id).map(|region| region.display_name());
    out.other(
        "display_name",
        &region.display_name,
        &made.unwrap_or_default(),
    );
    out.map()
}

fn channel(channel: &v1::Channel) -> Document {
    let mut out = Entries::default();
    out.text("name", &channel.name);
    let mut kind = Entries::default();
    match &channel.kind {
        Some(v1::channel::Kind::Webhook(webhook)) => {
            kind.text("url", kept(&webhook.url));
            kind.text("secret", kept(&webhook.secret));
            out.put("webhook", kind.map());
        }
        Some(v1::channel::Kind::Slack(slack)) => {
            kind.text("url", kept(&slack.url));
            out.put("slack", kind.map());
        }
        Some(v1::channel::Kind::Discord(discord)) => {
            kind.text("url", kept(&discord.url));
            out.put("discord", kind.map());
        }
        Some(v1::channel::Kind::Email(email)) => {
            kind.texts("to", &email.to);
            out.put("email", kind.map());
        }
        Some(v1::channel::Kind::Inbox(_)) => out.put("inbox", kind.map()),
        None => {}
    }
    out.text("fallback", &channel.fallback);
    out.map()
}

fn route(route: &v1::Route) -> Document {
    let mut matcher = Entries::default();
    let severities = route.severities.iter().map(|one| format::severity(*one));
    matcher.texts("severity", &severities.collect::<Vec<_>>());
    matcher.labels(&route.labels);
    matcher.texts("monitor", &route.monitors);
    matcher.texts("event", &route.events);
    let scope = |one: &i32| {
        let name = v1::Scope::try_from(*one).unwrap_or_default().as_str_name();
        format::word(name, "SCOPE_")
    };
    matcher.texts("scope", &route.scopes.iter().map(scope).collect::<Vec<_>>());
    let mut out = Entries::default();
    out.text("name", &route.name);
    if !matcher.0.is_empty() {
        out.put("match", matcher.map());
    }
    out.texts("to", &route.to);
    if !route.then.is_empty() {
        out.put(
            "then",
            Document::List(route.then.iter().map(step).collect()),
        );
    }
    out.map()
}

fn step(step: &v1::RouteStep) -> Document {
    let mut out = Entries::default();
    out.span("after", step.after.as_ref(), "");
    out.texts("to", &step.to);
    out.map()
}

fn monitor(monitor: &v1::Monitor) -> Document {
    let mut out = Entries::default();
    out.text("name", &monitor.name);
    let Some(spec) = &monitor.spec else {
        return out.map();
    };
    let v1::MonitorSpec {
        interval,
        timeout,
        regions,
        quorum,
        failures,
        successes,
        regional_after,
        severity,
        labels,
        notify,
        kind,
    } = spec;
    match kind {
        Some(v1::monitor_spec::Kind::Http(http)) => out.put("http", self::http(http)),
        None => {}
    }
    out.span("every", interval.as_ref(), "");
    out.span("timeout", timeout.as_ref(), "");
    out.texts("regions", regions);
    out.other("quorum", quorum, "majority");
    out.count("failures", *failures, 1);
    out.count("successes", *successes, 1);
    out.span("regional_after", regional_after.as_ref(), "5m");
    out.severity(*severity);
    out.labels(labels);
    out.texts("notify", notify);
    out.map()
}

fn heartbeat(heartbeat: &v1::Heartbeat) -> Document {
    let mut out = Entries::default();
    out.text("name", &heartbeat.name);
    let Some(spec) = &heartbeat.spec else {
        return out.map();
    };
    let v1::HeartbeatSpec {
        schedule,
        grace,
        max_run,
        alarm_before_first_ping,
        post_only,
        severity,
        labels,
        notify,
    } = spec;
    let grace_default = match schedule {
        Some(v1::heartbeat_spec::Schedule::Cron(cron)) => {
            out.text("cron", &cron.expression);
            out.other("tz", &cron.time_zone, TIME_ZONE_DEFAULT);
            duration::format(CRON_GRACE_DEFAULT)
        }
        Some(v1::heartbeat_spec::Schedule::Every(every)) => {
            out.span("every", Some(every), "");
            NO_SPAN.to_owned()
        }
        None => NO_SPAN.to_owned(),
    };
    out.span("grace", grace.as_ref(), &grace_default);
    out.span("max_run", max_run.as_ref(), NO_SPAN);
    out.truth("alarm_before_first_ping", *alarm_before_first_ping);
    out.truth("post_only", *post_only);
    out.severity(*severity);
    out.labels(labels);
    out.texts("notify", notify);
    out.map()
}

fn http(http: &v1::HttpSpec) -> Document {
    let v1::HttpSpec {
        url,
        method,
        headers,
        body,
        expect_status,
        contains,
        not_contains,
        matches,
        json,
        expect_headers,
        max_latency,
        degraded_latency,
        follow_redirects,
        insecure,
        basic,
        bearer,
        ip,
    } = http;
    let mut out = Entries::default();
    out.text("url", url);
    out.other("method", method, "GET");
    out.texts("header", &lines(headers));
    out.text("body", body);
    out.other("expect_status", expect_status, "2xx");
    out.texts("contains", contains);
    out.texts("not_contains", not_contains);
    out.texts("matches", matches);
    out.texts("json", json);
    out.texts("expect_header", &lines(expect_headers));
    out.span("max_latency", max_latency.as_ref(), "");
    let degraded = degraded_latency.iter().filter_map(convert::span);
    let degraded: Vec<String> = degraded.map(duration::format).collect();
    out.texts("degraded_latency", &degraded);
    // It follows from the expected status, so it is always said.
    out.count("follow_redirects", *follow_redirects, u32::MAX);
    out.truth("insecure", *insecure);
    if let Some(basic) = basic {
        out.text(
            "basic",
            &format!("{}:{}", basic.user, kept(&basic.password)),
        );
    }
    out.text("bearer", kept(bearer));
    match v1::IpVersion::try_from(*ip) {
        Ok(v1::IpVersion::IpVersion4) => out.text("ip", "4"),
        Ok(v1::IpVersion::IpVersion6) => out.text("ip", "6"),
        Ok(v1::IpVersion::Unspecified) | Err(_) => {}
    }
    out.map()
}

fn lines(headers: &[v1::Header]) -> Vec<String> {
    let line = |header: &v1::Header| format!("{}: {}", header.name, kept(&header.value));
    headers.iter().map(line).collect()
}

/// What the public API masks.
fn kept(text: &str) -> &str {
    if text == MASK { KEEP } else { text }
}
