//! Pings by slug: to what exists, and to what they make.

use std::sync::Arc;
use std::time::Duration;

use vigilmon_common::heartbeat::Schedule;
use vigilmon_common::name::Name;

use super::scene::Scene;
use crate::engine::{Actor, CREATED_BY, CREATED_BY_SLUG_MAX};
use crate::token;

async fn project_key(scene: &Scene) -> String {
    let (text, record) = token::project_key(&scene.key);
    let set = scene.engine.set_ping_key(Actor::coordinator(), record);
    set.await.unwrap();
    text
}

#[tokio::test]
async fn a_slug_leads_to_the_heartbeat_of_that_name() {
    let scene = Scene::start().await;
    let made = scene.heartbeat("Nightly Cleanup").await;
    let key = project_key(&scene).await;
    let path = format!("/ping/s/{key}/nightly-cleanup");
    assert_eq!(scene.ask("GET", &path).await.status, 200);
    assert_eq!(
        scene.ask("PUT", &format!("{path}/7/?rid=a")).await.status,
        200
    );
    let said: Vec<String> = scene
        .pings(made.id)
        .await
        .iter()
        .map(|p| p.signal.to_string())
        .collect();
    assert_eq!(said, ["success", "exit 7"]);
    let unknown = scene.ask("GET", &format!("/ping/s/{key}/other")).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.body.contains("create=1"), "{unknown:?}");

    // Two of before that was refused.
    let mut same = (*scene.stored("Nightly Cleanup")).clone();
    same.id = scene.heartbeat("other").await.id;
    same.spec.name = Name::parse("nightly.cleanup").unwrap();
    let directory = scene.engine.directory();
    directory.write().put_heartbeat(Arc::new(same));
    let ambiguous = scene.ask("GET", &path).await;
    assert_eq!(ambiguous.status, 409);
    assert!(!ambiguous.body.contains(&key), "{ambiguous:?}");

    let newer = project_key(&scene).await;
    assert_eq!(
        scene.ask("GET", &format!("/ping/s/{key}/other")).await.body,
        "not found"
    );
    let known = scene
        .ask("GET", &format!("/ping/s/{newer}/nightly-cleanup"))
        .await;
    assert_eq!(known.status, 409);
    scene.stop().await;
}

#[tokio::test]
async fn a_ping_makes_its_heartbeat_where_it_asks_for_it() {
    let scene = Scene::start().await;
    let key = project_key(&scene).await;
    let path = format!("/ping/s/{key}/backup-2/start?create=1&rid=a");
    let made = scene.ask("POST", &path).await;
    assert_eq!((made.status, &*made.body), (201, "Created"));
    let again = scene.ask("POST", &path).await;
    assert_eq!((again.status, &*again.body), (200, "OK"));
    let stored = scene.stored("backup-2");
    let day = Duration::from_secs(24 * 3600);
    assert_eq!(stored.spec.schedule, Schedule::Every(day));
    assert_eq!(stored.spec.grace, day / 24);
    assert_eq!(
        stored.spec.labels.get(CREATED_BY.0).map(String::as_str),
        Some(CREATED_BY.1)
    );
    assert_eq!(scene.pings(stored.id).await.len(), 2);
    for (bad, status) in [
        ("Backup?create=1", 400),
        ("a--b?create=1", 400),
        ("new/nonsense?create=1", 400),
        ("new?create=0", 404),
    ] {
        let answer = scene.ask("GET", &format!("/ping/s/{key}/{bad}")).await;
        assert_eq!(answer.status, status, "{bad}");
    }
    assert_eq!(scene.engine.directory().read().heartbeats().count(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn pings_make_only_so_many_heartbeats() {
    let scene = Scene::start().await;
    let key = project_key(&scene).await;
    let make = async |n: usize| {
        let path = format!("/ping/s/{key}/job-{n}?create=1");
        scene.ask("GET", &path).await
    };
    for n in 0..CREATED_BY_SLUG_MAX {
        assert_eq!(make(n).await.status, 201, "{n}");
    }
    let refused = make(CREATED_BY_SLUG_MAX).await;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("100 heartbeats"), "{refused:?}");
    assert_eq!(make(7).await.status, 200, "those that exist go on");
    let by = Actor::coordinator();
    scene
        .engine
        .remove_heartbeat(by, "job-7", None)
        .await
        .unwrap();
    assert_eq!(make(CREATED_BY_SLUG_MAX).await.status, 201, "room was made");
    scene.stop().await;
}
