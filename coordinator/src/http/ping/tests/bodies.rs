//! A ping counts with any body.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vigilmon_common::heartbeat::BODY_KEPT_MAX;

use super::scene::{Answer, PATIENCE, Scene};

#[tokio::test]
async fn a_body_is_kept_whatever_it_calls_itself() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let multipart = "content-type: multipart/form-data; boundary=x\r\ncontent-length: 9\r\n";
    let broken = "content-type: ;;=\\\u{e9}/\r\ncontent-length: 9\r\n";
    let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    let cases: [(&str, &[u8]); 4] = [
        (multipart, b"not parts"),
        (broken, b"\x00\xff\xfe bytes"),
        (chunked, b"4\r\nnot \r\n5\r\nparts\r\n0\r\n\r\n"),
        ("content-length: 0\r\n", b""),
    ];
    for (headers, body) in cases {
        let answer = scene.post(&made, headers, body).await;
        assert_eq!((answer.status, &*answer.body), (200, "OK"), "{headers}");
    }
    let pings = scene.pings(made.id).await;
    let sizes: Vec<u64> = pings.iter().map(|ping| ping.body_size).collect();
    assert_eq!(sizes, [9, 9, 9, 0]);
    let body = async |n| scene.engine.ping_body(made.id, n).await.unwrap();
    assert_eq!(body(2).await.as_deref(), Some(&b"\x00\xff\xfe bytes"[..]));
    assert_eq!(body(3).await.as_deref(), Some(&b"not parts"[..]));
    assert_eq!(body(4).await, None);
    scene.stop().await;
}

#[tokio::test]
async fn a_long_body_is_no_reason_to_refuse() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    for size in [5_000_000, 10_000_000] {
        let headers = format!("content-length: {size}\r\n");
        let answer = scene.post(&made, &headers, &vec![b'x'; size]).await;
        assert_eq!((answer.status, &*answer.body), (200, "OK"));
    }
    let pings = scene.pings(made.id).await;
    let sizes: Vec<u64> = pings.iter().map(|ping| ping.body_size).collect();
    assert_eq!(sizes, [5_000_000, 10_000_000]);
    for ping in &pings {
        let kept = scene.engine.ping_body(made.id, ping.n).await.unwrap();
        assert_eq!(kept.unwrap().len(), BODY_KEPT_MAX);
    }
    let unknown = "POST /ping/nobody HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5000000\r\n\r\n";
    let mut request = unknown.as_bytes().to_vec();
    request.resize(request.len() + 5_000_000, b'x');
    assert_eq!(
        scene.send(&request).await.status,
        404,
        "who sends all hears why"
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_is_told_to() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let mut stream = TcpStream::connect(scene.address).await.unwrap();
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"
        )
    };
    let good = head(&format!("/ping/{}", made.token));
    stream.write_all(good.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"done").await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(Answer::read(&rest).body, "OK");
    let refused = scene.send(head("/ping/nobody").as_bytes()).await;
    assert_eq!(refused.status, 404, "nothing is sent in vain");
    assert_eq!(scene.pings(made.id).await[0].body_size, 4);
    scene.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_has_pinged() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let mut stream = TcpStream::connect(scene.address).await.unwrap();
    let head = format!(
        "POST /ping/{}/fail HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf",
        made.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    let stored = async {
        while scene.pings(made.id).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, stored)
        .await
        .expect("it counts");
    let ping = scene.pings(made.id).await.remove(0);
    assert_eq!(
        (ping.signal.to_string().as_str(), ping.body_size),
        ("fail", 4)
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_keeps_no_ping_waiting() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    tokio::time::pause();
    let answer = scene.post(&made, "content-length: 100\r\n", b"half").await;
    tokio::time::resume();
    assert_eq!((answer.status, &*answer.body), (200, "OK"));
    assert_eq!(answer.header("connection"), Some("close"));
    let ping = scene.pings(made.id).await.remove(0);
    assert_eq!((ping.body_size, ping.body_kept), (4, 4));
    scene.stop().await;
}
