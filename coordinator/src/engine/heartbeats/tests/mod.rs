//! The heartbeat owner within a whole engine, on stores in memory and a clock set by hand.

mod by_hand;
mod deafness;
mod door;
mod downtime;
mod pings;
mod restarts;
mod scene;
mod slugs;

use std::time::Duration;

use vigilmon_common::heartbeat::{HEARD_OUT, HeartbeatStatus, Signal};
use vigilmon_common::incident::Resolution;
use vigilmon_common::outcome::ReasonCode;

use super::PingRefusal;
use scene::{Scene, every, secs};

const MILLI: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_missed_ping_opens_one_incident_and_tells_each_channel_once() {
    let scene = Scene::start().await;
    scene.channel("ops").await;
    scene.channel("dev").await;
    let job = scene.create("nightly", every(60)).await;
    scene.pass(secs(600)).await;
    assert!(
        scene.engine.incidents(false).is_empty(),
        "never pinged: no alarm"
    );
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(60)).await;
    assert!(
        scene.engine.incidents(false).is_empty(),
        "the deadline itself is in time"
    );
    scene.run_out().await;
    let open = scene.only_incident();
    assert_eq!(open.reason.code, ReasonCode::HeartbeatMissed);
    assert_eq!(scene.told(), ["incident.opened", "incident.opened"]);
    assert_eq!(scene.status(job).await, HeartbeatStatus::Down);
    let board = scene.engine.heartbeat_board().read()[&job].status;
    assert_eq!(board, HeartbeatStatus::Down);

    scene.pass(secs(600)).await;
    assert_eq!(scene.told().len(), 2, "once is enough");
    let at = scene.now();
    scene.ping(job, Signal::Success).await;
    let closed = scene.only_incident();
    assert_eq!(closed.resolution, Some(Resolution::Recovered));
    assert_eq!(closed.ended_at, Some(at));
    assert_eq!(
        scene.told()[2..],
        ["incident.resolved", "incident.resolved"]
    );
    let metrics = scene.engine.render_metrics().await.unwrap();
    assert!(
        metrics.contains("vigilmon_heartbeats{status=\"up\"} 1"),
        "{metrics}"
    );
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_ping_in_the_very_millisecond_of_its_deadline_alarms_nobody() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(60)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_waits_for_a_ping_that_is_being_read_and_for_no_longer() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(60)).await;
    let reading = scene.engine.begin_ping(job);
    scene.pass(secs(4)).await;
    assert!(
        scene.engine.incidents(false).is_empty(),
        "its body still comes"
    );
    scene.finish(reading, Signal::Success).await.unwrap();
    scene.pass(secs(50)).await;
    assert!(scene.engine.incidents(false).is_empty());
    assert_eq!(scene.status(job).await, HeartbeatStatus::Up);

    scene.pass(secs(6)).await;
    let reading = scene.engine.begin_ping(job);
    scene.pass(secs(2)).await;
    assert!(scene.engine.incidents(false).is_empty());
    drop(reading);
    scene.pass(secs(1)).await;
    assert_eq!(
        scene.only_incident().reason.code,
        ReasonCode::HeartbeatMissed
    );
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_ping_read_after_all_was_heard_that_knocked_in_time_does_not_hold_a_deadline() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(60)).await;
    let in_time = scene.engine.begin_ping(job);
    scene.run_out().await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.clock.advance(MILLI);
    let reading = scene.engine.begin_ping(job);
    drop(in_time);
    scene.pass(secs(1)).await;
    assert!(scene.only_incident().is_open());
    scene.finish(reading, Signal::Success).await.unwrap();
    assert!(!scene.only_incident().is_open());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_opens_at_once_and_a_run_that_takes_too_long_too() {
    let scene = Scene::start().await;
    let mut draft = every(3600);
    draft.max_run = Some(secs(30));
    let job = scene.create("nightly", draft).await;
    scene.ping(job, Signal::Exit(3)).await;
    let open = scene.only_incident();
    assert_eq!(open.reason.code, ReasonCode::HeartbeatFailed);
    assert_eq!(open.reason.text, "exit code 3");
    scene.ping(job, Signal::Success).await;
    scene.ping(job, Signal::Start).await;
    scene.pass(secs(31)).await;
    let all = scene.engine.incidents(true);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].reason.code, ReasonCode::HeartbeatOverrun);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_stored_and_nobody_wakes_while_there_is_no_heartbeat() {
    let scene = Scene::start().await;
    let before = scene.commits().await;
    tokio::time::sleep(secs(3600)).await;
    assert_eq!(scene.commits().await, before);
    assert_eq!(scene.stores.state.load().await.unwrap().alive, None);
    scene.create("nightly", every(60)).await;
    scene.pass(secs(1)).await;
    assert!(scene.stores.state.load().await.unwrap().alive.is_some());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn more_pings_than_may_wait_are_refused() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    let mut waiting = Vec::new();
    let mut refused = 0;
    for _ in 0..super::MAILBOX + 5 {
        let reading = scene.engine.begin_ping(job);
        let mut ping = Box::pin(scene.finish(reading, Signal::Success));
        tokio::select! {
            biased;
            answer = &mut ping => {
                assert_eq!(answer, Err(PingRefusal::Overloaded));
                refused += 1;
            }
            () = std::future::ready(()) => waiting.push(ping),
        }
    }
    assert_eq!(refused, 5);
    for ping in waiting {
        assert_eq!(ping.await, Ok(()));
    }
    scene.stop().await;
}
