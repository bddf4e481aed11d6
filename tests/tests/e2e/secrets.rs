//! What is secret stays so: in logs, in messages, in answers, and on disk.

use std::fs;
use std::path::Path;

use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::REGIONS;

use crate::scene::{HOOK, SOON, Scene};

/// Shows wherever it must not.
const CANARY: &str = "canary5f1c";

#[test]
fn a_secret_is_used_and_never_shown() {
    let mut scene = Scene::start();
    let target = Target::start();
    let host = target.url().trim_start_matches("http://").to_owned();
    let url = format!("http://user:{CANARY}-password@{host}?key={CANARY}-query");
    let header = format!("X-Key: {CANARY}-header");
    scene.watch("site", &url, &["--header", &header]);
    scene.cli.ok(&[
        "channel",
        "add",
        "other",
        "--webhook",
        &format!("http://{host}/{CANARY}-path"),
    ]);
    let hit = target.hits().pop().unwrap();
    assert!(
        hit.headers["x-key"].to_str().unwrap().contains(CANARY),
        "it is used"
    );
    assert!(
        hit.headers.contains_key("authorization"),
        "{:?}",
        hit.headers
    );

    target.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    let commands: [&[&str]; 9] = [
        &["monitor", "list"],
        &["monitor", "show", "site"],
        &["monitor", "show", "site", "-o", "json"],
        &["monitor", "results", "site", "-o", "json"],
        &["incident", "list", "-o", "json"],
        &["incident", "show", opened.incident(), "-o", "json"],
        &["incident", "why", opened.incident()],
        &["channel", "list", "-o", "json"],
        &["agent", "list", "-o", "json"],
    ];
    for command in commands {
        clean(&command.join(" "), &scene.cli.ok(command));
    }
    for message in scene.receiver.messages(HOOK) {
        clean("a webhook", &String::from_utf8_lossy(&message.raw));
    }
    for mail in scene.mail.messages() {
        clean("a mail", &format!("{mail:?}"));
    }
    clean("the log", &scene.up.process().log());
    scene.up.stop();
    clean_folder(&scene.up.data());
}

#[test]
fn the_data_folder_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::start();
    let data = scene.up.data();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for name in ["context.toml", "secret.key"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    assert_eq!(
        fs::read_to_string(data.join(".gitignore")).unwrap().trim(),
        "*"
    );
}

#[test]
fn every_agent_says_who_asks() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    target.wait_for_hits(&REGIONS, 1, SOON);
    for hit in target.hits() {
        let agent = hit.headers["user-agent"].to_str().unwrap();
        assert!(
            agent.starts_with("Vigilmon/") && REGIONS.contains(&hit.region.as_str()),
            "{agent}"
        );
    }
}

#[track_caller]
fn clean(what: &str, text: &str) {
    assert!(!text.contains(CANARY), "{what} shows a secret: {text}");
}

/// No file below the folder holds it, as text.
fn clean_folder(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            clean_folder(&path);
        } else {
            let bytes = fs::read(&path).unwrap();
            let found = bytes
                .windows(CANARY.len())
                .any(|window| window == CANARY.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}
