//! Every form of a ping URL by every method, and what is refused.

use vigilmon_common::heartbeat::{HeartbeatDraft, Method, Signal};
use vigilmon_runtime::random;

use super::scene::Scene;
use crate::engine::Actor;
use crate::token;

#[tokio::test]
async fn every_form_by_every_method_counts() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let forms = [
        ("", Signal::Success),
        ("/", Signal::Success),
        ("/start", Signal::Start),
        ("/fail?rid=a", Signal::Fail),
        ("/log/", Signal::Log),
        ("/0", Signal::Exit(0)),
        ("/3?rid=run-7.b_1&x=y", Signal::Exit(3)),
    ];
    let mut expected = Vec::new();
    for before in ["/ping", "/api/heartbeat", "/api/heartbeats"] {
        for (after, signal) in forms {
            for method in [Method::Get, Method::Head, Method::Post, Method::Put] {
                let path = format!("{before}/{}{after}", made.token);
                let answer = scene.ask(method.as_str(), &path).await;
                let body = if method == Method::Head { "" } else { "OK" };
                assert_eq!((answer.status, &*answer.body), (200, body), "{answer:?}");
                assert_eq!(answer.header("cache-control"), Some("no-store"));
                assert_eq!(answer.header("content-length"), Some("2"));
                assert_eq!(answer.header("set-cookie"), None);
                let rid = after.split_once("rid=").map(|(_, rest)| rest);
                let rid = rid.and_then(|rest| rest.split('&').next());
                expected.push((signal, method, rid.map(str::to_owned)));
            }
        }
    }
    let pings = scene.pings(made.id).await;
    let said: Vec<_> = pings
        .iter()
        .map(|ping| {
            (
                ping.signal,
                ping.method,
                ping.rid.as_deref().map(str::to_owned),
            )
        })
        .collect();
    assert_eq!(said, expected[expected.len() - said.len()..]);
    let counted: u32 = pings.iter().map(|ping| ping.count).sum();
    assert_eq!(usize::try_from(counted).unwrap(), expected.len());
    assert!(
        pings
            .iter()
            .all(|ping| ping.from == "127.0.0.1".parse().ok())
    );
    scene.stop().await;
}

#[tokio::test]
async fn what_no_heartbeat_is_known_by_is_not_found_and_not_echoed() {
    let scene = Scene::start().await;
    scene.heartbeat("nightly").await;
    let foreign = random::alphanumeric::<22>();
    let paths = [
        format!("/ping/{foreign}"),
        format!("/ping/{foreign}/start"),
        format!("/ping/{foreign}/nonsense?rid=%20"),
        format!("/api/heartbeats/{foreign}"),
        "/ping/s".to_owned(),
        "/ping/s/start".to_owned(),
        format!("/ping/s/pk_{foreign}/nightly"),
        format!("/ping/s/pk_{foreign}/other?create=1"),
        "/ping/short".to_owned(),
        "/ping/".to_owned(),
    ];
    for path in &paths {
        for method in ["GET", "POST"] {
            let answer = scene.ask(method, path).await;
            assert_eq!((answer.status, &*answer.body), (404, "not found"), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    let unknown = scene.engine.metrics().heartbeats.pings.unknown.get();
    assert_eq!(usize::try_from(unknown).unwrap(), 2 * paths.len());
    scene.stop().await;
}

#[tokio::test]
async fn a_refusal_names_what_is_allowed() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let path = format!("/ping/{}", made.token);
    for method in ["DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
        let answer = scene.ask(method, &path).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), Some("get, head, post, put"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for bad in ["/256", "/done", "/-1", "/start/start"] {
        let answer = scene.ask("GET", &format!("{path}{bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.body.contains("exit code"), "{answer:?}");
    }
    assert!(scene.pings(made.id).await.is_empty());
    assert_eq!(scene.engine.metrics().heartbeats.pings.refused.get(), 8);
    scene.stop().await;
}

#[tokio::test]
async fn a_ping_whose_rid_is_none_counts_without_it_and_is_told() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let path = format!("/ping/{}", made.token);
    let answer = scene.ask("GET", &format!("{path}?rid=")).await;
    assert_eq!((answer.status, &*answer.body), (200, "OK"));
    let long = format!("rid={}", "x".repeat(65));
    for bad in ["rid=a%20b", "rid=2026-11-27T00:35:36+00:00", &long] {
        let answer = scene.ask("GET", &format!("{path}?{bad}")).await;
        let said = "OK; without its rid, which takes 1 to 64 of A-Z a-z 0-9 . _ -";
        assert_eq!((answer.status, &*answer.body), (200, said), "{bad}");
    }
    let pings = scene.pings(made.id).await;
    assert_eq!(pings.len(), 4);
    assert!(pings.iter().all(|ping| ping.rid.is_none()));
    scene.stop().await;
}

#[tokio::test]
async fn where_only_post_counts_links_that_are_looked_at_do_not() {
    let scene = Scene::start().await;
    let draft = HeartbeatDraft {
        post_only: Some(true),
        ..HeartbeatDraft::default()
    };
    let made = scene.heartbeat_with("nightly", draft).await;
    let path = format!("/ping/{}", made.token);
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let answer = scene.ask(method, &path).await;
        let allow = if method == "DELETE" {
            "get, head, post, put"
        } else {
            "post"
        };
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)));
    }
    assert_eq!(scene.ask("POST", &path).await.status, 200);
    assert_eq!(scene.pings(made.id).await.len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn a_replaced_token_counts_as_long_as_it_was_left_to() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    let rotate = async |overlap| {
        let (text, kept) = token::for_pings(&scene.key);
        let by = Actor::coordinator();
        let rotated = scene.engine.rotate_ping_token(by, "nightly", kept, overlap);
        rotated.await.unwrap();
        text
    };
    let status = async |token: &str| scene.ask("GET", &format!("/ping/{token}")).await.status;
    let second = rotate(None).await;
    assert_eq!(
        (status(&made.token).await, status(&second).await),
        (200, 200)
    );
    let third = rotate(Some(std::time::Duration::ZERO)).await;
    assert_eq!((status(&second).await, status(&third).await), (404, 200));
    assert_eq!(status(&made.token).await, 404, "a third one is dropped");
    scene
        .engine
        .remove_heartbeat(Actor::coordinator(), "nightly", None)
        .await
        .unwrap();
    assert_eq!(status(&third).await, 404);
    scene.stop().await;
}

#[tokio::test]
async fn a_ping_to_a_paused_one_is_recorded() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("nightly").await;
    scene
        .engine
        .pause_heartbeat(Actor::coordinator(), "nightly", true)
        .await
        .unwrap();
    let answer = scene.ask("GET", &format!("/ping/{}", made.token)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(scene.pings(made.id).await.len(), 1);
    assert!(scene.stored("nightly").paused);
    scene.stop().await;
}
