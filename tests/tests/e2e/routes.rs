//! Who is told: routes, steps that wait for an acknowledgement, and the explanation of both.

use std::time::Duration;

use serde_json::json;
use vigilmon_tests::receiver;
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::wait;

use crate::heartbeats::time;
use crate::scene::{HOOK, MAIL, SOON, Scene, place, wall};

/// The channel and inbox that steps lead to.
const LATER: &str = "later";

/// With a third channel, and a route that takes all there, after so long.
fn escalating(after: &str) -> Scene {
    let scene = Scene::start();
    add_later(&scene);
    let step = format!("{after}={LATER}");
    scene
        .cli
        .ok(&["route", "add", "all", "--to", HOOK, "--then", &step]);
    scene
}

fn add_later(scene: &Scene) {
    let (url, secret) = (scene.receiver.url(LATER), receiver::SECRET);
    let add = [
        "channel",
        "add",
        LATER,
        "--webhook",
        &url,
        "--secret",
        secret,
    ];
    scene.cli.ok(&add);
}

/// What the third channel was told of a monitor.
fn told_later(scene: &Scene, monitor: &str) -> Vec<String> {
    let messages = scene.receiver.messages(LATER).into_iter();
    let about = messages.filter(|delivery| delivery.monitor() == monitor);
    about.map(|delivery| delivery.kind().to_owned()).collect()
}

#[track_caller]
fn wait_for_later(scene: &Scene, kind: &str, monitor: &str) -> receiver::Delivery {
    let what = format!("{kind} of {monitor}");
    scene.receiver.wait_for(LATER, &what, SOON, |delivery| {
        delivery.kind() == kind && delivery.monitor() == monitor
    })
}

#[test]
fn what_is_critical_goes_to_webhook_and_mail_by_one_route_and_nothing_else_does() {
    let scene = Scene::start();
    let to = [HOOK, MAIL].join(",");
    let add = [
        "route",
        "add",
        "critical",
        "--severity",
        "critical",
        "--to",
        &to,
    ];
    scene.cli.ok(&add);
    let (shop, blog) = (Target::start(), Target::start());
    scene.watch("shop", &shop.url(), &["--severity", "critical"]);
    scene.watch("blog", &blog.url(), &["--severity", "warning"]);

    blog.behave(Behaviour::status(503));
    wait::until_a_command_says("the blog's incident is open", SOON, || {
        scene.cli.rows(&["incident", "list", "--open"]).len() == 1
    });
    shop.behave(Behaviour::status(503));
    scene.wait_for("incident.opened", "shop");
    scene.wait_for_mail("DOWN: ", &place(&shop.url()));
    shop.behave(Behaviour::well());
    scene.wait_for("incident.resolved", "shop");
    scene.wait_for_mail("UP: ", &place(&shop.url()));

    assert_eq!(scene.told("blog"), Vec::<String>::new());
    assert_eq!(scene.mailed(&place(&blog.url())), Vec::<String>::new());
}

#[test]
fn a_monitors_own_channels_are_told_beside_those_of_the_routes() {
    let scene = Scene::start();
    scene.cli.ok(&["route", "add", "all", "--to", HOOK]);
    let target = Target::start();
    scene.watch("site", &target.url(), &["--notify", MAIL]);
    target.behave(Behaviour::status(503));
    scene.wait_for("incident.opened", "site");
    scene.wait_for_mail("DOWN: ", &place(&target.url()));
}

#[test]
fn a_second_channel_hears_of_what_nobody_acknowledged_and_of_its_end() {
    let scene = escalating("2s");
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    target.behave(Behaviour::status(503));
    let first = scene.wait_for("incident.opened", "site");
    let second = wait_for_later(&scene, "incident.opened", "site");

    assert_eq!(second.incident(), first.incident());
    assert!(first.body["data"]["step"].is_null());
    let step = json!({ "route": "all", "number": 1, "after_seconds": 2 });
    assert_eq!(second.body["data"]["step"], step);
    let decided = time(&first.body["data"]["incident"], "decided_at");
    let waited = wall(second.at) - Duration::from_millis(decided.as_millis().unsigned_abs());
    assert!(waited >= Duration::from_secs(2), "{waited:?}");

    target.behave(Behaviour::well());
    scene.wait_for("incident.resolved", "site");
    wait_for_later(&scene, "incident.resolved", "site");
    let both = ["incident.opened", "incident.resolved"];
    assert_eq!(told_later(&scene, "site"), both);
    assert_eq!(scene.told("site"), both);
}

/// The step of another incident, which began later, is the sign that this one's time has passed.
#[test]
fn no_step_fires_after_an_acknowledgement_and_the_recovery_still_comes() {
    let after = Duration::from_secs(15);
    let scene = escalating("15s");
    let (taken, left) = (Target::start(), Target::start());
    scene.watch("taken", &taken.url(), &[]);
    scene.watch("left", &left.url(), &[]);
    taken.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "taken");
    scene.cli.ok(&["incident", "ack", opened.incident()]);
    left.behave(Behaviour::status(503));
    let within = after + SOON;
    scene.receiver.wait_for(LATER, "the step", within, |told| {
        told.kind() == "incident.opened" && told.monitor() == "left"
    });

    taken.behave(Behaviour::well());
    scene.wait_for("incident.resolved", "taken");
    left.behave(Behaviour::well());
    wait_for_later(&scene, "incident.resolved", "left");
    assert_eq!(told_later(&scene, "taken"), Vec::<String>::new());
    let told = ["incident.opened", "incident.updated", "incident.resolved"];
    assert_eq!(scene.told("taken"), told);
}

#[test]
fn a_step_outlives_the_coordinator() {
    let mut scene = escalating("6s");
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    target.behave(Behaviour::status(503));
    scene.wait_for("incident.opened", "site");
    assert_eq!(told_later(&scene, "site"), Vec::<String>::new());

    scene.restart();
    wait_for_later(&scene, "incident.opened", "site");
    target.behave(Behaviour::well());
    scene.wait_for("incident.resolved", "site");
    wait_for_later(&scene, "incident.resolved", "site");
    let both = ["incident.opened", "incident.resolved"];
    assert_eq!(told_later(&scene, "site"), both);
    assert_eq!(scene.told("site"), both);
}

#[test]
fn an_explanation_names_who_hears_by_what_and_why_others_do_not() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch(
        "site",
        &target.url(),
        &["--severity", "critical", "--label", "team=core"],
    );
    let text = scene.cli.ok(&["route", "explain", "site"]);
    assert!(
        text.contains("no route and no notify: every channel"),
        "{text}"
    );

    add_later(&scene);
    let step = format!("5m={LATER}");
    let routes: [&[&str]; 3] = [
        &[
            "critical",
            "--severity",
            "critical",
            "--to",
            HOOK,
            "--then",
            &step,
        ],
        &["web", "--label", "team=web", "--to", MAIL],
        &[
            "parts",
            "--scope",
            "regional",
            "--event",
            "opened,resolved",
            "--to",
            MAIL,
        ],
    ];
    for route in routes {
        scene.cli.ok(&[&["route", "add"], route].concat());
    }
    let expected = "\
global incidents of site, critical
  at once   hook   route critical
  after 5m  later  route critical, step 1; unless acknowledged
  not by route parts
    scope: it takes regional, this is global
  not by route web
    label: it wants team=web, the monitor has team=core

regional incidents of site, warning
  at once   mail  route parts; opened, resolved only
  not by route critical
    scope: it takes global, this is regional
    severity: it takes critical, this is warning
  not by route web
    scope: it takes global, this is regional
    label: it wants team=web, the monitor has team=core
";
    assert_eq!(scene.cli.ok(&["route", "explain", "site"]), expected);
    let explained = scene.cli.json(&["route", "explain", "site"]);
    let later = json!({
        "channel": LATER,
        "after_seconds": 300,
        "by": [{ "route": "critical", "step": 1 }],
        "event": [],
        "disabled": null,
    });
    assert_eq!(explained["scopes"][0]["heard"][1], later);
}

#[test]
fn an_edited_route_keeps_what_was_not_named() {
    let scene = escalating("5m");
    let edit = [
        "route",
        "edit",
        "all",
        "--severity",
        "critical,warning",
        "--rename",
        "loud",
    ];
    scene.cli.ok(&edit);
    let shown = scene.cli.json(&["route", "show", "loud"]);
    assert_eq!(shown["severity"], json!(["critical", "warning"]));
    let then = json!([{ "after_seconds": 300, "to": [LATER] }]);
    assert_eq!((&shown["to"], &shown["then"]), (&json!([HOOK]), &then));
    let text = scene.cli.ok(&["route", "show", "loud"]);
    assert!(text.contains("then      after 5m later"), "{text}");

    scene
        .cli
        .ok(&["route", "edit", "loud", "--then", "", "--severity", ""]);
    let shown = scene.cli.json(&["route", "show", "loud"]);
    assert_eq!(
        (&shown["severity"], &shown["then"]),
        (&json!([]), &json!([]))
    );
}

#[test]
fn steps_are_configured_as_code_and_exported() {
    let scene = Scene::start();
    add_later(&scene);
    let text = format!(
        "routes:
  - {{name: all, to: {HOOK}, then: [{{after: 5m, to: {LATER}}}, {{after: 1h, to: {MAIL}}}]}}
"
    );
    std::fs::write(scene.up.folder().join("routes.yaml"), text).unwrap();
    let apply = ["apply", "-f", "routes.yaml"];
    scene.cli.ok(&apply);
    assert_eq!(scene.cli.ok(&apply), "no changes\n");
    let shown = scene.cli.json(&["route", "show", "all"]);
    let then = json!([
        { "after_seconds": 300, "to": [LATER] },
        { "after_seconds": 3600, "to": [MAIL] },
    ]);
    assert_eq!(shown["then"], then);

    let export = scene.cli.ok(&["export"]);
    std::fs::write(scene.up.folder().join("export.yaml"), export).unwrap();
    assert_eq!(
        scene.cli.ok(&["apply", "-f", "export.yaml"]),
        "no changes\n"
    );
}
