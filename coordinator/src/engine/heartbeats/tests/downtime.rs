//! Our own downtime: what we could not hear is no alarm, and is said.

use std::sync::Arc;

use vigilmon_common::incident::{Incident, Subject};

use super::scene::{Scene, by, every, secs};
use super::*;

fn own_downtime(scene: &Scene) -> Option<Arc<Incident>> {
    let mut all = scene.engine.incidents(true);
    all.retain(|one| one.reason.code == ReasonCode::OwnDowntime);
    assert!(all.len() <= 1, "one at a time");
    all.pop()
}

fn affected(incident: &Incident) -> Vec<String> {
    match &incident.subject {
        Subject::System(facts) => facts.affected.clone(),
        Subject::Monitor(_) => panic!("a system incident"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_due_while_we_were_down_is_listed_and_alarms_nobody() {
    let scene = Scene::start().await;
    scene.channel("ops").await;
    let job = scene.create("nightly", every(60)).await;
    scene.create("other", every(3600)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(20)).await;
    let scene = scene.killed(secs(300)).await;
    scene.run_out().await;
    scene
        .until("it is listed", || own_downtime(&scene).is_some())
        .await;
    let incident = own_downtime(&scene).unwrap();
    assert_eq!(affected(&incident), ["nightly"]);
    assert!(
        incident.reason.text.contains("1 heartbeat was due then"),
        "{}",
        incident.reason.text
    );
    assert_eq!(scene.engine.incidents(true).len(), 1, "no alarm beside it");
    assert_eq!(scene.told(), ["system.opened"]);

    let scene = scene.again(secs(1)).await;
    assert_eq!(own_downtime(&scene).unwrap().id, incident.id);
    scene.ping(job, Signal::Success).await;
    scene.settle().await;
    scene
        .until("it is over", || own_downtime(&scene).is_none())
        .await;
    scene.pass(secs(62)).await;
    let missed = scene.engine.incidents(true);
    assert_eq!(missed.len(), 1, "the next one counts again");
    assert_eq!(missed[0].reason.code, ReasonCode::HeartbeatMissed);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_joins_later_is_added_without_another_message() {
    let scene = Scene::start().await;
    scene.channel("ops").await;
    let first = scene.create("first", every(60)).await;
    let second = scene.create("second", every(90)).await;
    for job in [first, second] {
        scene.ping(job, Signal::Success).await;
    }
    scene.pass(secs(30)).await;
    // The spell lies in the second half of both allowances, and ends before the second is due.
    let scene = scene.killed(secs(45)).await;
    scene.run_out().await;
    scene
        .until("the first is listed", || own_downtime(&scene).is_some())
        .await;
    let incident = own_downtime(&scene).unwrap();
    assert_eq!(affected(&incident), ["first"]);
    scene.pass(secs(20)).await;
    scene
        .until("the second joins", || {
            own_downtime(&scene).is_some_and(|i| affected(&i).len() == 2)
        })
        .await;
    assert_eq!(own_downtime(&scene).unwrap().id, incident.id);
    assert_eq!(scene.told(), ["system.opened"]);
    let stored = scene.stores.state.load().await.unwrap();
    assert_eq!(
        affected(&stored.incidents[&incident.id]),
        ["first", "second"]
    );

    scene
        .engine
        .pause_heartbeat(by(), "first", true)
        .await
        .unwrap();
    scene
        .engine
        .remove_heartbeat(by(), "second", None)
        .await
        .unwrap();
    scene.settle().await;
    scene
        .until("both left", || own_downtime(&scene).is_none())
        .await;
    assert_eq!(scene.told(), ["system.opened", "system.resolved"]);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_closed_by_hand_opens_again_only_for_who_joins_later() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(20)).await;
    let scene = scene.killed(secs(300)).await;
    scene.run_out().await;
    scene
        .until("it is listed", || own_downtime(&scene).is_some())
        .await;
    let id = own_downtime(&scene).unwrap().id;
    scene.pass(secs(1)).await;
    scene.engine.resolve(by(), id, true).await.unwrap();
    let scene = scene.again(secs(1)).await;
    assert!(scene.engine.answers().await);
    assert!(own_downtime(&scene).is_none());
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_short_restart_moves_the_deadline_by_its_length() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(50)).await;
    let scene = scene.again(secs(20)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.pass(secs(10)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.run_out().await;
    assert_eq!(
        scene.only_incident().reason.code,
        ReasonCode::HeartbeatMissed
    );
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_forward_alarms_nobody_and_one_set_back_keeps_periods() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(10)).await;
    scene.clock.step(600_000);
    scene.settle().await;
    // A clock that was set is a stall at first sight.
    scene.pass(secs(8)).await;
    scene
        .until("it is listed", || own_downtime(&scene).is_some())
        .await;
    assert_eq!(scene.engine.incidents(true).len(), 1);
    scene.ping(job, Signal::Success).await;
    scene.settle().await;
    scene
        .until("it is over", || own_downtime(&scene).is_none())
        .await;

    scene.pass(secs(10)).await;
    scene.clock.step(-3_600_000);
    scene.pass(secs(50)).await;
    assert!(scene.engine.incidents(true).is_empty());
    scene.run_out().await;
    let open = scene.engine.incidents(true);
    assert_eq!(open.len(), 1, "a period waits no longer for the clock");
    assert_eq!(open[0].reason.code, ReasonCode::HeartbeatMissed);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn however_many_are_listed_there_is_one_message_that_counts_them() {
    let scene = Scene::start().await;
    scene.channel("ops").await;
    for n in 0..1500 {
        let job = scene.create(&format!("job-{n}"), every(60)).await;
        scene.ping(job, Signal::Success).await;
    }
    scene.pass(secs(20)).await;
    let scene = scene.killed(secs(300)).await;
    scene.run_out().await;
    scene
        .until("all are listed", || own_downtime(&scene).is_some())
        .await;
    let rows = scene.rows();
    assert_eq!(rows.len(), 1);
    assert!(
        rows[0].body.contains("1500 heartbeats were due then"),
        "{}",
        rows[0].body
    );
    assert_eq!(scene.engine.incidents(true).len(), 1);

    // The same again, and this time we listen.
    let all: Vec<_> = scene
        .engine
        .heartbeat_board()
        .read()
        .keys()
        .copied()
        .collect();
    for job in all {
        scene.ping(job, Signal::Success).await;
    }
    scene.pass(secs(61)).await;
    assert_eq!(scene.engine.incidents(true).len(), 1500);
    scene.stop().await;
}
