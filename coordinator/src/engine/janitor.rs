//! Housekeeping on a timer: records move to the history, results are sorted, old days are dropped,
//! incidents that closed long ago leave the state.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::env::Env;
use crate::store::{Change, HistoryRecord};

/// How often records move and results are sorted.
const EVERY: Duration = Duration::from_secs(60);
/// How long raw results are kept.
pub(crate) const RAW_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long a closed incident stays in the state.
const CLOSED_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Runs until `stop`. A storage error ends the process.
pub(crate) async fn run(env: Env, stop: CancellationToken) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = tick.tick() => sweep(&env).await?,
        }
    }
}

async fn sweep(env: &Env) -> anyhow::Result<()> {
    let now = env.clock.now();
    env.stores.settle().await?;
    env.stores.history.seal(env.applied.stored(), now).await?;
    env.stores.history.drop_before(now - RAW_KEPT).await?;
    let old = env
        .incidents
        .all()
        .into_iter()
        .filter(|i| i.resolved_at.is_some_and(|at| now.since(at) > CLOSED_KEPT));
    let old: Vec<_> = old.collect();
    if old.is_empty() {
        return Ok(());
    }
    let mut changes = Vec::new();
    for incident in &old {
        changes.push(Change::Record(HistoryRecord::Incident(Box::new(
            (**incident).clone(),
        ))));
        changes.push(Change::RemoveIncident(incident.id));
    }
    env.stores.state.commit(changes).await?;
    for incident in old {
        env.incidents.remove(incident.id);
    }
    Ok(())
}
