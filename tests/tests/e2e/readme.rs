//! The README as a newcomer follows it: what it says is typed as it stands there. Only where it
//! listens is the test's, so that it can run beside other things.

use std::fs;
use std::path::Path;

use serde_json::Value;
use vigilmon_tests::docs::{Reader, blocks};
use vigilmon_tests::process::Process;
use vigilmon_tests::{background, ports, wait};

use crate::scene::SOON;

/// The page, seen from the folder of the documentation.
const README: &str = "../README.md";
/// The address and the folder that the README has for a coordinator on a machine of its own.
const ITS_ADDRESS: &str = "192.0.2.10";
const ITS_DATA: &str = "/var/lib/vigilmon";

/// Somebody who reads, on ports of their own.
struct Newcomer {
    reader: Reader,
    http: u16,
    grpc: u16,
    started: Vec<Process>,
}

impl Newcomer {
    fn new() -> Self {
        Self {
            reader: Reader::new(),
            http: ports::free(),
            grpc: ports::free(),
            started: Vec::new(),
        }
    }

    /// Starts a command that stays.
    fn start(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().filter(|w| *w != "\\").collect();
        let (program, arguments) = words.split_first().expect("there is a command");
        let log = self
            .reader
            .folder()
            .join(format!("log-{}", self.started.len()));
        let plan = self.reader.plan(program).args(arguments);
        let plan = plan.env("VIGILMON_HTTP", format!("127.0.0.1:{}", self.http));
        let plan = plan.env("VIGILMON_GRPC", format!("127.0.0.1:{}", self.grpc));
        self.started.push(plan.start(&log));
    }

    #[track_caller]
    fn wait_until_ready(&mut self) {
        let url = format!("http://127.0.0.1:{}/health/ready", self.http);
        let processes = &mut self.started;
        wait::until_true("the coordinator is ready", SOON, || {
            processes.iter_mut().for_each(Process::must_run);
            background::get(&url).is_some_and(|answer| answer.status == 200)
        });
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let printed = self
            .reader
            .must("vigilmon", &[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&printed).expect("it is JSON")
    }

    #[track_caller]
    fn wait_for_status(&self, monitor: &str, status: &str) {
        wait::until_a_command_says(&format!("{monitor} is {status}"), SOON, || {
            self.json(&["monitor", "show", monitor])["status"] == status
        });
    }
}

/// The blocks of a section, in their order.
#[track_caller]
fn section(title: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(README);
    let page = fs::read_to_string(path).unwrap();
    let (_, from) = page.split_once(&format!("\n## {title}\n")).expect(title);
    let section = from.split("\n## ").next().unwrap_or(from);
    let all = blocks(README, language).into_iter();
    let here: Vec<String> = all.filter(|block| section.contains(block)).collect();
    assert!(!here.is_empty(), "{title} has no block of {language}");
    here
}

/// What the README's first command gives to the program that it builds.
fn first_command() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(README);
    let page = fs::read_to_string(path).unwrap();
    let begins = "    cargo run --release --bin vigilmon -- ";
    let line = page.lines().find_map(|line| line.strip_prefix(begins));
    format!("vigilmon {}", line.expect("it is there"))
}

#[test]
fn the_demonstration_breaks_and_mends_from_a_second_terminal() {
    let mut newcomer = Newcomer::new();
    newcomer.start(&first_command());
    newcomer.wait_until_ready();
    let page = format!("http://127.0.0.1:{}/demo", newcomer.http);
    assert_eq!(background::get(&page).unwrap().status, 200);
    let monitors = newcomer.json(&["monitor", "list"]);
    let shop = monitors[0]["name"].as_str().unwrap();
    newcomer.wait_for_status(shop, "up");

    let block = section("Try it", "sh").concat();
    let mut lines = block.lines();
    newcomer.reader.types(lines.next().unwrap());
    newcomer.reader.types(lines.next().unwrap());
    newcomer.wait_for_status(shop, "down");
    let open = newcomer.reader.types(lines.next().unwrap());
    assert!(open.contains(shop), "{open}");
    // The demonstration's job fails with its site, some seconds later.
    let open = newcomer.json(&["incident", "list", "--open"]);
    let mut open = open.as_array().unwrap().iter();
    let id = open.find(|incident| incident["monitor"]["name"] == shop);
    let id = id.unwrap()["id"].clone();
    let why = newcomer
        .reader
        .must("vigilmon", &["incident", "why", id.as_str().unwrap()]);
    for region in ["us-east", "eu-west", "ap-southeast"] {
        assert!(why.contains(region), "{why}");
    }
    newcomer.reader.types(lines.next().unwrap());
    newcomer.wait_for_status(shop, "up");
    let doctor = newcomer.reader.types(lines.next().unwrap());
    assert!(doctor.contains("ok"), "{doctor}");
    assert_eq!(lines.next(), None, "every line was typed");
}

#[test]
fn a_job_is_watched_by_the_url_that_one_command_prints() {
    let mut newcomer = Newcomer::new();
    newcomer.start("vigilmon up");
    newcomer.wait_until_ready();
    let [add, ping] = section("Watch your jobs", "sh").try_into().unwrap();
    let url = newcomer.reader.types(&add);
    let token = url.trim().rsplit('/').next().unwrap();
    let ping = ping
        .replace("/usr/local/bin/cleanup", "true")
        .replace("127.0.0.1:8440", &format!("127.0.0.1:{}", newcomer.http))
        .replace("TOKEN", token);
    newcomer.reader.types(&ping);
    let shown = newcomer.json(&["heartbeat", "show", "nightly_cleanup"]);
    assert_eq!(shown["status"], "up");
}

#[test]
fn ones_own_site_takes_three_commands() {
    let mut newcomer = Newcomer::new();
    let [up, add, more] = section("Watch your own site", "sh").try_into().unwrap();
    newcomer.start(&up);
    newcomer.wait_until_ready();
    newcomer.reader.types(&add);
    newcomer.reader.types(&more);
    let api = newcomer.json(&["monitor", "show", "api"]);
    assert_eq!(api["quorum"]["required"], 2);
    assert_eq!(api["interval_seconds"], 30);
    let channels = newcomer.json(&["channel", "list"]);
    assert_eq!(channels[0]["kind"], "slack");
}

#[test]
fn the_file_of_the_readme_is_applied_and_then_nothing_changes() {
    let mut newcomer = Newcomer::new();
    newcomer.start("vigilmon up");
    newcomer.wait_until_ready();
    let file = section("As code", "yaml").concat();
    newcomer.reader.write("vigilmon.yaml", &file);
    let lines = section("As code", "sh").concat();
    let first = newcomer.reader.types(&lines);
    assert!(first.contains("+ monitor api"), "{first}");
    let second = newcomer.reader.types(&lines);
    assert!(second.contains("no changes"), "{second}");
}

#[test]
fn regions_on_machines_of_their_own_do_the_main_job() {
    let mut newcomer = Newcomer::new();
    let [coordinator, tokens, agent] = section("Regions on machines of their own", "sh")
        .try_into()
        .unwrap();
    let data = newcomer.reader.folder().join("coordinator");
    let (http, grpc) = (newcomer.http, newcomer.grpc);
    let here = |text: &str| {
        text.replace(&format!("{ITS_ADDRESS}:8441"), &format!("127.0.0.1:{grpc}"))
            .replace(&format!("{ITS_ADDRESS}:8440"), &format!("127.0.0.1:{http}"))
            .replace(ITS_DATA, data.to_str().unwrap())
    };
    newcomer.start(&here(&coordinator));
    newcomer.wait_until_ready();
    let printed = newcomer.reader.types(&here(&tokens));
    let context = here("export VIGILMON_CONTEXT=/var/lib/vigilmon/context.toml\n");
    let regions = ["us-east", "eu-west", "ap-southeast"];
    let made: Vec<&str> = printed.lines().collect();
    assert_eq!(made.len(), regions.len(), "{printed}");
    let authority = fs::read_to_string(data.join("ca.pem")).unwrap();
    newcomer.reader.write("ca.pem", &authority);
    for (region, token) in regions.iter().zip(made) {
        newcomer.reader.write(&format!("{region}.token"), token);
        newcomer.start(&here(&agent).replace("eu-west", region));
    }
    let list = format!("{context}vigilmon agent list -o json");
    wait::until_a_command_says("three agents are connected", SOON, || {
        let agents: Value = serde_json::from_str(&newcomer.reader.types(&list)).unwrap();
        let states = agents.as_array().unwrap().iter();
        states.filter(|agent| agent["state"] == "connected").count() == regions.len()
    });
}
