//! Clients that are in no hurry, and such as never will be.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use vigilmon_runtime::clock::by_timers;

use super::*;

/// More than sockets keep on their way.
const LARGE: usize = 64 << 20;
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
/// How a client of HTTP/2 begins: the preface, and settings that change nothing.
const TWO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The same, and takes not a byte of any answer.
const TWO_SHUT: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\0";
/// Asks for `/` there: GET, http, the path, and the authority `x`.
const TWO_GET: &[u8] = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01x";

struct Scene {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinSet<anyhow::Result<()>>,
    counters: Arc<HttpDoor>,
}

impl Scene {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hello = |ConnectInfo(Peer(peer)): ConnectInfo<Peer>| async move { peer.to_string() };
        let silent = || async {
            Sse::new(futures_util::stream::pending::<Result<Event, Infallible>>())
                .keep_alive(KeepAlive::default())
        };
        let router = Router::new()
            .route("/", get(hello))
            .route("/large", get(|| async { vec![0_u8; LARGE] }))
            .route("/live", get(silent))
            .route("/form", post(|body: String| async move { body }));
        let stop = CancellationToken::new();
        let door = Door::new(router, None, 64);
        let counters = Arc::clone(&door.counters);
        let mut served = JoinSet::new();
        served.spawn(serve(listener, door, stop.clone()));
        Self {
            address,
            stop,
            served,
            counters,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(mut self) {
        self.stop.cancel();
        let ended = timeout(IDLE_MAX * 2, self.served.join_next()).await;
        ended.expect("in time").unwrap().unwrap().unwrap();
    }
}

/// Reads until the end of an answer.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"127.0.0.1") {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0, "{text:?}");
    }
    String::from_utf8(text).unwrap()
}

/// How long a client is kept that says how it begins, and then only that it is still there.
async fn kept(mut stream: TcpStream, beginning: &[&[u8]]) -> Duration {
    let since = by_timers();
    stream.write_all(&beginning.concat()).await.unwrap();
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let [_, more, less, kind, flags, ..] = head;
        let mut rest = vec![0; usize::from(u16::from_be_bytes([more, less]))];
        stream.read_exact(&mut rest).await.unwrap();
        // A ping, which is no answer to one, is answered.
        if (kind, flags) == (6, 0) {
            head[4] = 1;
            let pong = [&head[..], &rest].concat();
            if stream.write_all(&pong).await.is_err() {
                break;
            }
        }
    }
    since.elapsed()
}

#[tokio::test]
async fn a_request_is_answered_and_its_peer_is_known() {
    let scene = Scene::start().await;
    let mut stream = scene.connect().await;
    stream.write_all(GET).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("content-length: 9"), "{answer}");
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_no_head_comes_ends() {
    let scene = Scene::start().await;
    for beginning in [&b""[..], b"PRI * HT", b"GET / HT", TWO] {
        let mut stream = scene.connect().await;
        stream.write_all(beginning).await.unwrap();
        let mut rest = Vec::new();
        let read = timeout(HEAD_WITHIN * 2, stream.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "{beginning:?}");
    }
    scene.stop().await;
}

/// How long a client is kept that says how it begins, and then a byte now and again.
async fn kept_trickling(mut stream: TcpStream, beginning: &str) -> (Duration, String) {
    let since = by_timers();
    stream.write_all(beginning.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let trickle = async {
        loop {
            sleep(HEAD_WITHIN / 3).await;
            if writer.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut text = Vec::new();
    tokio::select! {
        _ = reader.read_to_end(&mut text) => {}
        () = trickle => {}
    }
    let text = String::from_utf8(text).unwrap();
    (since.elapsed(), text)
}

#[tokio::test(start_paused = true)]
async fn who_trickles_is_not_silent_and_has_its_place_no_longer_all_the_same() {
    let scene = Scene::start().await;
    let first = scene.connect().await;
    let (head, text) = kept_trickling(first, "GET / HTTP/1.1\r\nhost: x\r\nfill: ").await;
    assert!(head <= HEAD_WITHIN + HEAD_WITHIN / 3, "{head:?}: {text}");
    assert_eq!(scene.counters.late.get(), 1);

    let mut next = scene.connect().await;
    next.write_all(GET).await.unwrap();
    answer(&mut next).await;
    let (head, text) = kept_trickling(next, "GET / HTTP/1.1\r\nfill: ").await;
    assert!(head <= HEAD_WITHIN + HEAD_WITHIN / 3, "{head:?}: {text}");
    assert_eq!(scene.counters.late.get(), 2);

    let form = "POST /form HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n";
    let (body, text) = kept_trickling(scene.connect().await, form).await;
    assert!(body >= BODY_WITHIN, "{body:?}: {text}");
    assert!(body <= BODY_WITHIN + HEAD_WITHIN, "{body:?}: {text}");
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    assert_eq!(scene.counters.late_bodies.get(), 1);

    let unread = "POST /live HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n";
    let (body, text) = kept_trickling(scene.connect().await, unread).await;
    assert!(body <= BODY_WITHIN, "{body:?}: {text}");
    assert!(text.starts_with("HTTP/1.1 405"), "{text}");
    let open = || scene.counters.connections.get() > 0;
    while open() {
        tokio::task::yield_now().await;
    }
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn requests_may_come_as_long_as_a_head_may_take_after_each_other() {
    let scene = Scene::start().await;
    let mut stream = scene.connect().await;
    for _ in 0..20 {
        stream.write_all(GET).await.unwrap();
        answer(&mut stream).await;
        sleep(HEAD_WITHIN * 9 / 10).await;
    }
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_ends() {
    let scene = Scene::start().await;
    let mut stream = scene.connect().await;
    let large = b"GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(large).await.unwrap();
    sleep(IDLE_MAX * 2).await;
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!rest.is_empty() && rest.len() < LARGE, "{}", rest.len());

    let mut stream = scene.connect().await;
    let asks = async { while stream.write_all(&GET.repeat(1000)).await.is_ok() {} };
    let asked = timeout(IDLE_MAX * 2, asks).await;
    assert!(asked.is_ok(), "answers to requests of which no end is");
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_open_stays_open() {
    let scene = Scene::start().await;
    let live = b"GET /live HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut stream = scene.connect().await;
    stream.write_all(live).await.unwrap();
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    let hour = Duration::from_secs(3600);
    assert!(timeout(hour, read).await.is_err(), "{text}");
    drop(stream);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_only_says_to_be_there_is_not_kept() {
    let scene = Scene::start().await;
    let none = kept(scene.connect().await, &[TWO]).await;
    assert!(none >= HEAD_WITHIN && none < HEAD_WITHIN * 2, "{none:?}");
    let one = kept(scene.connect().await, &[TWO, TWO_GET]).await;
    assert!(one >= QUIET_MAX && one < QUIET_MAX + HEAD_WITHIN, "{one:?}");
    let shut = kept(scene.connect().await, &[TWO_SHUT, TWO_GET]).await;
    assert!(shut >= QUIET_MAX && shut <= QUIET_MAX * 3, "{shut:?}");
    scene.stop().await;
}

#[tokio::test]
async fn heads_are_as_long_as_documented() {
    let scene = Scene::start().await;
    let head = |long: usize| {
        let mut head = b"GET / HTTP/1.1\r\nhost: x\r\nfill: ".to_vec();
        head.resize(long, b'x');
        head
    };
    let mut stream = scene.connect().await;
    let mut long = head(BUFFER_MAX - 8);
    long.extend_from_slice(b"\r\n\r\n");
    stream.write_all(&long).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200"));

    let mut stream = scene.connect().await;
    stream.write_all(&head(BUFFER_MAX)).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 431"), "{text}");
    scene.stop().await;
}
