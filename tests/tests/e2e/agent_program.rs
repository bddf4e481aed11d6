//! `vigilmon-agent` as a program: what it says when it cannot do its work, and how it ends.

use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use vigilmon_tests::agent::Agent;
use vigilmon_tests::process::{Plan, Process};
use vigilmon_tests::programs::{self, Build};
use vigilmon_tests::wait;

use crate::scene::{SOON, Scene};

/// An orderly end takes five seconds at most.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

fn start(folder: &TempDir, arguments: &[&str], token: Option<&str>) -> Process {
    let plan = Plan::new(programs::vigilmon("vigilmon-agent", Build::Plain)).args(arguments);
    let plan = match token {
        Some(token) => plan.env("VIGILMON_AGENT_TOKEN", token),
        None => plan,
    };
    plan.start(&folder.path().join("log"))
}

fn says(process: &Process, text: &str) {
    wait::until_true(text, SOON, || process.log().contains(text));
}

#[test]
fn all_that_is_wrong_with_an_agents_flags_is_named_and_nothing_starts() {
    let folder = TempDir::with_prefix("vigilmon-agent-").unwrap();
    let flags = [
        "--coordinator=http://h",
        "--region=EU",
        "--name=p-1",
        "--allow-net=fish",
        "--checks=0",
    ];
    let mut process = start(&folder, &flags, None);
    assert_eq!(process.wait(ENDS_WITHIN).code(), Some(2));
    let said = process.log();
    for wrong in [
        "--coordinator",
        "--region",
        "--token-file",
        "--allow-net",
        "--checks",
    ] {
        assert!(said.contains(wrong), "`{wrong}` is missing in:\n{said}");
    }
}

#[test]
fn an_agent_says_why_it_has_no_session_and_waits() {
    let folder = TempDir::with_prefix("vigilmon-agent-").unwrap();
    let nobody = format!(
        "--coordinator=https://127.0.0.1:{}",
        vigilmon_tests::ports::free()
    );
    let flags = [nobody.as_str(), "--region=eu-west", "--name=p-1"];
    let mut process = start(&folder, &flags, Some("vta_hunter2"));
    says(&process, "cannot reach the coordinator");
    process.must_run();
    assert!(!process.log().contains("hunter2"));
    process.signal(Signal::TERM);
    assert_eq!(process.wait(ENDS_WITHIN).code(), Some(0));
}

#[test]
fn a_refused_token_is_said_and_an_agent_in_work_ends_in_order() {
    let scene = Scene::start();
    let folder = TempDir::with_prefix("vigilmon-agent-").unwrap();
    let coordinator = format!("--coordinator=https://{}", scene.up.grpc());
    let authority = format!("--ca-file={}", scene.up.data().join("ca.pem").display());
    let flags = [
        coordinator.as_str(),
        &authority,
        "--region=sa-east",
        "--name=p-1",
    ];
    let mut process = start(&folder, &flags, Some("vta_hunter2"));
    says(&process, "coordinator refuses this agent");
    process.must_run();

    let mut agent = Agent::start(&scene.up, "sa-east");
    says(agent.process(), "session stands");
    agent.process().signal(Signal::TERM);
    assert_eq!(agent.process().wait(ENDS_WITHIN).code(), Some(0));
}
