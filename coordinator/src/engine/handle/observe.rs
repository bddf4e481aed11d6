//! What the engine shows of itself, and how it lets agents go.

use std::collections::BTreeMap;

use tokio::sync::oneshot;
use vigilmon_common::id::Epoch;
use vigilmon_common::session::messages::Leave;

use super::Handle;
use crate::engine::command::CommandError;
use crate::engine::events::{WatchError, Watcher};
use crate::engine::fleet::FleetMessage;
use crate::engine::owner::ShardMessage;
use crate::metrics::{AgentLabels, IncidentLabels, StatusLabel};
use crate::store::PendingId;

impl Handle {
    /// Watches transitions from behind a cursor on; `None`: from now on.
    ///
    /// # Errors
    /// The cursor is too old or unknown, or there are too many watchers.
    pub async fn watch(&self, cursor: Option<PendingId>) -> Result<Watcher, WatchError> {
        Watcher::from(&self.env.events, &self.env.stores, cursor).await
    }

    /// The present life of the stores.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.env.epoch
    }

    /// The metrics as text, gauges as of now.
    ///
    /// # Errors
    /// The engine is stopping.
    pub async fn render_metrics(&self) -> Result<String, CommandError> {
        let metrics = &self.env.metrics;
        let mut monitors: BTreeMap<&'static str, i64> = BTreeMap::new();
        for view in self.views(None).await?.values() {
            *monitors.entry(view.status.as_str()).or_default() += 1;
        }
        metrics.monitors.clear();
        for (status, count) in monitors {
            metrics
                .monitors
                .get_or_create(&StatusLabel { status })
                .set(count);
        }
        let heartbeats = &metrics.heartbeats.by_status;
        heartbeats.clear();
        for brief in self.heartbeats.board.read().values() {
            let status = brief.status.as_str();
            heartbeats.get_or_create(&StatusLabel { status }).inc();
        }
        metrics.incidents.clear();
        for incident in self.incidents(true) {
            let labels = IncidentLabels {
                scope: incident.scope.as_str(),
                severity: incident.severity.as_str(),
            };
            metrics.incidents.get_or_create(&labels).inc();
        }
        metrics.agents.clear();
        for agent in self.directory.read().agents().values() {
            let state = if agent.session.is_some() {
                "connected"
            } else {
                "lost"
            };
            let region = agent.record.region.as_str().to_owned();
            metrics
                .agents
                .get_or_create(&AgentLabels { region, state })
                .inc();
        }
        let (refused, undelivered) = self.env.dispatch.refused();
        metrics
            .check_now_refused
            .set(i64::try_from(refused).unwrap_or(i64::MAX));
        metrics
            .check_now_undelivered
            .set(i64::try_from(undelivered).unwrap_or(i64::MAX));
        Ok(metrics.render())
    }

    /// Whether everything that decides still answers: asked of each owner, after what waits there.
    pub async fn answers(&self) -> bool {
        for owner in self.owners.iter() {
            let (reply, answer) = oneshot::channel();
            let of = Some(Vec::new());
            let asked = owner.send(ShardMessage::Views { of, reply }).await;
            if asked.is_err() || answer.await.is_err() {
                return false;
            }
        }
        if self.heartbeat_views(Some(Vec::new())).await.is_err() {
            return false;
        }
        self.fleet(|reply| FleetMessage::Ping { reply })
            .await
            .is_ok()
    }

    /// Closes every agent's session: the coordinator stops.
    pub fn close_sessions(&self) {
        self.env.dispatch.close_all(Leave::Drain);
    }
}
