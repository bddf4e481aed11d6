//! What users are promised of heartbeats, in numbers and in words.

use std::time::{Duration, Instant};

use http::Method;
use vigilmon_tests::background::{self, send};
use vigilmon_tests::crowd::Crowd;
use vigilmon_tests::wait;

use super::{Ward, pass, ping, pings, time};
use crate::scene::{ALERT_WITHIN, SOON, Scene};

/// Clients of the tutorials give up after so long.
const CLIENT_WAITS: Duration = Duration::from_secs(5);

#[test]
fn a_heartbeat_is_missed_after_one_interval_none_is_told_before_and_one_after() {
    let ward = Ward::start();
    let every = Duration::from_secs(6);
    let url = ward.add("sync_inventory", &["--every", "6s"]);
    assert_eq!(ward.show("sync_inventory")["status"], "new");
    let mut before = Instant::now();
    // Together they outlast the interval.
    for round in 0..8 {
        before = Instant::now();
        ping(&url);
        pass(before, every / 6);
        let told = ward.told("sync_inventory");
        assert_eq!(told, [""; 0], "after {} pings in time", round + 1);
    }
    let opened = ward.wait_for("incident.opened", "sync_inventory");
    let silent = opened.at.duration_since(before);
    assert!(silent >= every, "{silent:?}");
    assert!(silent <= every + ALERT_WITHIN, "{silent:?}");
    // Longer than another interval.
    pass(opened.at, every + every / 2);
    assert_eq!(ward.told("sync_inventory"), ["incident.opened"]);
    assert_eq!(ward.show("sync_inventory")["status"], "down");

    ping(&url);
    ward.wait_for("incident.resolved", "sync_inventory");
}

#[test]
fn every_is_the_whole_allowance_unless_a_grace_is_given_so_25h_tolerates_a_daily_job() {
    let ward = Ward::start();
    for (name, flags, due, deadline) in [
        ("daily", &["--every", "25h"][..], 25 * 3600, 25 * 3600),
        ("often", &["--every", "5m"][..], 300, 300),
        ("lax", &["--every", "5m", "--grace", "90s"][..], 300, 390),
    ] {
        let url = ward.add(name, flags);
        ping(&url);
        let shown = ward.show(name);
        let last = time(&shown, "last_ping_at");
        assert_eq!(
            time(&shown, "next_expected_at").since(last).as_secs(),
            due,
            "{name}"
        );
        let allowed = time(&shown, "deadline_at").since(last);
        assert_eq!(allowed.as_secs(), deadline, "{name}");
        assert_eq!(shown["status"], "up");
    }
}

#[test]
fn a_missed_message_shows_the_interval_and_the_age_of_the_last_ping() {
    let scene = Scene::start();
    let cli = &scene.cli;
    let url = cli.ok(&["heartbeat", "add", "nightly_cleanup", "--every", "3s"]);
    ping(url.trim());
    let mail = scene.wait_for_mail("MISSED: ", "nightly_cleanup");
    assert_eq!(mail.subject, "MISSED: nightly_cleanup heartbeat");
    let text = mail.text.unwrap();
    let line = |begins: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(begins));
        found.unwrap_or_else(|| panic!("{begins}: {text}"))
    };
    assert_eq!(line("Expected: "), "every 3s");
    let age = line("Last ping: ").rsplit_once(" UTC, ").unwrap().1;
    let age = age.strip_suffix("s ago").unwrap().parse::<u64>().unwrap();
    assert!((3..=3 + ALERT_WITHIN.as_secs()).contains(&age), "{text}");
    let html = mail.html.unwrap();
    assert!(
        html.contains("every 3s") && html.contains("s ago"),
        "{html}"
    );
}

#[test]
fn get_head_post_and_put_count_with_any_body_and_content_type_at_every_url() {
    let ward = Ward::start();
    let url = ward.add("job", &["--every", "1h"]);
    let bodies: [(&str, &[u8]); 5] = [
        ("text/plain; charset=utf-8", b"3 rows deleted"),
        ("application/json", b"{\"rows\": 3"),
        ("application/x-www-form-urlencoded", b"rows=3"),
        ("image/png", &[0x89, 0x50, 0x00, 0xff]),
        ("nonsense", b""),
    ];
    let mut sent = 0;
    for path in ["/ping/", "/api/heartbeat/", "/api/heartbeats/"] {
        let url = url.replace("/ping/", path);
        for end in ["", "/", "/start", "/0", "/log"] {
            let url = format!("{url}{end}");
            for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT] {
                let answer = background::ask(method.clone(), &url, &[]).unwrap();
                let body = if method == Method::HEAD { "" } else { "OK" };
                assert_eq!(
                    (answer.status, &*answer.body),
                    (200, body),
                    "{method} {url}"
                );
                assert_eq!(answer.headers["cache-control"], "no-store");
                sent += 1;
            }
        }
        for (kind, body) in bodies {
            let answer = send(Method::POST, &url, kind, body).unwrap();
            assert_eq!((answer.status, &*answer.body), (200, "OK"), "{kind}");
            sent += 1;
        }
    }
    let shown = ward.show("job");
    assert_eq!(shown["pings"], sent);
    assert_eq!(shown["status"], "up");
    assert_eq!(pings(&shown)[0]["method"], "POST");
    let rows = ward.cli.rows(&["heartbeat", "pings", "job"]);
    for (signal, times) in [("success", 39), ("start", 12), ("exit 0", 12), ("log", 12)] {
        let told = rows.iter().filter(|row| row["signal"] == signal).count();
        assert_eq!(told, times, "{signal}");
    }
    // Much more than is kept of it, and less than is read.
    let big = vec![b'x'; 3 << 20];
    let answer = send(Method::POST, &url, "text/plain", &big).unwrap();
    assert_eq!((answer.status, &*answer.body), (200, "OK"));
    assert_eq!(ward.show("job")["pings"], sent + 1);
}

#[test]
fn pings_are_answered_under_load_long_before_clients_give_up() {
    let ward = Ward::start();
    let url = ward.add("busy", &["--every", "1h"]);
    let crowd = Crowd::start(&vec![url; 64], Duration::ZERO);
    let enough = 1_000;
    wait::until_true("a thousand are answered", SOON * 2, || {
        crowd.answered() >= enough
    });
    let quiet = crowd.pause();
    let seen = crowd.seen();
    drop(quiet);
    drop(crowd);
    for job in &seen {
        assert_eq!(job.sent, job.answered.len() as u64, "{:?}", job.refused);
        assert!(job.slowest < CLIENT_WAITS, "{:?}", job.slowest);
    }
    assert_eq!(ward.show("busy")["status"], "up");
}
