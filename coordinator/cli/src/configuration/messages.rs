//! From a tree to the messages of the public API.
//!
//! What is wrong was noted by the check and is left out here: the coordinator judges the rest, so
//! that everything is said at once.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use vigilmon_common::{duration, redact};
use vigilmon_proto::convert;
use vigilmon_proto::convert::spec::MASK;
use vigilmon_proto::v1;

use super::check;
use super::faults::Faults;
use super::keys::{CHANNEL, HEARTBEAT, MONITOR, REGION, ROUTE};
use super::shape::Table;
use super::tree::{Node, Place, Value};

/// What stands for a secret that is stored.
pub(super) const KEEP: &str = "keep";

/// Why a heartbeat cannot have the name of a monitor.
const ONE_SPACE: &str = "monitors and heartbeats share their names: take another";

/// The messages, as they grow.
#[derive(Default)]
pub(super) struct Messages {
    pub(super) wire: v1::Configuration,
    /// Where each name was given first, and in which list; by the list whose names it shares.
    names: HashMap<(&'static str, String), (&'static str, Place)>,
}

impl Messages {
    /// Takes the objects of a document.
    pub(super) fn take(&mut self, root: &Rc<Node>, faults: &mut Faults) {
        for node in items(root, "regions") {
            self.object("regions", node, &REGION, faults);
            self.wire.regions.push(region(node));
        }
        for node in items(root, "channels") {
            self.object("channels", node, &CHANNEL, faults);
            self.wire.channels.push(channel(node));
        }
        for node in items(root, "routes") {
            self.object("routes", node, &ROUTE, faults);
            self.wire.routes.push(route(node));
        }
        for node in items(root, "monitors") {
            self.object("monitors", node, &MONITOR, faults);
            self.wire.monitors.push(monitor(node));
        }
        for node in items(root, "heartbeats") {
            self.object("heartbeats", node, &HEARTBEAT, faults);
            self.wire.heartbeats.push(heartbeat(node));
        }
    }

    /// Checks an object and notes where it stands.
    fn object(
        &mut self,
        list: &'static str,
        node: &Rc<Node>,
        table: &'static Table,
        faults: &mut Faults,
    ) {
        let kind = list.trim_end_matches('s');
        let name = text(node, "name");
        let label = match name.as_str() {
            "" => kind.to_owned(),
            name => format!("{kind} {name}"),
        };
        let mut found = check::object(node, table, faults);
        for (place, message) in found.faults {
            faults.add(place, format!("{label}: {message}"));
        }
        if let Some(given) = node.get("name").filter(|_| !name.is_empty()) {
            match self.names.get(&(names_of(list), name.clone())) {
                Some((other, first)) => {
                    let first = faults.at(*first);
                    let message = match list == *other {
                        true => format!("{label}: is given twice; first at {first}"),
                        false => {
                            let other = other.trim_end_matches('s');
                            format!("{label}: name: is that of a {other} at {first}; {ONE_SPACE}")
                        }
                    };
                    faults.add(given.place, message);
                    found.paths.push("name".to_owned());
                }
                None => {
                    let first = (list, given.place);
                    self.names.insert((names_of(list), name), first);
                }
            }
        }
        faults.object(list, node, label, found.paths);
    }
}

/// The list that a list shares its names with.
fn names_of(list: &'static str) -> &'static str {
    match list {
        "heartbeats" => "monitors",
        list => list,
    }
}

fn region(node: &Node) -> v1::Region {
    v1::Region {
        id: text(node, "name"),
        display_name: text(node, "display_name"),
        ..v1::Region::default()
    }
}

fn channel(node: &Node) -> v1::Channel {
    v1::Channel {
        name: text(node, "name"),
        kind: channel_kind(node),
        fallback: text(node, "fallback"),
        ..v1::Channel::default()
    }
}

fn channel_kind(node: &Node) -> Option<v1::channel::Kind> {
    if let Some(slack) = node.get("slack") {
        let url = secret(slack, "url");
        return Some(v1::channel::Kind::Slack(v1::SlackChannel { url }));
    }
    if let Some(discord) = node.get("discord") {
        let url = secret(discord, "url");
        return Some(v1::channel::Kind::Discord(v1::DiscordChannel { url }));
    }
    if let Some(webhook) = node.get("webhook") {
        return Some(v1::channel::Kind::Webhook(v1::WebhookChannel {
            url: secret(webhook, "url"),
            secret: secret(webhook, "secret"),
        }));
    }
    if let Some(email) = node.get("email") {
        let to = texts(email, "to");
        return Some(v1::channel::Kind::Email(v1::EmailChannel { to }));
    }
    node.get("inbox")
        .map(|_| v1::channel::Kind::Inbox(v1::InboxChannel {}))
}

fn route(node: &Node) -> v1::Route {
    let mut route = v1::Route {
        name: text(node, "name"),
        to: texts(node, "to"),
        then: items(node, "then").iter().map(|node| step(node)).collect(),
        ..v1::Route::default()
    };
    if let Some(matcher) = node.get("match") {
        let severities = texts(matcher, "severity");
        route.severities = severities.iter().filter_map(|s| severity(s)).collect();
        let scopes = texts(matcher, "scope");
        route.scopes = scopes.iter().filter_map(|s| scope(s)).collect();
        route.labels = labels(matcher);
        route.monitors = texts(matcher, "monitor");
        route.monitors.extend(texts(matcher, "monitors"));
        route.events = texts(matcher, "event");
    }
    route
}

fn step(node: &Node) -> v1::RouteStep {
    v1::RouteStep {
        after: span(node, "after"),
        to: texts(node, "to"),
    }
}

fn monitor(node: &Node) -> v1::Monitor {
    let severity = severity(&text(node, "severity"));
    let spec = v1::MonitorSpec {
        interval: span(node, "every"),
        timeout: span(node, "timeout"),
        regions: texts(node, "regions"),
        quorum: text(node, "quorum"),
        failures: count(node, "failures"),
        successes: count(node, "successes"),
        regional_after: span(node, "regional_after"),
        severity: severity.unwrap_or_default(),
        labels: labels(node),
        notify: texts(node, "notify"),
        kind: node
            .get("http")
            .map(|node| v1::monitor_spec::Kind::Http(http(node))),
    };
    v1::Monitor {
        name: text(node, "name"),
        spec: Some(spec),
        ..v1::Monitor::default()
    }
}

fn heartbeat(node: &Node) -> v1::Heartbeat {
    let severity = severity(&text(node, "severity"));
    let cron = node.get("cron").map(|_| {
        v1::heartbeat_spec::Schedule::Cron(v1::CronSchedule {
            expression: text(node, "cron"),
            time_zone: text(node, "tz"),
        })
    });
    let every = || span(node, "every").map(v1::heartbeat_spec::Schedule::Every);
    let spec = v1::HeartbeatSpec {
        schedule: cron.or_else(every),
        grace: span(node, "grace"),
        max_run: span(node, "max_run"),
        alarm_before_first_ping: truth(node, "alarm_before_first_ping"),
        post_only: truth(node, "post_only"),
        severity: severity.unwrap_or_default(),
        labels: labels(node),
        notify: texts(node, "notify"),
    };
    v1::Heartbeat {
        name: text(node, "name"),
        spec: Some(spec),
        ..v1::Heartbeat::default()
    }
}

fn http(node: &Node) -> v1::HttpSpec {
    v1::HttpSpec {
        url: text(node, "url"),
        method: text(node, "method"),
        headers: headers(node, "header", true),
        body: text(node, "body"),
        expect_status: texts(node, "expect_status").join(","),
        contains: texts(node, "contains"),
        not_contains: texts(node, "not_contains"),
        matches: texts(node, "matches"),
        json: texts(node, "json"),
        expect_headers: headers(node, "expect_header", false),
        max_latency: span(node, "max_latency"),
        degraded_latency: texts(node, "degraded_latency")
            .iter()
            .filter_map(|text| duration::parse(text).ok())
            .map(convert::duration)
            .collect(),
        follow_redirects: count(node, "follow_redirects"),
        insecure: truth(node, "insecure"),
        basic: basic(&text(node, "basic")),
        bearer: secret(node, "bearer"),
        ip: match text(node, "ip").as_str() {
            "4" => v1::IpVersion::IpVersion4.into(),
            "6" => v1::IpVersion::IpVersion6.into(),
            _ => v1::IpVersion::Unspecified.into(),
        },
    }
}

/// A text without `:` is sent as it is: the coordinator says what is missing.
fn basic(text: &str) -> Option<v1::BasicAuth> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    (!text.is_empty()).then(|| v1::BasicAuth {
        user: user.to_owned(),
        password: kept(password).to_owned(),
    })
}

fn items<'a>(root: &'a Node, list: &str) -> &'a [Rc<Node>] {
    match root.get(list).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

fn text(node: &Node, key: &str) -> String {
    let found = node.get(key).and_then(|node| node.text());
    found.unwrap_or_default().to_owned()
}

fn secret(node: &Node, key: &str) -> String {
    kept(&text(node, key)).to_owned()
}

/// `keep` as the public API writes it.
fn kept(text: &str) -> &str {
    if text == KEEP { MASK } else { text }
}

/// A list of texts, or a single one.
fn texts(node: &Node, key: &str) -> Vec<String> {
    match node.get(key).map(|node| &node.value) {
        Some(Value::Scalar { text, .. }) => vec![text.clone()],
        Some(Value::List(items)) => items
            .iter()
            .filter_map(|item| item.text().map(str::to_owned))
            .collect(),
        Some(Value::Null | Value::Map(_)) | None => Vec::new(),
    }
}

fn span(node: &Node, key: &str) -> Option<prost_types::Duration> {
    let span: Duration = duration::parse(node.get(key)?.text()?).ok()?;
    Some(convert::duration(span))
}

fn count(node: &Node, key: &str) -> Option<u32> {
    node.get(key)?.text()?.parse().ok()
}

fn truth(node: &Node, key: &str) -> bool {
    text(node, key) == "true"
}

fn labels(node: &Node) -> HashMap<String, String> {
    let given = node.get("labels").or_else(|| node.get("label"));
    pairs(given, '=').into_iter().collect()
}

fn headers(node: &Node, key: &str, asked: bool) -> Vec<v1::Header> {
    let header = |(name, value): (String, String)| {
        let secret = asked && redact::is_secret_header(&name);
        let value = if secret {
            kept(&value).to_owned()
        } else {
            value
        };
        v1::Header { name, value }
    };
    pairs(node.get(key), ':').into_iter().map(header).collect()
}

/// Pairs of a map, of texts with a sign, or of a list of both.
fn pairs(node: Option<&Rc<Node>>, sign: char) -> Vec<(String, String)> {
    let split = |text: &str| {
        let (key, value) = text.split_once(sign)?;
        Some((key.trim().to_owned(), value.trim().to_owned()))
    };
    match node.map(|node| &node.value) {
        Some(Value::Scalar { text, .. }) => split(text).into_iter().collect(),
        Some(Value::Map(entries)) => {
            let pair = |entry: &super::tree::Entry| {
                Some((entry.key.clone(), entry.value.text()?.to_owned()))
            };
            entries.iter().filter_map(pair).collect()
        }
        Some(Value::List(items)) => items
            .iter()
            .flat_map(|item| pairs(Some(item), sign))
            .collect(),
        Some(Value::Null) | None => Vec::new(),
    }
}

fn severity(word: &str) -> Option<i32> {
    let name = format!("SEVERITY_{}", word.to_ascii_uppercase());
    let severity = v1::Severity::from_str_name(&name)?;
    (severity != v1::Severity::Unspecified).then(|| severity.into())
}

fn scope(word: &str) -> Option<i32> {
    let name = format!("SCOPE_{}", word.to_ascii_uppercase());
    let scope = v1::Scope::from_str_name(&name)?;
    (scope != v1::Scope::Unspecified).then(|| scope.into())
}
