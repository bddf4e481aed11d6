//! Commands on heartbeats. Whoever owns their deadlines is told of what was committed before
//! anybody can find it: no ping comes before its heartbeat.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use vigilmon_common::heartbeat::{
    Heartbeat, HeartbeatDraft, HeartbeatSpec, PingToken, slug, slug_taken,
};
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::draft::Known;
use vigilmon_common::name::Name;
use vigilmon_common::problem::{Problem, Problems};
use vigilmon_common::time::Time;
use vigilmon_runtime::random;

use super::{Failure, Fleet, Reply, answer};
use crate::engine::audit;
use crate::engine::command::{Actor, CommandError, Object, same_version};
use crate::engine::handle::not_found;
use crate::engine::heartbeats::HeartbeatMessage;
use crate::store::{Change, PingKeyRecord};

/// Heartbeats that pings by slug may make: who has the key must not fill the store.
pub const CREATED_BY_SLUG_MAX: usize = 100;

/// What the fleet owner is told of heartbeats. Each is the method of `Handle` with that name.
pub(crate) enum HeartbeatCommand {
    Create {
        by: Actor,
        draft: Box<HeartbeatDraft>,
        token: PingToken,
        reply: Reply<Arc<Heartbeat>>,
    },
    Update {
        by: Actor,
        reference: String,
        patch: Box<HeartbeatDraft>,
        etag: Option<u64>,
        reply: Reply<Arc<Heartbeat>>,
    },
    Pause {
        by: Actor,
        reference: String,
        paused: bool,
        reply: Reply<Arc<Heartbeat>>,
    },
    Remove {
        by: Actor,
        reference: String,
        etag: Option<u64>,
        reply: Reply<()>,
    },
    Rotate {
        by: Actor,
        reference: String,
        token: PingToken,
        overlap: Option<Duration>,
        reply: Reply<Arc<Heartbeat>>,
    },
    SetPingKey {
        by: Actor,
        key: PingKeyRecord,
        reply: Reply<()>,
    },
    FirstPingKey {
        by: Actor,
        key: PingKeyRecord,
        reply: Reply<PingKeyRecord>,
    },
}

impl Fleet {
    pub(super) async fn heartbeat(&mut self, what: HeartbeatCommand) -> anyhow::Result<()> {
        use HeartbeatCommand as C;
        match what {
            C::Create {
                by,
                draft,
                token,
                reply,
            } => answer(reply, self.create_heartbeat(&by, *draft, token).await),
            C::Update {
                by,
                reference,
                patch,
                etag,
                reply,
            } => answer(
                reply,
                self.update_heartbeat(&by, &reference, *patch, etag).await,
            ),
            C::Pause {
                by,
                reference,
                paused,
                reply,
            } => answer(reply, self.pause_heartbeat(&by, &reference, paused).await),
            C::Remove {
                by,
                reference,
                etag,
                reply,
            } => answer(reply, self.remove_heartbeat(&by, &reference, etag).await),
            C::Rotate {
                by,
                reference,
                token,
                overlap,
                reply,
            } => answer(reply, self.rotate(&by, &reference, token, overlap).await),
            C::SetPingKey { by, key, reply } => answer(reply, self.set_ping_key(&by, key).await),
            C::FirstPingKey { by, key, reply } => {
                answer(reply, self.first_ping_key(&by, key).await)
            }
        }
    }

    async fn create_heartbeat(
        &mut self,
        by: &Actor,
        draft: HeartbeatDraft,
        token: PingToken,
    ) -> Result<Arc<Heartbeat>, Failure> {
        let spec = self.check_heartbeat(&draft, None)?;
        self.refuse_taken(&spec.name, None)?;
        let by_slug = self.directory.read().created_by_slug();
        if *by == Actor::slug_ping() && by_slug >= CREATED_BY_SLUG_MAX {
            return Err(CommandError::Refused {
                message: format!(
                    "pings by slug have made {CREATED_BY_SLUG_MAX} heartbeats already"
                ),
                hint: "remove some, or add this one with `vigilmon heartbeat add`".to_owned(),
            }
            .into());
        }
        let now = self.env.clock.now();
        let (at, random) = random::for_id(now);
        let heartbeat = Heartbeat::new(MonitorId::new(at, random), spec, token, now);
        self.save_heartbeat(by, "heartbeat.create", heartbeat, now)
            .await
    }

    async fn update_heartbeat(
        &mut self,
        by: &Actor,
        reference: &str,
        patch: HeartbeatDraft,
        etag: Option<u64>,
    ) -> Result<Arc<Heartbeat>, Failure> {
        let former = self.find_heartbeat(reference, etag)?;
        let draft = HeartbeatDraft::edited(&former.spec, patch);
        let spec = self.check_heartbeat(&draft, Some(&former))?;
        self.refuse_taken(&spec.name, Some(former.id))?;
        if spec == former.spec {
            return Ok(former);
        }
        let now = self.env.clock.now();
        let heartbeat = Heartbeat {
            spec,
            ..former.saved_again(now)
        };
        self.save_heartbeat(by, "heartbeat.update", heartbeat, now)
            .await
    }

    async fn pause_heartbeat(
        &mut self,
        by: &Actor,
        reference: &str,
        paused: bool,
    ) -> Result<Arc<Heartbeat>, Failure> {
        let former = self.find_heartbeat(reference, None)?;
        if former.paused == paused {
            return Ok(former);
        }
        let now = self.env.clock.now();
        let heartbeat = Heartbeat {
            paused,
            ..former.saved_again(now)
        };
        let action = if paused {
            "heartbeat.pause"
        } else {
            "heartbeat.resume"
        };
        self.save_heartbeat(by, action, heartbeat, now).await
    }

    async fn remove_heartbeat(
        &mut self,
        by: &Actor,
        reference: &str,
        etag: Option<u64>,
    ) -> Result<(), Failure> {
        let former = self.find_heartbeat(reference, etag)?;
        // As of monitors: what is open closes first.
        let closed = self.close_heartbeats(std::slice::from_ref(&former)).await?;
        let now = self.env.clock.now();
        let object = format!("heartbeat {}", former.id);
        let name = former.spec.name.as_str();
        let changes = vec![
            Change::RemoveHeartbeat(former.id),
            audit::entry(by, "heartbeat.remove", &object, name, "", now),
        ];
        self.commit(changes).await?;
        self.directory.write().remove_heartbeat(former.id);
        self.forget_pings(closed).await?;
        self.changed();
        Ok(())
    }

    /// Closes what is open of heartbeats that are about to go; what of their pings is then to be
    /// forgotten by [`Self::forget_pings`], once that they are gone is committed.
    pub(super) async fn close_heartbeats(
        &self,
        gone: &[Arc<Heartbeat>],
    ) -> Result<Vec<Closed>, Failure> {
        let mut waiting = Vec::with_capacity(gone.len());
        for heartbeat in gone {
            let (done, closed) = oneshot::channel();
            let heartbeat = heartbeat.id;
            self.tell_heartbeats(HeartbeatMessage::Removed { heartbeat, done })
                .await;
            waiting.push((heartbeat, closed));
        }
        let mut all = Vec::with_capacity(waiting.len());
        for (heartbeat, closed) in waiting {
            let bodies = closed.await.map_err(|_| CommandError::stopping())?;
            all.push(Closed { heartbeat, bodies });
        }
        Ok(all)
    }

    /// The pings of heartbeats that are gone go too.
    pub(super) async fn forget_pings(&self, gone: Vec<Closed>) -> Result<(), Failure> {
        for Closed { heartbeat, bodies } in gone {
            let removed = self.env.stores.history.remove_pings(heartbeat, bodies);
            removed.await.map_err(|e| Failure::Store(e.into()))?;
        }
        Ok(())
    }

    /// Tells the owner of heartbeats.
    pub(super) async fn tell_heartbeats(&self, message: HeartbeatMessage) {
        // An error says that the engine stops.
        let _ = self.heartbeats.send(message).await;
    }

    /// Commits a saved heartbeat and tells everybody whom it concerns.
    pub(super) async fn save_heartbeat(
        &mut self,
        by: &Actor,
        action: &str,
        heartbeat: Heartbeat,
        now: Time,
    ) -> Result<Arc<Heartbeat>, Failure> {
        let object = format!("heartbeat {}", heartbeat.id);
        let name = heartbeat.spec.name.as_str();
        let changes = vec![
            Change::PutHeartbeat(Box::new(heartbeat.clone())),
            audit::entry(by, action, &object, name, "", now),
        ];
        self.commit(changes).await?;
        let heartbeat = Arc::new(heartbeat);
        self.tell_heartbeats(HeartbeatMessage::Saved(Arc::clone(&heartbeat)))
            .await;
        self.directory.write().put_heartbeat(Arc::clone(&heartbeat));
        self.changed();
        Ok(heartbeat)
    }

    fn check_heartbeat(
        &self,
        draft: &HeartbeatDraft,
        former: Option<&Heartbeat>,
    ) -> Result<HeartbeatSpec, Problems> {
        let channels = self.directory.read().channel_names();
        let checked = draft.check(&Known {
            regions: None,
            channels: Some(&channels),
            addresses: None,
        });
        let Some(taken) = self.slug_problem(draft, former) else {
            return checked;
        };
        let mut problems = checked.err().unwrap_or_default();
        problems.extend(taken.into());
        Err(problems)
    }

    /// A slug leads to one heartbeat. Two that have the same from before keep it; of the very name
    /// of another [`Self::refuse_taken`] says more.
    fn slug_problem(&self, draft: &HeartbeatDraft, former: Option<&Heartbeat>) -> Option<Problem> {
        let name = Name::parse(draft.name.as_deref()?).ok()?;
        let wanted = slug(name.as_str());
        if former.is_some_and(|former| slug(former.spec.name.as_str()) == wanted) {
            return None;
        }
        let directory = self.directory.read();
        let other = directory.with_slug(&wanted, former.map(|former| former.id))?;
        let other = &other.spec.name;
        (*other != name).then(|| slug_taken(name.as_str(), other.as_str()))
    }

    /// Monitors and heartbeats share one name space.
    pub(super) fn refuse_taken(
        &self,
        name: &Name,
        own: Option<MonitorId>,
    ) -> Result<(), CommandError> {
        match self.directory.read().taken(name, own) {
            None => Ok(()),
            Some(object) => Err(CommandError::Exists {
                object,
                name: name.as_str().to_owned(),
            }),
        }
    }

    pub(super) fn find_heartbeat(
        &self,
        reference: &str,
        etag: Option<u64>,
    ) -> Result<Arc<Heartbeat>, CommandError> {
        let found = self.directory.read().heartbeat(reference).cloned();
        let found = found.ok_or_else(|| not_found(Object::Heartbeat, reference))?;
        same_version(etag, found.version, Object::Heartbeat, reference)?;
        Ok(found)
    }
}

/// A heartbeat that is about to go, as its owner let go of it.
pub(super) struct Closed {
    heartbeat: MonitorId,
    /// The pings of which bodies are kept.
    bodies: Vec<u64>,
}
