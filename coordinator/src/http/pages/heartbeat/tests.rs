//! What the page of a heartbeat shows, and to whom.

use std::collections::BTreeMap;
use std::time::Duration;

use vigilmon_common::heartbeat::{
    HeartbeatDraft, HeartbeatSpec, LastPing, Mark, Method, PingToken, Signal,
};
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::draft::Known;

use super::*;
use crate::secret::SecretKey;

const NOW: Time = Time::from_millis(1_772_359_323_000);

fn spec() -> HeartbeatSpec {
    let draft = HeartbeatDraft {
        name: Some("nightly-backup".to_owned()),
        cron: Some("0 2 * * *".to_owned()),
        tz: Some("Europe/Berlin".to_owned()),
        labels: Some(BTreeMap::from([("team".to_owned(), "data".to_owned())])),
        ..HeartbeatDraft::default()
    };
    let nothing_known = Known {
        regions: None,
        channels: None,
        addresses: None,
    };
    draft.check(&nothing_known).unwrap()
}

fn heartbeat(key: &SecretKey) -> Heartbeat {
    let token = |text: &str, until| PingToken {
        digest: crate::token::digest(text),
        sealed: key.seal(text.as_bytes()),
        until,
    };
    let id = MonitorId::from_bytes([7; 16]);
    Heartbeat {
        id,
        spec: spec(),
        paused: false,
        created_at: NOW,
        updated_at: NOW,
        version: 1,
        tokens: vec![
            token("secret0", None),
            token("secret1", Some(NOW + Duration::from_hours(1))),
        ],
    }
}

fn ping(n: u64, signal: Signal, ago: u64) -> Ping {
    Ping {
        heartbeat: MonitorId::from_bytes([7; 16]),
        seq: n,
        n,
        total: n,
        at: NOW - Duration::from_secs(ago),
        signal,
        rid: None,
        method: Method::Post,
        from: "10.1.2.3".parse().ok(),
        agent: "curl/8.5.0".into(),
        count: 1,
        shared: false,
        body_kept: 0,
        body_size: 0,
    }
}

fn view(status: HeartbeatStatus) -> View {
    View {
        status,
        since: NOW - Duration::from_hours(30),
        reason: "a reason".to_owned(),
        due: Some(NOW + Duration::from_hours(3)),
        deadline: Some(NOW + Duration::from_hours(3) + Duration::from_mins(10)),
        last_ping: Some(LastPing {
            at: NOW - Duration::from_hours(21),
            signal: Signal::Success,
        }),
        last_success: Some(NOW - Duration::from_hours(21)),
        last_run: Some(Duration::from_secs(95)),
        runs: Vec::new(),
        never_finished: 0,
        given_up: Vec::new(),
        unobserved: None,
        pings: 2,
        incident: None,
    }
}

pub(super) fn frame(may_act: bool) -> Frame {
    Frame {
        title: "Heartbeat".to_owned(),
        here: "heartbeats",
        who: "somebody".to_owned(),
        role: "editor",
        may_act,
        open: 0,
        heartbeats: [1, 0, 0, 1, 0],
        mark: String::new(),
    }
}

fn read(view: View, pings: Vec<Ping>, bodies: Vec<Option<Bytes>>) -> Read {
    Read {
        view,
        pings,
        bodies,
        incidents: Vec::new(),
    }
}

fn html(may_act: bool, read: Read) -> String {
    let key = SecretKey::from_bytes(&[3; 32]);
    let heartbeat = heartbeat(&key);
    html_with(&key, &heartbeat, may_act, read)
}

fn html_with(key: &SecretKey, heartbeat: &Heartbeat, may_act: bool, read: Read) -> String {
    let url = ping_url("https://status.example.org/", key, heartbeat);
    let secret = may_act.then(|| url.map(|url| Secret::of(url, heartbeat)));
    let page = shown(frame(may_act), heartbeat, secret, read, NOW);
    page.render().unwrap()
}

#[test]
fn editors_see_where_a_job_pings_and_who_may_only_look_does_not() {
    let some = || {
        let pings = vec![ping(2, Signal::Success, 60), ping(1, Signal::Start, 155)];
        read(view(HeartbeatStatus::Up), pings, vec![None, None])
    };
    let editor = html(true, some());
    assert!(editor.contains("https://status.example.org/ping/secret0"));
    assert!(editor.contains("The URL before it counts until"));
    assert!(!editor.contains("secret1"));
    let viewer = html(false, some());
    assert!(!viewer.contains("/ping/") && !viewer.contains("secret0"));
    assert!(!viewer.contains("method=\"post\" action=\"/heartbeats"));
    for page in [editor, viewer] {
        assert!(page.contains("every day at 02:00, Europe/Berlin"));
        assert!(
            !page.contains(" style="),
            "the policy allows no styles in a page"
        );
    }
}

#[test]
fn what_a_job_sent_cannot_become_a_part_of_the_page() {
    let mut sent = ping(1, Signal::Fail, 60);
    sent.agent = "<b>curl</b>".into();
    (sent.body_size, sent.body_kept) = (29, 29);
    let body = Bytes::from_static(b"<script>alert('hi')</script>\n");
    let page = html(
        true,
        read(view(HeartbeatStatus::Down), vec![sent], vec![Some(body)]),
    );
    assert!(!page.contains("<script>alert") && !page.contains("<b>curl"));
    assert!(page.contains("alert(") && page.contains("29 bytes"));
}

#[test]
fn a_new_heartbeat_shows_first_how_to_ping_it() {
    let new = View {
        due: None,
        deadline: None,
        last_ping: None,
        last_success: None,
        last_run: None,
        pings: 0,
        ..view(HeartbeatStatus::New)
    };
    let page = html(true, read(new, Vec::new(), Vec::new()));
    assert!(page.contains("Let the job call this when it is done"));
    assert!(page.contains("<details open>"));
}

#[test]
fn an_editor_hears_why_a_ping_url_cannot_be_shown_and_what_to_do() {
    let heartbeat = heartbeat(&SecretKey::from_bytes(&[3; 32]));
    let other = SecretKey::from_bytes(&[4; 32]);
    let read = |status| read(view(status), Vec::new(), Vec::new());
    let page = html_with(&other, &heartbeat, true, read(HeartbeatStatus::Up));
    assert!(page.contains("cannot be shown: it was sealed with another key; restore secret.key"));
    assert!(page.contains("Its pings count all the same"));
    let viewer = html_with(&other, &heartbeat, false, read(HeartbeatStatus::Up));
    assert!(!viewer.contains("cannot be shown"));
}

#[test]
fn only_editors_are_offered_deeds_and_a_third_ping_url_ends_both_others() {
    let key = SecretKey::from_bytes(&[3; 32]);
    let mut heartbeat = heartbeat(&key);
    let read = || read(view(HeartbeatStatus::Up), Vec::new(), Vec::new());
    let page = html_with(&key, &heartbeat, true, read());
    for deed in ["/edit\"", "/pause\"", "/rotate\"", "/remove\""] {
        assert!(page.contains(deed), "{deed}");
    }
    assert!(page.contains("End both") && !page.contains("for a week"));
    heartbeat.tokens.truncate(1);
    let page = html_with(&key, &heartbeat, true, read());
    assert!(!page.contains("End both") && page.contains("for a week"));
    let viewer = html_with(&key, &heartbeat, false, read());
    assert!(!viewer.contains("<form method=\"post\" action=\"/heartbeats"));
    assert!(!viewer.contains("/edit\""));
}

#[test]
fn a_finished_run_is_drawn_once_and_one_that_never_ended_stands_out() {
    let all = [
        (ping(5, Signal::Start, 10), Mark::default()),
        (
            ping(4, Signal::Exit(0), 60),
            Mark {
                run: Some(Duration::from_secs(40)),
                never_finished: false,
            },
        ),
        (ping(3, Signal::Start, 100), Mark::default()),
        (
            ping(2, Signal::Start, 200),
            Mark {
                run: None,
                never_finished: true,
            },
        ),
        (ping(1, Signal::Log, 300), Mark::default()),
    ];
    let (pings, marks): (Vec<Ping>, Vec<Mark>) = all.into_iter().unzip();
    let open = OpenRun {
        rid: None,
        n: 5,
        unheard: false,
        told: false,
        started: pings[0].at,
        spared: Duration::ZERO,
        overrun: false,
    };
    let drawn = pings::drawn(&pings, &marks, &[open]);
    let classes: Vec<&str> = drawn.bars.iter().map(|bar| bar.class).collect();
    assert_eq!(classes, ["none", "late", "up", "begun"]);
    assert!(drawn.bars[2].title.ends_with("exit 0, run of 40s"));
}
