//! What is kept of pings: their numbers, bodies and counts.

use bytes::Bytes;
use vigilmon_common::heartbeat::{BODIES_KEPT, STORED_A_SECOND, Signal};
use vigilmon_common::id::MonitorId;

use super::scene::{Scene, by, every, said, secs};
use super::*;

async fn with_body(scene: &Scene, job: MonitorId, body: &'static str) {
    let reading = scene.engine.begin_ping(job);
    let mut ping = said(Signal::Log);
    ping.body = Some(Bytes::from_static(body.as_bytes()));
    ping.body_size = body.len() as u64;
    scene.engine.ping(reading, ping).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pings_faster_than_they_are_stored_are_counted() {
    let scene = Scene::start().await;
    let job = scene.create("busy", every(60)).await;
    let burst = (0..250).map(|_| scene.ping(job, Signal::Success));
    futures_util::future::join_all(burst).await;
    let pings = scene.engine.pings(job, 1000).await.unwrap();
    let all: u32 = pings.iter().map(|ping| ping.count).sum();
    let lost = 250 - all;
    assert!(
        pings.len() <= 100 && lost <= STORED_A_SECOND,
        "{} {all}",
        pings.len()
    );
    assert_eq!(
        pings[0].n,
        u64::from(STORED_A_SECOND) + 1,
        "the rest is one"
    );
    assert_eq!(pings[0].count, 150);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_bodies_of_the_last_ten_pings_are_kept_over_a_restart() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(3600)).await;
    for _ in 0..BODIES_KEPT + 2 {
        with_body(&scene, job, "rows: 7").await;
    }
    let scene = scene.killed(secs(1)).await;
    with_body(&scene, job, "rows: 8").await;
    let body = async |n| scene.engine.ping_body(job, n).await.unwrap();
    assert_eq!(body(3).await, None);
    assert_eq!(body(4).await.unwrap(), "rows: 7");
    assert_eq!(body(13).await.unwrap(), "rows: 8");
    assert_eq!(body(99).await, None);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_removed_heartbeat_takes_its_pings_along() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    with_body(&scene, job, "rows: 7").await;
    let reading = scene.engine.begin_ping(job);
    let seq = scene.engine.pings(job, 1).await.unwrap()[0].seq;
    scene.ping(job, Signal::Fail).await;
    assert!(scene.only_incident().is_open());
    scene
        .engine
        .remove_heartbeat(by(), "nightly", None)
        .await
        .unwrap();
    assert_eq!(scene.only_incident().resolution, Some(Resolution::Removed));
    let late = scene.finish(reading, Signal::Success).await;
    assert_eq!(late, Err(PingRefusal::Gone));
    assert_eq!(scene.engine.find_ping("nightly"), None);
    assert!(scene.engine.pings(job, 10).await.unwrap().is_empty());
    let history = &scene.stores.history;
    assert_eq!(history.ping_body(seq).await.unwrap(), None);
    assert!(scene.engine.heartbeat_board().read().is_empty());
    let scene = scene.killed(secs(1)).await;
    assert!(scene.engine.heartbeat("nightly").is_err());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_board_learns_of_pings_within_a_second() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(20)).await;
    let at = scene.now();
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(1)).await;
    let brief = scene.engine.heartbeat_board().read()[&job];
    assert_eq!(brief.last_ping, Some(at));
    assert_eq!(brief.due, Some(at + secs(60)));
    scene.stop().await;
}
