//! A coordinator's engine and gRPC server in this process, reached over a loopback socket.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::metadata::MetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming, async_trait};
use vigilmon_common::id::{AgentId, BootId, Epoch, MonitorId, SessionId};
use vigilmon_common::monitor::Meaning;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::notify::channel::Sealed;
use vigilmon_common::outcome::{Outcome, Reason, ReasonCode};
use vigilmon_common::problem::Problems;
use vigilmon_common::result::{CheckResult, Phases, Run};
use vigilmon_common::session::messages::CheckNow;
use vigilmon_common::time::Time;
use vigilmon_proto::v1;
use vigilmon_proto::v1::agent_service_server::AgentService;
use vigilmon_runtime::clock::SystemClock;
use vigilmon_runtime::supervisor::{Policy, Supervisor};

use crate::engine::{self, Actor, Arrival, Handle, NewApiToken, Nobody, SESSION_QUEUE, ToAgent};
use crate::grpc::{Api, Disk, SealChannels, Surroundings, serve};
use crate::metrics::Metrics;
use crate::secret::SecretKey;
use crate::store::memory;
use crate::visits::SharedVisits;

/// How long anything may take before a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Scene {
    pub(super) engine: Handle,
    pub(super) token: String,
    pub(super) channel: Channel,
    tasks: Supervisor,
}

impl Scene {
    pub(super) async fn start() -> Self {
        let tasks = Supervisor::new(CancellationToken::new());
        let options = engine::Options {
            stores: memory::stores(Epoch::from_bytes([1; 16])),
            clock: SystemClock::shared(),
            notifier: Arc::new(Nobody),
            metrics: Arc::new(Metrics::new()),
            owners: 2,
            public_url: "http://127.0.0.1:8440".to_owned(),
            probe_addresses: None,
            bodies_max: vigilmon_common::heartbeat::BODIES_TOTAL_MAX,
            hearing: engine::Hearing::default(),
        };
        let engine = engine::start(options, &tasks)
            .await
            .expect("memory stores never fail");
        let by = Actor::coordinator();
        let made = engine
            .create_api_token(by, NewApiToken::admin("tester"))
            .await;
        let (_, token) = made.expect("a token");
        let api = Api {
            engine: engine.clone(),
            public_url: "http://127.0.0.1:8440/".into(),
            key: SecretKey::from_bytes(&[7; 32]),
            channels: Arc::new(FakeSeal),
            surroundings: Arc::new(Nothing),
            stop: tasks.stop_token(),
            visits: SharedVisits::default(),
            demo: None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let stop = tasks.stop_token();
        tasks.spawn("grpc", Policy::Critical, async move {
            let incoming = TcpListenerStream::new(listener);
            serve(api, NoAgents, true, incoming, stop.cancelled_owned()).await
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
        let channel = endpoint.connect().await.expect("the server listens");
        Self {
            engine,
            token,
            channel,
            tasks,
        }
    }

    pub(super) fn with_token(&self, token: &str) -> InterceptedService<Channel, Bearer> {
        InterceptedService::new(self.channel.clone(), Bearer(format!("Bearer {token}")))
    }

    pub(super) fn authorized(&self) -> InterceptedService<Channel, Bearer> {
        self.with_token(&self.token)
    }

    /// An agent of a region with a session.
    pub(super) async fn agent(&self, region: &str) -> FakeAgent {
        let region = Region::parse(region).unwrap();
        let by = Actor::coordinator();
        let made = self
            .engine
            .create_agent_token(by, region.clone(), String::new(), None)
            .await;
        let (token, _) = made.unwrap();
        let arrival = Arrival {
            token: token.id,
            name: Name::parse(&format!("{region}-1")).unwrap(),
            region: region.clone(),
            boot: BootId::from_bytes([1; 16]),
            build: "test".to_owned(),
            session: SessionId::from_bytes([2; 16]),
        };
        let id = arrival.agent();
        let (sender, inbox) = mpsc::channel(SESSION_QUEUE);
        self.engine.connect(arrival, sender).await.unwrap();
        FakeAgent {
            id,
            region,
            inbox,
            engine: self.engine.clone(),
        }
    }

    pub(super) async fn stop(self) {
        drop(self.channel);
        assert!(
            self.tasks.shut_down(PATIENCE).await,
            "everything ends when told to"
        );
    }
}

pub(super) struct FakeAgent {
    pub(super) id: AgentId,
    region: Region,
    inbox: mpsc::Receiver<ToAgent>,
    engine: Handle,
}

impl FakeAgent {
    /// Waits for the next request to check.
    pub(super) async fn asked(&mut self) -> CheckNow {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.inbox.recv()).await;
            match next.expect("the engine asks in time") {
                Some(ToAgent::CheckNow(asked)) => return asked,
                Some(_) => {}
                None => panic!("the session was closed"),
            }
        }
    }

    pub(super) fn result(
        &self,
        monitor: MonitorId,
        meaning: Meaning,
        started: Time,
        outcome: Outcome,
    ) -> CheckResult {
        CheckResult {
            monitor,
            agent: self.id,
            run: Run::Slot(started),
            meaning,
            started,
            took: Duration::from_millis(20),
            lateness: Duration::ZERO,
            outcome,
            phases: Phases::default(),
            observation: None,
        }
    }

    pub(super) async fn report(&self, results: Vec<CheckResult>) {
        self.engine
            .results(&self.region, results)
            .await
            .expect("memory stores never fail");
    }
}

pub(super) fn down() -> Outcome {
    let reason = Reason::new(ReasonCode::HttpStatus, "503 Service Unavailable");
    Outcome::Down(reason.with_status(503))
}

/// No relay, and a disk that cannot be asked.
struct Nothing;

#[async_trait]
impl Surroundings for Nothing {
    async fn mail(&self) -> Option<Result<(), String>> {
        None
    }

    fn disk(&self) -> Option<Disk> {
        None
    }
}

/// "Seals" by reversing, so that a leak of the clear text shows.
struct FakeSeal;

impl SealChannels for FakeSeal {
    fn url(&self, kind: &str, url: &str) -> Result<(String, Sealed), Problems> {
        let mut problems = Problems::none();
        if !url.starts_with("http") {
            let remedy = "write it like https://example.com/hook";
            problems.add(format!("{kind}.url"), "is no URL", remedy);
        }
        problems.or(("https://example.com/…".to_owned(), reversed(url)))
    }

    fn webhook_secret(&self, given: Option<&str>) -> Result<(Sealed, Option<String>), Problems> {
        let made = given.is_none().then(|| "whsec_made".to_owned());
        Ok((reversed(given.unwrap_or("whsec_made")), made))
    }

    fn same(&self, one: &Sealed, other: &Sealed) -> bool {
        one == other
    }

    fn email(&self, to: &[String]) -> Result<Vec<String>, Problems> {
        Ok(to.to_vec())
    }
}

fn reversed(text: &str) -> Sealed {
    Sealed(text.bytes().rev().collect())
}

/// No agents come over the wire in these tests.
struct NoAgents;

type Messages<T> = std::pin::Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[async_trait]
impl AgentService for NoAgents {
    type SessionStream = Messages<v1::CoordinatorMessage>;
    async fn session(
        &self,
        _request: Request<Streaming<v1::AgentMessage>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        Err(Status::unavailable("reached"))
    }
    type BackfillStream = Messages<v1::Ack>;
    async fn backfill(
        &self,
        _request: Request<Streaming<v1::BackfillMessage>>,
    ) -> Result<Response<Self::BackfillStream>, Status> {
        Err(Status::unavailable("reached"))
    }
}

#[derive(Clone)]
pub(super) struct Bearer(String);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = MetadataValue::try_from(self.0.as_str()).expect("printable");
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}
