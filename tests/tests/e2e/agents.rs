//! Agents of processes of their own: they come, they go, they outlive the coordinator.

use std::time::Duration;

use vigilmon_tests::agent::Agent;
use vigilmon_tests::receiver::{self, Receiver};
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::{Options, REGIONS, Up};
use vigilmon_tests::wait;

use crate::scene::{EVERY, HOOK, SOON, Scene};

const REGION: &str = "sa-east";
/// The longest that an agent waits before it tries again to reach its coordinator.
const RECONNECTS_WITHIN: Duration = Duration::from_secs(30);
/// A region without an agent is lost after a minute, and not before a start has settled.
const LOST_WITHIN: Duration = Duration::from_secs(120);

#[test]
fn coordinator_and_agents_of_their_own_do_the_main_job_and_outlive_each_other() {
    let mut coordinator = Up::start(&Options::coordinator());
    let agents = REGIONS.map(|region| Agent::start(&coordinator, region));
    let receiver = Receiver::start();
    let target = Target::start();
    let cli = coordinator.cli();
    let (hook, site) = (receiver.url(HOOK), target.url());
    cli.ok(&[
        "channel",
        "add",
        HOOK,
        "--webhook",
        &hook,
        "--secret",
        receiver::SECRET,
    ]);
    cli.ok(&[
        "monitor",
        "add",
        "site",
        "--http",
        &site,
        "--every",
        "1s",
        "--timeout",
        "1s",
    ]);
    target.wait_for_hits(&REGIONS, 3, SOON);

    target.behave(Behaviour::status(503));
    let opened = receiver.wait_for(HOOK, "the alert", SOON, |told| {
        told.kind() == "incident.opened"
    });
    coordinator.process().kill();
    target.wait_for_hits(&REGIONS, 3, SOON);
    coordinator.start_again(&Options::coordinator());
    target.wait_for_hits(&REGIONS, 5, SOON);
    assert_eq!(receiver.messages(HOOK).len(), 1, "nothing is said twice");

    target.behave(Behaviour::well());
    let within = RECONNECTS_WITHIN + SOON;
    let resolved = receiver.wait_for(HOOK, "the recovery", within, |told| {
        told.kind() == "incident.resolved"
    });
    assert_eq!(opened.incident(), resolved.incident());
    target.wait_for_hits(&REGIONS, 3, SOON);
    assert_eq!(receiver.messages(HOOK).len(), 2);
    drop(agents);
}

#[test]
fn a_region_that_loses_all_its_agents_is_told_once_and_no_target_is_blamed() {
    let scene = Scene::start();
    let mut agent = Agent::start(&scene.up, REGION);
    let target = Target::start();
    let regions = "us-east,eu-west,sa-east";
    scene.watch("site", &target.url(), &["--regions", regions]);
    target.wait_for_hits(&["us-east", "eu-west", REGION], 2, SOON);

    agent.process().kill();
    let lost = |kind: &'static str| {
        move |delivery: &vigilmon_tests::receiver::Delivery| {
            delivery.kind() == kind && delivery.body["data"]["reason"]["code"] == "region_lost"
        }
    };
    let opened = scene
        .receiver
        .wait_for(HOOK, "region_lost", LOST_WITHIN, lost("system.opened"));
    assert!(opened.body["data"]["monitor"].is_null());
    assert_eq!(opened.body["data"]["incident"]["scope"], "system");
    let text = opened.body["data"]["reason"]["text"].as_str().unwrap();
    assert!(text.contains("SA-East"), "{text}");
    scene.let_slots_pass(5);
    assert_eq!(
        scene.monitor("site")["status"],
        "up",
        "two of three regions still say so"
    );

    agent.start_again();
    scene.receiver.wait_for(
        HOOK,
        "the region is back",
        LOST_WITHIN,
        lost("system.resolved"),
    );
    scene.let_slots_pass(3);
    let kinds: Vec<String> = scene
        .receiver
        .messages(HOOK)
        .iter()
        .map(|told| told.kind().to_owned())
        .collect();
    assert_eq!(kinds, ["system.opened", "system.resolved"]);
}

#[test]
fn an_outage_is_heard_after_the_coordinator_was_away_for_its_beginning() {
    let mut scene = Scene::start();
    let agents = ["sa-east", "af-south"].map(|region| Agent::start(&scene.up, region));
    let target = Target::start();
    scene.watch("site", &target.url(), &["--regions", "sa-east,af-south"]);

    scene.up.process().kill();
    target.behave(Behaviour::status(503));
    target.wait_for_hits(&["sa-east", "af-south"], 3, EVERY * 20);
    scene.restart();
    let within = RECONNECTS_WITHIN + SOON;
    let opened = scene.receiver.wait_for(HOOK, "the alert", within, |told| {
        told.kind() == "incident.opened" && told.monitor() == "site"
    });
    assert_eq!(opened.regions("failing"), ["af-south", "sa-east"]);
    scene.let_slots_pass(3);
    assert_eq!(scene.told("site"), ["incident.opened"]);

    let results = ["monitor", "results", "site", "--since", "10m"];
    wait::until_a_command_says("what they saw meanwhile is sent later", SOON, || {
        let results = scene.cli.rows(&results);
        let failed = results.iter().filter(|row| row["outcome"] == "down");
        failed.count() >= 6
    });
    drop(agents);
}

#[test]
fn a_revoked_agent_is_shown_the_door() {
    let scene = Scene::start();
    let mut agent = Agent::start(&scene.up, REGION);
    let of_region = || {
        let agents = scene.cli.rows(&["agent", "list"]);
        agents.into_iter().find(|row| row["region"] == REGION)
    };
    let row = wait::until("the agent is listed", SOON, of_region);
    wait::until_a_command_says("it is connected", SOON, || {
        of_region().is_some_and(|row| row["state"] == "connected")
    });

    let tokens = scene.cli.rows(&["agent", "token", "list"]);
    let token = tokens
        .iter()
        .find(|token| token["region"] == REGION)
        .unwrap();
    scene
        .cli
        .ok(&["agent", "token", "revoke", token["id"].as_str().unwrap()]);
    wait::until_a_command_says("it is out", SOON, || {
        of_region().is_none_or(|now| now["state"] != "connected")
    });
    agent.start_again();
    scene.let_slots_pass(5);
    assert!(
        of_region().is_none_or(|now| now["state"] != "connected"),
        "{row:#}"
    );
}
