//! Real applications lose their database, and their cache: what their operators hear.

use std::time::{Duration, Instant};

use vigilmon_tests::application::{Application, Databases};
use vigilmon_tests::receiver::Delivery;
use vigilmon_tests::wait;

use crate::scene::{EVERY, SOON, Scene, close, duration, place};

/// Paths of what depends on database and cache.
const DEPENDENT: [&str; 2] = ["/health", "/health/ready"];

/// Both applications, beside each other on the same databases.
struct Applications {
    named: [(&'static str, Application); 2],
    databases: Databases,
}

impl Applications {
    fn start() -> Self {
        let databases = Databases::start();
        let litestar = Application::litestar(&databases);
        let flask = Application::flask(&databases);
        Self {
            named: [("litestar", litestar), ("flask", flask)],
            databases,
        }
    }

    /// Each path of each of them: the name of its monitor, and its URL.
    fn places(&self, paths: &[&str]) -> Vec<(String, String)> {
        let each = self.named.iter();
        each.flat_map(|(name, application)| {
            let place = |path: &&str| {
                (
                    format!("{name}{}", path.replace('/', ".")),
                    application.url(path),
                )
            };
            paths.iter().map(place).collect::<Vec<_>>()
        })
        .collect()
    }

    #[track_caller]
    fn expect(&self, status: u16, word: &str) {
        for (name, application) in &self.named {
            for path in DEPENDENT {
                let what = format!("{path} of {name} answers {status} {word}");
                wait::until_true(&what, SOON, || {
                    let answer = application.get(path);
                    let answer = answer.expect("it answers within its own timeouts");
                    answer.status == status && says(&answer.body, word)
                });
            }
            let report = application.get("/health/report").unwrap();
            assert!(
                report.status == 200 && says(&report.body, word),
                "{report:?}"
            );
            assert_eq!(application.get("/health/live").unwrap().status, 200);
        }
    }
}

fn says(body: &str, word: &str) -> bool {
    body.contains(&format!(r#""status":"{word}""#))
}

#[test]
fn the_applications_say_503_while_a_database_is_away_and_heal_by_themselves() {
    let mut applications = Applications::start();
    applications.expect(200, "ok");

    applications.databases.postgres.stop();
    applications.expect(503, "degraded");
    applications.databases.postgres.start_again();
    applications.expect(200, "ok");

    applications.databases.redis.stop();
    applications.expect(503, "degraded");
    applications.databases.redis.start_again();
    applications.expect(200, "ok");
}

#[test]
fn a_database_that_stops_makes_one_true_alert_a_channel_and_one_recovery() {
    outage(
        |databases| databases.postgres.stop(),
        |databases| databases.postgres.start_again(),
    );
}

#[test]
fn a_cache_that_stops_makes_one_true_alert_a_channel_and_one_recovery() {
    outage(
        |databases| databases.redis.stop(),
        |databases| databases.redis.start_again(),
    );
}

fn outage(break_it: fn(&mut Databases), mend_it: fn(&mut Databases)) {
    let mut applications = Applications::start();
    let scene = Scene::start();
    let dependent = applications.places(&DEPENDENT);
    let live = applications.places(&["/health/live"]);
    for (name, url) in dependent.iter().chain(&live) {
        scene.watch(name, url, &[]);
    }
    scene.let_slots_pass(2);
    assert_eq!(scene.messages(), 0, "all is well so far");

    let broken = Instant::now();
    break_it(&mut applications.databases);
    for (name, url) in &dependent {
        it_says_what_is_down(&scene.wait_for("incident.opened", name));
        let mail = scene.wait_for_mail("DOWN: ", &place(url));
        let text = mail.text.unwrap();
        assert!(text.contains("503 Service Unavailable"), "{text}");
        assert!(text.contains("of 3"), "how many regions agree: {text}");
    }
    scene.let_slots_pass(4);

    mend_it(&mut applications.databases);
    let mended = Instant::now();
    for (name, url) in &dependent {
        let resolved = scene.wait_for("incident.resolved", name);
        assert_eq!(resolved.body["data"]["incident"]["resolution"], "recovered");
        let real = mended.duration_since(broken);
        close(
            duration(&resolved),
            real,
            EVERY * 2 + Duration::from_secs(1),
        );
        scene.wait_for_mail("UP: ", &place(url));
    }

    scene.let_slots_pass(3);
    for (name, url) in &dependent {
        let told = scene.told(name);
        assert_eq!(told, ["incident.opened", "incident.resolved"], "{name}");
        // `/health` is also how `/health/ready` begins.
        let both = if url.ends_with("/health") { 4 } else { 2 };
        let mailed = scene.mailed(&place(url));
        assert_eq!(mailed.len(), both, "{mailed:?}");
    }
    for (name, _) in &live {
        assert_eq!(scene.told(name), [""; 0], "it never depended on them");
        assert_eq!(scene.monitor(name)["status"], "up");
    }
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
