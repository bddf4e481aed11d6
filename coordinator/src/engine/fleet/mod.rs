//! The fleet owner: the one place that changes what exists (monitors, channels, routes, regions,
//! tokens), who checks what, and system incidents.
//!
//! A command is checked against the directory, committed in one batch with its audit entry and the
//! assignments that it changes, and only then told: to the directory, to the shard owners, to the
//! agents. Shard owners are told before agents, so that no result comes before its tie.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use vigilmon_common::fleet::presence::Presence;
use vigilmon_common::id::{AgentId, ChannelId, IncidentId, MonitorId, RouteId, SessionId};
use vigilmon_common::incident::Incident;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::monitor::draft::MonitorDraft;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::notify::channel::{Channel, ChannelKind, Route};
use vigilmon_common::notify::row::Row;
use vigilmon_common::session::assignment::Snapshot;

use super::command::{Actor, CommandError};
use super::configuration::Plan;
use super::directory::SharedDirectory;
use super::dispatch::ToAgent;
use super::env::Env;
use super::handle::{Arrival, owner_of};
use super::heartbeats::{HeartbeatMessage, OwnDowntime};
use super::owner::{DeedKind, ShardMessage};
use crate::store::{Change, DeliveryRecord};

mod administer;
mod agents;
mod api_tokens;
mod apply;
pub(crate) mod assign;
mod channels;
mod downtime;
mod heartbeats;
mod monitors;
mod ping_urls;
mod regions;
mod routes;
mod system;
mod tokens;

pub(crate) use administer::Administration;
pub use api_tokens::NewApiToken;
pub use channels::ChannelChange;
pub use heartbeats::CREATED_BY_SLUG_MAX;
pub(crate) use heartbeats::HeartbeatCommand;
pub use ping_urls::{OVERLAP_DEFAULT, OVERLAP_MAX};
pub use routes::{RouteDraft, StepDraft};
pub(crate) use routes::{RouteNames, check as check_route};

use assign::Assignments;

/// Messages that may wait for the fleet owner; senders wait beyond.
pub(crate) const MAILBOX: usize = 1024;
/// How often time alone is looked at.
const TICK: Duration = Duration::from_millis(500);

/// Where the answer to a command goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, CommandError>>;

/// What the fleet owner is told.
/// Each is the method of `Handle` with the same name.
pub(crate) enum FleetMessage {
    CreateMonitor {
        by: Actor,
        draft: Box<MonitorDraft>,
        reply: Reply<Arc<Monitor>>,
    },
    UpdateMonitor {
        by: Actor,
        reference: String,
        patch: Box<MonitorDraft>,
        etag: Option<u64>,
        reply: Reply<Arc<Monitor>>,
    },
    PauseMonitor {
        by: Actor,
        reference: String,
        paused: bool,
        reply: Reply<Arc<Monitor>>,
    },
    RemoveMonitor {
        by: Actor,
        reference: String,
        etag: Option<u64>,
        reply: Reply<()>,
    },
    SystemDeed {
        by: Actor,
        id: IncidentId,
        what: DeedKind,
        reply: Reply<Incident>,
    },
    StepDue {
        row: Box<Row>,
    },
    CreateChannel {
        by: Actor,
        name: Name,
        kind: Box<ChannelKind>,
        fallback: Option<String>,
        reply: Reply<Channel>,
    },
    UpdateChannel {
        by: Actor,
        reference: String,
        change: Box<ChannelChange>,
        etag: Option<u64>,
        reply: Reply<Channel>,
    },
    RemoveChannel {
        by: Actor,
        reference: String,
        reply: Reply<()>,
    },
    TestChannel {
        by: Actor,
        reference: String,
        reply: Reply<String>,
    },
    ResendDelivery {
        by: Actor,
        reference: String,
        record: Box<DeliveryRecord>,
        reply: Reply<u64>,
    },
    DisableChannel {
        channel: ChannelId,
        why: String,
        reply: Reply<()>,
    },
    ChannelFailing {
        channel: ChannelId,
        failing: Option<String>,
        reply: Reply<()>,
    },
    SaveRoute {
        by: Actor,
        draft: Box<RouteDraft>,
        over: Option<(RouteId, Option<u64>)>,
        reply: Reply<Route>,
    },
    RemoveRoute {
        by: Actor,
        reference: String,
        reply: Reply<()>,
    },
    ApplyPlan {
        by: Actor,
        plan: Box<Plan>,
        reply: Reply<()>,
    },
    Administer(Administration),
    Heartbeat(HeartbeatCommand),
    Ping {
        reply: Reply<()>,
    },
    Connect {
        arrival: Box<Arrival>,
        sender: mpsc::Sender<ToAgent>,
        reply: Reply<Snapshot>,
    },
    Snapshot {
        agent: AgentId,
        reply: Reply<Snapshot>,
    },
    Disconnect {
        agent: AgentId,
        session: SessionId,
    },
}

/// Owns the fleet.
pub(crate) struct Fleet {
    env: Env,
    directory: SharedDirectory,
    owners: Arc<[mpsc::Sender<ShardMessage>]>,
    heartbeats: mpsc::Sender<HeartbeatMessage>,
    assignments: Assignments,
    presence: Presence,
    /// The open system incidents, by cause.
    system: BTreeMap<String, Incident>,
    generations: BTreeMap<String, u64>,
    /// Monitors that are not paused, by region.
    monitored: HashMap<Region, u32>,
    public_url: String,
}

impl Fleet {
    /// Takes what the start made.
    #[expect(
        clippy::too_many_arguments,
        reason = "one call, at the start, that fills each field"
    )]
    pub(crate) fn new(
        env: Env,
        directory: SharedDirectory,
        owners: Arc<[mpsc::Sender<ShardMessage>]>,
        heartbeats: mpsc::Sender<HeartbeatMessage>,
        assignments: Assignments,
        presence: Presence,
        system: BTreeMap<String, Incident>,
        generations: BTreeMap<String, u64>,
        monitored: HashMap<Region, u32>,
        public_url: String,
    ) -> Self {
        Self {
            env,
            directory,
            owners,
            heartbeats,
            assignments,
            presence,
            system,
            generations,
            monitored,
            public_url,
        }
    }

    /// Serves the mailbox until `stop`, then what still waits in it.
    pub(crate) async fn run(
        mut self,
        mut mailbox: mpsc::Receiver<FleetMessage>,
        mut downtime: watch::Receiver<Option<OwnDowntime>>,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        // What the start found counts as news.
        downtime.mark_changed();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                message = mailbox.recv() => match message {
                    Some(message) => self.apply(message).await?,
                    None => return Ok(()),
                },
                () = stop.cancelled(), if !mailbox.is_closed() => mailbox.close(),
                Ok(()) = downtime.changed() => {
                    let known = downtime.borrow_and_update().clone();
                    if let Some(known) = known {
                        agents::store(self.own_downtime(known).await)?;
                    }
                }
                _ = tick.tick() => self.tick().await?,
            }
        }
    }

    async fn apply(&mut self, message: FleetMessage) -> anyhow::Result<()> {
        use FleetMessage as M;
        match message {
            M::CreateMonitor { by, draft, reply } => {
                answer(reply, self.create_monitor(&by, *draft).await)
            }
            M::UpdateMonitor {
                by,
                reference,
                patch,
                etag,
                reply,
            } => answer(
                reply,
                self.update_monitor(&by, &reference, *patch, etag).await,
            ),
            M::PauseMonitor {
                by,
                reference,
                paused,
                reply,
            } => answer(reply, self.pause_monitor(&by, &reference, paused).await),
            M::RemoveMonitor {
                by,
                reference,
                etag,
                reply,
            } => answer(reply, self.remove_monitor(&by, &reference, etag).await),
            M::SystemDeed {
                by,
                id,
                what,
                reply,
            } => answer(reply, self.system_deed(by, id, what).await),
            M::StepDue { row } => self.step_due(*row).await,
            M::Connect {
                arrival,
                sender,
                reply,
            } => answer(reply, self.connect(*arrival, sender).await),
            M::Snapshot { agent, reply } => answer(reply, Ok(self.assignments.snapshot(agent))),
            M::Disconnect { agent, session } => self.disconnect(agent, session).await,
            other => self.apply_configuration(other).await,
        }
    }

    async fn apply_configuration(&mut self, message: FleetMessage) -> anyhow::Result<()> {
        use FleetMessage as M;
        match message {
            M::CreateChannel {
                by,
                name,
                kind,
                fallback,
                reply,
            } => answer(reply, self.create_channel(&by, name, *kind, fallback).await),
            M::UpdateChannel {
                by,
                reference,
                change,
                etag,
                reply,
            } => answer(
                reply,
                self.update_channel(&by, &reference, *change, etag).await,
            ),
            M::RemoveChannel {
                by,
                reference,
                reply,
            } => answer(reply, self.remove_channel(&by, &reference).await),
            M::TestChannel {
                by,
                reference,
                reply,
            } => answer(reply, self.test_channel(&by, &reference).await),
            M::ResendDelivery {
                by,
                reference,
                record,
                reply,
            } => answer(reply, self.resend_delivery(&by, &reference, *record).await),
            M::DisableChannel {
                channel,
                why,
                reply,
            } => answer(reply, self.disable_channel(channel, why).await),
            M::ChannelFailing {
                channel,
                failing,
                reply,
            } => answer(reply, self.channel_failing(channel, failing).await),
            other => self.apply_access(other).await,
        }
    }

    async fn apply_access(&mut self, message: FleetMessage) -> anyhow::Result<()> {
        use FleetMessage as M;
        match message {
            M::SaveRoute {
                by,
                draft,
                over,
                reply,
            } => answer(reply, self.save_route(&by, *draft, over).await),
            M::RemoveRoute {
                by,
                reference,
                reply,
            } => answer(reply, self.remove_route(&by, &reference).await),
            M::ApplyPlan { by, plan, reply } => answer(reply, self.apply_plan(&by, *plan).await),
            M::Administer(what) => self.administer(what).await,
            M::Heartbeat(what) => self.heartbeat(what).await,
            M::Ping { reply } => answer(reply, Ok(())),
            // The others are applied before.
            _ => Ok(()),
        }
    }

    /// Commits; a storage error ends the process by the supervisor.
    async fn commit(&self, changes: Vec<Change>) -> Result<(), Failure> {
        let events = self.env.events.begin(&changes);
        let commit = self.env.stores.state.commit(changes).await;
        let commit = commit.map_err(|e| Failure::Store(e.into()))?;
        if let Some(events) = events {
            events.committed(commit);
        }
        Ok(())
    }

    /// Tells the owner of a monitor.
    async fn tell(&self, monitor: MonitorId, message: ShardMessage) {
        // An error says that the engine stops.
        let _ = self.owners[owner_of(monitor, self.owners.len())]
            .send(message)
            .await;
    }

    fn changed(&self) {
        self.env.changed.send_modify(|n| *n += 1);
    }
}

/// Why a command was not carried out: refused, or the store failed under it.
pub(crate) enum Failure {
    /// Refused: nothing changed.
    Refused(CommandError),
    /// The store failed: the process must end.
    Store(anyhow::Error),
}

impl<E: Into<CommandError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// Answers a command; a storage error is passed on beyond.
fn answer<T>(reply: Reply<T>, result: Result<T, Failure>) -> anyhow::Result<()> {
    match result {
        Ok(value) => drop(reply.send(Ok(value))),
        Err(Failure::Refused(error)) => drop(reply.send(Err(error))),
        Err(Failure::Store(error)) => {
            let _ = reply.send(Err(CommandError::Unavailable(error.to_string())));
            return Err(error);
        }
    }
    Ok(())
}
