//! The keys of configuration files: one table for checks, the JSON Schema and the documentation.
//!
//! Their names are those of the flags with `_` for `-`; a test holds them against the flags.

use vigilmon_common::notify::channel::event;

use super::shape::Shape::{
    Count, Duration, Durations, Headers, Joined, Labels, Map, Maps, Secret, Text, Texts, Truth,
    Word, Words,
};
use super::shape::{Key, OneOf, Shape, Table};

/// What begins a key at the top that is left alone: a place for anchors.
pub(super) const APART: &str = "x-";

const SEVERITIES: &[&str] = &["critical", "warning", "info"];
const SCOPES: &[&str] = &["global", "regional"];
const EVENTS: &[&str] = &event::ALL;

const fn key(name: &'static str, shape: Shape, help: &'static str) -> Key {
    Key {
        name,
        also: None,
        shape,
        required: false,
        help,
    }
}

const fn needed(name: &'static str, shape: Shape, help: &'static str) -> Key {
    Key {
        required: true,
        ..key(name, shape, help)
    }
}

const fn also(name: &'static str, also: &'static str, shape: Shape, help: &'static str) -> Key {
    Key {
        also: Some(also),
        ..key(name, shape, help)
    }
}

/// A monitor and a channel have one kind.
const KIND: OneOf = OneOf {
    keys: &[],
    noun: "kind",
    remedy: "split it in two",
    parts: &[],
};

const NAME: Key = needed(
    "name",
    Text,
    "1 to 100 characters of A-Z a-z 0-9 space . _ -",
);

/// A document.
pub(super) static DOCUMENT: Table = Table {
    what: "a configuration",
    keys: &[
        key("regions", Maps(&REGION), "Regions that agents vote for"),
        key("channels", Maps(&CHANNEL), "Where messages go"),
        key("routes", Maps(&ROUTE), "Which messages go where"),
        key("monitors", Maps(&MONITOR), "What is watched"),
        key("heartbeats", Maps(&HEARTBEAT), "Jobs that must ping"),
    ],
    one_of: None,
};

/// A region.
pub(super) static REGION: Table = Table {
    what: "a region",
    keys: &[
        needed("name", Text, "Its id, such as us-east"),
        key(
            "display_name",
            Text,
            "Its name for people; by default made of the id",
        ),
    ],
    one_of: None,
};

/// A channel.
pub(super) static CHANNEL: Table = Table {
    what: "a channel",
    keys: &[
        NAME,
        key(
            "slack",
            Map(&SLACK),
            "A Slack incoming webhook, or a service that takes the same",
        ),
        key("discord", Map(&DISCORD), "A Discord webhook"),
        key("webhook", Map(&WEBHOOK), "Standard Webhooks"),
        key("email", Map(&EMAIL), "Mail by the operator's relay"),
        key(
            "inbox",
            Map(&INBOX),
            "The inbox of the demonstration; only kept, never made",
        ),
        key(
            "fallback",
            Text,
            "The channel that gets what this one cannot deliver",
        ),
    ],
    one_of: Some(OneOf {
        keys: CHANNEL_KINDS,
        ..KIND
    }),
};

/// The kinds of channels.
const CHANNEL_KINDS: &[&str] = &["slack", "discord", "webhook", "email", "inbox"];

static SLACK: Table = Table {
    what: "a Slack channel",
    keys: &[needed("url", Secret, "The webhook's URL")],
    one_of: None,
};

static DISCORD: Table = Table {
    what: "a Discord channel",
    keys: &[needed("url", Secret, "The webhook's URL")],
    one_of: None,
};

static WEBHOOK: Table = Table {
    what: "a webhook",
    keys: &[
        needed("url", Secret, "An http or https URL"),
        key(
            "secret",
            Secret,
            "The signing secret, whsec_…; one is made when there is none",
        ),
    ],
    one_of: None,
};

static EMAIL: Table = Table {
    what: "an email channel",
    keys: &[needed("to", Texts, "Addresses")],
    one_of: None,
};

static INBOX: Table = Table {
    what: "an inbox",
    keys: &[],
    one_of: None,
};

/// A route.
pub(super) static ROUTE: Table = Table {
    what: "a route",
    keys: &[
        NAME,
        key(
            "match",
            Map(&MATCH),
            "What it takes; an absent matcher matches all",
        ),
        needed("to", Texts, "The channels that it leads to"),
        key(
            "then",
            Maps(&STEP),
            "Who hears of it later, unless somebody acknowledges it",
        ),
    ],
    one_of: None,
};

static STEP: Table = Table {
    what: "a step",
    keys: &[
        needed(
            "after",
            Duration,
            "How long after the incident opened, or became global: 1s to 7d, each later than the one before",
        ),
        needed(
            "to",
            Texts,
            "The channels that it leads to, none of them told before",
        ),
    ],
    one_of: None,
};

static MATCH: Table = Table {
    what: "a matcher",
    keys: &[
        key("severity", Words(SEVERITIES), "Severities that it takes"),
        also(
            "labels",
            "label",
            Labels,
            "Labels that the monitor or heartbeat must have",
        ),
        also(
            "monitor",
            "monitors",
            Texts,
            "Monitors and heartbeats that it takes",
        ),
        key(
            "event",
            Words(EVENTS),
            "Events that it takes; by default all but system",
        ),
        key(
            "scope",
            Words(SCOPES),
            "Scopes that it takes; by default global",
        ),
    ],
    one_of: None,
};

/// A monitor.
pub(super) static MONITOR: Table = Table {
    what: "a monitor",
    keys: &[
        NAME,
        key("http", Map(&HTTP), "An HTTP or HTTPS request"),
        key(
            "every",
            Duration,
            "The time between two checks in one region; default 30s",
        ),
        key(
            "timeout",
            Duration,
            "The bound of a whole check; default 10s, at most every",
        ),
        key(
            "regions",
            Texts,
            "The regions that watch; by default all that exist",
        ),
        key(
            "quorum",
            Text,
            "majority (default), any, all or a number of regions",
        ),
        key(
            "failures",
            Count,
            "Failures in a row before a region votes down; default 1",
        ),
        key(
            "successes",
            Count,
            "Successes in a row before it votes up again; default 1",
        ),
        key(
            "regional_after",
            Duration,
            "After how long a failure of one region alone is an incident; default 5m, 0s never",
        ),
        key(
            "severity",
            Word(SEVERITIES),
            "How bad it is when it is down; default critical",
        ),
        also("labels", "label", Labels, "Labels"),
        key("notify", Texts, "Channels beside those that routes pick"),
    ],
    one_of: Some(OneOf {
        keys: MONITOR_KINDS,
        ..KIND
    }),
};

/// The kinds of monitors.
const MONITOR_KINDS: &[&str] = &["http"];

/// The kind `http`.
pub(super) static HTTP: Table = Table {
    what: "an HTTP check",
    keys: &[
        needed("url", Text, "An http or https URL"),
        key("method", Text, "The request's method; default GET"),
        key(
            "header",
            Headers,
            "Headers of the request; the value `keep` of a secret one stays",
        ),
        key("body", Text, "The request's body"),
        key(
            "expect_status",
            Joined,
            "Statuses that are well: 200, 2xx, 400-404; default 2xx",
        ),
        key("contains", Texts, "Texts that the body must contain"),
        key(
            "not_contains",
            Texts,
            "Texts that the body must not contain",
        ),
        key(
            "matches",
            Texts,
            "Regular expressions that the body must match",
        ),
        key("json", Texts, "Demands on JSON: '$.status == \"ok\"'"),
        key(
            "expect_header",
            Headers,
            "Headers that the answer must have",
        ),
        key("max_latency", Duration, "Slower than this is down"),
        key(
            "degraded_latency",
            Durations,
            "Slower than this is degraded; a second is worse",
        ),
        key(
            "follow_redirects",
            Count,
            "How many redirects are followed; default 10",
        ),
        key("insecure", Truth, "Do not verify the certificate"),
        key("basic", Secret, "Basic authentication, user:password"),
        key("bearer", Secret, "A bearer token"),
        key("ip", Word(&["any", "4", "6"]), "Only IPv4 or IPv6"),
    ],
    one_of: None,
};

/// A heartbeat.
pub(super) static HEARTBEAT: Table = Table {
    what: "a heartbeat",
    keys: &[
        NAME,
        key(
            "every",
            Duration,
            "The job pings at least this often, such as 25h",
        ),
        key(
            "cron",
            Text,
            "The job runs at these times: minute hour day-of-month month day-of-week, or @daily and the like",
        ),
        key(
            "tz",
            Text,
            "The time zone of cron, such as Europe/Berlin; default UTC",
        ),
        key(
            "grace",
            Duration,
            "How much later a ping may come; default 0s with every, 10m with cron",
        ),
        key(
            "max_run",
            Duration,
            "How long a run may take from its start ping to its end; by default as long as it likes",
        ),
        key(
            "alarm_before_first_ping",
            Truth,
            "Silence alarms although it was never pinged",
        ),
        key("post_only", Truth, "Only POST counts as a ping"),
        key(
            "severity",
            Word(SEVERITIES),
            "How bad it is when a ping is missing; default critical",
        ),
        also("labels", "label", Labels, "Labels"),
        key("notify", Texts, "Channels beside those that routes pick"),
    ],
    one_of: Some(OneOf {
        keys: &["every", "cron"],
        noun: "schedule",
        remedy: "leave one of them out",
        parts: &[("tz", "cron")],
    }),
};
