//! Spells in which nothing could be heard, and clocks that are set, at awkward moments.

use vigilmon_common::heartbeat::GAP_MAX;

use super::scene::{Scene, every, secs};
use super::*;
use crate::store::Change;

#[tokio::test(start_paused = true)]
async fn telling_so_many_that_it_takes_long_is_no_spell_of_its_own() {
    let scene = Scene::start().await;
    for n in 0..2100 {
        let job = scene.create(&format!("job-{n}"), every(600)).await;
        scene.ping(job, Signal::Success).await;
    }
    scene.settle().await;
    let before = scene.state.commits();
    // Each slice is committed in time; all of them take longer than a gap may be.
    scene.state.commit_takes(4);
    assert!(secs(3 * 4) > GAP_MAX);
    scene.clock.advance(secs(20));
    let _ = scene.engine.heartbeat_views(Some(Vec::new())).await;
    scene.state.commit_takes(0);
    let commits = scene.state.commits() - before;
    assert!(
        (4..8).contains(&commits),
        "told once, and marked: {commits}"
    );
    scene.settle().await;
    let mark = scene.stores.state.load().await.unwrap().alive.unwrap();
    assert!(scene.now().since(mark) <= GAP_MAX);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_after_the_clock_was_set_back_does_not_set_everything_back_again() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(600)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(10)).await;
    scene.clock.step(-3_600_000);
    scene.pass(secs(5)).await;
    scene.ping(job, Signal::Success).await;
    let scene = scene.killed(secs(2)).await;
    scene.pass(secs(500)).await;
    let opened = scene.engine.incidents(false);
    assert!(opened.is_empty(), "{opened:?}");
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_ping_read_before_the_clock_was_set_back_is_not_of_the_future() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(10)).await;
    let reading = scene.engine.begin_ping(job);
    scene.clock.step(-3_600_000);
    scene.finish(reading, Signal::Success).await.unwrap();
    let last = &scene.engine.pings(job, 1).await.unwrap()[0];
    assert_eq!(last.at, scene.now());
    scene.pass(secs(60)).await;
    assert!(scene.engine.incidents(true).is_empty());
    scene.run_out().await;
    assert_eq!(scene.engine.incidents(true).len(), 1);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_right_after_a_pause_leaves_nobody_listed_as_not_heard() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(20)).await;
    let scene = scene.killed(secs(300)).await;
    scene.run_out().await;
    let listed = |scene: &Scene| !scene.engine.incidents(true).is_empty();
    scene.until("it is listed", || listed(&scene)).await;
    // What the fleet commits of a pause; the owner of heartbeats never learns of it.
    let state = scene.stores.state.load().await.unwrap();
    let mut paused = state.heartbeats[&job].clone();
    paused.paused = true;
    paused.version += 1;
    scene.state.ends(super::scene::Ends::Now);
    let pause = Change::PutHeartbeat(Box::new(paused));
    scene.stores.state.commit(vec![pause]).await.unwrap();
    let scene = scene.killed(secs(1)).await;
    assert_eq!(scene.status(job).await, HeartbeatStatus::Paused);
    scene.until("it is over", || !listed(&scene)).await;
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_doors_close_nothing_fires_and_the_spell_begins_there() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(57)).await;
    let since = scene.now();
    scene.engine.hearing().ends(since);
    scene.pass(secs(4)).await;
    assert!(scene.engine.incidents(false).is_empty());
    let scene = scene.again_closed(secs(4)).await;
    let mark = scene.stores.state.load().await.unwrap().alive;
    assert_eq!(mark, Some(since));
    scene.engine.hearing().begins();
    scene.settle().await;
    scene.pass(secs(3)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.run_out().await;
    assert_eq!(scene.engine.incidents(true).len(), 1);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn until_the_doors_open_nothing_fires_and_the_spell_goes_on() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(50)).await;
    let scene = scene.again_closed(secs(5)).await;
    scene.pass(secs(25)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.engine.hearing().begins();
    scene.settle().await;
    scene.pass(secs(10)).await;
    assert!(
        scene.engine.incidents(false).is_empty(),
        "moved by the whole of it"
    );
    scene.run_out().await;
    assert_eq!(scene.engine.incidents(true).len(), 1);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_while_the_doors_are_closed_is_told_once() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(600)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(10)).await;
    let scene = scene.again_closed(secs(1)).await;
    scene.clock.step(-3_600_000);
    scene.pass(secs(2)).await;
    let scene = scene.again_closed(secs(1)).await;
    scene.engine.hearing().begins();
    scene.settle().await;
    scene.pass(secs(590)).await;
    assert!(scene.engine.incidents(false).is_empty());
    scene.pass(secs(10)).await;
    assert_eq!(scene.engine.incidents(true).len(), 1);
    scene.stop().await;
}
