//! `apply` of ten thousand monitors in three regions, a second one, and one with a single edit.

use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use vigilmon_tests::target::Target;
use vigilmon_tests::up::{Options, Up};

/// How many monitors.
const MONITORS: usize = 10_000;

pub(crate) fn print() {
    let target = Target::start();
    let up = Up::start(&Options::new());
    let cli = up.cli();
    let file = up.folder().join("all.yaml");
    let text = monitors(&target.url());
    fs::write(&file, &text).expect("the file can be written");
    println!("\n{MONITORS} monitors, {} kB of YAML", text.len() / 1024);
    let timed = |what: &str, arguments: &[&str], target: &str| {
        let start = Instant::now();
        let out = cli.ok(arguments);
        let last = out.lines().last().unwrap_or_default();
        let took = start.elapsed();
        println!("{what:40} {took:>8.0?}   {target}{last}");
    };
    timed("apply:", &["apply", "-f", "all.yaml"], "(target < 5 s) ");
    timed(
        "second apply:",
        &["apply", "-f", "all.yaml"],
        "(target < 2 s) ",
    );
    let edited = text.replacen("every: 1h", "every: 2h", 1);
    fs::write(&file, edited).expect("the file can be written");
    timed("apply of one edit:", &["apply", "-f", "all.yaml"], "");
    timed("export:", &["export"], "");
}

fn monitors(url: &str) -> String {
    let mut text = "monitors:\n".to_owned();
    for n in 0..MONITORS {
        let _ = write!(
            text,
            "- name: service-{n}\n  http:\n    url: {url}?service={n}\n    expect_status: 200\n    \
             contains: ok\n  every: 1h\n  labels: {{team: team-{}, tier: web}}\n",
            n % 50
        );
    }
    text
}
