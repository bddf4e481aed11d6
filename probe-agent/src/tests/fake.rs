//! A coordinator that says what a test tells it to, over real TLS and gRPC on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};
use vigilmon_common::id::{AgentId, Epoch, SessionId};
use vigilmon_common::session::assignment::{Assigned, Position, digest};
use vigilmon_common::session::messages::{Ack, CoordinatorMessage, Sync, Welcome};
use vigilmon_common::time::Time;
use vigilmon_proto::convert::session::coordinator_message_to_wire;
use vigilmon_proto::v1;
use vigilmon_proto::v1::agent_service_server::{AgentService, AgentServiceServer};

/// The token that the fake knows.
pub(crate) const TOKEN: &str = "vta_0123456789abcdef";
/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const QUEUE: usize = 64;

type Outbound<T> = mpsc::Sender<Result<T, Status>>;

/// A stream that an agent opened.
pub(crate) enum Stream {
    Session(Session),
    Backfill(Backfill),
}

/// A session's stream, whose first message was `hello`.
pub(crate) struct Session {
    pub(crate) hello: v1::Hello,
    inbound: Streaming<v1::AgentMessage>,
    outbound: Outbound<v1::CoordinatorMessage>,
}

/// A Backfill stream, whose first message was `open`.
pub(crate) struct Backfill {
    pub(crate) open: v1::BackfillOpen,
    inbound: Streaming<v1::BackfillMessage>,
    outbound: Outbound<v1::Ack>,
}

/// The coordinator.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    pub(crate) ca: Vec<u8>,
    streams: mpsc::Receiver<Stream>,
    _server: JoinSet<()>,
}

struct Service {
    streams: mpsc::Sender<Stream>,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        vigilmon_runtime::tls::install_provider();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let own = rcgen::generate_simple_self_signed(names).unwrap();
        let identity = Identity::from_pem(own.cert.pem(), own.signing_key.serialize_pem());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, streams) = mpsc::channel(QUEUE);
        let mut server = JoinSet::new();
        let service = AgentServiceServer::new(Service { streams: sender });
        server.spawn(async move {
            Server::builder()
                .tls_config(ServerTlsConfig::new().identity(identity))
                .unwrap()
                .add_service(service)
                .serve_with_incoming(TcpListenerStream::new(listener))
                .await
                .unwrap();
        });
        Self {
            address,
            ca: own.cert.pem().into_bytes(),
            streams,
            _server: server,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    async fn stream(&mut self) -> Stream {
        let stream = tokio::time::timeout(PATIENCE, self.streams.recv()).await;
        stream.expect("an agent connects in time").unwrap()
    }

    pub(crate) async fn session(&mut self) -> Session {
        match self.stream().await {
            Stream::Session(session) => session,
            Stream::Backfill(_) => panic!("a session is expected"),
        }
    }

    pub(crate) async fn backfill(&mut self) -> Backfill {
        match self.stream().await {
            Stream::Backfill(backfill) => backfill,
            Stream::Session(_) => panic!("a backfill is expected"),
        }
    }
}

impl Session {
    pub(crate) async fn say(&self, message: CoordinatorMessage) {
        let wire = coordinator_message_to_wire(&message);
        self.outbound.send(Ok(wire)).await.unwrap();
    }

    pub(crate) async fn welcome(&self, sync: Sync) {
        self.say(CoordinatorMessage::Welcome(Welcome {
            session: SessionId::from_bytes([5; 16]),
            agent: AgentId::from_bytes([6; 16]),
            protocol: 1,
            credits: 1000,
            pulse: Duration::from_secs(5),
            epoch: Epoch::from_bytes([7; 16]),
            sync,
            scope: 0,
            assignment_ttl: Duration::from_secs(3600),
            clock: Time::EPOCH,
        }))
        .await;
    }

    /// Hands over a whole assignment as revision 1.
    pub(crate) async fn assign(&self, monitors: Vec<Assigned>) {
        let position = Position {
            scope: 0,
            epoch: Epoch::from_bytes([7; 16]),
            revision: 1,
            digest: digest(&monitors),
        };
        let count = u32::try_from(monitors.len()).unwrap();
        self.say(CoordinatorMessage::SnapshotBegin {
            position,
            monitors: count,
        })
        .await;
        self.say(CoordinatorMessage::SnapshotPart(monitors)).await;
        self.say(CoordinatorMessage::SnapshotEnd).await;
    }

    /// The next message for which `pick` has an answer; others are passed over.
    pub(crate) async fn hear<T>(
        &mut self,
        pick: impl Fn(v1::agent_message::Message) -> Option<T>,
    ) -> T {
        let heard = async {
            loop {
                let message = self.inbound.message().await.expect("the stream stands");
                let message = message.expect("the agent goes on").message.unwrap();
                if let Some(picked) = pick(message) {
                    return picked;
                }
            }
        };
        let heard = tokio::time::timeout(PATIENCE, heard).await;
        heard.expect("the agent speaks in time")
    }

    /// The first result of the next batch; nothing is acked.
    pub(crate) async fn result(&mut self) -> v1::Result {
        self.hear(|message| match message {
            v1::agent_message::Message::Results(batch) => batch.results.into_iter().next(),
            _ => None,
        })
        .await
    }

    /// Settles all results up to `seq`.
    pub(crate) async fn ack(&self, seq: u64) {
        let (refused, credits) = (Vec::new(), 1000);
        let ack = Ack {
            seq,
            refused,
            credits,
        };
        self.say(CoordinatorMessage::Ack(ack)).await;
    }

    /// Waits until the agent has closed its side.
    pub(crate) async fn closed(&mut self) {
        let closed = async { while let Ok(Some(_)) = self.inbound.message().await {} };
        let closed = tokio::time::timeout(PATIENCE, closed).await;
        closed.expect("the agent closes the stream in time");
    }
}

impl Backfill {
    pub(crate) async fn results(&mut self) -> Vec<v1::Result> {
        let message = tokio::time::timeout(PATIENCE, self.inbound.message()).await;
        let message = message.expect("the agent speaks in time").unwrap().unwrap();
        match message.message.unwrap() {
            v1::backfill_message::Message::Results(batch) => batch.results,
            v1::backfill_message::Message::Open(_) => panic!("results are expected"),
        }
    }

    pub(crate) async fn ack(&self, seq: u64) {
        let ack = v1::Ack {
            seq,
            credits: 1000,
            ..v1::Ack::default()
        };
        self.outbound.send(Ok(ack)).await.unwrap();
    }

    pub(crate) async fn closed(&mut self) {
        let end = tokio::time::timeout(PATIENCE, self.inbound.message()).await;
        assert!(
            end.expect("the agent closes the stream in time")
                .unwrap()
                .is_none()
        );
    }
}

fn admit<T>(request: &Request<T>) -> Result<(), Status> {
    let shown = request.metadata().get("authorization");
    let shown = shown.and_then(|value| value.to_str().ok());
    if shown == Some(format!("Bearer {TOKEN}").as_str()) {
        Ok(())
    } else {
        Err(Status::unauthenticated("unknown agent token"))
    }
}

#[tonic::async_trait]
impl AgentService for Service {
    type SessionStream = ReceiverStream<Result<v1::CoordinatorMessage, Status>>;
    type BackfillStream = ReceiverStream<Result<v1::Ack, Status>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        admit(&request)?;
        let mut inbound = request.into_inner();
        let first = inbound.message().await?.and_then(|first| first.message);
        let Some(v1::agent_message::Message::Hello(hello)) = first else {
            return Err(Status::invalid_argument("the first message must be Hello"));
        };
        let (outbound, stream) = mpsc::channel(QUEUE);
        let session = Session {
            hello,
            inbound,
            outbound,
        };
        let _ = self.streams.send(Stream::Session(session)).await;
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn backfill(
        &self,
        request: Request<Streaming<v1::BackfillMessage>>,
    ) -> Result<Response<Self::BackfillStream>, Status> {
        admit(&request)?;
        let mut inbound = request.into_inner();
        let first = inbound.message().await?.and_then(|first| first.message);
        let Some(v1::backfill_message::Message::Open(open)) = first else {
            return Err(Status::invalid_argument("the first message must be open"));
        };
        let (outbound, stream) = mpsc::channel(QUEUE);
        let backfill = Backfill {
            open,
            inbound,
            outbound,
        };
        let _ = self.streams.send(Stream::Backfill(backfill)).await;
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}
