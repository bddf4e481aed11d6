//! What shard owners are told, in the order in which it reaches them.

use std::sync::Arc;

use tokio::sync::oneshot;
use vigilmon_common::decide::{Tie, View};
use vigilmon_common::id::{AgentId, IncidentId, MonitorId};
use vigilmon_common::incident::Incident;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::Region;
use vigilmon_common::notify::row::Row;
use vigilmon_common::vote::SummaryEntry;

use crate::engine::command::{Actor, CommandError};
use crate::store::RegionResult;

/// What a shard owner is told.
pub(crate) enum ShardMessage {
    /// Live results, to be stored, decided and acknowledged.
    Results {
        /// The results.
        results: Vec<RegionResult>,
        /// Told when they are durable and decided.
        done: oneshot::Sender<()>,
    },
    /// Results that were stored before a start and are applied again.
    Replay(Vec<RegionResult>),
    /// An agent's vote summary.
    Summary {
        /// Whose.
        agent: AgentId,
        /// What it says.
        entries: Vec<SummaryEntry>,
    },
    /// Agents' ties to monitors changed.
    Ties(Vec<TieChange>),
    /// A monitor was created or changed; it is committed already.
    Saved(Arc<Monitor>),
    /// A monitor is being removed: what is open closes now.
    Removed {
        /// Which.
        monitor: MonitorId,
        /// Told when that is committed.
        done: oneshot::Sender<()>,
    },
    /// Somebody does something to an incident.
    Deed(Deed),
    /// A step of a monitor's incident is due.
    StepDue {
        /// The monitor.
        monitor: MonitorId,
        /// The step as it waits in the outbox.
        row: Box<Row>,
    },
    /// Somebody wants to see how monitors stand.
    Views {
        /// Which; `None` for all.
        of: Option<Vec<MonitorId>>,
        /// Gets them.
        reply: oneshot::Sender<Vec<(MonitorId, View)>>,
    },
}

/// One agent's tie to one monitor.
pub(crate) struct TieChange {
    /// The monitor.
    pub(crate) monitor: MonitorId,
    /// The agent.
    pub(crate) agent: AgentId,
    /// Where it votes.
    pub(crate) region: Region,
    /// How it stands now.
    pub(crate) tie: Tie,
}

/// Something done by hand to the open incident of a monitor.
pub(crate) struct Deed {
    /// The monitor.
    pub(crate) monitor: MonitorId,
    /// The incident that is meant.
    pub(crate) incident: IncidentId,
    /// Who does it.
    pub(crate) by: Actor,
    /// What.
    pub(crate) what: DeedKind,
    /// Gets the incident as it is afterwards.
    pub(crate) reply: oneshot::Sender<Result<Incident, CommandError>>,
}

/// What is done by hand.
#[derive(Clone, Debug)]
pub(crate) enum DeedKind {
    /// Somebody takes it.
    Acknowledge(String),
    /// Somebody closes it; `true` although it is still down.
    Resolve(bool),
    /// Somebody says something.
    Comment(String),
}

impl DeedKind {
    /// Its word in the audit log.
    pub(crate) const fn action(&self) -> &'static str {
        match self {
            Self::Acknowledge(_) => "incident.acknowledge",
            Self::Resolve(_) => "incident.resolve",
            Self::Comment(_) => "incident.comment",
        }
    }
}
