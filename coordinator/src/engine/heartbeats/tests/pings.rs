//! What is kept of pings: their numbers, bodies and counts.

use bytes::Bytes;
use vigilmon_common::heartbeat::{BODIES_KEPT, RUNS_MAX, STORED_A_SECOND, Signal, View};
use vigilmon_common::id::MonitorId;

use super::scene::{Scene, by, every, said, secs};
use super::*;
use crate::store::DataDir;

async fn view(scene: &Scene, job: MonitorId) -> View {
    let mut views = scene.engine.heartbeat_views(Some(vec![job])).await.unwrap();
    views.remove(&job).unwrap()
}

async fn with_body(scene: &Scene, job: MonitorId, body: &'static str) {
    let reading = scene.engine.begin_ping(job);
    let mut ping = said(Signal::Log);
    ping.body = Some(Bytes::from_static(body.as_bytes()));
    ping.body_size = body.len() as u64;
    scene.engine.ping(reading, ping).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pings_faster_than_they_are_stored_one_by_one_are_counted() {
    let scene = Scene::start().await;
    let job = scene.create("busy", every(60)).await;
    let burst = (0..250).map(|_| scene.ping(job, Signal::Success));
    futures_util::future::join_all(burst).await;
    let pings = scene.engine.pings(job, 1000).await.unwrap();
    let limit = u64::from(STORED_A_SECOND);
    assert_eq!((pings[0].n, pings[0].count), (limit + 1, 150));
    assert_eq!(view(&scene, job).await.pings, 250);
    let counted = &scene.engine.metrics().heartbeats.pings;
    assert_eq!(
        (counted.accepted.get(), counted.thinned.get()),
        (limit, 150)
    );
    scene.stop().await;
}

/// Groups of pings, each with runs of their own, in one second of the clock.
async fn groups(scene: &Scene, job: MonitorId) {
    for group in 0..GROUPS {
        let burst = (0..GROUP).map(|n| {
            let signals = [Signal::Start, Signal::Success, Signal::Exit(0), Signal::Log];
            let mut ping = said(signals[n % signals.len()]);
            ping.rid = Some(format!("run-{group}-{}", n / 2).into());
            scene.engine.ping(scene.engine.begin_ping(job), ping)
        });
        let answers = futures_util::future::join_all(burst).await;
        assert!(answers.iter().all(Result::is_ok));
        scene.clock.advance(20 * MILLI);
    }
}

const GROUPS: usize = 40;
const GROUP: usize = 60;

#[tokio::test]
async fn a_second_has_so_many_rows_on_the_disk_and_a_kill_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let scene = Scene::start_on(&data).await;
    let mut draft = every(60);
    draft.max_run = Some(secs(30));
    let job = scene.create("busy", draft).await;
    groups(&scene, job).await;
    scene.ping(job, Signal::Success).await;
    let before = view(&scene, job).await;
    let rows = scene.engine.pings(job, 1000).await.unwrap();
    let all = GROUPS * GROUP + 1;
    assert_eq!(before.pings, all as u64);
    let newest = rows.iter().map(|row| row.n).max().unwrap();
    // The clock went through parts of so many seconds.
    let bound = 2 * (u64::from(STORED_A_SECOND) + 4 + 2 * RUNS_MAX as u64);
    assert!((rows.len() as u64..=bound).contains(&newest), "{newest}");
    let counted = &scene.engine.metrics().heartbeats.pings;
    let (accepted, thinned) = (counted.accepted.get(), counted.thinned.get());
    assert_eq!(accepted + thinned, all as u64);
    assert!(accepted <= bound, "{accepted} of {all}");
    let logged = scene.stores.history.replay_pings(0, usize::MAX).await;
    let logged = logged.unwrap().len();
    assert!(logged <= usize::try_from(accepted).unwrap() + 4 * (GROUPS + 1));

    let scene = scene.killed_on(&data).await;
    assert_eq!(view(&scene, job).await, before);
    assert_eq!(scene.engine.pings(job, 1000).await.unwrap(), rows);
    scene.ping(job, Signal::Success).await;
    assert_eq!(view(&scene, job).await.pings, all as u64 + 1);
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
async fn when_all_bodies_take_too_much_the_oldest_goes_and_is_counted_also_after_a_kill() {
    let body = async |scene: &Scene, job, n| scene.engine.ping_body(job, n).await.unwrap();
    let dropped = async |scene: &Scene| {
        let metrics = scene.engine.render_metrics().await.unwrap();
        let name = "vigilmon_heartbeat_bodies_dropped_total ";
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().to_owned()
    };
    let scene = Scene::start_with_room(20).await;
    let nightly = scene.create("nightly", every(3600)).await;
    let hourly = scene.create("hourly", every(3600)).await;
    with_body(&scene, nightly, "rows: 1").await;
    let oldest = scene.engine.pings(nightly, 1).await.unwrap()[0].seq;
    with_body(&scene, hourly, "rows: 2").await;
    assert_eq!(dropped(&scene).await, "0");
    with_body(&scene, hourly, "rows: 3").await;
    assert_eq!(body(&scene, nightly, 1).await, None);
    let history = &scene.stores.history;
    assert_eq!(history.ping_body(oldest).await.unwrap(), None, "it is gone");
    assert_eq!(body(&scene, hourly, 1).await.unwrap(), "rows: 2");
    assert_eq!(body(&scene, hourly, 2).await.unwrap(), "rows: 3");
    assert_eq!(dropped(&scene).await, "1");

    let scene = scene.killed(secs(1)).await;
    assert_eq!(dropped(&scene).await, "0", "what is gone does not go again");
    with_body(&scene, nightly, "rows: 4").await;
    assert_eq!(body(&scene, hourly, 1).await, None);
    assert_eq!(body(&scene, hourly, 2).await.unwrap(), "rows: 3");
    assert_eq!(body(&scene, nightly, 2).await.unwrap(), "rows: 4");
    assert_eq!(dropped(&scene).await, "1");
    let scene = scene.again(secs(1)).await;
    with_body(&scene, nightly, "rows: 5").await;
    assert_eq!(body(&scene, hourly, 2).await, None);
    assert_eq!(dropped(&scene).await, "1");
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
