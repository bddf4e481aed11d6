//! What the HTTP port serves: the demonstration, and probes of the coordinator itself.

use http::{HeaderMap, HeaderValue, Method, Version, header};
use serde_json::Value;
use vigilmon_tests::background::{Answer, ask, get, post, wait_for};
use vigilmon_tests::up::{Options, Up};
use vigilmon_tests::wait;

use crate::scene::SOON;

/// The monitors of the demonstration.
const MONITORS: [&str; 2] = ["demo-api", "demo-shop"];
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
    wait::until_true("the inbox says so", SOON, || {
        of_monitors(&up, "DOWN: ") == 2
    });
    wait::until_true("so does the job, by its silence", SOON, || {
        subjects(&up, "MISSED: ") == ["MISSED: demo-job heartbeat"]
    });

    assert_eq!(
        ask(Method::POST, &up.url("/demo/mend"), &[DEED])
            .unwrap()
            .status,
        204
    );
    wait::until_true("both monitors are up again", SOON, || monitors_are("up"));
    wait::until_true("the inbox says so", SOON, || of_monitors(&up, "UP: ") == 2);
    wait::until_true("the job pings again", SOON, || {
        subjects(&up, "UP: demo-job ") == ["UP: demo-job heartbeat"]
    });
    assert_eq!(of_monitors(&up, "DOWN: "), 2, "nothing was said twice");
    assert_eq!(subjects(&up, "MISSED: ").len(), 1);
}

#[test]
fn the_demonstrations_job_goes_on_while_its_site_is_broken_for_one_region() {
    let up = Up::start(&Options::new().args(&["--demo"]));
    let job = || state(&up)["heartbeats"][0].clone();
    wait::until_true("the job has pinged", SOON, || job()["status"] == "up");
    let broken = up.url("/demo/break?region=us-east");
    let answer = ask(Method::POST, &broken, &[DEED]).unwrap();
    assert_eq!(answer.status, 204);
    // Longer together than it may be silent.
    for _ in 0..3 {
        let last = job()["last_ping_at"].clone();
        wait::until_true("it pings", SOON, || job()["last_ping_at"] != last);
    }
    let now = state(&up);
    assert_eq!(now["heartbeats"][0]["name"], "demo-job");
    assert_eq!(now["heartbeats"][0]["status"], "up");
    assert_eq!(now["broken_in"], serde_json::json!(["US-East"]));
    assert_eq!(subjects(&up, "MISSED: "), [""; 0]);
}

#[test]
fn an_open_page_hears_of_changes_over_http_2_too() {
    let up = Up::start(&Options::coordinator());
    let cli = up.cli();
    let link = cli.ok(&["sign-in"]);
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let enter = client
        .post(link.trim())
        .header(header::ORIGIN, up.url(""))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body("to=%2F");
    let entered = wait_for(enter.send()).unwrap();
    assert_eq!(entered.status(), 303);
    let cookie = entered.headers()[header::SET_COOKIE].to_str().unwrap();
    let (cookie, _) = cookie.split_once(';').unwrap();
    let live = client.get(up.url("/live")).header(header::COOKIE, cookie);
    let mut live = wait_for(live.send()).unwrap();
    assert_eq!(
        (live.version(), live.status().as_u16()),
        (Version::HTTP_2, 200)
    );
    let mut hears = |what: &str| {
        let chunk = wait_for(async { tokio::time::timeout(SOON, live.chunk()).await });
        let chunk = chunk.expect(what).unwrap().expect("it stays open");
        String::from_utf8(chunk.to_vec()).unwrap()
    };
    let first = hears("what it does not know yet");
    assert!(first.contains("event: changed"), "{first}");
    cli.ok(&["heartbeat", "add", "job", "--every", "1h"]);
    let second = hears("of the heartbeat");
    assert!(second.contains("event: changed"), "{second}");
    assert_ne!(first, second);
}

fn state(up: &Up) -> Value {
    let answer = get(&up.url("/demo/state")).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// The subjects in its inbox that begin so.
fn subjects(up: &Up, begins: &str) -> Vec<String> {
    let inbox = state(up)["inbox"].as_array().unwrap().clone();
    let subjects = inbox
        .iter()
        .filter_map(|message| message["subject"].as_str());
    subjects
        .filter(|subject| subject.starts_with(begins))
        .map(str::to_owned)
        .collect()
}

/// How many of them are about one of its monitors.
fn of_monitors(up: &Up, begins: &str) -> usize {
    let subjects = subjects(up, begins).into_iter();
    let about = |subject: &String| MONITORS.iter().any(|name| subject.contains(name));
    subjects.filter(about).count()
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
fn who_fails_to_sign_in_too_often_has_to_wait_and_a_good_token_is_let_in_all_the_same() {
    let up = Up::start(&Options::new());
    let post_form = |path: &str, form: &str| {
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::ORIGIN, up.url("").parse().unwrap());
        post(&up.url(path), &headers, form.as_bytes()).unwrap()
    };
    let by_token = || post_form("/sign-in", "token=vtk_guessed");
    let look_at_link = || get(&up.url("/sign-in/guessed")).unwrap();
    let by_link = || post_form("/sign-in/guessed", "");
    let ways: [(&dyn Fn() -> Answer, u16); 3] =
        [(&by_token, 422), (&look_at_link, 410), (&by_link, 410)];
    for (way, failed) in ways {
        assert_eq!(way().status, failed);
    }
    // All ways count together.
    for (way, failed) in ways {
        let told = wait::until("the wait", SOON, || {
            let answer = way();
            assert!([failed, 429].contains(&answer.status), "{answer:?}");
            (answer.status == 429).then_some(answer)
        });
        assert_eq!(told.headers["retry-after"], "6");
    }
    let token = up
        .cli()
        .json(&["token", "add", "--role", "viewer", "--label", "wall"]);
    let token = token["token"].as_str().unwrap();
    assert_eq!(post_form("/sign-in", &format!("token={token}")).status, 303);
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
