//! What the agents' door asks.

use tokio::sync::{mpsc, oneshot};
use vigilmon_common::id::{AgentId, SessionId};
use vigilmon_common::name::Region;
use vigilmon_common::outcome::Reason;
use vigilmon_common::result::CheckResult;
use vigilmon_common::session::assignment::{Reject, Snapshot};
use vigilmon_common::session::messages::Health;
use vigilmon_common::vote::SummaryEntry;

use super::{Arrival, Handle, owner_of, send};
use crate::engine::command::CommandError;
use crate::engine::dispatch::ToAgent;
use crate::engine::fleet::FleetMessage;
use crate::engine::owner::ShardMessage;
use crate::store::{RegionResult, StoreError};

/// Live results on their way to the disk.
#[derive(Debug)]
pub struct HandedOver {
    waiting: Vec<oneshot::Receiver<()>>,
}

impl HandedOver {
    /// Returns when all of them are durable and decided.
    ///
    /// # Errors
    /// The store fails or the engine is stopping: nothing may be acknowledged.
    pub async fn durable(self) -> Result<(), CommandError> {
        for answer in self.waiting {
            answer.await.map_err(|_| CommandError::stopping())?;
        }
        Ok(())
    }
}

impl Handle {
    // ---- the agents' door

    /// An agent's session begins: what it is to check, from now on kept current through `sender`.
    ///
    /// # Errors
    /// Its token was revoked meanwhile, or the engine is stopping.
    pub async fn connect(
        &self,
        arrival: Arrival,
        sender: mpsc::Sender<ToAgent>,
    ) -> Result<Snapshot, CommandError> {
        let arrival = Box::new(arrival);
        self.fleet(|reply| FleetMessage::Connect {
            arrival,
            sender,
            reply,
        })
        .await
    }

    /// A whole assignment once more, for an agent whose deltas did not fit.
    ///
    /// # Errors
    /// The agent is gone, or the engine is stopping.
    pub async fn snapshot(&self, agent: AgentId) -> Result<Snapshot, CommandError> {
        self.fleet(|reply| FleetMessage::Snapshot { agent, reply })
            .await
    }

    /// An agent's session is over.
    pub async fn disconnect(&self, agent: AgentId, session: SessionId) {
        // An error says that the engine stops: then all sessions are over.
        let _ = self
            .fleet
            .send(FleetMessage::Disconnect { agent, session })
            .await;
    }

    /// Whether a session is the live one of its agent.
    #[must_use]
    pub fn is_live(&self, agent: AgentId, session: SessionId) -> bool {
        self.env.dispatch.is_live(agent, session)
    }

    /// What an agent says of itself; shown, not decided on.
    pub fn agent_said(
        &self,
        agent: AgentId,
        health: Option<Health>,
        rejected: Option<Vec<Reject>>,
    ) {
        if let Some(health) = &health {
            self.env
                .metrics
                .lateness
                .set(health.lateness_max.as_secs_f64());
        }
        if let Some(view) = self.directory.write().agents_mut().get_mut(&agent) {
            if health.is_some() {
                view.health = health;
            }
            if let Some(rejected) = rejected {
                view.rejected = rejected;
            }
        }
    }

    /// Live results, handed over in the order of the calls; the next may follow while these are
    /// on their way to the disk.
    ///
    /// # Errors
    /// The engine is stopping: nothing may be acknowledged.
    pub async fn results(
        &self,
        region: &Region,
        results: Vec<CheckResult>,
    ) -> Result<HandedOver, CommandError> {
        let owners = self.owners.len();
        let mut groups: Vec<Vec<RegionResult>> = (0..owners).map(|_| Vec::new()).collect();
        for result in results {
            let owner = owner_of(result.monitor, owners);
            groups[owner].push(RegionResult {
                region: region.clone(),
                result,
            });
        }
        let mut waiting = Vec::with_capacity(owners);
        for (owner, results) in self.owners.iter().zip(groups) {
            if !results.is_empty() {
                let (done, answer) = oneshot::channel();
                send(owner, ShardMessage::Results { results, done }).await?;
                waiting.push(answer);
            }
        }
        Ok(HandedOver { waiting })
    }

    /// Results of a Backfill: durable when this returns; they make no votes.
    ///
    /// # Errors
    /// The store fails: nothing may be acknowledged.
    pub async fn backfill(
        &self,
        region: &Region,
        results: Vec<CheckResult>,
    ) -> Result<(), CommandError> {
        let results: Vec<_> = results
            .into_iter()
            .map(|result| RegionResult {
                region: region.clone(),
                result,
            })
            .collect();
        let failed = |error: StoreError| CommandError::Unavailable(error.to_string());
        let history = &self.env.stores.history;
        let mut ticket = self.env.applied.begin(history.last());
        let no = history.append_back_filled(&results).await.map_err(failed)?;
        ticket.stored(no);
        ticket.applied();
        Ok(())
    }

    /// A vote summary, or a part of it.
    ///
    /// # Errors
    /// The engine is stopping.
    pub async fn summary(
        &self,
        agent: AgentId,
        entries: Vec<SummaryEntry>,
    ) -> Result<(), CommandError> {
        let owners = self.owners.len();
        let mut groups: Vec<Vec<SummaryEntry>> = (0..owners).map(|_| Vec::new()).collect();
        for entry in entries {
            groups[owner_of(entry.monitor, owners)].push(entry);
        }
        for (owner, entries) in self.owners.iter().zip(groups) {
            if !entries.is_empty() {
                send(owner, ShardMessage::Summary { agent, entries }).await?;
            }
        }
        Ok(())
    }

    /// The answer to a check that somebody waits for.
    pub fn answer(&self, nonce: u64, result: Result<CheckResult, Reason>) {
        self.answers.give(nonce, result);
    }
}
