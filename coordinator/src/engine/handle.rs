//! What doors call. Each method validates nothing twice: it hands over and waits for the answer.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use vigilmon_common::decide::View;
use vigilmon_common::id::{AgentId, BootId, IncidentId, MonitorId, SessionId, TokenId};
use vigilmon_common::identity;
use vigilmon_common::incident::{Incident, Subject};
use vigilmon_common::monitor::Monitor;
use vigilmon_common::monitor::draft::MonitorDraft;
use vigilmon_common::name::{Name, Region};
use vigilmon_runtime::supervisor::Supervisor;

mod administration;
mod configuration;
mod door;
mod heartbeats;
mod observe;
mod past;

pub use past::IncidentPlace;

use super::answers::{Answers, CheckRow, CheckTarget};
use super::command::{Actor, CommandError, Object};
use super::directory::SharedDirectory;
use super::env::Env;
use super::fleet::FleetMessage;
use super::heartbeats::{HeartbeatMessage, Heartbeats};
use super::owner::{Deed, DeedKind, ShardMessage};
use crate::store::{AgentTokenRecord, ApiTokenRecord, Stores};
use crate::token;

/// The way into the engine; cheap to clone.
#[derive(Clone)]
pub struct Handle {
    pub(crate) env: Env,
    pub(crate) directory: SharedDirectory,
    pub(crate) owners: Arc<[mpsc::Sender<ShardMessage>]>,
    pub(crate) heartbeats: Heartbeats,
    pub(crate) fleet: mpsc::Sender<FleetMessage>,
    pub(crate) answers: Answers,
    pub(crate) tasks: Supervisor,
}

/// An agent that comes: already admitted by its token, its region and versions checked.
#[derive(Debug)]
pub struct Arrival {
    /// The token that it came with.
    pub token: TokenId,
    /// What it calls itself.
    pub name: Name,
    /// The region that it votes for.
    pub region: Region,
    /// This run of its process.
    pub boot: BootId,
    /// Its version.
    pub build: String,
    /// The session that begins.
    pub session: SessionId,
}

impl Arrival {
    /// The agent's id: derived, so a restart keeps it.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        identity::agent_id(self.token, self.name.as_str())
    }
}

impl Handle {
    /// What exists.
    #[must_use]
    pub const fn directory(&self) -> &SharedDirectory {
        &self.directory
    }

    /// The stores, to read results, closed incidents, deliveries and audit from.
    #[must_use]
    pub const fn stores(&self) -> &Stores {
        &self.env.stores
    }

    /// The clock by which everything is decided.
    #[must_use]
    pub fn clock(&self) -> &vigilmon_runtime::clock::SharedClock {
        &self.env.clock
    }

    /// The metrics.
    #[must_use]
    pub fn metrics(&self) -> &Arc<crate::metrics::Metrics> {
        &self.env.metrics
    }

    /// How each monitor stands, in brief: what lists sort and count by.
    #[must_use]
    pub fn board(&self) -> &super::board::SharedBoard {
        &self.env.board
    }

    /// A number that grows whenever a page may show something new.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.env.changed.subscribe()
    }

    // ---- tokens

    /// The good API token that this text is.
    #[must_use]
    pub fn api_token(&self, text: &str) -> Option<ApiTokenRecord> {
        let now = self.env.clock.now();
        self.directory
            .read()
            .api_token(&token::digest(text), now)
            .cloned()
    }

    /// The good API token with this digest.
    #[must_use]
    pub fn api_token_of(&self, digest: &[u8; 32]) -> Option<ApiTokenRecord> {
        let now = self.env.clock.now();
        self.directory.read().api_token(digest, now).cloned()
    }

    /// The good agent token that this text is.
    #[must_use]
    pub fn agent_token(&self, text: &str) -> Option<AgentTokenRecord> {
        let now = self.env.clock.now();
        self.directory
            .read()
            .agent_token(&token::digest(text), now)
            .cloned()
    }

    // ---- monitors

    /// Saves a new monitor.
    ///
    /// # Errors
    /// The draft breaks rules, or its name is taken.
    pub async fn create_monitor(
        &self,
        by: Actor,
        draft: MonitorDraft,
    ) -> Result<Arc<Monitor>, CommandError> {
        self.fleet(|reply| FleetMessage::CreateMonitor {
            by,
            draft: Box::new(draft),
            reply,
        })
        .await
    }

    /// Changes a monitor: what `patch` sets goes over what it has. With an `etag` only if nobody
    /// saved it meanwhile.
    ///
    /// # Errors
    /// There is no such monitor, the result breaks rules, or somebody was faster.
    pub async fn update_monitor(
        &self,
        by: Actor,
        reference: &str,
        patch: MonitorDraft,
        etag: Option<u64>,
    ) -> Result<Arc<Monitor>, CommandError> {
        let reference = reference.to_owned();
        let patch = Box::new(patch);
        self.fleet(|reply| FleetMessage::UpdateMonitor {
            by,
            reference,
            patch,
            etag,
            reply,
        })
        .await
    }

    /// Pauses a monitor or resumes it; doing it twice is harmless.
    ///
    /// # Errors
    /// There is no such monitor.
    pub async fn pause_monitor(
        &self,
        by: Actor,
        reference: &str,
        paused: bool,
    ) -> Result<Arc<Monitor>, CommandError> {
        let reference = reference.to_owned();
        self.fleet(|reply| FleetMessage::PauseMonitor {
            by,
            reference,
            paused,
            reply,
        })
        .await
    }

    /// Removes a monitor; what is open closes.
    ///
    /// # Errors
    /// There is no such monitor, or somebody changed it meanwhile.
    pub async fn remove_monitor(
        &self,
        by: Actor,
        reference: &str,
        etag: Option<u64>,
    ) -> Result<(), CommandError> {
        let reference = reference.to_owned();
        self.fleet(|reply| FleetMessage::RemoveMonitor {
            by,
            reference,
            etag,
            reply,
        })
        .await
    }

    /// A monitor by id or name.
    ///
    /// # Errors
    /// There is none.
    pub fn monitor(&self, reference: &str) -> Result<Arc<Monitor>, CommandError> {
        self.directory
            .read()
            .monitor(reference)
            .cloned()
            .ok_or_else(|| not_found(Object::Monitor, reference))
    }

    /// How some monitors stand, or all.
    ///
    /// # Errors
    /// The engine is stopping.
    pub async fn views(
        &self,
        of: Option<&[MonitorId]>,
    ) -> Result<HashMap<MonitorId, View>, CommandError> {
        let mut waiting = Vec::new();
        for (number, owner) in self.owners.iter().enumerate() {
            let mine = of.map(|ids| {
                let mine = |id: &&MonitorId| owner_of(**id, self.owners.len()) == number;
                ids.iter().filter(mine).copied().collect::<Vec<_>>()
            });
            if mine.as_ref().is_some_and(Vec::is_empty) {
                continue;
            }
            let (reply, answer) = oneshot::channel();
            send(owner, ShardMessage::Views { of: mine, reply }).await?;
            waiting.push(answer);
        }
        let mut all = HashMap::new();
        for answer in waiting {
            all.extend(answer.await.map_err(|_| CommandError::stopping())?);
        }
        Ok(all)
    }

    /// How one monitor stands.
    ///
    /// # Errors
    /// The engine is stopping, or the monitor is gone.
    pub async fn view(&self, monitor: MonitorId) -> Result<View, CommandError> {
        let mut views = self.views(Some(&[monitor])).await?;
        views
            .remove(&monitor)
            .ok_or_else(|| not_found(Object::Monitor, &monitor.to_string()))
    }

    /// Runs a check now, in each region of the monitor (or in all, for something that is not
    /// stored), and gives what each saw: a row a region, the channel closes after the last.
    ///
    /// # Errors
    /// There is no such monitor, or the draft breaks rules.
    pub fn check(
        &self,
        target: CheckTarget,
    ) -> Result<(usize, mpsc::Receiver<CheckRow>), CommandError> {
        super::answers::check(self, target)
    }

    // ---- incidents

    /// Somebody takes an incident.
    ///
    /// # Errors
    /// There is no such open incident.
    pub async fn acknowledge(
        &self,
        by: Actor,
        id: IncidentId,
        note: String,
    ) -> Result<Incident, CommandError> {
        self.deed(by, id, DeedKind::Acknowledge(note)).await
    }

    /// Somebody closes an incident; while it is still down only with `force`.
    ///
    /// # Errors
    /// There is no such open incident, or it is still down.
    pub async fn resolve(
        &self,
        by: Actor,
        id: IncidentId,
        force: bool,
    ) -> Result<Incident, CommandError> {
        self.deed(by, id, DeedKind::Resolve(force)).await
    }

    /// Somebody says something about an incident.
    ///
    /// # Errors
    /// There is no such open incident.
    pub async fn comment(
        &self,
        by: Actor,
        id: IncidentId,
        note: String,
    ) -> Result<Incident, CommandError> {
        self.deed(by, id, DeedKind::Comment(note)).await
    }

    /// An incident by id, open or closed lately.
    ///
    /// # Errors
    /// There is none.
    pub fn incident(&self, id: IncidentId) -> Result<Arc<Incident>, CommandError> {
        let found = self.env.incidents.get(id);
        found.ok_or_else(|| not_found(Object::Incident, &id.to_string()))
    }

    /// Incidents, open and closed lately, newest first.
    #[must_use]
    pub fn incidents(&self, only_open: bool) -> Vec<Arc<Incident>> {
        let mut all = self.env.incidents.all();
        all.retain(|i| !only_open || i.is_open());
        all
    }

    async fn deed(
        &self,
        by: Actor,
        id: IncidentId,
        what: DeedKind,
    ) -> Result<Incident, CommandError> {
        let incident = self.incident(id)?;
        if !incident.is_open() {
            return Err(CommandError::Refused {
                message: format!("incident {id} is resolved already"),
                hint: String::new(),
            });
        }
        match &incident.subject {
            Subject::Monitor(facts) => {
                let (reply, answer) = oneshot::channel();
                let deed = Deed {
                    monitor: facts.id,
                    incident: id,
                    by,
                    what,
                    reply,
                };
                if facts.is_heartbeat() {
                    send(&self.heartbeats.mailbox, HeartbeatMessage::Deed(deed)).await?;
                } else {
                    send(self.owner(facts.id), ShardMessage::Deed(deed)).await?;
                }
                answer.await.map_err(|_| CommandError::stopping())?
            }
            Subject::System(_) => {
                self.fleet(|reply| FleetMessage::SystemDeed {
                    by,
                    id,
                    what,
                    reply,
                })
                .await
            }
        }
    }

    // ---- inside

    pub(crate) fn owner(&self, monitor: MonitorId) -> &mpsc::Sender<ShardMessage> {
        &self.owners[owner_of(monitor, self.owners.len())]
    }

    async fn fleet<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, CommandError>>) -> FleetMessage,
    ) -> Result<T, CommandError> {
        let (reply, answer) = oneshot::channel();
        send(&self.fleet, message(reply)).await?;
        answer.await.map_err(|_| CommandError::stopping())?
    }
}

/// Which owner has a monitor: shards are dealt out in turn.
pub(crate) fn owner_of(monitor: MonitorId, owners: usize) -> usize {
    if owners == 1 {
        0
    } else {
        usize::from(identity::shard(monitor)) % owners
    }
}

pub(crate) fn not_found(object: Object, reference: &str) -> CommandError {
    CommandError::NotFound {
        object,
        reference: reference.to_owned(),
    }
}

async fn send<T>(to: &mpsc::Sender<T>, message: T) -> Result<(), CommandError> {
    to.send(message).await.map_err(|_| CommandError::stopping())
}
