//! What is counted of heartbeats and their pings.

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
    /// Pings refused because too many waited.
    pub overloaded: Counter,
    /// Kept bodies of pings that were dropped because all of them together were too large.
    pub bodies_dropped: Counter,
}

impl Heartbeats {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("heartbeats", "Heartbeats by status", self.by_status.clone());
        registry.register(
            "heartbeat_pings_overloaded",
            "Pings refused because too many waited",
            self.overloaded.clone(),
        );
        registry.register(
            "heartbeat_bodies_dropped",
            "Bodies of pings dropped early because all of them together were too large",
            self.bodies_dropped.clone(),
        );
    }
}
