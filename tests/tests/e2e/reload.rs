//! A target is reloaded under monitoring, and loses a worker: nobody hears of it.

use std::time::SystemTime;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use vigilmon_tests::application::{Application, Databases};
use vigilmon_tests::up::REGIONS;
use vigilmon_tests::wait;

use crate::scene::{EVERY, SOON, Scene};

const MONITOR: &str = "flask";
/// How often each region must have checked after what happened.
const RESULTS: usize = 4;

#[test]
fn a_rolling_restart_of_the_target_raises_nothing() {
    let databases = Databases::start();
    let flask = Application::flask(&databases);
    // No request may fail here, so each is given the time that a fork may take.
    let scene = watched(&flask, "2s");
    for _ in 0..3 {
        let before = flask.workers();
        assert_eq!(before.len(), 2);
        flask.signal(Signal::HUP);
        wait::until_true("gunicorn has other workers", SOON, || {
            let now = flask.workers();
            now.len() == 2 && !now.iter().any(|id| before.contains(id))
        });
        nothing_was_heard(&scene, true);
    }
}

#[test]
fn a_worker_of_the_target_that_is_killed_raises_nothing() {
    let databases = Databases::start();
    let flask = Application::flask(&databases);
    let scene = watched(&flask, "1s");
    let before = flask.workers();
    let victim = i32::try_from(before[0]).ok().and_then(Pid::from_raw);
    kill_process(victim.unwrap(), Signal::KILL).unwrap();
    wait::until_true("gunicorn has another worker", SOON, || {
        let now = flask.workers();
        now.len() == 2 && !now.contains(&before[0])
    });
    // A request that dies with its worker is one region's; the second look of all is well.
    nothing_was_heard(&scene, false);
}

/// A scene in which it is checked so often, and each check may take as long.
fn watched(flask: &Application, every: &str) -> Scene {
    let scene = Scene::start();
    let add = ["monitor", "add", MONITOR, "--http", &flask.url("/health")];
    let more = ["--json", r#"$.status == "ok""#];
    let times = ["--every", every, "--timeout", every];
    scene.cli.ok(&[&add[..], &more, &times].concat());
    scene.wait_for_status(MONITOR, "up");
    scene
}

/// Waits for results of every region from now on, and fails if anybody was told anything, or, where
/// no request may fail, if any region ever saw one fail; what an agent could not do is no failure.
#[track_caller]
fn nothing_was_heard(scene: &Scene, none_failed: bool) {
    let now = SystemTime::now();
    let results = || {
        scene
            .cli
            .rows(&["monitor", "results", MONITOR, "--since", "10m"])
    };
    wait::until_a_command_says("every region checks on", SOON + EVERY * 4, || {
        let results = results();
        REGIONS.iter().all(|region| {
            let later = results
                .iter()
                .filter(|result| result["region"] == *region && started(result) > now);
            later.count() >= RESULTS
        })
    });
    let failed = |result: &Value| !["up", "inconclusive"].contains(&outcome(result));
    let failed: Vec<Value> = results().into_iter().filter(failed).collect();
    assert!(failed.is_empty() || !none_failed, "{failed:#?}");
    assert_eq!(scene.messages(), 0);
    assert_eq!(scene.cli.rows(&["incident", "list"]).len(), 0);
    assert_eq!(scene.monitor(MONITOR)["status"], "up");
}

#[track_caller]
fn outcome(result: &Value) -> &str {
    result["outcome"].as_str().unwrap()
}

#[track_caller]
fn started(result: &Value) -> SystemTime {
    let at = result["started_at"].as_str().unwrap();
    let at: prost_types::Timestamp = at.parse().unwrap();
    at.try_into().unwrap()
}
