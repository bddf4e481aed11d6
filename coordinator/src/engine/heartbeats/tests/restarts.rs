//! What outlives a stop, and a kill at any point.

use super::scene::{Ends, Scene, every, secs};
use super::*;

#[tokio::test(start_paused = true)]
async fn pings_above_the_checkpoint_are_applied_again() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.pass(secs(10)).await;
    let at = scene.now();
    scene.ping(job, Signal::Start).await;
    scene.ping(job, Signal::Success).await;
    let scene = scene.killed(secs(1)).await;
    let view = scene
        .engine
        .heartbeat_views(None)
        .await
        .unwrap()
        .remove(&job);
    let view = view.unwrap();
    assert_eq!(view.status, HeartbeatStatus::Up);
    assert_eq!((view.last_success, view.pings), (Some(at), 2));
    assert!(view.runs.is_empty() && view.last_run.is_some());
    scene.ping(job, Signal::Success).await;
    let numbers = scene.engine.pings(job, 10).await.unwrap();
    let numbers: Vec<_> = numbers.iter().map(|ping| (ping.seq, ping.n)).collect();
    assert_eq!(numbers, [(3, 3), (2, 2), (1, 1)]);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_shortens_the_log_and_an_orderly_stop_empties_it() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(600)).await;
    for _ in 0..3 {
        scene.ping(job, Signal::Success).await;
    }
    let pinged = async |scene: &Scene| scene.stores.state.load().await.unwrap().pinged;
    assert_eq!(pinged(&scene).await, 0);
    scene.pass(secs(61)).await;
    assert_eq!(pinged(&scene).await, 3);
    scene.ping(job, Signal::Success).await;
    let scene = scene.again(secs(1)).await;
    let state = scene.stores.state.load().await.unwrap();
    assert_eq!(state.pinged, 4);
    assert_eq!(state.heartbeat_durables[&job].n, 4);
    assert_eq!(scene.status(job).await, HeartbeatStatus::Up);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_missed_before_a_kill_alarms_after_it_once() {
    for when in [Ends::BeforeCommit, Ends::AfterCommit] {
        let scene = Scene::start().await;
        scene.channel("ops").await;
        let job = scene.create("nightly", every(60)).await;
        scene.ping(job, Signal::Success).await;
        scene.pass(secs(60)).await;
        scene.state.ends(when);
        scene.pass(secs(5)).await;
        scene
            .until("the commit failed", || scene.has_failed())
            .await;
        assert!(
            scene.told().is_empty(),
            "nothing leaves that is not on the disk"
        );
        let scene = scene.killed(secs(2)).await;
        scene.pass(secs(120)).await;
        let open = scene.only_incident();
        assert_eq!(open.reason.code, ReasonCode::HeartbeatMissed, "{when:?}");
        let state = scene.stores.state.load().await.unwrap();
        assert_eq!(state.rows.len(), 1, "{when:?}");
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_told_before_a_kill_is_not_told_again() {
    for when in [Ends::BeforeCommit, Ends::AfterCommit] {
        let scene = Scene::start().await;
        scene.channel("ops").await;
        let job = scene.create("nightly", every(600)).await;
        scene.state.ends(when);
        let reading = scene.engine.begin_ping(job);
        let answer = scene.finish(reading, Signal::Fail).await;
        assert_eq!(answer, Err(PingRefusal::Stopping), "it was not answered");
        let scene = scene.killed(secs(2)).await;
        assert!(scene.only_incident().is_open());
        let state = scene.stores.state.load().await.unwrap();
        assert_eq!(state.rows.len(), 1, "{when:?}");
        scene.ping(job, Signal::Success).await;
        assert!(!scene.only_incident().is_open());
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_incident_stays_the_same_over_a_restart() {
    let scene = Scene::start().await;
    scene.channel("ops").await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(61)).await;
    let open = scene.only_incident();
    let scene = scene.again(secs(300)).await;
    scene.pass(secs(120)).await;
    assert_eq!(scene.only_incident().id, open.id);
    assert_eq!(scene.status(job).await, HeartbeatStatus::Down);
    assert_eq!(scene.told(), ["incident.opened"]);
    scene.ping(job, Signal::Success).await;
    assert_eq!(scene.told(), ["incident.opened", "incident.resolved"]);
    scene.stop().await;
}
