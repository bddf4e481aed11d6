//! Snippets while the coordinator is away: a job that ends in a short restart gets its ping through.

use std::time::{Duration, Instant};

use vigilmon_tests::process::Process;
use vigilmon_tests::up::Options;

use super::snippets::Desk;
use super::{pass, signals};
use crate::scene::SOON;

/// How long nobody listens at the ping URL.
const AWAY: Duration = Duration::from_secs(3);
/// Programs in Python log all that they can.
const LOGS_ALL: &str = "import logging\n\nlogging.basicConfig(level=logging.DEBUG)\n";

#[test]
fn a_job_gets_its_pings_through_a_restart_and_prints_no_url() {
    let mut desk = Desk::start(&["--every", "25h", "--max-run", "2h"]);
    let url = desk.ward.show("nightly cleanup")["ping_url"].clone();
    let token = url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    desk.copy("shell", "true", "heartbeat.sh");
    desk.copy("node", "true", "heartbeat.mjs");
    for tool in ["httpx", "requests"] {
        let text = LOGS_ALL.to_owned() + &desk.snippet(tool, "true");
        desk.reader.write(&format!("{tool}_job.py"), &text);
    }

    desk.ward.up.stop();
    let stopped = Instant::now();
    let jobs: [(&str, &[&str]); 4] = [
        ("sh", &["heartbeat.sh", "true"]),
        ("node", &["heartbeat.mjs"]),
        ("python", &["httpx_job.py"]),
        ("python", &["requests_job.py"]),
    ];
    let start = |(place, (program, arguments)): (usize, (&str, &[&str]))| {
        let log = desk.reader.folder().join(format!("log-{place}"));
        desk.reader.plan(program).args(arguments).start(&log)
    };
    let jobs: Vec<Process> = jobs.into_iter().enumerate().map(start).collect();
    pass(stopped, AWAY);
    desk.ward.up.start_again(&Options::coordinator());
    for mut job in jobs {
        let ended = job.wait(SOON);
        let said = job.log();
        assert!(ended.success(), "{said}");
        assert!(!said.contains(&token), "{said}");
    }
    let mut signals = signals(&desk.ward.show("nightly cleanup"));
    signals.sort_unstable();
    let success = ["success"; 3];
    let start = ["start"; 4];
    assert_eq!(signals, [&["exit 0"][..], &start, &success].concat());
}
