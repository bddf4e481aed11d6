//! Load by wrk, as fast as it is answered.

use std::fs;
use std::process::Command;
use std::time::Duration;

use vigilmon_tests::programs;
use vigilmon_tests::up::Up;

use crate::usage::cpu;

const THREADS: &str = "2";

/// What a load came to.
pub(crate) struct Load {
    /// Requests that were answered.
    pub(crate) requests: f64,
    /// How long it took.
    pub(crate) took: Duration,
    /// Requests that were refused, cut or not answered in time.
    pub(crate) lost: u64,
    /// Half of the answers came sooner.
    pub(crate) p50: Duration,
    /// All but one in a hundred came sooner.
    pub(crate) p99: Duration,
    /// Seconds of CPU that the coordinator spent on it.
    pub(crate) cpu: f64,
}

impl Load {
    /// Asks a coordinator for these paths, in turns, by so many connections.
    pub(crate) fn run(up: &mut Up, paths: &[String], connections: u32, span: Duration) -> Self {
        let file = up.folder().join("paths");
        fs::write(&file, paths.join("\n")).expect("the file can be written");
        let script = programs::tests().join("benches/figures/ping.lua");
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", THREADS])
            .args(["--connections", &connections.to_string()])
            .args(["--duration", &format!("{}s", span.as_secs())])
            .arg("--script")
            .arg(script)
            .arg(up.url("/"))
            .env("PATHS", &file);
        let before = cpu(up.process().id());
        let output = wrk.output().expect("wrk is installed: `tests/run bench`");
        let spent = cpu(up.process().id()) - before;
        let text = String::from_utf8_lossy(&output.stdout);
        let figures = text.lines().find_map(|line| line.strip_prefix("figures "));
        let figures = figures.unwrap_or_else(|| panic!("wrk says {text} {output:?}"));
        let figures: Vec<u64> = figures
            .split(' ')
            .map(|figure| figure.parse().expect("it is a number"))
            .collect();
        let [requests, took, lost, p50, p99] = figures[..] else {
            panic!("wrk says {text}");
        };
        Self {
            requests: requests as f64,
            took: Duration::from_micros(took),
            lost,
            p50: Duration::from_micros(p50),
            p99: Duration::from_micros(p99),
            cpu: spent,
        }
    }

    /// Answers in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests / self.took.as_secs_f64()
    }

    /// Answers for each second of the coordinator's CPU.
    pub(crate) fn per_cpu(&self) -> f64 {
        self.requests / self.cpu
    }
}
