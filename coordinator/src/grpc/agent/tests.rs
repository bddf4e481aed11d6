//! The agents' door of a whole engine, and agents that tests steer message by message.

use std::net::SocketAddr;

use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::{Channel, Server};
use vigilmon_common::id::{BootId, Epoch, MonitorId};
use vigilmon_common::monitor::draft::{HttpDraft, MonitorDraft};
use vigilmon_common::name::{Name, Region};
use vigilmon_common::outcome::{Outcome, Reason, ReasonCode};
use vigilmon_common::result::{CheckResult, Phases, Run};
use vigilmon_common::session::assignment::Assigned;
use vigilmon_common::session::messages::{
    AgentMessage, Batch, CoordinatorMessage, Hello, Leave, PROTOCOLS, Sync, Target, Waiting,
    Welcome,
};
use vigilmon_common::time::Time;
use vigilmon_proto::convert::session::{
    agent_message_to_wire, batch_to_wire, coordinator_message_from_wire,
};
use vigilmon_proto::v1::agent_service_client::AgentServiceClient;
use vigilmon_proto::v1::agent_service_server::AgentServiceServer;
use vigilmon_runtime::clock::{SharedClock, SystemClock};

use super::*;
use crate::engine::{self, Actor, Nobody, Options};
use crate::metrics::Metrics;
use crate::store::{ResultQuery, Stores, memory};

mod results;
mod sessions;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A coordinator of which only the agents' door is open.
struct House {
    engine: Handle,
    address: SocketAddr,
    clock: SharedClock,
    doors: Supervisor,
}

/// An agent that a test steers message by message.
struct Agent {
    client: AgentServiceClient<Channel>,
    token: String,
    out: mpsc::Sender<v1::AgentMessage>,
    messages: Streaming<v1::CoordinatorMessage>,
    clock: SharedClock,
}

fn region(id: &str) -> Region {
    Region::parse(id).unwrap()
}

fn boot(n: u8) -> BootId {
    BootId::from_bytes([n; 16])
}

impl House {
    async fn build() -> Self {
        Self::build_on(memory::stores(Epoch::from_bytes([1; 16]))).await
    }

    async fn build_on(stores: Stores) -> Self {
        let clock = SystemClock::shared();
        let tasks = Supervisor::new(CancellationToken::new());
        let options = Options {
            stores,
            clock: Arc::clone(&clock),
            notifier: Arc::new(Nobody),
            metrics: Arc::new(Metrics::new()),
            owners: 2,
            public_url: "http://127.0.0.1:8440".to_owned(),
            probe_addresses: None,
            bodies_max: vigilmon_common::heartbeat::BODIES_TOTAL_MAX,
            hearing: engine::Hearing::default(),
        };
        let engine = engine::start(options, &tasks).await.unwrap();
        let doors = Supervisor::new(CancellationToken::new());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = AgentServiceServer::new(AgentDoor::new(engine.clone(), doors.clone()));
        tasks.spawn("door", Policy::Critical, async move {
            let incoming = TcpListenerStream::new(listener);
            Server::builder()
                .add_service(door)
                .serve_with_incoming(incoming)
                .await?;
            Ok(())
        });
        Self {
            engine,
            address,
            clock,
            doors,
        }
    }

    async fn token(&self, of: &str) -> (AgentTokenRecord, String) {
        let by = Actor::coordinator();
        let made = self
            .engine
            .create_agent_token(by, region(of), String::new(), None);
        made.await.unwrap()
    }

    async fn monitor(&self, regions: &[&str]) -> MonitorId {
        let draft = MonitorDraft {
            name: Some("api".to_owned()),
            http: Some(HttpDraft {
                url: Some("https://api.example.org/health".to_owned()),
                ..HttpDraft::default()
            }),
            regions: Some(regions.iter().map(|&r| r.to_owned()).collect()),
            ..MonitorDraft::default()
        };
        let by = Actor::coordinator();
        self.engine.create_monitor(by, draft).await.unwrap().id
    }

    async fn client(&self) -> AgentServiceClient<Channel> {
        let endpoint = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        AgentServiceClient::new(endpoint.connect().await.unwrap())
    }

    async fn dial(&self, token: &str) -> Result<Agent, Status> {
        let mut client = self.client().await;
        let (out, messages) = mpsc::channel(64);
        let messages = client
            .session(bearing(token, ReceiverStream::new(messages)))
            .await?;
        Ok(Agent {
            client,
            token: token.to_owned(),
            out,
            messages: messages.into_inner(),
            clock: Arc::clone(&self.clock),
        })
    }

    /// An agent whose session stands, and what it was welcomed with.
    async fn agent(&self, token: &str, of: &str, boot: BootId) -> (Agent, Welcome) {
        let mut agent = self.dial(token).await.unwrap();
        agent.hello(of, boot).await;
        let CoordinatorMessage::Welcome(welcome) = agent.next().await else {
            panic!("a welcome comes first")
        };
        (agent, welcome)
    }

    async fn stored(&self, monitor: MonitorId) -> usize {
        let query = ResultQuery {
            monitor,
            region: None,
            from: Time::EPOCH,
            to: Time::FAR_FUTURE,
            limit: 100,
        };
        let history = &self.engine.stores().history;
        history.results(&query).await.unwrap().len()
    }
}

impl Agent {
    async fn say(&self, message: &AgentMessage) {
        let wire = agent_message_to_wire(message, self.clock.now());
        self.out.send(wire).await.unwrap();
    }

    async fn hello(&self, of: &str, boot: BootId) {
        let hello = AgentMessage::Hello(Hello {
            name: Name::parse("probe-1").unwrap(),
            boot,
            build: "0.1.0".to_owned(),
            protocols: PROTOCOLS,
            capabilities: vec!["http".to_owned()],
            region: region(of),
            have: None,
            waiting: Waiting::default(),
            clock: self.clock.now(),
        });
        self.say(&hello).await;
    }

    async fn results(&self, first_seq: u64, results: Vec<CheckResult>) {
        let batch = self.batch(first_seq, results);
        self.say(&AgentMessage::Results(batch)).await;
    }

    fn batch(&self, first_seq: u64, results: Vec<CheckResult>) -> Batch {
        Batch {
            first_seq,
            sent: self.clock.now(),
            results,
            unreadable: Vec::new(),
        }
    }

    fn result(&self, monitor: MonitorId, outcome: Outcome) -> CheckResult {
        let started = self.clock.now();
        CheckResult {
            monitor,
            agent: AgentId::from_bytes([0; 16]),
            run: Run::Slot(started),
            meaning: vigilmon_common::monitor::Meaning(1),
            started,
            took: Duration::from_millis(5),
            lateness: Duration::ZERO,
            outcome,
            phases: Phases::default(),
            observation: None,
        }
    }

    async fn try_next(&mut self) -> Result<Option<CoordinatorMessage>, Status> {
        let next = tokio::time::timeout(PATIENCE, self.messages.message()).await;
        let wire = next.expect("a message comes in time")?;
        Ok(wire.map(|wire| coordinator_message_from_wire(wire).unwrap()))
    }

    async fn next(&mut self) -> CoordinatorMessage {
        self.try_next().await.unwrap().expect("the stream goes on")
    }

    /// The next message that `wanted` takes; others pass by.
    async fn until<T>(&mut self, wanted: impl Fn(CoordinatorMessage) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.next().await) {
                return found;
            }
        }
    }

    async fn assignment(&mut self) -> Vec<Assigned> {
        let mut all = Vec::new();
        loop {
            match self.next().await {
                CoordinatorMessage::SnapshotPart(part) => all.extend(part),
                CoordinatorMessage::SnapshotEnd => return all,
                _ => {}
            }
        }
    }

    async fn refusal(&mut self) -> Status {
        loop {
            match self.try_next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without a status"),
                Err(status) => return status,
            }
        }
    }
}

fn bearing<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

fn down() -> Outcome {
    Outcome::Down(Reason::new(
        ReasonCode::HttpStatus,
        "503 Service Unavailable",
    ))
}

fn ack(message: CoordinatorMessage) -> Option<vigilmon_common::session::messages::Ack> {
    match message {
        CoordinatorMessage::Ack(ack) => Some(ack),
        _ => None,
    }
}

fn leave(message: CoordinatorMessage) -> Option<Leave> {
    match message {
        CoordinatorMessage::GoAway { why, .. } => Some(why),
        _ => None,
    }
}
