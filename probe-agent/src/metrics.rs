//! What Prometheus may scrape of an agent. Label sets are bounded: outcomes are few.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// Labels of `vigilmon_agent_checks_total`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// All metrics of an agent.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    checks: Family<OutcomeLabel, Counter>,
    /// Whether a session with a coordinator stands.
    pub(crate) connected: Gauge,
    /// Monitors that it checks.
    pub(crate) monitors: Gauge,
    /// Checks under way.
    pub(crate) running: Gauge,
    /// Results that the coordinator has not acknowledged yet.
    pub(crate) unacked: Gauge,
    /// Results that were let go of since there was no room to keep them.
    pub(crate) dropped: Gauge,
}

impl Metrics {
    /// All at zero.
    pub(crate) fn new(region: &str) -> Self {
        let mut registry = Registry::with_prefix("vigilmon");
        let version = ("version", env!("CARGO_PKG_VERSION").to_owned());
        let build = Info::new(vec![version, ("region", region.to_owned())]);
        registry.register("build", "The build that runs", build);
        let (checks, [connected, monitors, running, unacked, dropped]) =
            (Family::default(), std::array::from_fn(|_| Gauge::default()));
        let family: &Family<OutcomeLabel, Counter> = &checks;
        registry.register("agent_checks", "Checks made, by outcome", family.clone());
        for (name, help, gauge) in [
            (
                "connected",
                "1 while a session with a coordinator stands",
                &connected,
            ),
            ("monitors", "Monitors that it checks", &monitors),
            ("checks_running", "Checks under way", &running),
            ("results_unacked", "Results not acknowledged yet", &unacked),
            ("results_dropped", "Results lost for want of room", &dropped),
        ] {
            let gauge: &Gauge = gauge;
            registry.register(format!("agent_{name}"), help, gauge.clone());
        }
        Self {
            registry,
            checks,
            connected,
            monitors,
            running,
            unacked,
            dropped,
        }
    }

    /// Counts a check.
    pub(crate) fn checked(&self, outcome: &'static str) {
        self.checks.get_or_create(&OutcomeLabel { outcome }).inc();
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
