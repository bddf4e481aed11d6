//! Pings that knock at a door that is full, or while the process stands still.

use vigilmon_common::heartbeat::GAP_MAX;
use vigilmon_common::incident::{Incident, Subject};

use super::scene::{Scene, every, secs};
use super::*;

fn affected(incident: &Incident) -> Vec<String> {
    match &incident.subject {
        Subject::System(facts) => facts.affected.clone(),
        Subject::Monitor(_) => panic!("a system incident"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_door_that_is_full_for_moments_costs_nothing() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    let before = scene.state.commits();
    for _ in 0..600 {
        // Full whenever the owner looks, and heard out between.
        let knock = scene.engine.knocks().begin();
        scene.pass(Duration::from_millis(99)).await;
        drop(knock);
        scene.clock.advance(MILLI);
    }
    let marks = scene.state.commits() - before;
    assert!((8..=13).contains(&marks), "{marks} marks of a minute");
    assert!(scene.engine.incidents(false).is_empty());
    scene.pass(secs(1)).await;
    let opened = scene.only_incident();
    assert_eq!(opened.reason.code, ReasonCode::HeartbeatMissed);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_door_is_full_no_deadline_fires_and_who_knocked_is_heard_first() {
    let scene = Scene::start().await;
    let heard = scene.create("heard", every(60)).await;
    let silent = scene.create("silent", every(60)).await;
    for job in [heard, silent] {
        scene.ping(job, Signal::Success).await;
    }
    scene.pass(secs(59)).await;
    let knock = scene.engine.knocks().begin();
    scene.pass(secs(4)).await;
    assert!(scene.engine.incidents(false).is_empty());
    drop(knock);
    scene.settle().await;
    // As long again as it was late, and a second, for those whose knock was dropped.
    scene.pass(secs(2)).await;
    scene.ping(heard, Signal::Success).await;
    scene.pass(secs(2)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.pass(secs(1)).await;
    let opened = scene.only_incident();
    assert_eq!(opened.reason.code, ReasonCode::HeartbeatMissed);
    assert_eq!(scene.status(silent).await, HeartbeatStatus::Down);
    assert_eq!(scene.status(heard).await, HeartbeatStatus::Up);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_door_that_is_full_for_longer_is_a_spell() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(50)).await;
    let knock = scene.engine.knocks().begin();
    scene.pass(secs(20)).await;
    drop(knock);
    scene.settle().await;
    scene.pass(secs(10)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.pass(GAP_MAX).await;
    let opened = scene.only_incident();
    assert_eq!(opened.reason.code, ReasonCode::HeartbeatMissed);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_is_due_while_the_door_stays_full_is_told_of_at_once() {
    let scene = Scene::start().await;
    scene.channel("ops").await;
    let first = scene.create("first", every(60)).await;
    let second = scene.create("second", every(120)).await;
    scene.create("never", every(60)).await;
    for job in [first, second] {
        scene.ping(job, Signal::Success).await;
    }
    scene.pass(secs(50)).await;
    let since = scene.now();
    let knock = scene.engine.knocks().begin();
    scene.pass(secs(28)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.pass(secs(5)).await;
    let listed = |names: &[&str]| {
        let all = scene.engine.incidents(true);
        all.len() == 1 && affected(&all[0]) == names
    };
    scene.until("it is told", || listed(&["first"])).await;
    let incident = scene.only_incident();
    assert_eq!(incident.reason.code, ReasonCode::OwnDowntime);
    let text = &incident.reason.text;
    assert!(text.contains("every place of the HTTP door"), "{text}");
    assert!(text.contains("1 heartbeat was due since"), "{text}");
    assert!(since.since(incident.started_at) < secs(2), "{incident:?}");
    scene.pass(secs(60)).await;
    scene
        .until("the second joins", || listed(&["first", "second"]))
        .await;
    // What gets in all the same is heard.
    scene.ping(second, Signal::Success).await;
    scene.pass(secs(2)).await;
    scene.until("the second left", || listed(&["first"])).await;
    drop(knock);
    scene.settle().await;
    scene.pass(secs(20)).await;
    scene
        .until("it is over", || {
            let text = scene.only_incident().reason.text.clone();
            text.contains("no ping could be heard from")
        })
        .await;
    let unobserved = scene.engine.heartbeat_views(Some(vec![first])).await;
    assert!(unobserved.unwrap()[&first].unobserved.is_some());
    assert_eq!(scene.told(), ["system.opened"], "told once");
    scene.ping(first, Signal::Success).await;
    scene.pass(secs(2)).await;
    scene
        .until("all is well", || scene.engine.incidents(true).is_empty())
        .await;
    assert_eq!(scene.told(), ["system.opened", "system.resolved"]);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_a_door_that_is_full_leaves_a_mark_of_before() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(40)).await;
    let since = scene.now();
    let knock = scene.engine.knocks().begin();
    scene.pass(secs(15)).await;
    scene.engine.hearing().ends(scene.now());
    let scene = scene.again(secs(10)).await;
    drop(knock);
    let mark = scene.stores.state.load().await.unwrap().alive.unwrap();
    assert!(mark >= scene.now() - secs(1), "marked anew: {mark:?}");
    // Moved by all of it.
    scene.pass(secs(20)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.pass(GAP_MAX).await;
    assert_eq!(scene.engine.incidents(true).len(), 1);
    assert!(scene.now().since(since) > secs(45));
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_short_stall_what_waits_in_queues_is_heard_before_a_deadline_fires() {
    for stall in [1, 3] {
        let scene = Scene::start().await;
        // Their deadline comes soon after a mark: with the stall it is no gap yet.
        let heard = scene.create("heard", every(62)).await;
        let silent = scene.create("silent", every(62)).await;
        for job in [heard, silent] {
            scene.ping(job, Signal::Success).await;
        }
        scene.pass(secs(62)).await;
        scene.clock.advance(secs(stall));
        scene.settle().await;
        // It is read a good while later: so much had to be read before it.
        scene.pass(secs(stall)).await;
        scene.ping(heard, Signal::Success).await;
        scene.pass(secs(1) + HEARD_OUT).await;
        let opened = scene.only_incident();
        assert_eq!(scene.status(silent).await, HeartbeatStatus::Down);
        assert_eq!(opened.reason.code, ReasonCode::HeartbeatMissed);
        scene.stop().await;
    }
}
