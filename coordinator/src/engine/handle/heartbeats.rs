//! Heartbeats and their pings.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use vigilmon_common::heartbeat::{Heartbeat, HeartbeatDraft, PINGS_KEPT, Ping, PingToken, View};
use vigilmon_common::id::MonitorId;

use super::{Handle, not_found, send};
use crate::engine::board::HeartbeatBoard;
use crate::engine::command::{Actor, CommandError, Object};
use crate::engine::directory::{PingTarget, SlugRefusal};
use crate::engine::fleet::{FleetMessage, HeartbeatCommand};
use crate::engine::heartbeats::{
    Arrived, Hearing, HeartbeatMessage, Knocks, PingRefusal, Reading, Said,
};
use crate::store::{PingKeyRecord, StoreError};
use crate::token;

impl Handle {
    // ---- pings

    /// Whether pings can reach us; doors say so.
    #[must_use]
    pub const fn hearing(&self) -> &Hearing {
        &self.heartbeats.hearing
    }

    /// Where the door of pings says who knocks.
    #[must_use]
    pub fn knocks(&self) -> Knocks {
        Knocks::new(self.hearing().clone(), self.env.clock.clone())
    }

    /// What a token in a ping URL is for.
    #[must_use]
    pub fn find_ping(&self, token: &str) -> Option<PingTarget> {
        let digest = token::digest(token);
        let now = self.env.clock.now();
        self.directory.read().ping_target(&digest, now)
    }

    /// What a slug in a ping URL is for, to who comes with this key.
    ///
    /// # Errors
    /// It is not the project's key, or the slug does not lead to one heartbeat.
    pub fn find_slug(&self, key: &str, slug: &str) -> Result<PingTarget, SlugRefusal> {
        let digest = token::digest(key);
        self.directory.read().slug_target(&digest, slug)
    }

    /// The head of a ping's request was just read: its time is now, and no deadline of the
    /// heartbeat from now on fires before it is applied or dropped.
    #[must_use]
    pub fn begin_ping(&self, heartbeat: MonitorId) -> Reading {
        self.heartbeats.readings.begin(heartbeat, &self.env.clock)
    }

    /// Takes a ping; durable and applied when this returns.
    ///
    /// # Errors
    /// Its heartbeat is gone, too many pings wait, or the engine stops.
    pub async fn ping(&self, reading: Reading, said: Said) -> Result<(), PingRefusal> {
        let (done, answer) = oneshot::channel();
        let arrived = Box::new(Arrived {
            reading,
            said,
            done,
        });
        let sent = self
            .heartbeats
            .mailbox
            .try_send(HeartbeatMessage::Ping(arrived));
        match sent {
            Ok(()) => answer.await.unwrap_or(Err(PingRefusal::Stopping)),
            Err(TrySendError::Full(_)) => Err(PingRefusal::Overloaded),
            Err(TrySendError::Closed(_)) => Err(PingRefusal::Stopping),
        }
    }

    /// The last pings of a heartbeat, newest first.
    ///
    /// # Errors
    /// The history fails.
    pub async fn pings(
        &self,
        heartbeat: MonitorId,
        limit: usize,
    ) -> Result<Vec<Ping>, CommandError> {
        let pings = self.stores().history.pings(heartbeat, limit).await;
        pings.map_err(unavailable)
    }

    /// What is kept of the body of a heartbeat's ping with this number among its own; `None` where
    /// nothing is.
    ///
    /// # Errors
    /// The history fails.
    pub async fn ping_body(
        &self,
        heartbeat: MonitorId,
        number: u64,
    ) -> Result<Option<Bytes>, CommandError> {
        let pings = self.pings(heartbeat, PINGS_KEPT).await?;
        let Some(ping) = pings.iter().find(|ping| ping.n == number) else {
            return Ok(None);
        };
        let body = self.stores().history.ping_body(ping.seq).await;
        body.map_err(unavailable)
    }

    // ---- heartbeats

    /// Saves a new heartbeat, known by `token`.
    ///
    /// # Errors
    /// The draft breaks rules, or its name is taken by a monitor or another heartbeat.
    pub async fn create_heartbeat(
        &self,
        by: Actor,
        draft: HeartbeatDraft,
        token: PingToken,
    ) -> Result<Arc<Heartbeat>, CommandError> {
        let draft = Box::new(draft);
        self.command(|reply| HeartbeatCommand::Create {
            by,
            draft,
            token,
            reply,
        })
        .await
    }

    /// Changes a heartbeat: what `patch` sets goes over what it has. With an `etag` only if nobody
    /// saved it meanwhile.
    ///
    /// # Errors
    /// There is no such heartbeat, the result breaks rules, or somebody was faster.
    pub async fn update_heartbeat(
        &self,
        by: Actor,
        reference: &str,
        patch: HeartbeatDraft,
        etag: Option<u64>,
    ) -> Result<Arc<Heartbeat>, CommandError> {
        let reference = reference.to_owned();
        let patch = Box::new(patch);
        self.command(|reply| HeartbeatCommand::Update {
            by,
            reference,
            patch,
            etag,
            reply,
        })
        .await
    }

    /// Suspends the alarms of a heartbeat or resumes them; doing it twice is harmless.
    ///
    /// # Errors
    /// There is no such heartbeat.
    pub async fn pause_heartbeat(
        &self,
        by: Actor,
        reference: &str,
        paused: bool,
    ) -> Result<Arc<Heartbeat>, CommandError> {
        let reference = reference.to_owned();
        self.command(|reply| HeartbeatCommand::Pause {
            by,
            reference,
            paused,
            reply,
        })
        .await
    }

    /// Removes a heartbeat and its pings; what is open closes.
    ///
    /// # Errors
    /// There is no such heartbeat, or somebody changed it meanwhile.
    pub async fn remove_heartbeat(
        &self,
        by: Actor,
        reference: &str,
        etag: Option<u64>,
    ) -> Result<(), CommandError> {
        let reference = reference.to_owned();
        self.command(|reply| HeartbeatCommand::Remove {
            by,
            reference,
            etag,
            reply,
        })
        .await
    }

    /// Gives a heartbeat another token; the former one counts for `overlap` yet, by default a day.
    ///
    /// # Errors
    /// There is no such heartbeat, the overlap is too long, or the token before the present one
    /// still counts and the overlap is not 0.
    pub async fn rotate_ping_token(
        &self,
        by: Actor,
        reference: &str,
        token: PingToken,
        overlap: Option<Duration>,
    ) -> Result<Arc<Heartbeat>, CommandError> {
        let reference = reference.to_owned();
        self.command(|reply| HeartbeatCommand::Rotate {
            by,
            reference,
            token,
            overlap,
            reply,
        })
        .await
    }

    /// Gives the project another key in ping URLs by slug, or its first.
    ///
    /// # Errors
    /// The engine is stopping.
    pub async fn set_ping_key(&self, by: Actor, key: PingKeyRecord) -> Result<(), CommandError> {
        self.command(|reply| HeartbeatCommand::SetPingKey { by, key, reply })
            .await
    }

    /// Gives the project its first key in ping URLs by slug; answers the one that it has then,
    /// which is another where it had one.
    ///
    /// # Errors
    /// The engine is stopping.
    pub async fn first_ping_key(
        &self,
        by: Actor,
        key: PingKeyRecord,
    ) -> Result<PingKeyRecord, CommandError> {
        self.command(|reply| HeartbeatCommand::FirstPingKey { by, key, reply })
            .await
    }

    /// The project's key in ping URLs by slug.
    #[must_use]
    pub fn ping_key(&self) -> Option<PingKeyRecord> {
        self.directory.read().ping_key().cloned()
    }

    /// A heartbeat by id or name.
    ///
    /// # Errors
    /// There is none.
    pub fn heartbeat(&self, reference: &str) -> Result<Arc<Heartbeat>, CommandError> {
        let found = self.directory.read().heartbeat(reference).cloned();
        found.ok_or_else(|| not_found(Object::Heartbeat, reference))
    }

    /// How some heartbeats stand, or all.
    ///
    /// # Errors
    /// The engine is stopping.
    pub async fn heartbeat_views(
        &self,
        of: Option<Vec<MonitorId>>,
    ) -> Result<HashMap<MonitorId, View>, CommandError> {
        let (reply, answer) = oneshot::channel();
        let message = HeartbeatMessage::Views { of, reply };
        send(&self.heartbeats.mailbox, message).await?;
        let views = answer.await.map_err(|_| CommandError::stopping())?;
        Ok(views.into_iter().collect())
    }

    /// How each heartbeat stands, in brief: what lists sort and count by.
    #[must_use]
    pub const fn heartbeat_board(&self) -> &HeartbeatBoard {
        &self.heartbeats.board
    }

    async fn command<T>(
        &self,
        what: impl FnOnce(oneshot::Sender<Result<T, CommandError>>) -> HeartbeatCommand,
    ) -> Result<T, CommandError> {
        self.fleet(|reply| FleetMessage::Heartbeat(what(reply)))
            .await
    }
}

fn unavailable(error: StoreError) -> CommandError {
    CommandError::Unavailable(error.to_string())
}
