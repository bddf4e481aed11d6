//! What is counted of heartbeats and their pings.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::StatusLabel;

/// See the module.
#[derive(Default)]
pub struct Heartbeats {
    /// Heartbeats by status, as of the scrape.
    pub by_status: Family<StatusLabel, Gauge>,
    /// Pings, by what became of them.
    pub pings: PingCounters,
    /// Kept bodies of pings that were dropped because all of them together were too large.
    pub bodies_dropped: Counter,
}

/// Labels of `vigilmon_heartbeat_pings_total`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
pub struct PingLabel {
    /// What became of the ping.
    pub result: &'static str,
}

/// Pings by what became of them: each in exactly one of these, counted without a look-up.
pub struct PingCounters {
    by_result: Family<PingLabel, Counter>,
    /// Stored in a row of its own.
    pub accepted: Counter,
    /// Came faster than pings are stored one by one: counted in a row that they share.
    pub thinned: Counter,
    /// No heartbeat is known by its URL.
    pub unknown: Counter,
    /// Malformed, by a method that does not count, or of no single heartbeat.
    pub refused: Counter,
    /// Could not be stored now; the client was told to try again.
    pub overloaded: Counter,
}

impl Default for PingCounters {
    fn default() -> Self {
        let by_result = Family::<PingLabel, Counter>::default();
        let of = |result| by_result.get_or_create(&PingLabel { result }).clone();
        Self {
            accepted: of("accepted"),
            thinned: of("thinned"),
            unknown: of("unknown"),
            refused: of("refused"),
            overloaded: of("overloaded"),
            by_result,
        }
    }
}

impl Heartbeats {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("heartbeats", "Heartbeats by status", self.by_status.clone());
        registry.register(
            "heartbeat_pings",
            "Pings by what became of them",
            self.pings.by_result.clone(),
        );
        registry.register(
            "heartbeat_bodies_dropped",
            "Bodies of pings dropped early because all of them together were too large",
            self.bodies_dropped.clone(),
        );
    }
}
