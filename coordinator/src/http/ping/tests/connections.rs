//! Clients of every age and manner.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vigilmon_common::heartbeat::{HeartbeatDraft, HeartbeatStatus};
use vigilmon_runtime::clock::by_timers;

use super::scene::{Answer, PATIENCE, PLACES, Scene};

async fn whole(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("in time")
        .unwrap();
    text
}

#[tokio::test]
async fn a_client_that_closes_its_half_is_answered() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let path = format!("/ping/{}", made.token);
    for request in [
        format!("GET {path} HTTP/1.0\r\n\r\n"),
        format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi"),
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf"),
    ] {
        let mut stream = TcpStream::connect(scene.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        // The end of the connection comes too, although it might be used again.
        let answer = Answer::read(&whole(&mut stream).await);
        assert_eq!((answer.status, &*answer.body), (200, "OK"), "{request}");
    }
    assert_eq!(scene.pings(made.id).await.len(), 4);
    scene.stop().await;
}

#[tokio::test]
async fn many_pings_may_come_over_one_connection() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let mut stream = TcpStream::connect(scene.address).await.unwrap();
    let path = format!("/ping/{}", made.token);
    let old = format!("GET {path} HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    let new = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi");
    let last = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    // One after the other, and all that were sent before the first was answered.
    stream
        .write_all(format!("{old}{new}{new}{last}").as_bytes())
        .await
        .unwrap();
    let text = whole(&mut stream).await;
    assert_eq!(text.matches(" 200 OK").count(), 4, "{text}");
    assert_eq!(scene.pings(made.id).await.len(), 4);
    scene.stop().await;
}

#[tokio::test]
async fn a_client_that_hears_no_answer_has_pinged() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    for _ in 0..50 {
        let mut stream = TcpStream::connect(scene.address).await.unwrap();
        let request = format!("GET /ping/{}/log HTTP/1.1\r\nhost: x\r\n\r\n", made.token);
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
    }
    let stored = async {
        while scene.pings(made.id).await.len() < 50 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, stored)
        .await
        .expect("all of them count");
    scene.stop().await;
}

#[tokio::test]
async fn more_clients_than_places_are_all_served() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let path = format!("/ping/{}/log", made.token);
    let clients = (0..100).map(|_| scene.ask("GET", &path));
    let answers = futures_util::future::join_all(clients).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let pings = &scene.engine.metrics().heartbeats.pings;
    assert_eq!(pings.accepted.get() + pings.thinned.get(), 100);
    scene.stop().await;
}

#[tokio::test]
async fn a_ping_that_knocks_while_every_place_is_taken_is_no_miss() {
    let scene = Scene::start().await;
    let every = Duration::from_secs(1);
    let draft = HeartbeatDraft {
        every: Some(every),
        ..HeartbeatDraft::default()
    };
    let made = scene.heartbeat_with("often", draft).await;
    let path = format!("/ping/{}", made.token);
    let door = &scene.engine.metrics().http;
    assert_eq!(scene.ask("GET", &path).await.status, 200);
    let mut idle = Vec::new();
    while door.full.get() == 0 {
        // Its own connection may have had a place a moment ago.
        assert!(idle.len() <= PLACES + 1);
        idle.push(TcpStream::connect(scene.address).await.unwrap());
        tokio::task::yield_now().await;
    }
    let since = by_timers();
    let knocks = scene.ask("GET", &path);
    let full = async {
        let status = async || {
            let views = scene.engine.heartbeat_views(Some(vec![made.id])).await;
            views.unwrap()[&made.id].status
        };
        while since.elapsed() < every * 3 {
            assert_eq!(status().await, HeartbeatStatus::Up);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        idle.clear();
    };
    let (answer, ()) = tokio::join!(knocks, full);
    assert_eq!(answer.status, 200);
    assert!(
        scene.engine.incidents(false).is_empty(),
        "nobody was alarmed"
    );
    // Whoever is silent while the door has room is missed.
    let missed = async {
        while scene.engine.incidents(true).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, missed)
        .await
        .expect("a miss");
    scene.stop().await;
}

#[tokio::test]
async fn pings_come_over_http_2_too() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .no_proxy();
    let client = client.build().unwrap();
    let url = format!("http://{}/ping/{}", scene.address, made.token);
    let get = client.get(&url).send().await.unwrap();
    assert_eq!(get.version(), http::Version::HTTP_2);
    assert_eq!(get.text().await.unwrap(), "OK");
    let head = client.head(&url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], "2");
    let post = client.post(&url).body("hello").send().await.unwrap();
    assert_eq!(post.status(), 200);
    let sizes: Vec<u64> = scene
        .pings(made.id)
        .await
        .iter()
        .map(|p| p.body_size)
        .collect();
    assert_eq!(sizes, [0, 0, 5]);
    scene.stop().await;
}
