//! Watching: every transition once and in order, over crashes and breaks.

use serde_json::Value;
use vigilmon_tests::process::Process;
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::wait;

use crate::scene::{SOON, Scene};

/// The events that a running `watch -o json` has printed.
fn printed(watch: &Process) -> Vec<Value> {
    let log = watch.log();
    let lines = log.lines().filter(|line| line.starts_with('{'));
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// What they say about a monitor, in their order.
fn of(events: &[Value], monitor: &str) -> Vec<String> {
    let about = |event: &&Value| event["data"]["monitor"]["name"] == monitor;
    let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
    events.iter().filter(about).map(kind).collect()
}

#[test]
fn a_watcher_is_told_every_transition_once_though_the_coordinator_is_killed_in_between() {
    let mut scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    let out = scene.up.folder().join("watch");
    let mut watch = scene
        .cli
        .start(&["watch", "-o", "json", "--since-cursor", "oldest"], &out);

    target.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    let told = |count: usize, watch: &Process| of(&printed(watch), "site").len() == count;
    wait::until_true("the watcher is told of it", SOON, || told(1, &watch));
    scene.restart();
    scene.cli.ok(&["incident", "ack", opened.incident()]);
    wait::until_true("it goes on by itself", SOON, || told(2, &watch));
    scene.up.process().kill();
    target.behave(Behaviour::status(200));
    scene.restart();
    scene.wait_for("incident.resolved", "site");
    wait::until_true("it hears the end", SOON, || told(3, &watch));
    watch.must_run();

    let all = printed(&watch);
    let expected = ["incident.opened", "incident.updated", "incident.resolved"];
    assert_eq!(of(&all, "site"), expected);
    let told = scene.receiver.messages(crate::scene::HOOK);
    for event in all
        .iter()
        .filter(|e| e["data"]["monitor"]["name"] == "site")
    {
        let seq = &event["data"]["transition"]["seq"];
        let same = told.iter().find(|hook| {
            hook.monitor() == "site" && hook.body["data"]["transition"]["seq"] == *seq
        });
        let hook = &same.expect("the webhook had it too").body;
        assert_eq!(
            (&hook["type"], &hook["data"]),
            (&event["type"], &event["data"])
        );
        assert_eq!(hook["timestamp"], event["time"]);
    }

    let cursor = all.iter().find(|e| of(&[(*e).clone()], "site").len() == 1);
    let cursor = cursor.unwrap()["cursor"].as_str().unwrap();
    let again = scene.up.folder().join("again");
    let again = scene
        .cli
        .start(&["watch", "-o", "json", "--since-cursor", cursor], &again);
    wait::until_true("the rest is told again", SOON, || {
        of(&printed(&again), "site") == expected[1..]
    });
}

#[test]
fn a_cursor_of_another_coordinator_is_refused_with_the_oldest_good_one() {
    let scene = Scene::start();
    for wrong in ["00000000-1-1", "yesterday"] {
        let refused = scene.cli.run(&["watch", "--since-cursor", wrong]);
        assert_eq!(refused.code, 1, "{refused:#?}");
        assert!(
            refused.err.contains("is no cursor of this coordinator"),
            "{refused:#?}"
        );
        assert!(refused.err.contains("\nhint: go on from "), "{refused:#?}");
    }
    let out = scene.up.folder().join("watch");
    let viewer = scene
        .cli
        .json(&["token", "add", "--role", "viewer", "--label", "wall"]);
    let secret = viewer["token"].as_str().unwrap();
    let mut watch = scene.cli.start(&["watch", "--token", secret], &out);
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    target.behave(Behaviour::status(503));
    wait::until_true("a line for people", SOON, || {
        watch
            .log()
            .contains("incident.opened    site: 503 Service Unavailable")
    });
    scene.cli.ok(&["token", "revoke", "wall"]);
    let ended = watch.wait(SOON);
    assert_eq!(ended.code(), Some(5), "{}", watch.log());
}
