//! A real application loses its database, and its cache: what its operators hear.

use std::time::{Duration, Instant};

use vigilmon_tests::application::Application;
use vigilmon_tests::receiver::Delivery;
use vigilmon_tests::wait;

use crate::scene::{EVERY, SOON, Scene, close, duration, place};

/// Monitors of what depends on database and cache, and the path of each.
const DEPENDENT: [(&str, &str); 2] = [("health", "/health"), ("ready", "/health/ready")];

#[test]
fn the_application_says_503_while_a_database_is_away_and_heals_by_itself() {
    let mut application = Application::start();
    expect(&application, 200, "ok");

    application.postgres.stop();
    expect(&application, 503, "degraded");
    application.postgres.start_again();
    expect(&application, 200, "ok");

    application.redis.stop();
    expect(&application, 503, "degraded");
    application.redis.start_again();
    expect(&application, 200, "ok");
}

#[track_caller]
fn expect(application: &Application, status: u16, word: &str) {
    for path in ["/health", "/health/ready"] {
        wait::until_true(&format!("{path} answers {status} {word}"), SOON, || {
            let answer = application
                .get(path)
                .expect("it answers within its own timeouts");
            answer.status == status && answer.body.contains(&format!(r#""status":"{word}""#))
        });
    }
    assert_eq!(application.get("/health/live").unwrap().status, 200);
}

#[test]
fn a_database_that_stops_makes_one_true_alert_a_channel_and_one_recovery() {
    outage(
        |application| application.postgres.stop(),
        |application| {
            application.postgres.start_again();
        },
    );
}

#[test]
fn a_cache_that_stops_makes_one_true_alert_a_channel_and_one_recovery() {
    outage(
        |application| application.redis.stop(),
        |application| {
            application.redis.start_again();
        },
    );
}

fn outage(break_it: fn(&mut Application), mend_it: fn(&mut Application)) {
    let mut application = Application::start();
    let scene = Scene::start();
    for (name, path) in DEPENDENT {
        scene.watch(name, &application.url(path), &[]);
    }
    scene.watch("live", &application.url("/health/live"), &[]);
    scene.let_slots_pass(2);
    assert_eq!(scene.messages(), 0, "all is well so far");

    let broken = Instant::now();
    break_it(&mut application);
    for (name, path) in DEPENDENT {
        it_says_what_is_down(&scene.wait_for("incident.opened", name));
        let target = place(&application.url(path));
        let mail = scene.wait_for_mail("DOWN: ", &target);
        let text = mail.text.unwrap();
        assert!(text.contains("503 Service Unavailable"), "{text}");
        assert!(text.contains("of 3"), "how many regions agree: {text}");
    }
    scene.let_slots_pass(4);

    mend_it(&mut application);
    let mended = Instant::now();
    for (name, path) in DEPENDENT {
        let resolved = scene.wait_for("incident.resolved", name);
        assert_eq!(resolved.body["data"]["incident"]["resolution"], "recovered");
        let real = mended.duration_since(broken);
        close(
            duration(&resolved),
            real,
            EVERY * 2 + Duration::from_secs(1),
        );
        scene.wait_for_mail("UP: ", &place(&application.url(path)));
    }

    scene.let_slots_pass(3);
    for (name, path) in DEPENDENT {
        assert_eq!(
            scene.told(name),
            ["incident.opened", "incident.resolved"],
            "{name}"
        );
        let target = application.url(path);
        let target = place(&target);
        // `/health` is also how `/health/ready` begins.
        let mails = scene.mailed(&target).len() - if path == "/health" { 2 } else { 0 };
        assert_eq!(mails, 2, "{:?}", scene.mailed(&target));
    }
    assert_eq!(scene.told("live"), [""; 0], "it never depended on them");
    assert_eq!(scene.monitor("live")["status"], "up");
    let open = scene.cli.rows(&["incident", "list", "--open"]);
    assert!(open.is_empty(), "{open:?}");
}

#[track_caller]
fn it_says_what_is_down(opened: &Delivery) {
    let data = &opened.body["data"];
    assert_eq!(data["incident"]["scope"], "global");
    assert_eq!(data["incident"]["status"], "open");
    assert_eq!(data["incident"]["severity"], "critical");
    assert_eq!(data["reason"]["code"], "http_status");
    assert_eq!(data["reason"]["text"], "503 Service Unavailable");
    assert_eq!(data["reason"]["status_code"], 503);
    assert_eq!(data["regions"]["required"], 2);
    assert_eq!(data["regions"]["assigned"], 3);
    let lists = ["failing", "passing", "stale", "abstaining"];
    let listed: usize = lists.iter().map(|list| opened.regions(list).len()).sum();
    assert_eq!(listed, 3, "each region is in one list: {data:#}");
    assert!(opened.regions("failing").len() >= 2, "{data:#}");
}
