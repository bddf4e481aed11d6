//! Receivers on real sockets for the tests of this module.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use vigilmon_common::id::ChannelId;
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::{Channel, ChannelKind, Sealed};
use vigilmon_common::notify::plan::test_row;
use vigilmon_common::notify::row::Row;
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::{Stopwatch, SystemClock};

use crate::secret::SecretKey;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `what` gives something.
pub(super) async fn wait_for<T>(name: &str, mut what: impl FnMut() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(watch.elapsed() < PATIENCE, "{name} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) fn now() -> Time {
    SystemClock::shared().now()
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// How a receiver answers its next request; without a plan with 204.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) after: Duration,
}

impl Planned {
    pub(super) fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            after: Duration::ZERO,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Desk(Arc<Mutex<(VecDeque<Planned>, Vec<Received>)>>);

/// An HTTP server that keeps what it gets.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    desk: Desk,
    _task: JoinSet<()>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Desk::default();
        let router = Router::new().fallback(answer).with_state(desk.clone());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            desk,
            _task: task,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook?key=hidden", self.address)
    }

    pub(super) fn plan(&self, plan: impl IntoIterator<Item = Planned>) {
        self.desk.0.lock().unwrap().0.extend(plan);
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.desk.0.lock().unwrap().1.clone()
    }
}

async fn answer(
    State(desk): State<Desk>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.to_string();
    let planned = {
        let mut desk = desk.0.lock().unwrap();
        desk.1.push(Received {
            path,
            headers,
            body,
        });
        desk.0.pop_front().unwrap_or_else(|| Planned::status(204))
    };
    tokio::time::sleep(planned.after).await;
    let status = StatusCode::from_u16(planned.status).unwrap();
    let mut response = (status, planned.body).into_response();
    for (name, value) in planned.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// A mail as the relay got it.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) data: String,
}

/// A plain SMTP relay: as much of the protocol as a client without extensions needs.
pub(super) struct Relay {
    pub(super) port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
    refusals: Arc<Mutex<VecDeque<&'static str>>>,
    _task: JoinSet<()>,
}

impl Relay {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let refusals = Arc::new(Mutex::new(VecDeque::new()));
        let mut task = JoinSet::new();
        let (kept, refuse) = (Arc::clone(&taken), Arc::clone(&refusals));
        task.spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                sessions.spawn(serve(stream, Arc::clone(&kept), Arc::clone(&refuse)));
            }
        });
        Self {
            port,
            taken,
            refusals,
            _task: task,
        }
    }

    /// The next recipient is refused with this line.
    pub(super) fn refuse(&self, line: &'static str) {
        self.refusals.lock().unwrap().push_back(line);
    }

    pub(super) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }
}

async fn serve(
    stream: TcpStream,
    taken: Arc<Mutex<Vec<Taken>>>,
    refusals: Arc<Mutex<VecDeque<&'static str>>>,
) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 relay ESMTP\r\n").await.unwrap();
    let mut mail = Taken::default();
    while let Ok(Some(line)) = lines.next_line().await {
        let word = line.split([' ', ':']).next().unwrap_or_default();
        let reply = match word.to_ascii_uppercase().as_str() {
            "EHLO" => "250-relay\r\n250 8BITMIME",
            "MAIL" => {
                mail.from = line;
                "250 ok"
            }
            "RCPT" => match refusals.lock().unwrap().pop_front() {
                Some(refusal) => refusal,
                None => {
                    mail.to.push(line);
                    "250 ok"
                }
            },
            "DATA" => {
                write.write_all(b"354 go on\r\n").await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await
                    && line != "."
                {
                    mail.data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.data.push('\n');
                }
                taken.lock().unwrap().push(std::mem::take(&mut mail));
                "250 taken"
            }
            "RSET" | "NOOP" => "250 ok",
            "QUIT" => "221 bye",
            _ => "500 what",
        };
        if write
            .write_all(format!("{reply}\r\n").as_bytes())
            .await
            .is_err()
        {
            return;
        }
    }
}

pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(super) fn key() -> SecretKey {
    SecretKey::from_bytes(&[3; 32])
}

pub(super) fn channel_id(n: u8) -> ChannelId {
    ChannelId::from_bytes([n; 16])
}

pub(super) fn channel(n: u8, kind: ChannelKind) -> Channel {
    Channel {
        id: channel_id(n),
        name: Name::parse(&format!("channel-{n}")).unwrap(),
        kind,
        fallback: None,
        disabled: None,
        created_at: Time::EPOCH,
        version: 1,
    }
}

pub(super) fn webhook_channel(n: u8, url: &str) -> Channel {
    let kind = ChannelKind::Webhook {
        shown: String::new(),
        url: Sealed(key().seal(url.as_bytes())),
        secret: Sealed(key().seal(SECRET.as_bytes())),
    };
    channel(n, kind)
}

/// A row about an incident's beginning. Of each `id` another incident.
pub(super) fn row(id: u64, channel: u8) -> Row {
    use vigilmon_common::id::IncidentId;
    use vigilmon_common::notify::row::RowSubject;
    let mut incident = [0; 16];
    incident[..8].copy_from_slice(&id.to_be_bytes());
    Row {
        subject: RowSubject::Incident(IncidentId::from_bytes(incident)),
        key: format!("msg_{id}_{channel}"),
        event: "incident.opened".to_owned(),
        body: include_str!("testkit/opened.json").trim_end().to_owned(),
        ..test_row(channel_id(channel), "", id, now())
    }
}
