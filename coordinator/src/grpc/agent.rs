//! The agents' door: sessions and backfills, between streams and the engine.
//!
//! A call needs `authorization: Bearer vta_…`: the token is looked up by its digest, the agent's
//! id follows from token and name. What a session decides is
//! [`vigilmon_common::session::coordinator`]'s; here it meets the stream (`stream`) and the
//! engine. Results of a Backfill go to the history alone (`backfill`), so they never vote.
//!
//! # What this module does not do
//! It does not wait for Hello before a call is answered: the answer's headers would wait for the
//! agent and the agent for them. A refusal comes as the stream's status.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};
use vigilmon_common::id::{AgentId, SessionId, TokenId};
use vigilmon_common::session::admission::{Fences, Refusal};
use vigilmon_common::session::coordinator::Judge;
use vigilmon_proto::convert::InvalidMessage;
use vigilmon_proto::v1;
use vigilmon_proto::v1::agent_service_server::AgentService;
use vigilmon_runtime::supervisor::{Policy, Supervisor};

use super::error;
use crate::engine::Handle;
use crate::store::AgentTokenRecord;

mod backfill;
mod stream;

/// Messages that may wait for one stream's writer: a snapshot of 10 000 monitors and a little.
const OUT_QUEUE: usize = 256;
/// How long the first message of a stream may take.
const FIRST_MESSAGE_WAIT: Duration = Duration::from_secs(10);

/// The agents' service.
#[derive(Clone)]
pub struct AgentDoor {
    inner: Arc<Door>,
}

struct Door {
    engine: Handle,
    tasks: Supervisor,
    fences: Mutex<Fences>,
    live: Mutex<HashMap<SessionId, Live>>,
}

/// A session that stands, as far as a Backfill cares.
#[derive(Clone)]
struct Live {
    agent: AgentId,
    token: TokenId,
    /// Asks the session by what results of its agent are judged.
    judge: mpsc::Sender<oneshot::Sender<Judge>>,
}

impl AgentDoor {
    /// A door to `engine`. Its sessions run on `tasks` and end, everything acked that came, when
    /// those are asked to stop.
    #[must_use]
    pub fn new(engine: Handle, tasks: Supervisor) -> Self {
        Self {
            inner: Arc::new(Door {
                engine,
                tasks,
                fences: Mutex::default(),
                live: Mutex::default(),
            }),
        }
    }
}

impl Door {
    fn token(&self, metadata: &MetadataMap) -> Result<AgentTokenRecord, Status> {
        let header = metadata.get("authorization").ok_or_else(|| {
            error::unauthenticated("this call needs `authorization: Bearer vta_…`")
        })?;
        header
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, token)| self.engine.agent_token(token.trim()))
            .ok_or_else(|| {
                error::unauthenticated(
                    "this agent token is unknown, expired or revoked; \
                     make one with `vigilmon agent token add`",
                )
            })
    }

    fn fences(&self) -> MutexGuard<'_, Fences> {
        // A panic under this lock leaves a table that is still whole.
        self.fences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> MutexGuard<'_, HashMap<SessionId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tonic::async_trait]
impl AgentService for AgentDoor {
    type SessionStream = ReceiverStream<Result<v1::CoordinatorMessage, Status>>;
    type BackfillStream = ReceiverStream<Result<v1::Ack, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let token = self.inner.token(request.metadata())?;
        let (out, messages) = mpsc::channel(OUT_QUEUE);
        let serve = stream::serve(Arc::clone(&self.inner), token, request.into_inner(), out);
        let tasks = &self.inner.tasks;
        tasks.spawn("agent session", Policy::BestEffort, async move {
            serve.await;
            Ok(())
        });
        Ok(Response::new(ReceiverStream::new(messages)))
    }

    async fn backfill(
        &self,
        request: Request<Streaming<v1::BackfillMessage>>,
    ) -> Result<Response<Self::BackfillStream>, Status> {
        let token = self.inner.token(request.metadata())?;
        let (out, acks) = mpsc::channel(OUT_QUEUE);
        let serve = backfill::serve(Arc::clone(&self.inner), token, request.into_inner(), out);
        let tasks = &self.inner.tasks;
        tasks.spawn("agent backfill", Policy::BestEffort, async move {
            serve.await;
            Ok(())
        });
        Ok(Response::new(ReceiverStream::new(acks)))
    }
}

/// The first message of a stream, in time.
async fn first<T>(inbound: &mut Streaming<T>, what: &str) -> Result<T, Status> {
    match tokio::time::timeout(FIRST_MESSAGE_WAIT, inbound.message()).await {
        Ok(Ok(Some(message))) => Ok(message),
        Ok(Ok(None)) => Err(Status::cancelled(
            "the stream ended before its first message",
        )),
        Ok(Err(status)) => Err(status),
        Err(_) => Err(Status::deadline_exceeded(format!(
            "{what} did not come within {} s",
            FIRST_MESSAGE_WAIT.as_secs()
        ))),
    }
}

fn refused(refusal: &Refusal) -> Status {
    match refusal {
        Refusal::WrongRegion { .. } => error::denied(refusal.to_string(), ""),
        Refusal::NoCommonProtocol { .. } | Refusal::Replaced => {
            Status::failed_precondition(refusal.to_string())
        }
    }
}

fn malformed(invalid: &InvalidMessage) -> Status {
    Status::invalid_argument(invalid.to_string())
}

#[cfg(test)]
mod tests;
