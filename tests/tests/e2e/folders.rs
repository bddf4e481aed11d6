//! A port in use, a data folder that cannot be used, a damaged store, a full disk: a clear message,
//! a non-zero exit, and nothing lost.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use vigilmon_tests::disk::SmallDisk;
use vigilmon_tests::process::Process;
use vigilmon_tests::target::Target;
use vigilmon_tests::up::{Options, REGIONS, Up, launch_in};
use vigilmon_tests::wait;

use crate::scene::SOON;

/// Room enough to start, and soon filled.
const SMALL: u64 = 256 << 20;

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    for flag in ["--http", "--grpc"] {
        let options = Options::new().args(&[flag, &address]);
        fails(launch_in(folder.path(), &options), &[&address]);
    }
}

#[test]
fn a_data_folder_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    fs::write(&file, "a letter").unwrap();
    fails(launch_in(folder.path(), &Options::new()), &[&text(&file)]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "a letter");
}

#[test]
fn a_data_folder_that_cannot_be_made_is_named() {
    // Nobody, root included, may make folders there.
    let options = Options::new().args(&["--data", "/sys/vigilmon-data"]);
    let folder = tempfile::tempdir().unwrap();
    fails(launch_in(folder.path(), &options), &["/sys/vigilmon-data"]);
}

#[test]
fn a_full_disk_ends_it_with_a_clear_message_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = folder.path().join("data");
    fs::create_dir(&mounted).unwrap();
    let log = folder.path().join("disk");
    let disk = SmallDisk::mount(&mounted, SMALL, &log);
    let options = Options::new().within(&disk.enter());
    let mut up = Up::start_in(folder, &options);
    let cli = up.cli().within(&disk.enter());
    let target = Target::start();
    cli.ok(&[
        "monitor",
        "add",
        "site",
        "--http",
        &target.url(),
        "--every",
        "1s",
        "--timeout",
        "1s",
    ]);
    target.wait_for_hits(&REGIONS, 3, SOON);

    disk.fill();
    let status = up.process().wait(SOON * 2);
    let log = up.process().log();
    assert!(
        status.code().is_some_and(|code| code != 0),
        "{status}: {log}"
    );
    assert!(log.to_lowercase().contains("no space left"), "{log}");
    assert!(!log.contains("panicked"), "{log}");

    disk.make_room();
    up.start_again(&options);
    assert_eq!(cli.rows(&["monitor", "list"]).len(), 1);
    wait::until_a_command_says("the monitor is up again", SOON, || {
        cli.json(&["monitor", "show", "site"])["status"] == "up"
    });
    assert!(!cli.rows(&["monitor", "results", "site"]).is_empty());
}

#[test]
fn a_second_coordinator_on_the_same_folder_is_refused() {
    let mut up = Up::start(&Options::new());
    let folder = up.data();
    let second = launch_in(folder.parent().unwrap(), &Options::new());
    fails(second, &[&text(&folder)]);
    up.process().must_run();
    up.wait_until_ready();
}

#[test]
fn files_of_others_in_the_data_folder_are_left_alone() {
    let mut up = Up::start(&Options::new());
    let foreign = up.data().join("notes.txt");
    fs::write(&foreign, "mine").unwrap();
    up.stop();
    up.start_again(&Options::new());
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "mine");
}

#[test]
fn a_damaged_store_stops_the_start_and_is_left_as_it_is() {
    let mut up = Up::start(&Options::new());
    up.cli()
        .ok(&["monitor", "add", "site", "--http", "http://127.0.0.1:9/"]);
    up.stop();
    let database = find(&up.data(), "db");
    let whole = fs::read(&database).unwrap();
    let mut damaged = whole.clone();
    for byte in damaged.iter_mut().skip(16).step_by(7) {
        *byte ^= 0x5a;
    }
    fs::write(&database, &damaged).unwrap();

    let folder = up.data();
    fails(
        launch_in(folder.parent().unwrap(), &Options::new()),
        &[&text(&folder)],
    );
    assert_eq!(
        fs::read(&database).unwrap(),
        damaged,
        "nothing was mended or thrown away"
    );

    fs::write(&database, &whole).unwrap();
    up.start_again(&Options::new());
    assert_eq!(up.cli().rows(&["monitor", "list"]).len(), 1);
}

#[test]
fn what_was_there_is_there_again_after_a_power_cut() {
    let mut up = Up::start(&Options::new());
    let cli = up.cli();
    cli.ok(&[
        "monitor",
        "add",
        "site",
        "--http",
        "http://127.0.0.1:9/",
        "--label",
        "team=web",
    ]);
    cli.ok(&["channel", "add", "hook", "--webhook", "http://127.0.0.1:9/"]);
    let before = (
        cli.json(&["monitor", "show", "site"])["id"].clone(),
        cli.rows(&["channel", "list"]),
    );
    up.process().kill();
    up.start_again(&Options::new());
    let after = (
        cli.json(&["monitor", "show", "site"])["id"].clone(),
        cli.rows(&["channel", "list"]),
    );
    assert_eq!(
        before, after,
        "also the token of the context is still valid"
    );
}

/// It ends by itself, not well, and says which of these is in the way.
#[track_caller]
fn fails(mut process: Process, named: &[&str]) {
    let status = process.wait(SOON + Duration::from_secs(10));
    let log = process.log();
    assert!(
        status.code().is_some_and(|code| code != 0),
        "{status}: {log}"
    );
    assert!(!log.contains("panicked"), "{log}");
    for word in named {
        assert!(log.contains(word), "{word} is not named: {log}");
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("our paths are UTF-8").to_owned()
}

/// The file of this name somewhere below a folder.
#[track_caller]
fn find(folder: &Path, name: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() == name {
                return entry.path();
            }
        }
    }
    panic!("no file {name} below {}", folder.display());
}
