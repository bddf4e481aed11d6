//! Ping URLs: rotated, by slug, for POST alone, of a paused heartbeat; and what is shown of pings.

use http::Method;
use vigilmon_tests::background::{ask, send};
use vigilmon_tests::up::Options;

use super::{Ward, asked, ping, pings, signals};

#[test]
fn after_a_rotation_both_urls_count_for_a_while_or_the_former_no_more() {
    let ward = Ward::start();
    let first = ward.add("job", &["--every", "1h"]);
    let second = ward.cli.ok(&["heartbeat", "rotate", "job"]);
    let second = second.trim();
    assert_ne!(first, second);
    ping(&first);
    ping(second);
    let refused = ward.cli.run(&["heartbeat", "rotate", "job"]);
    assert_eq!(refused.code, 1, "{refused:#?}");
    assert!(refused.err.contains("still counts until"), "{refused:#?}");
    assert!(refused.err.contains("--overlap 0s"), "{refused:#?}");
    ping(&first);
    let rotate = ["heartbeat", "rotate", "job", "--overlap", "0s"];
    let third = ward.cli.ok(&rotate);
    let third = third.trim();
    ping(third);
    for former in [&*first, second] {
        let answer = asked(former);
        assert_eq!((answer.status, answer.body.trim()), (404, "not found"));
    }
    assert_eq!(ward.show("job")["pings"], 4);
}

#[test]
fn a_token_that_is_none_is_not_found_and_not_repeated() {
    let ward = Ward::start();
    let url = ward.add("job", &["--every", "1h"]);
    let token = url.rsplit('/').next().unwrap();
    assert!((22..=43).contains(&token.len()), "{token}");
    let nobody = "canary5f1cAAAAAAAAAAAAAAAAAA";
    let answer = asked(&ward.up.url(&format!("/ping/{nobody}")));
    assert_eq!(answer.status, 404);
    assert!(!answer.body.contains(nobody), "{}", answer.body);
    for wrong in ["/done", "/256", "/-1"] {
        let answer = asked(&format!("{url}{wrong}"));
        assert!((400..500).contains(&answer.status), "{wrong}: {answer:?}");
        assert!(!answer.body.contains(token), "{answer:?}");
    }
    let answer = ask(Method::DELETE, &url, &[]).unwrap();
    assert_eq!(answer.status, 405);
    assert_eq!(answer.headers["allow"], "GET, HEAD, POST, PUT");
    // The token is what counts, not by which name the job knows us.
    let inner = ask(Method::GET, &url, &[("host", "monitor.internal:8440")]);
    assert_eq!(inner.unwrap().status, 200);
    assert_eq!(ward.show("job")["pings"], 1);
}

#[test]
fn a_heartbeat_for_post_alone_is_not_pinged_by_looking_at_its_url() {
    let ward = Ward::start();
    let url = ward.add("job", &["--every", "1h", "--post-only"]);
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        let answer = ask(method.clone(), &url, &[]).unwrap();
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.headers["allow"], "POST");
    }
    assert_eq!(ward.show("job")["status"], "new");
    let answer = send(Method::POST, &url, "text/plain", b"").unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(ward.show("job")["status"], "up");
}

#[test]
fn pings_of_a_paused_heartbeat_are_recorded_and_do_not_resume_it() {
    let ward = Ward::start();
    let url = ward.add("job", &["--every", "1s"]);
    ping(&url);
    ward.wait_for("incident.opened", "job");
    ward.cli.ok(&["heartbeat", "pause", "job"]);
    let closed = ward.wait_for("incident.resolved", "job");
    assert_eq!(closed.body["data"]["incident"]["resolution"], "paused");
    ping(&url);
    let shown = ward.show("job");
    assert_eq!(
        (&shown["status"], &shown["pings"]),
        (&"paused".into(), &2.into())
    );
    // Longer than it takes to see that it is up.
    let edit = ["heartbeat", "edit", "job", "--every", "5s"];
    ward.cli.ok(&edit);
    ward.cli.ok(&["heartbeat", "resume", "job"]);
    ping(&url);
    ward.wait_for_status("job", "up");
    let opened = |told: Vec<String>| told.iter().filter(|t| *t == "incident.opened").count();
    vigilmon_tests::wait::until_true("it alarms again", crate::scene::SOON, || {
        opened(ward.told("job")) == 2
    });
}

#[test]
fn a_job_is_known_by_its_slug_and_may_make_its_heartbeat_itself() {
    let ward = Ward::start();
    let key = ward.cli.ok(&["heartbeat", "key"]);
    let key = key.trim();
    assert!(key.starts_with("pk_"), "{key}");
    let url = |rest: &str| ward.up.url(&format!("/ping/s/{key}/{rest}"));
    ward.add("Nightly cleanup.2", &["--every", "25h"]);
    ping(&url("nightly-cleanup-2"));
    ping(&url("nightly-cleanup-2/start"));
    assert_eq!(ward.show("Nightly cleanup.2")["pings"], 2);

    assert_eq!(asked(&url("reports")).status, 404);
    let made = asked(&url("reports?create=1"));
    assert_eq!((made.status, made.body.trim()), (201, "Created"));
    ping(&url("reports?create=1"));
    let shown = ward.show("reports");
    assert_eq!(shown["status"], "up");
    assert_eq!(shown["every_seconds"], 86_400);
    assert_eq!(shown["grace_seconds"], 3_600);
    assert_eq!(shown["pings"], 2);
    let actors = ward.cli.rows(&["audit"]);
    assert!(actors.iter().any(|row| row["actor"] == "slug ping"));
    let stranger = ward.up.url("/ping/s/pk_AAAAAAAAAAAAAAAAAAAAAA/reports");
    assert_eq!(asked(&stranger).status, 404);
}

#[test]
fn the_url_of_a_name_never_changes_hands_unsaid() {
    let ward = Ward::start();
    ward.add("db backup", &["--every", "25h"]);
    let key = ward.cli.ok(&["heartbeat", "key"]);
    let key = key.trim();
    let url = |slug: &str| ward.up.url(&format!("/ping/s/{key}/{slug}"));
    ping(&url("db-backup"));
    let add = ["heartbeat", "add", "db.backup", "--every", "25h"];
    let refused = ward.cli.run(&add);
    assert_eq!(refused.code, 1, "{refused:#?}");
    for said in [
        "name: `db.backup`",
        "`db-backup`",
        "heartbeat `db backup`",
        "hint: take a name",
    ] {
        assert!(refused.err.contains(said), "{refused:#?}");
    }
    ping(&url("db-backup"));
    let rename = ["heartbeat", "edit", "db backup", "--rename", "db dump"];
    let renamed = ward.cli.run(&rename);
    assert_eq!(renamed.code, 0, "{renamed:#?}");
    let hint = "hint: ping URLs by name with /db-backup lead to it no more: use /db-dump in them";
    assert!(renamed.err.contains(hint), "{renamed:#?}");
    assert_eq!(asked(&url("db-backup")).status, 404);
    ping(&url("db-dump"));
    assert_eq!(ward.show("db dump")["pings"], 3);
}

#[test]
fn where_another_key_lies_beside_the_stores_it_is_said_and_pings_count_all_the_same() {
    let mut ward = Ward::start();
    let url = ward.add("job", &["--every", "1h"]);
    let key = ward.cli.ok(&["heartbeat", "key"]);
    ward.up.stop();
    // The next start makes another one.
    std::fs::remove_file(ward.up.data().join("secret.key")).unwrap();
    ward.up.start_again(&Options::coordinator());

    let asked = |what: &[&str]| {
        let refused = ward.cli.run(&[&["heartbeat"], what].concat());
        assert_eq!(refused.code, 1, "{refused:#?}");
        refused.err
    };
    let said = asked(&["key"]);
    let what = "error: the project's key in ping URLs by name cannot be shown: it was sealed with \
                another key; restore secret.key that belongs to these stores";
    assert!(said.contains(what), "{said}");
    assert!(
        said.contains("hint: pings by name count all the same"),
        "{said}"
    );
    assert!(said.contains("`vigilmon heartbeat key --rotate`"), "{said}");
    let said = asked(&["show", "job", "--snippets"]);
    assert!(
        said.contains("error: the ping URL cannot be shown: it was sealed"),
        "{said}"
    );
    assert!(said.contains("`vigilmon heartbeat rotate`"), "{said}");
    assert_eq!(ward.show("job")["ping_url"], serde_json::Value::Null);
    ping(&url);
    ping(&ward.up.url(&format!("/ping/s/{}/job", key.trim())));

    let other = ward.cli.ok(&["heartbeat", "key", "--rotate"]);
    assert_eq!(ward.cli.ok(&["heartbeat", "key"]), other);
    let second = ward.cli.ok(&["heartbeat", "rotate", "job"]);
    assert_eq!(ward.show("job")["ping_url"], second.trim());
    ping(&url);
    assert_eq!(ward.show("job")["pings"], 3);
}

#[test]
fn what_a_job_said_is_shown_as_a_line_of_marks_with_how_long_its_runs_took() {
    let ward = Ward::start();
    let url = ward.add("job", &["--every", "1h"]);
    ping(&format!("{url}/start?rid=a"));
    ping(&format!("{url}/start?rid=b"));
    ping(&format!("{url}?rid=a"));
    let answer = send(
        Method::POST,
        &format!("{url}/3?rid=b"),
        "text/plain",
        b"no space left",
    );
    assert_eq!(answer.unwrap().status, 200);
    ping(&format!("{url}/log"));
    ping(&format!("{url}/start"));
    ping(&format!("{url}/start"));
    let shown = ward.show("job");
    let said = [
        "start", "start", "log", "exit 3", "success", "start", "start",
    ];
    assert_eq!(signals(&shown), said);
    let pings = pings(&shown);
    assert_eq!(pings[3]["rid"], "b");
    assert_eq!(pings[3]["body_size"], 13);
    assert!(pings[3]["run_seconds"].is_number() && pings[4]["run_seconds"].is_number());
    assert_eq!(pings[1]["never_finished"], true, "another began");
    assert_eq!(pings[0]["never_finished"], false, "it may yet end");
    assert_eq!(shown["status"], "down", "the job said that it failed");
    let number = pings[3]["number"].to_string();
    let body = ward.cli.ok(&["heartbeat", "body", "job", &number]);
    assert_eq!(body, "no space left");
    let text = ward.cli.ok(&["heartbeat", "show", "job"]);
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{text}");
    }
    assert!(text.contains("every 1h"), "{text}");
    assert!(text.contains("exit 3"), "{text}");
}
