//! A backup of a running coordinator, and what a restore makes of it; and what the doctor says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vigilmon_tests::cli::run_without_context;
use vigilmon_tests::process::Plan;
use vigilmon_tests::programs::{self, Build};
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::{Options, REGIONS, Up};
use vigilmon_tests::wait;

use crate::scene::{HOOK, SOON, Scene};

/// The names in a list.
fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect()
}

/// Runs `restore`; its exit code and what it said.
fn restore(file: &Path, data: &Path, keys: Option<&Path>) -> (i32, String) {
    let mut args = vec![Path::new("restore"), Path::new("--data"), data, file];
    if let Some(keys) = keys {
        args.extend([Path::new("--keys"), keys]);
    }
    let done = Plan::new(programs::vigilmon("vigilmon-coordinator", Build::Plain))
        .args(args)
        .command()
        .output()
        .expect("the coordinator can be started");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    (done.status.code().unwrap_or(-1), said)
}

#[test]
fn a_restored_coordinator_knows_what_the_backup_knew_and_goes_on() {
    let scene = Scene::start();
    let (site, other) = (Target::start(), Target::start());
    scene.watch("site", &site.url(), &[]);
    scene.watch("other", &other.url(), &[]);
    scene.cli.ok(&["route", "add", "all", "--to", HOOK]);
    site.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let told = scene.cli.json(&["backup", file.to_str().unwrap()]);
    assert_eq!(told["bytes"], fs::metadata(&file).unwrap().len());
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let bytes = fs::read(&file).unwrap();
    let key = fs::read(scene.up.data().join("secret.key")).unwrap();
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(!holds(key.trim_ascii()), "the key is not in it");
    assert!(
        !holds(scene.receiver.url(HOOK).as_bytes()),
        "secrets stay sealed"
    );
    scene.cli.ok(&["monitor", "remove", "other"]);

    let into = tempfile::tempdir().unwrap();
    let data = into.path().join("data");
    let (code, said) = restore(&file, &data, Some(&scene.up.data()));
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("restored 3 monitors, 2 channels, 1 routes and 1 open"),
        "{said}"
    );
    let token = fs::read_to_string(scene.up.data().join("context.toml")).unwrap();
    fs::write(data.join("context.toml"), token).unwrap();
    drop(scene.up);

    let up = Up::start_in(into, &Options::new());
    let cli = up.cli();
    assert_eq!(
        names(&cli.rows(&["monitor", "list"])),
        ["other", "site", "witness"]
    );
    assert_eq!(names(&cli.rows(&["route", "list"])), ["all"]);
    let open = cli.rows(&["incident", "list", "--open"]);
    assert_eq!(open[0]["id"], opened.incident());
    other.wait_for_hits(&REGIONS, 1, SOON);
    site.behave(Behaviour::status(200));
    let resolved = scene.receiver.wait_for(HOOK, "its end", SOON, |delivery| {
        delivery.kind() == "incident.resolved" && delivery.monitor() == "site"
    });
    assert_eq!(resolved.incident(), opened.incident());
    let openings = scene.receiver.messages(HOOK).into_iter();
    let openings = openings.filter(|d| d.kind() == "incident.opened" && d.monitor() == "site");
    assert_eq!(
        openings.count(),
        1,
        "what was told before is not told again"
    );
    let (code, said) = restore(&file, &up.data(), Some(&up.data()));
    assert!(code == 1 && said.contains("is not empty"), "{said}");
}

#[test]
fn a_backup_that_is_not_whole_or_lacks_its_key_is_refused_and_nothing_is_written() {
    let up = Up::start(&Options::new().args(&["--regions", "us-east"]));
    up.cli()
        .ok(&["monitor", "add", "site", "--http", "http://127.0.0.1:9/"]);
    let stranger = Up::start(&Options::new().args(&["--regions", "us-east"]));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    up.cli().ok(&["backup", file.to_str().unwrap()]);
    let stdout = up.cli().run(&["backup", "-"]);
    assert!(stdout.out.starts_with("vigilmon backup 1\n"), "{stdout:#?}");
    let whole = fs::read(&file).unwrap();
    let data = folder.path().join("data");
    let refused = |file: &Path, keys: Option<&Path>, why: &str| {
        let (code, said) = restore(file, &data, keys);
        assert!(code == 1 && said.contains(why), "{said}");
        assert!(!data.exists(), "nothing was written");
    };
    let damaged = folder.path().join("damaged");
    fs::write(&damaged, &whole[..whole.len() - 40]).unwrap();
    let (own, strange) = (up.data(), stranger.data());
    refused(&damaged, Some(&own), "is damaged");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    fs::write(&damaged, &flipped).unwrap();
    refused(&damaged, Some(&own), "its checksum is wrong");
    refused(&file, Some(folder.path()), "secret.key does not exist");
    refused(&file, None, "with --keys");
    refused(&file, Some(&strange), "the secret.key of then");
    fs::copy(own.join("secret.key"), folder.path().join("secret.key")).unwrap();
    let beside = folder.path().join("beside");
    let (code, said) = restore(&file, &beside, None);
    assert_eq!(code, 0, "{said}");
    assert!(beside.join("secret.key").exists());
    let nowhere = up.cli().run(&["backup", "/nowhere/backup"]);
    assert!(
        nowhere.code == 1 && nowhere.err.contains("cannot write"),
        "{nowhere:#?}"
    );
}

#[test]
fn the_doctor_says_what_is_wrong_and_exits_by_it() {
    let mut scene = Scene::start();
    let well = scene.cli.run(&["doctor"]);
    assert_eq!(well.code, 0, "{well:#?}");
    assert!(
        well.out
            .contains("ok    mail        the mail relay answers"),
        "{well:#?}"
    );
    assert!(
        well.out.lines().all(|line| line.chars().count() <= 80),
        "{well:#?}"
    );
    let add = [
        "monitor",
        "add",
        "far",
        "--http",
        "http://127.0.0.1:9/",
        "--regions",
        "eu-north",
    ];
    scene.cli.ok(&["region", "add", "eu-north"]);
    scene.cli.ok(&add);
    scene.mail.stop();
    let found = || -> Vec<Value> {
        let done = scene.cli.run(&["doctor", "-o", "json"]);
        assert_eq!(done.code, 1, "{done:#?}");
        serde_json::from_str(&done.out).unwrap()
    };
    wait::until_a_command_says("the relay is gone", SOON, || {
        found()
            .iter()
            .any(|row| row["check"] == "mail" && row["level"] == "fail")
    });
    let all = found();
    let region = all.iter().find(|row| row["check"] == "regions").unwrap();
    assert_eq!(region["level"], "fail");
    assert!(
        region["remedy"]
            .as_str()
            .unwrap()
            .contains("agent token add --region eu-north")
    );

    let folder = tempfile::tempdir().unwrap();
    let nowhere = run_without_context(folder.path(), &["doctor"]);
    assert_eq!(nowhere.code, 1, "{nowhere:#?}");
    assert!(nowhere.out.starts_with("fail  context "), "{nowhere:#?}");
}

#[test]
fn completions_and_manual_pages_are_read_by_those_who_use_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let done = run_without_context(folder.path(), words);
        assert_eq!(done.code, 0, "{done:#?}");
        done.out
    };
    let script = folder.path().join("completion.bash");
    fs::write(&script, run(&["completion", "bash"])).unwrap();
    let read = Command::new("bash")
        .arg("-n")
        .arg(&script)
        .output()
        .unwrap();
    assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
    assert!(run(&["completion", "zsh"]).starts_with("#compdef vigilmon"));
    assert!(run(&["completion", "fish"]).contains("complete -c vigilmon"));

    let pages = folder.path().join("man");
    run(&["man", pages.to_str().unwrap()]);
    let mut count = 0;
    for page in fs::read_dir(&pages).unwrap() {
        let page = page.unwrap().path();
        let read = Command::new("groff")
            .args(["-K", "utf8", "-man", "-ww", "-Tutf8", "-z"])
            .arg(&page)
            .output();
        let read = read.expect("groff is installed");
        assert!(
            read.status.success() && read.stderr.is_empty(),
            "{page:?}: {read:?}"
        );
        count += 1;
    }
    assert!(count > 40, "a page for each command: {count}");
}
