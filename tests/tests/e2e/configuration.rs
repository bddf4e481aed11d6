//! Configuration as code: files applied, refused, compared and written.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use vigilmon_tests::cli::Cli;
use vigilmon_tests::programs;
use vigilmon_tests::up::{self, Options, Up};

use crate::scene::SOON;

/// Holds a JSON document against a schema, both files, with the published library.
const VALIDATES: &str = "
import json, sys, yaml
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
wrong = [e.message for e in Draft202012Validator(schema).iter_errors(yaml.safe_load(open(sys.argv[2])))]
sys.exit('; '.join(wrong) if wrong else 0)
";

/// Where a user finds what no file shows.
const HINT: &str = "hint: ping URLs: vigilmon heartbeat show NAME\n";

fn write(up: &Up, name: &str, text: &str) {
    let path = up.folder().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("can be made");
    fs::write(path, text).expect("can be written");
}

fn names(cli: &Cli) -> Vec<String> {
    let rows = cli.rows(&["monitor", "list"]);
    let name = |row: &serde_json::Value| row["name"].as_str().map(str::to_owned);
    rows.iter().filter_map(name).collect()
}

/// As many monitors as said, each with this label.
fn monitors(prefix: &str, count: usize, team: &str) -> String {
    let mut text = "monitors:\n".to_owned();
    for n in 0..count {
        let _ = writeln!(
            text,
            "- {{name: {prefix}{n}, http: {{url: 'http://127.0.0.1:9/'}}, every: 1h, labels: {{team: {team}}}}}"
        );
    }
    text
}

/// The YAML of a page of the documentation.
fn examples(page: &str) -> Vec<String> {
    let path = programs::tests().join("../docs").join(page);
    let text = fs::read_to_string(path).expect("the page is there");
    let mut blocks = text.split("```yaml\n").skip(1);
    let block = |rest: &str| rest.split("```").next().unwrap_or_default().to_owned();
    blocks.by_ref().map(block).collect()
}

fn fits_the_schema(schema: &Path, document: &Path) {
    let python = Command::new(programs::python("python"))
        .args(["-c", VALIDATES])
        .args([schema, document])
        .output()
        .expect("Python can be started");
    let said = String::from_utf8_lossy(&python.stderr).into_owned();
    assert!(python.status.success(), "{}: {said}", document.display());
}

#[test]
fn the_examples_of_the_documentation_are_applied_and_change_nothing_twice() {
    let up = Up::start(&Options::new());
    let cli = up.cli();
    let secrets = [
        ("HOOK_URL", "https://hooks.example.com/hunter2"),
        (
            "HOOK_SECRET",
            "whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMg==",
        ),
        ("API_TOKEN", "hunter3"),
    ];
    let cli = secrets
        .iter()
        .fold(cli, |cli, (name, value)| cli.env(name, value));
    write(&up, "schema.json", &cli.ok(&["schema"]));
    let examples = examples("configuration.md");
    assert!(examples.len() >= 3);
    for (n, example) in examples.iter().enumerate() {
        let file = format!("{n}.yaml");
        write(&up, &file, example);
        fits_the_schema(&up.folder().join("schema.json"), &up.folder().join(&file));
        let first = cli.ok(&["apply", "-f", &file]);
        assert!(first.contains("applied: "), "{first}");
        assert_eq!(cli.ok(&["apply", "-f", &file]), "no changes\n");
        assert_eq!(
            cli.ok(&["diff", "-f", &file, "--exit-code"]),
            "no changes\n"
        );
    }
    let exported = cli.ok(&["export"]);
    assert!(!exported.contains("hunter"), "{exported}");
    write(&up, "export.yaml", &exported);
    write(&up, "export.json", &cli.ok(&["export", "-o", "json"]));
    for file in ["export.yaml", "export.json"] {
        fits_the_schema(&up.folder().join("schema.json"), &up.folder().join(file));
        assert_eq!(cli.ok(&["apply", "-f", file]), "no changes\n");
    }
}

#[test]
fn everything_wrong_in_all_files_is_said_at_once_and_nothing_changes() {
    let up = Up::start(&Options::new());
    let cli = up.cli();
    write(
        &up,
        "conf/a.yaml",
        &monitors("m", 50, "web").replace("name: m17, http", "name: m17, htpp"),
    );
    write(
        &up,
        "conf/b/c.yml",
        "channels:
  - {name: one, webhook: {url: 'ftp://example.com'}, fallback: two}
  - {name: two, webhook: {url: 'https://example.com/x'}, fallback: three}
  - {name: three, webhook: {url: 'https://example.com/x'}, fallback: two}
routes:
  - {name: all, to: [nobody], match: {severity: loud}}
monitors:
  - name: m3
    http: {url: 'https://example.com', bearer: '${VIGILMON_NO_SUCH_VARIABLE}'}
    regions: [mars]
    every: soon
",
    );
    let done = cli.run(&["apply", "-f", "conf"]);
    assert_eq!((done.code, done.out.as_str()), (1, ""), "{done:#?}");
    let lines: Vec<&str> = done.err.lines().collect();
    let expected = [
        "conf/a.yaml:19:15: monitor m17: htpp: ",
        "conf/b/c.yml:2:32: channel one: webhook.url: ",
        "conf/b/c.yml:3:68: channel two: fallback: leads back",
        "conf/b/c.yml:4:70: channel three: fallback: leads back",
        "conf/b/c.yml:6:22: route all: to: channel `nobody` does not exist",
        "conf/b/c.yml:6:49: route all: match.severity: `loud`",
        "conf/b/c.yml:8:11: monitor m3: is given twice; first at conf/a.yaml:5:10",
        "conf/b/c.yml:9:48: the variable VIGILMON_NO_SUCH_VARIABLE is not set",
        "conf/b/c.yml:10:15: monitor m3: regions: region `mars` does not exist",
        "conf/b/c.yml:11:12: monitor m3: every: `soon`",
    ];
    for expected in expected {
        let said = lines
            .iter()
            .any(|line| line.starts_with(&format!("error: {expected}")));
        assert!(said, "{expected}\n{}", done.err);
    }
    assert!(
        done.err.contains("10 problems; nothing was changed"),
        "{}",
        done.err
    );
    assert_eq!(names(&cli), Vec::<String>::new());
    assert_eq!(cli.rows(&["channel", "list"]).len(), 0);
}

#[test]
fn files_beyond_bounds_are_refused_with_their_place() {
    let up = Up::start(&Options::new());
    let cli = up.cli();
    let mut bomb = "x-a: &a [1,1,1,1,1,1,1,1,1]\n".to_owned();
    for (from, to) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        let list = vec![format!("*{from}"); 9].join(",");
        let _ = writeln!(bomb, "x-{to}: &{to} [{list}]");
    }
    let large = "#".repeat(10 * 1024 * 1024 + 1);
    let deep = format!("monitors: {}", "[".repeat(100_000));
    for (name, text, said) in [
        ("large.yaml", large.as_str(), "large.yaml: more than 10 MiB"),
        ("deep.yaml", deep.as_str(), "deep.yaml:1:"),
        ("bomb.yaml", bomb.as_str(), "aliases followed"),
        ("text.yaml", "hello", "text.yaml:1:1: a map is expected"),
        ("broken.yaml", "monitors: [", "broken.yaml:"),
    ] {
        write(&up, name, text);
        let done = cli.run(&["apply", "-f", name]);
        assert_eq!(done.code, 1, "{done:#?}");
        assert!(done.err.contains(said), "{done:#?}");
        assert!(!done.err.contains("panicked"), "{done:#?}");
    }
    let missing = cli.run(&["apply", "-f", "missing.yaml"]);
    assert_eq!(missing.code, 1, "{missing:#?}");
    assert!(missing.err.contains("missing.yaml"), "{missing:#?}");
    fs::create_dir(up.folder().join("empty")).unwrap();
    assert_eq!(cli.run(&["apply", "-f", "empty"]).code, 1);
}

#[test]
fn only_what_the_label_covers_is_pruned_and_a_plan_changes_nothing() {
    let up = Up::start(&Options::new());
    let cli = up.cli();
    cli.ok(&["monitor", "add", "by-hand", "--http", "http://127.0.0.1:9/"]);
    write(
        &up,
        "all.yaml",
        &(monitors("a", 3, "web") + &monitors("b", 2, "db")[10..]),
    );
    cli.ok(&["apply", "-f", "all.yaml"]);
    write(&up, "less.yaml", &monitors("a", 1, "web"));
    let prune = ["-f", "less.yaml", "--prune", "--label", "team=web"];

    let planned = cli.ok(&[&["apply", "--dry-run"], &prune[..]].concat());
    assert!(
        planned.contains("- monitor a1\n- monitor a2\n"),
        "{planned}"
    );
    let diff = cli.run(&[&["diff", "--exit-code"], &prune[..]].concat());
    assert_eq!((diff.code, diff.out.as_str()), (1, planned.as_str()));
    assert_eq!(names(&cli).len(), 6);

    cli.ok(&[&["apply"], &prune[..]].concat());
    assert_eq!(names(&cli), ["a0", "b0", "b1", "by-hand"]);
    assert_eq!(cli.run(&["apply", "-f", "less.yaml", "--prune"]).code, 2);
}

#[test]
fn heartbeats_of_a_file_get_urls_that_no_file_shows() {
    let up = Up::start(&Options::new());
    let cli = up.cli();
    let jobs = "heartbeats:
- {name: nightly, every: 25h, labels: {team: web}}
- {name: weekly, cron: 0 4 * * sun, tz: Asia/Kathmandu, labels: {team: web}}
";
    write(&up, "all.yaml", &(monitors("m", 1, "web") + jobs));
    let dry = cli.run(&["apply", "-f", "all.yaml", "--dry-run"]);
    assert_eq!((dry.code, dry.err.as_str()), (0, ""), "{dry:#?}");
    let first = cli.run(&["apply", "-f", "all.yaml"]);
    assert_eq!(first.err, HINT, "{first:#?}");
    assert!(first.out.contains("+ heartbeat nightly\n"), "{first:#?}");
    let url = || {
        let shown = cli.json(&["heartbeat", "show", "nightly"]);
        shown["ping_url"].as_str().expect("a URL").to_owned()
    };
    let first_url = url();
    let token = first_url.rsplit('/').next().unwrap();
    let exported = cli.ok(&["export"]);
    assert!(!exported.contains(token), "{exported}");

    write(
        &up,
        "all.yaml",
        &(monitors("m", 1, "web") + &jobs.replace("25h", "26h")),
    );
    let second = cli.run(&["apply", "-f", "all.yaml"]);
    assert_eq!(second.err, "", "no heartbeat is new: {second:#?}");
    assert!(
        second
            .out
            .contains("~ heartbeat nightly: every 25h -> 26h\n"),
        "{second:#?}"
    );
    assert_eq!(url(), first_url);

    write(&up, "taken.yaml", "heartbeats: [{name: m0, every: 1h}]");
    let taken = cli.run(&["apply", "-f", "taken.yaml"]);
    assert_eq!(taken.code, 1, "{taken:#?}");
    let said = "error: taken.yaml:1:21: heartbeat m0: name: `m0` is a monitor that exists";
    assert!(taken.err.starts_with(said), "{taken:#?}");

    write(&up, "less.yaml", &monitors("m", 1, "web"));
    let prune = ["apply", "-f", "less.yaml", "--prune", "--label", "team=web"];
    let pruned = cli.ok(&prune);
    assert!(
        pruned.contains("- heartbeat nightly\n- heartbeat weekly\n"),
        "{pruned}"
    );
    assert_eq!(cli.rows(&["heartbeat", "list"]).len(), 0);
}

#[test]
fn standard_input_is_read_and_a_value_of_the_environment_is_only_text() {
    let up = Up::start(&Options::new());
    let cli = up.cli().env(
        "EVIL",
        "x'}}, {name: evil, http: {url: 'http://127.0.0.1:9/'}}]",
    );
    let text = "{\"monitors\": [{\"name\": \"api\", \"http\": {\"url\": \"http://127.0.0.1:9/\", \"body\": \"${EVIL}\"}}]}";
    let mut child = cli
        .command(&["apply", "-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("vigilmon can be started");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), text.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (told["applied"].as_bool(), told["created"].as_u64()),
        (Some(true), Some(1))
    );
    assert_eq!(names(&cli), ["api"]);
}

#[test]
fn applies_at_the_same_time_do_not_interleave() {
    let up = Up::start(&Options::new());
    let cli = up.cli();
    for team in ["red", "blue"] {
        let text = monitors("m", 200, team);
        write(&up, &format!("{team}.yaml"), &text);
    }
    let codes: Vec<(&str, i32, String)> = std::thread::scope(|scope| {
        let run = |team: &'static str| {
            let cli = cli.clone();
            let file = format!("{team}.yaml");
            scope.spawn(move || (team, cli.run(&["apply", "-f", &file])))
        };
        let running = [run("red"), run("blue")];
        running
            .map(|thread| thread.join().expect("it ends"))
            .map(|(team, done)| (team, done.code, done.err))
            .into()
    });
    assert!(codes.iter().any(|(_, code, _)| *code == 0), "{codes:?}");
    for (_, code, said) in &codes {
        assert!(*code == 0 || said.contains("meanwhile"), "{codes:?}");
    }
    let labels: std::collections::BTreeSet<String> = cli
        .rows(&["monitor", "list"])
        .iter()
        .map(|row| row["labels"]["team"].to_string())
        .collect();
    assert_eq!(labels.len(), 1, "all are of one file: {labels:?}");
}

#[test]
fn up_applies_files_at_its_start_or_ends_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let good = monitors("m", 2, "web") + "heartbeats: [{name: nightly, every: 25h}]\n";
    fs::write(folder.path().join("good.yaml"), good).unwrap();
    let text = monitors("m", 1, "web") + "  regions: [mars]\n";
    let bad = text.replace("}}\n", "}, regions: [mars]}\n");
    fs::write(
        folder.path().join("bad.yaml"),
        bad.replace("  regions: [mars]\n", ""),
    )
    .unwrap();
    fs::write(folder.path().join("unknown.yaml"), "monitor: []").unwrap();

    for (file, said) in [
        ("unknown.yaml", "did you mean `monitors`?"),
        ("bad.yaml", "region `mars` does not exist"),
        ("missing.yaml", "missing.yaml"),
    ] {
        let options = Options::new().args(&["-f", file]);
        let mut process = up::launch_in(folder.path(), &options);
        let status = process.wait(SOON);
        assert_eq!(status.code(), Some(1), "{}", process.log());
        assert!(process.log().contains(said), "{}", process.log());
    }
    let mut up = Up::start_in(folder, &Options::new().args(&["-f", "good.yaml"]));
    assert_eq!(names(&up.cli()), ["m0", "m1"]);
    assert_eq!(up.cli().rows(&["heartbeat", "list"]).len(), 1);
    let log = up.process().log();
    assert!(log.contains("+ heartbeat nightly\n"), "{log}");
    assert!(log.contains(HINT), "{log}");
}

#[test]
fn a_crash_within_apply_leaves_all_of_it_or_nothing() {
    for point in ["state-before-commit", "state-after-commit"] {
        let folder = tempfile::tempdir().unwrap();
        let armed = folder.path().join("armed");
        let options = Options::new().fault(&format!("{point}@{}", armed.display()));
        let mut up = Up::start_in(folder, &options);
        write(&up, "all.yaml", &monitors("m", 300, "web"));
        fs::write(&armed, "").unwrap();
        let done = up.cli().run(&["apply", "-f", "all.yaml"]);
        assert_ne!(done.code, 0, "{done:#?}");
        up.process().wait(SOON);
        up.start_again(&Options::new());
        let there = names(&up.cli()).len();
        assert!(there == 0 || there == 300, "{point}: {there}");
        up.cli().ok(&["apply", "-f", "all.yaml"]);
        assert_eq!(names(&up.cli()).len(), 300);
    }
}
