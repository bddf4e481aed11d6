//! A coordinator's engine and HTTP door in this process, reached over loopback sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::async_trait;
use vigilmon_common::heartbeat::{Heartbeat, HeartbeatDraft, Ping};
use vigilmon_common::id::{ChannelId, Epoch, MonitorId};
use vigilmon_common::notify::channel::Channel;
use vigilmon_common::notify::row::Row;
use vigilmon_runtime::clock::SystemClock;
use vigilmon_runtime::supervisor::{Policy, Supervisor};

use crate::engine::{self, Actor, Handle, Notifier, Waiting};
use crate::http::{Door, Pings, serve};
use crate::metrics::Metrics;
use crate::secret::SecretKey;
use crate::store::memory;
use crate::token;

/// Few: many clients wait for one.
pub(super) const PLACES: usize = 16;
/// How long anything may take before a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Scene {
    pub(super) engine: Handle,
    pub(super) key: SecretKey,
    pub(super) address: SocketAddr,
    tasks: Supervisor,
}

/// A heartbeat and the token of its ping URL.
pub(super) struct Made {
    pub(super) id: MonitorId,
    pub(super) token: String,
}

/// What a request was answered with.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

impl Answer {
    /// Reads what came over a connection: its last answer.
    pub(super) fn read(text: &str) -> Self {
        let text = text.rsplit_once("HTTP/1.").expect("an answer").1;
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        Self {
            status: head[2..5].parse().expect("a status"),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Scene {
    pub(super) async fn start() -> Self {
        let tasks = Supervisor::new(CancellationToken::new());
        let options = engine::Options {
            stores: memory::stores(Epoch::from_bytes([1; 16])),
            clock: SystemClock::shared(),
            notifier: Arc::new(Nobody),
            metrics: Arc::new(Metrics::new()),
            owners: 1,
            public_url: "http://127.0.0.1:8440".to_owned(),
            probe_addresses: None,
            bodies_max: vigilmon_common::heartbeat::BODIES_TOTAL_MAX,
            hearing: engine::Hearing::default(),
        };
        let engine = engine::start(options, &tasks).await.expect("memory stores");
        let key = SecretKey::from_bytes(&[7; 32]);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let pings = Pings::new(engine.clone(), key.clone());
        let door = Door {
            places: PLACES,
            ..Door::new(Router::new(), Some(pings), 256)
        };
        let serve = serve(listener, door, tasks.stop_token());
        tasks.spawn("HTTP server", Policy::Critical, serve);
        Self {
            engine,
            key,
            address,
            tasks,
        }
    }

    /// A heartbeat that wants a ping an hour, unless the draft says otherwise.
    pub(super) async fn heartbeat(&self, name: &str) -> Made {
        self.heartbeat_with(name, HeartbeatDraft::default()).await
    }

    pub(super) async fn heartbeat_with(&self, name: &str, draft: HeartbeatDraft) -> Made {
        let draft = HeartbeatDraft {
            name: Some(name.to_owned()),
            every: draft.every.or(Some(Duration::from_secs(3600))),
            ..draft
        };
        let (text, kept) = token::for_pings(&self.key);
        let by = Actor::coordinator();
        let made = self.engine.create_heartbeat(by, draft, kept).await;
        Made {
            id: made.expect("a good draft").id,
            token: text,
        }
    }

    pub(super) fn stored(&self, name: &str) -> Arc<Heartbeat> {
        self.engine.heartbeat(name).expect("it exists")
    }

    /// Sends these bytes and reads until the other end closes.
    pub(super) async fn send(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let mut answer = Vec::new();
        // A door that has heard enough may answer before all is written.
        let write = async { writer.write_all(request).await };
        let read = reader.read_to_end(&mut answer);
        let both = async { tokio::join!(write, read) };
        let (_, read) = tokio::time::timeout(PATIENCE, both).await.expect("in time");
        read.expect("an answer");
        Answer::read(&String::from_utf8(answer).expect("text"))
    }

    /// Asks for a path without a body.
    pub(super) async fn ask(&self, method: &str, path: &str) -> Answer {
        let length = if method == "POST" || method == "PUT" {
            "content-length: 0\r\n"
        } else {
            ""
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: inner.name\r\n{length}connection: close\r\n\r\n"
        );
        self.send(request.as_bytes()).await
    }

    /// Sends a body to the ping URL of a heartbeat.
    pub(super) async fn post(&self, made: &Made, headers: &str, body: &[u8]) -> Answer {
        let path = format!("/ping/{}", made.token);
        let mut request =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
                .into_bytes();
        request.extend_from_slice(body);
        self.send(&request).await
    }

    /// The pings that are stored, oldest first.
    pub(super) async fn pings(&self, of: MonitorId) -> Vec<Ping> {
        let mut pings = self.engine.pings(of, 100).await.unwrap();
        pings.reverse();
        pings
    }

    pub(super) async fn stop(self) {
        assert!(self.tasks.shut_down(PATIENCE).await, "everything ends");
    }
}

/// Sends no messages.
struct Nobody;

#[async_trait]
impl Notifier for Nobody {
    fn added(&self, _rows: Vec<Row>) {}
    fn channel_changed(&self, _channel: &Channel) {}

    async fn waiting(&self, _channel: ChannelId) -> Option<Vec<Waiting>> {
        Some(Vec::new())
    }
}
