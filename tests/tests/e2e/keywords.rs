//! What monitors demand of real applications: status, keyword and JSON, and keywords that miss by
//! white space alone.
//!
//! Litestar and Flask write JSON without white space; Flask's developers see it laid out, and so
//! give keywords that production never answers.

use serde_json::Value;
use vigilmon_tests::application::{Application, Databases};
use vigilmon_tests::up::REGIONS;

use crate::scene::{SOON, Scene};

const SPACED: &str = r#""status": "ok""#;
const BARE: &str = r#""status":"ok""#;
const JSON: &str = r#"$.status == "ok""#;

#[test]
fn a_keyword_and_a_json_assertion_catch_a_200_that_says_degraded() {
    let mut databases = Databases::start();
    let applications = [
        ("litestar", Application::litestar(&databases)),
        ("flask", Application::flask(&databases)),
    ];
    let scene = Scene::start();
    for (name, application) in &applications {
        let url = application.url("/health/report");
        let watch = |what: &str, more: &[&str]| scene.watch(&format!("{name} {what}"), &url, more);
        watch("status", &["--expect-status", "200"]);
        watch("keyword", &["--contains", BARE]);
        watch(
            "json",
            &["--json", JSON, "--json", r#"$.checks.redis == "ok""#],
        );
    }

    databases.redis.stop();
    for (name, _) in &applications {
        let keyword = scene.wait_for("incident.opened", &format!("{name} keyword"));
        let said = &keyword.body["data"]["reason"];
        assert_eq!(said["code"], "http_body");
        assert_eq!(said["text"], r#"body does not contain `"status":"ok"`"#);
        assert_eq!(said["status_code"], 200);
        let json = scene.wait_for("incident.opened", &format!("{name} json"));
        let said = &json.body["data"]["reason"];
        assert_eq!(said["code"], "http_json");
        let text = said["text"].as_str().unwrap();
        assert!(text.contains(JSON) && text.contains("degraded"), "{text}");
    }
    scene.let_slots_pass(2);
    for (name, _) in &applications {
        let status = format!("{name} status");
        assert_eq!(scene.told(&status), [""; 0], "it answered 200 all the time");
    }

    databases.redis.start_again();
    for (name, _) in &applications {
        for what in ["keyword", "json"] {
            scene.wait_for("incident.resolved", &format!("{name} {what}"));
        }
    }
}

#[test]
fn a_keyword_that_misses_by_white_space_is_explained_and_the_json_assertion_is_suggested() {
    let databases = Databases::start();
    let scene = Scene::start();
    let litestar = Application::litestar(&databases);
    let flask = Application::flask(&databases);
    let debug = Application::flask_in_debug(&databases);
    for (application, miss, hit) in [
        (&litestar, SPACED, BARE),
        (&flask, SPACED, BARE),
        (&debug, BARE, SPACED),
    ] {
        let url = application.url("/health");
        it_is_explained(&scene, &url, miss);
        for flags in [["--contains", hit], ["--json", JSON]] {
            let args = [["monitor", "check"].as_slice(), &[&url], &flags].concat();
            let done = scene.cli.run(&args);
            assert_eq!(done.code, 0, "{done:#?}");
        }
    }
    assert_eq!(scene.messages(), 0, "what is asked by hand alerts nobody");
}

#[track_caller]
fn it_is_explained(scene: &Scene, url: &str, keyword: &str) {
    let reason =
        format!("body does not contain `{keyword}`, but would if white space did not count");
    let args = ["monitor", "check", url, "--contains", keyword];
    let table = scene.cli.run(&args);
    assert_eq!(table.code, 1, "{table:#?}");
    let hint = format!("write --json '{JSON}' instead");
    assert_eq!(table.err.matches(&hint).count(), 1, "said once: {table:#?}");

    let json = scene.cli.run(&[&args[..], &["-o", "json"]].concat());
    assert_eq!(json.code, 1, "{json:#?}");
    let rows: Vec<Value> = serde_json::from_str(&json.out).unwrap();
    assert_eq!(rows.len(), REGIONS.len());
    for row in &rows {
        assert_eq!(row["outcome"], "down");
        assert_eq!(row["reason"]["code"], "http_body");
        assert_eq!(row["reason"]["text"], reason);
        let said = row["observation"]["hint"].as_str().unwrap();
        assert!(said.contains(&hint), "{said}");
    }
}

#[test]
fn the_message_about_a_keyword_that_misses_by_white_space_says_so() {
    let databases = Databases::start();
    let flask = Application::flask(&databases);
    let scene = Scene::start();
    let url = flask.url("/health");
    scene.cli.ok(&[
        "monitor",
        "add",
        "flask",
        "--http",
        &url,
        "--every",
        "1s",
        "--contains",
        SPACED,
    ]);

    let opened = scene.wait_for("incident.opened", "flask");
    let said = opened.body["data"]["reason"]["text"].as_str().unwrap();
    assert!(
        said.ends_with("but would if white space did not count"),
        "{said}"
    );
    let mail = scene.wait_for_mail("DOWN: ", "/health");
    assert!(mail.text.unwrap().contains("white space"));

    scene
        .cli
        .ok(&["monitor", "edit", "flask", "--contains", "", "--json", JSON]);
    vigilmon_tests::wait::until_a_command_says("flask is up", SOON, || {
        scene.monitor("flask")["status"] == "up"
    });
}
