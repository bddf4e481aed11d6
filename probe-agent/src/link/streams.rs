//! The two streams of a session, each a task of its own that ends with its handle.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use vigilmon_common::id::SessionId;
use vigilmon_common::session::messages::{Ack, CoordinatorMessage};
use vigilmon_proto::convert::session::{ack_from_wire, coordinator_message_from_wire};
use vigilmon_proto::v1;
use vigilmon_proto::v1::agent_service_client::AgentServiceClient;
use vigilmon_runtime::supervisor::{Policy, Supervisor};

use super::dial::Road;

/// Messages that wait to be sent. Results are bounded by credits far below; a vote summary of the
/// largest assignment fits. A stream that lets more pile up is broken.
const OUTBOUND_MAX: usize = 2048;

/// Something that happened on a stream.
#[derive(Debug)]
pub(crate) struct Event {
    /// On which.
    pub(crate) stream: u64,
    /// What.
    pub(crate) what: Happened,
}

/// What happened on a stream.
#[derive(Debug)]
pub(crate) enum Happened {
    /// The coordinator was reached; the session may begin.
    Opened(AgentServiceClient<Channel>),
    /// A message came.
    Received(Box<CoordinatorMessage>),
    /// The session's stream ended.
    Ended {
        /// The coordinator refused us: token, region or version.
        refused: bool,
        /// Why, for people.
        error: String,
    },
    /// Results on the Backfill stream are settled.
    BackfillAcked(Ack),
    /// The Backfill stream ended.
    BackfillEnded(String),
}

/// The session's stream; dropping it ends it at once.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: u64,
    pub(crate) coordinator: String,
    road: Road,
    client: Option<AgentServiceClient<Channel>>,
    outbound: Option<mpsc::Sender<v1::AgentMessage>>,
    end: CancellationToken,
    _ends_with_this: DropGuard,
}

/// The Backfill stream; dropping it ends it at once.
#[derive(Debug)]
pub(crate) struct Backfill {
    pub(crate) stream: u64,
    outbound: mpsc::Sender<v1::BackfillMessage>,
    end: DropGuard,
}

/// More waits to be sent than a working stream lets pile up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Jammed;

impl Connection {
    /// Dials and runs the session's stream in a task of its own.
    pub(crate) fn open(
        stream: u64,
        road: Road,
        events: mpsc::Sender<Event>,
        supervisor: &Supervisor,
    ) -> Self {
        let (outbound, messages) = mpsc::channel(OUTBOUND_MAX);
        let cancel = CancellationToken::new();
        let connection = Self {
            stream,
            coordinator: road.name(),
            road: road.clone(),
            client: None,
            outbound: Some(outbound),
            end: cancel.clone(),
            _ends_with_this: cancel.clone().drop_guard(),
        };
        supervisor.spawn("agent session", Policy::BestEffort, async move {
            let reporter = Reporter { stream, events };
            let ran = cancel.run_until_cancelled(session(&road, messages, &reporter));
            if let Some(End { refused, error }) = ran.await {
                reporter.tell(Happened::Ended { refused, error }).await;
            }
            Ok(())
        });
        connection
    }

    pub(crate) fn opened(&mut self, client: AgentServiceClient<Channel>) {
        self.client = Some(client);
    }

    pub(crate) fn send(&self, message: v1::AgentMessage) -> Result<(), Jammed> {
        match &self.outbound {
            Some(outbound) => outbound.try_send(message).map_err(|_| Jammed),
            None => Ok(()),
        }
    }

    /// Says that nothing more will be sent; what waits still goes.
    pub(crate) fn finish(&mut self) {
        self.outbound = None;
    }

    /// Opens the Backfill stream beside this one.
    pub(crate) fn backfill(
        &self,
        stream: u64,
        session: SessionId,
        events: mpsc::Sender<Event>,
        supervisor: &Supervisor,
    ) -> Option<Backfill> {
        let client = self.client.clone()?;
        let road = self.road.clone();
        let (outbound, messages) = mpsc::channel(OUTBOUND_MAX);
        let cancel = self.end.child_token();
        let backfill = Backfill {
            stream,
            outbound,
            end: cancel.clone().drop_guard(),
        };
        let open = v1::BackfillOpen {
            session: session.as_bytes().to_vec().into(),
        };
        backfill
            .put(v1::backfill_message::Message::Open(open))
            .expect("an empty queue takes a message");
        supervisor.spawn("agent backfill", Policy::BestEffort, async move {
            let reporter = Reporter { stream, events };
            let ran = cancel.run_until_cancelled(fill_back(&road, client, messages, &reporter));
            if let Some(End { error, .. }) = ran.await {
                reporter.tell(Happened::BackfillEnded(error)).await;
            }
            Ok(())
        });
        Some(backfill)
    }
}

impl Backfill {
    pub(crate) fn send(&self, batch: v1::ResultBatch) -> Result<(), Jammed> {
        self.put(v1::backfill_message::Message::Results(batch))
    }

    /// Says that nothing more will be sent and lets the stream end by itself.
    pub(crate) fn close(self) {
        let _ = self.end.disarm();
    }

    fn put(&self, message: v1::backfill_message::Message) -> Result<(), Jammed> {
        let message = v1::BackfillMessage {
            message: Some(message),
        };
        self.outbound.try_send(message).map_err(|_| Jammed)
    }
}

/// Tells the runner what happens on one stream.
struct Reporter {
    stream: u64,
    events: mpsc::Sender<Event>,
}

impl Reporter {
    async fn tell(&self, what: Happened) {
        let stream = self.stream;
        // An error says that the runner has ended, and nobody cares any more.
        let _ = self.events.send(Event { stream, what }).await;
    }
}

/// How a stream ended.
struct End {
    refused: bool,
    error: String,
}

impl End {
    fn because(error: impl Into<String>) -> Self {
        Self {
            refused: false,
            error: error.into(),
        }
    }
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        // The codes that agent.proto names, and a coordinator that does not know agents at all.
        let refused = [
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::FailedPrecondition,
            Code::InvalidArgument,
            Code::Unimplemented,
        ];
        let error = match status.message() {
            "" => status.code().description().to_owned(),
            message => message.to_owned(),
        };
        Self {
            refused: refused.contains(&status.code()),
            error,
        }
    }
}

async fn session(
    road: &Road,
    messages: mpsc::Receiver<v1::AgentMessage>,
    reporter: &Reporter,
) -> End {
    let mut client = match road.open().await {
        Ok(client) => client,
        Err(error) => return End::because(error),
    };
    // The coordinator may answer the call only after Hello, so this comes first.
    reporter.tell(Happened::Opened(client.clone())).await;
    let request = road.request(ReceiverStream::new(messages));
    let mut inbound = match client.session(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return status.into(),
    };
    loop {
        let wire = match next(&mut inbound).await {
            Ok(wire) => wire,
            Err(end) => return end,
        };
        match coordinator_message_from_wire(wire) {
            Ok(message) => reporter.tell(Happened::Received(Box::new(message))).await,
            Err(invalid) => return End::because(invalid.to_string()),
        }
    }
}

async fn fill_back(
    road: &Road,
    mut client: AgentServiceClient<Channel>,
    messages: mpsc::Receiver<v1::BackfillMessage>,
    reporter: &Reporter,
) -> End {
    let request = road.request(ReceiverStream::new(messages));
    let mut acks = match client.backfill(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return status.into(),
    };
    loop {
        let wire = match next(&mut acks).await {
            Ok(wire) => wire,
            Err(end) => return end,
        };
        match ack_from_wire(wire) {
            Ok(ack) => reporter.tell(Happened::BackfillAcked(ack)).await,
            Err(invalid) => return End::because(invalid.to_string()),
        }
    }
}

async fn next<T>(inbound: &mut Streaming<T>) -> Result<T, End> {
    match inbound.message().await {
        Ok(Some(wire)) => Ok(wire),
        Ok(None) => Err(End::because("the coordinator closed the stream")),
        Err(status) => Err(status.into()),
    }
}
