//! What the command line says of heartbeats and their incidents: all that is wrong at once, what
//! happened to what, and when the next ping is due.

use vigilmon_tests::cli::Done;
use vigilmon_tests::wait;

use super::{Ward, asked, ping};
use crate::scene::SOON;

/// How wide lines are where no terminal says otherwise.
const COLUMNS: usize = 80;

/// The fields and flags that a refusal names.
#[track_caller]
fn named(refused: &Done, code: i32) -> Vec<&str> {
    assert_eq!(refused.code, code, "{refused:#?}");
    let errors = refused.err.lines();
    let errors = errors.filter_map(|line| line.strip_prefix("error: "));
    errors
        .map(|error| error.split(':').next().unwrap())
        .collect()
}

#[test]
fn all_that_is_wrong_with_flags_is_said_at_once_whoever_finds_it() {
    let ward = Ward::start();
    let wrong = [
        "--grace",
        "900d",
        "--severity",
        "foo",
        "--label",
        "bad",
        "--notify",
        "nope",
    ];
    let add = ["heartbeat", "add", "bad/name", "--every", "0s"];
    let refused = ward.cli.run(&[&add[..], &wrong].concat());
    assert_eq!(
        named(&refused, 1),
        [
            "--severity",
            "--label",
            "name",
            "--every",
            "--grace",
            "--notify"
        ],
        "{refused:#?}"
    );
    assert!(
        refused.err.contains("hint: write key=value"),
        "{refused:#?}"
    );
    assert!(ward.cli.rows(&["heartbeat", "list"]).is_empty());

    ward.add("job", &["--cron", "0 2 * * *"]);
    let edit = ["heartbeat", "edit", "job", "--rename", "a/b"];
    let edit = [&edit[..], &["--cron", "every day", "--tz", ""], &wrong].concat();
    let refused = ward.cli.run(&edit);
    assert_eq!(
        named(&refused, 1),
        [
            "--tz",
            "--severity",
            "--label",
            "name",
            "--cron",
            "--grace",
            "--notify"
        ],
        "{refused:#?}"
    );
    let zone = ward.cli.run(&["heartbeat", "edit", "job", "--tz", ""]);
    assert_eq!(named(&zone, 2), ["--tz"], "{zone:#?}");
    assert_eq!(ward.show("job")["cron"], "0 2 * * *");

    let add = ["monitor", "add", "bad/name", "--http", "x", "--header", "a"];
    let add = [
        &add[..],
        &["--label", "bad", "--label", "worse", "--every", "0s"],
    ]
    .concat();
    let refused = ward.cli.run(&add);
    let names = named(&refused, 1);
    for name in ["--label", "--header", "name", "--every"] {
        assert!(names.contains(&name), "{name}: {refused:#?}");
    }
}

#[test]
fn a_list_of_incidents_says_what_happened_to_what_in_80_columns() {
    let ward = Ward::start();
    let missed = ward.add("reports_of_the_day", &["--every", "1s"]);
    let failed = ward.add("nightly_cleanup", &["--every", "1h"]);
    let overrun = ward.add("db backup", &["--every", "1h", "--max-run", "1s"]);
    ping(&missed);
    assert_eq!(asked(&format!("{failed}/3")).status, 200);
    assert_eq!(asked(&format!("{overrun}/start")).status, 200);
    for name in ["reports_of_the_day", "nightly_cleanup", "db backup"] {
        ward.wait_for("incident.opened", name);
    }
    let list = ward.cli.ok(&["incident", "list"]);
    for said in [
        "MISSED reports_of_the_day",
        "FAILED nightly_cleanup",
        "OVERRUN db backup",
    ] {
        let line = list.lines().find(|line| line.contains(said));
        let line = line.unwrap_or_else(|| panic!("{said}: {list}"));
        assert!(line.chars().count() <= COLUMNS, "{list}");
        let id = line.split_whitespace().next().unwrap();
        assert!(id.len() >= 8 && id.len() < 36, "{list}");
        let shown = ward.cli.ok(&["incident", "show", id]);
        let name = said.split_once(' ').unwrap().1;
        assert!(shown.starts_with(&format!("{name}: ")), "{id}: {shown}");
    }
    assert!(list.contains("exit code 3"), "{list}");
}

#[test]
fn the_list_says_how_soon_a_ping_is_due_and_which_are_overdue() {
    let ward = Ward::start();
    let quick = ward.add("quick", &["--every", "10s"]);
    let missed = ward.add("missed", &["--every", "1s"]);
    ward.add("new", &["--every", "1h"]);
    ping(&missed);
    ward.wait_for("incident.opened", "missed");
    ping(&quick);
    let list = ward.cli.ok(&["heartbeat", "list"]);
    let next = |name: &str| {
        let line = list.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("{list}")).to_owned()
    };
    assert!(next("missed").ends_with("s overdue"), "{list}");
    assert!(next("new").ends_with("  -"), "{list}");
    let left = |line: &str| {
        let (_, left) = line.split_once("  in ")?;
        left.strip_suffix('s')?.parse::<u64>().ok()
    };
    let first = left(&next("quick")).unwrap_or_else(|| panic!("{list}"));
    assert!(first <= 10, "{list}");
    wait::until_a_command_says("its time comes nearer, or is over", SOON, || {
        let list = ward.cli.ok(&["heartbeat", "list"]);
        let mut lines = list.lines();
        let quick = lines.find(|line| line.starts_with("quick")).unwrap();
        left(quick).map_or(quick.ends_with("s overdue"), |now| now < first)
    });
}

#[test]
fn a_wrong_word_is_wrong_usage_and_the_right_one_is_said() {
    let ward = Ward::start();
    ward.add("job", &["--every", "1h"]);
    let show = ["heartbeat", "show", "job"];
    for (more, hint) in [
        (&["--snippets=nope"][..], "there are shell, "),
        (&["--snippets", "shell"], "show job --snippets=shell"),
        (&["at", "night"], "--help"),
        (&["night"], "in quotes"),
    ] {
        let refused = ward.cli.run(&[&show[..], more].concat());
        assert_eq!(refused.code, 2, "{refused:#?}");
        assert!(refused.err.contains(hint), "{refused:#?}");
    }
    let unknown = ward.cli.run(&["heartbeat", "list", "--nope"]);
    assert_eq!(unknown.code, 2, "{unknown:#?}");
    let usage = "Usage: vigilmon heartbeat list";
    assert!(unknown.err.contains(usage), "{unknown:#?}");
    assert!(
        !unknown.err.contains("--context"),
        "a variable gives it: {unknown:#?}"
    );
}
