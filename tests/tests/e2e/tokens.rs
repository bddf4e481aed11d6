//! Tokens and regions: who may do what, who did it, and what a region's name is.

use vigilmon_tests::cli::Cli;
use vigilmon_tests::receiver::Receiver;
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::{Options, Up};

use crate::scene::{HOOK, Scene};

/// A line of a list whose field has this value.
fn with<'a>(
    rows: &'a [serde_json::Value],
    field: &str,
    value: &str,
) -> Option<&'a serde_json::Value> {
    rows.iter().find(|row| row[field] == value)
}

/// A token of a role; its secret.
fn token(cli: &Cli, role: &str, name: &str) -> String {
    let made = cli.json(&["token", "add", "--role", role, "--label", name]);
    assert_eq!((&made["role"], &made["name"]), (&role.into(), &name.into()));
    made["token"].as_str().unwrap().to_owned()
}

#[test]
fn a_token_reaches_as_far_as_its_role_until_it_is_revoked() {
    let up = Up::start(&Options::new());
    let cli = up.cli();
    let secret = cli.ok(&["token", "add", "--role", "viewer", "--label", "wall"]);
    let viewer = secret.trim();
    assert!(viewer.starts_with("vtk_"), "the secret alone is on stdout");
    let editor = token(&cli, "editor", "deploy");
    let admin = token(&cli, "admin", "anna");

    let with_token =
        |secret: &str, words: &[&str]| cli.run(&[words, &["--token", secret]].concat());
    let add = ["monitor", "add", "site", "--http", "http://127.0.0.1:9/"];
    assert_eq!(with_token(viewer, &["monitor", "list"]).code, 0);
    let refused = with_token(viewer, &add);
    assert_eq!(refused.code, 5, "{refused:#?}");
    let said = "error: a token of role viewer may not change anything\n\
                hint: use a token of role admin or editor\n";
    assert_eq!(refused.err, said);
    assert_eq!(with_token(&editor, &add).code, 0);
    for denied in [
        ["token", "list"],
        ["audit", "--no-color"],
        ["region", "add"],
    ] {
        let words = if denied[1] == "add" {
            vec!["region", "add", "x"]
        } else {
            denied.to_vec()
        };
        assert_eq!(with_token(&editor, &words).code, 5, "{words:?}");
    }

    let twice = cli.run(&["token", "add", "--role", "viewer", "--label", "wall"]);
    assert_eq!(
        (twice.code, twice.err.contains("exists already")),
        (1, true)
    );
    cli.ok(&["token", "revoke", "wall"]);
    assert_eq!(with_token(viewer, &["monitor", "list"]).code, 5);
    let tokens = cli.rows(&["token", "list"]);
    assert_eq!(with(&tokens, "name", "wall").unwrap()["state"], "revoked");
    assert!(!tokens.iter().any(|row| row.to_string().contains("vtk_")));
    assert_eq!(cli.run(&["token", "revoke", "nobody"]).code, 3);

    cli.ok(&["token", "revoke", "context.toml"]);
    let last = with_token(&admin, &["token", "revoke", "anna"]);
    assert_eq!(last.code, 1, "{last:#?}");
    assert!(last.err.contains("last good one"), "{last:#?}");
    assert!(last.err.contains("\nhint: make another first"), "{last:#?}");
    assert_eq!(with_token(&admin, &["token", "list"]).code, 0);
}

#[test]
fn the_audit_log_names_the_token_that_did_it_over_a_restart() {
    let mut scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    let editor = token(&scene.cli, "editor", "night shift");
    target.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    let id = opened.incident();
    scene.cli.ok(&["incident", "ack", id, "--token", &editor]);
    let shown = scene.cli.json(&["incident", "show", id]);
    assert_eq!(shown["acknowledged_by"], "night shift");
    let by_begin = scene.cli.json(&["incident", "show", &id[..6]]);
    assert_eq!(by_begin["id"], *id, "the beginning of its id is enough");
    assert_eq!(scene.cli.run(&["incident", "show", &id[..3]]).code, 3);

    let entries = scene.cli.rows(&["audit"]);
    let ack = with(&entries, "action", "incident.acknowledge").unwrap();
    assert_eq!(ack["actor"], "night shift");
    assert_eq!(ack["object"], format!("incident {id}"));
    assert_eq!(
        with(&entries, "action", "token.create").unwrap()["actor"],
        "context.toml"
    );
    let times: Vec<&str> = entries
        .iter()
        .map(|row| row["at"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first: {times:?}");
    assert!(scene.cli.rows(&["audit", "--since", "1ms"]).is_empty());

    scene.restart();
    let after = scene.cli.rows(&["audit", "--since", "1h"]);
    assert_eq!(with(&after, "action", "incident.acknowledge"), Some(ack));
    let told = scene.cli.ok(&["audit"]);
    assert!(
        told.lines().all(|line| line.chars().count() <= 80),
        "{told}"
    );
    let yaml = scene.cli.ok(&["audit", "-o", "yaml"]);
    assert!(yaml.contains("actor: night shift"), "{yaml}");
}

#[test]
fn a_region_is_shown_as_it_is_called_and_stays_while_something_uses_it() {
    let up = Up::start(&Options::new().args(&["--regions", "us-east"]));
    let cli = up.cli();
    let receiver = Receiver::start();
    cli.ok(&["channel", "add", HOOK, "--webhook", &receiver.url(HOOK)]);
    cli.ok(&["region", "add", "eu-north", "--display-name", "Stockholm"]);
    let regions = cli.rows(&["region", "list"]);
    assert_eq!(
        with(&regions, "region", "eu-north").unwrap()["display_name"],
        "Stockholm"
    );
    assert_eq!(cli.run(&["region", "add", "eu-north"]).code, 1);
    let wrong = cli.run(&["region", "add", "EU North"]);
    assert!(
        wrong.code == 1 && wrong.err.contains("lower-case letters"),
        "{wrong:#?}"
    );
    cli.ok(&["region", "set", "eu-north", "--display-name", ""]);
    let regions = cli.rows(&["region", "list"]);
    assert_eq!(
        with(&regions, "region", "eu-north").unwrap()["display_name"],
        "EU-North"
    );
    assert_eq!(
        cli.run(&["region", "set", "nowhere", "--display-name", "x"])
            .code,
        3
    );

    cli.ok(&[
        "monitor",
        "add",
        "site",
        "--http",
        "http://127.0.0.1:9/",
        "--regions",
        "eu-north",
    ]);
    let used = cli.run(&["region", "remove", "eu-north"]);
    assert_eq!(used.code, 1, "{used:#?}");
    assert!(
        used.err.contains("in use by the monitors site"),
        "{used:#?}"
    );
    cli.ok(&["monitor", "remove", "site"]);
    cli.ok(&["region", "remove", "eu-north"]);
    assert_eq!(cli.run(&["region", "remove", "eu-north"]).code, 3);
    let agents = cli.run(&["region", "remove", "us-east"]);
    assert!(agents.err.contains("the agents us-east-1"), "{agents:#?}");
    assert!(agents.err.contains("agent revoke"), "{agents:#?}");
    cli.ok(&["agent", "revoke", "us-east-1"]);
    assert_eq!(
        cli.json(&["agent", "show", "us-east-1"])["state"],
        "revoked"
    );
    let tokens = cli.run(&["region", "remove", "us-east"]);
    assert!(tokens.err.contains("the agent tokens"), "{tokens:#?}");
    let tokens = cli.rows(&["agent", "token", "list"]);
    cli.ok(&[
        "agent",
        "token",
        "revoke",
        tokens[0]["id"].as_str().unwrap(),
    ]);
    cli.ok(&["region", "remove", "us-east"]);
    assert!(cli.rows(&["region", "list"]).is_empty());
}
