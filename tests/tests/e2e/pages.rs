//! What the HTTP port serves: the demonstration, and probes of the coordinator itself.

use http::Method;
use serde_json::Value;
use vigilmon_tests::background::{ask, get};
use vigilmon_tests::up::{Options, Up};
use vigilmon_tests::wait;

use crate::scene::SOON;

/// What only the page itself sends.
const DEED: (&str, &str) = ("x-vigilmon-demo", "1");

#[test]
fn the_demonstration_breaks_and_mends_before_your_eyes() {
    let up = Up::start(&Options::new().args(&["--demo"]));
    let page = get(&up.url("/demo")).unwrap();
    assert_eq!(page.status, 200);
    for button in ["break everywhere", "mend"] {
        assert!(page.body.to_lowercase().contains(button), "{}", page.body);
    }
    let monitors_are = |status: &'static str| {
        let monitors = state(&up)["monitors"].as_array().unwrap().clone();
        monitors.len() == 2 && monitors.iter().all(|monitor| monitor["status"] == status)
    };
    wait::until_true("both monitors are up", SOON, || monitors_are("up"));

    let stranger = ask(Method::POST, &up.url("/demo/break"), &[]).unwrap();
    assert_eq!(stranger.status, 403, "another site's form breaks nothing");
    assert_eq!(
        ask(Method::POST, &up.url("/demo/break"), &[DEED])
            .unwrap()
            .status,
        204
    );
    wait::until_true("both monitors are down", SOON, || monitors_are("down"));
    wait::until_true("the inbox says so", SOON, || subjects(&up, "DOWN: ") == 2);

    assert_eq!(
        ask(Method::POST, &up.url("/demo/mend"), &[DEED])
            .unwrap()
            .status,
        204
    );
    wait::until_true("both monitors are up again", SOON, || monitors_are("up"));
    wait::until_true("the inbox says so", SOON, || subjects(&up, "UP: ") == 2);
    assert_eq!(subjects(&up, "DOWN: "), 2, "nothing was said twice");
}

fn state(up: &Up) -> Value {
    let answer = get(&up.url("/demo/state")).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn subjects(up: &Up, begins: &str) -> usize {
    let inbox = state(up)["inbox"].as_array().unwrap().clone();
    let subjects = inbox
        .iter()
        .filter_map(|message| message["subject"].as_str());
    subjects
        .filter(|subject| subject.starts_with(begins))
        .count()
}

#[test]
fn the_port_answers_to_its_own_names_only() {
    let up = Up::start(&Options::new().args(&["--demo"]));
    let asked_as = |host: &str| ask(Method::GET, &up.url("/demo/state"), &[("host", host)]);
    let address = up.url("").trim_start_matches("http://").to_owned();
    assert_eq!(asked_as(&address).unwrap().status, 200);
    let rebound = asked_as("rebound.example.com").unwrap();
    assert!((400..500).contains(&rebound.status), "{rebound:?}");
}

#[test]
fn a_stop_is_orderly_and_its_state_is_there_at_the_next_start() {
    let mut up = Up::start(&Options::new());
    let context = std::fs::read_to_string(up.data().join("context.toml")).unwrap();
    assert_eq!(get(&up.url("/health/live")).unwrap().status, 200);
    up.stop();
    assert!(get(&up.url("/health/live")).is_none());
    up.start_again(&Options::new());
    let again = std::fs::read_to_string(up.data().join("context.toml")).unwrap();
    assert_eq!(context, again, "its token stays valid");
}
