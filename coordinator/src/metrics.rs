//! What Prometheus may scrape. Label sets are bounded: regions, outcomes and channels are few.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

mod heartbeats;
mod http;

pub use heartbeats::{Heartbeats, PingCounters, PingLabel};
pub use http::HttpDoor;

/// Labels of `vigilmon_results_total`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct ResultLabels {
    /// The region's id.
    pub region: String,
    /// The outcome's word.
    pub outcome: &'static str,
}

/// Labels of `vigilmon_notifications_total`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct NotificationLabels {
    /// The channel's name.
    pub channel: String,
    /// What became of the attempt.
    pub result: &'static str,
}

/// Labels of `vigilmon_outbox_pending`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct ChannelLabel {
    /// The channel's name.
    pub channel: String,
}

/// Labels of `vigilmon_monitors` and `vigilmon_heartbeats`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct StatusLabel {
    /// The status's word.
    pub status: &'static str,
}

/// Labels of `vigilmon_incidents_open`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct IncidentLabels {
    /// The scope's word.
    pub scope: &'static str,
    /// The severity's word.
    pub severity: &'static str,
}

/// Labels of `vigilmon_region_agents`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct AgentLabels {
    /// The region's id.
    pub region: String,
    /// `connected` or `lost`.
    pub state: &'static str,
}

/// All metrics of a coordinator.
pub struct Metrics {
    registry: Registry,
    /// Results stored, by region and outcome.
    pub results: Family<ResultLabels, Counter>,
    /// How long a group takes from its first result to its acknowledgement.
    pub commit: Histogram,
    /// Attempts to notify.
    pub notifications: Family<NotificationLabels, Counter>,
    /// Rows that wait.
    pub outbox_pending: Family<ChannelLabel, Gauge>,
    /// Monitors by status, as of the scrape.
    pub monitors: Family<StatusLabel, Gauge>,
    /// Heartbeats and their pings.
    pub heartbeats: Heartbeats,
    /// The HTTP door.
    pub http: Arc<HttpDoor>,
    /// Open incidents, as of the scrape.
    pub incidents: Family<IncidentLabels, Gauge>,
    /// Agents, as of the scrape.
    pub agents: Family<AgentLabels, Gauge>,
    /// How late checks start, by the agents' own account.
    pub lateness: Gauge<f64, AtomicU64>,
    /// `CheckNow` refused by budgets.
    pub check_now_refused: Gauge,
    /// `CheckNow` that reached no agent.
    pub check_now_undelivered: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("vigilmon");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The build that runs", build);
        // From half a millisecond to about eight seconds.
        let commit = Histogram::new(exponential_buckets(0.0005, 2.0, 15));
        let made = Self {
            results: Family::default(),
            commit: commit.clone(),
            notifications: Family::default(),
            outbox_pending: Family::default(),
            monitors: Family::default(),
            heartbeats: Heartbeats::default(),
            http: Arc::default(),
            incidents: Family::default(),
            agents: Family::default(),
            lateness: Gauge::default(),
            check_now_refused: Gauge::default(),
            check_now_undelivered: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("results", "Results stored", made.results.clone());
        registry.register(
            "engine_commit_seconds",
            "From results to acknowledgement",
            commit,
        );
        registry.register(
            "notifications",
            "Attempts to notify",
            made.notifications.clone(),
        );
        registry.register(
            "outbox_pending",
            "Messages that wait",
            made.outbox_pending.clone(),
        );
        registry.register("monitors", "Monitors by status", made.monitors.clone());
        made.heartbeats.register(&mut registry);
        made.http.register(&mut registry);
        registry.register("incidents_open", "Open incidents", made.incidents.clone());
        registry.register("region_agents", "Agents by region", made.agents.clone());
        registry.register(
            "agent_lateness_seconds",
            "Greatest lateness that an agent last reported",
            made.lateness.clone(),
        );
        registry.register(
            "check_now_refused",
            "Checks outside the slots that the budgets refused",
            made.check_now_refused.clone(),
        );
        registry.register(
            "check_now_undelivered",
            "Checks outside the slots that reached no agent",
            made.check_now_undelivered.clone(),
        );
        Self { registry, ..made }
    }

    /// Counts results of one region and outcome.
    pub fn count_results(&self, region: &str, outcome: &'static str, count: u64) {
        let labels = ResultLabels {
            region: region.to_owned(),
            outcome,
        };
        self.results.get_or_create(&labels).inc_by(count);
    }

    /// Notes how long a group took.
    pub fn committed(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    /// The text that Prometheus reads.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
