//! What is counted of the HTTP door.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// See the module.
pub struct HttpDoor {
    /// Connections that have a place.
    pub connections: Gauge,
    /// How often the last place was taken: who knocks then waits.
    pub full: Counter,
    by_reason: Family<EndLabel, Counter>,
    /// Connections on which the head of a request did not come in time.
    pub late: Counter,
    /// Bodies of requests that did not come in time.
    pub late_bodies: Counter,
    /// Connections over which no byte came or went for too long.
    pub silent: Counter,
    /// Connections over which nothing was asked or taken for too long.
    pub quiet: Counter,
}

/// Labels of `vigilmon_http_cut_off_total`.
#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct EndLabel {
    reason: &'static str,
}

impl Default for HttpDoor {
    fn default() -> Self {
        let by_reason = Family::<EndLabel, Counter>::default();
        let of = |reason| by_reason.get_or_create(&EndLabel { reason }).clone();
        Self {
            connections: Gauge::default(),
            full: Counter::default(),
            late: of("head"),
            late_bodies: of("body"),
            silent: of("silent"),
            quiet: of("quiet"),
            by_reason,
        }
    }
}

impl HttpDoor {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_connections",
            "Connections at the HTTP door",
            self.connections.clone(),
        );
        registry.register(
            "http_full",
            "How often every place of the HTTP door was taken",
            self.full.clone(),
        );
        registry.register(
            "http_cut_off",
            "Connections and bodies that the HTTP door ended because nothing came or went in time",
            self.by_reason.clone(),
        );
    }
}
