use super::*;
use crate::monitor::{HttpDraft, Known, MonitorDraft};

fn draft(http: HttpDraft) -> MonitorDraft {
    MonitorDraft {
        name: Some("api".into()),
        http: Some(HttpDraft {
            url: Some("https://api.example.com/health".into()),
            ..http
        }),
        regions: Some(vec![
            "us-east".into(),
            "eu-west".into(),
            "ap-southeast".into(),
        ]),
        ..MonitorDraft::default()
    }
}

fn spec(draft: &MonitorDraft) -> MonitorSpec {
    draft.check(&Known::default()).unwrap()
}

fn full() -> HttpDraft {
    HttpDraft {
        method: Some("post".into()),
        header: Some(vec!["Accept: application/json".into()]),
        body: Some("{}".into()),
        expect_status: Some("200,201".into()),
        contains: Some(vec!["ok".into()]),
        not_contains: Some(vec!["error".into()]),
        matches: Some(vec!["^.*$".into()]),
        json: Some(vec!["$.status == \"ok\"".into()]),
        expect_header: Some(vec!["Content-Type: application/json".into()]),
        max_latency: Some(Duration::from_secs(2)),
        degraded_latency: Some(vec![Duration::from_millis(500), Duration::from_secs(1)]),
        follow_redirects: Some(3),
        insecure: Some(true),
        basic: Some("user:password".into()),
        ip: Some("4".into()),
        ..HttpDraft::default()
    }
}

/// These numbers are in stores and on the wire: a change of them voids every vote at an upgrade.
#[test]
fn meanings_never_change_between_versions() {
    let plain = spec(&draft(HttpDraft::default()));
    let full = spec(&draft(full()));
    assert_eq!(plain.meaning(), Meaning(PLAIN));
    assert_eq!(full.meaning(), Meaning(FULL));
}

#[test]
fn what_people_call_a_monitor_and_who_looks_how_often_is_not_its_meaning() {
    let before = spec(&draft(HttpDraft::default()));
    let after = spec(&MonitorDraft {
        name: Some("other".into()),
        every: Some(Duration::from_secs(60)),
        regions: Some(vec!["us-east".into()]),
        quorum: Some("any".into()),
        failures: Some(3),
        severity: Some("info".into()),
        labels: Some([("team".to_owned(), "web".to_owned())].into()),
        ..draft(HttpDraft::default())
    });
    assert_eq!(before.meaning(), after.meaning());
}

#[test]
fn every_part_of_the_request_and_of_the_demands_is_part_of_the_meaning() {
    let base = spec(&draft(full())).meaning();
    let texts = |text: &str| Some(vec![text.to_owned()]);
    let changed = [
        HttpDraft {
            url: Some("https://api.example.com/".into()),
            ..HttpDraft::default()
        },
        HttpDraft {
            method: Some("PUT".into()),
            ..HttpDraft::default()
        },
        HttpDraft {
            header: texts("Accept: text/html"),
            ..HttpDraft::default()
        },
        HttpDraft {
            body: Some("[]".into()),
            ..HttpDraft::default()
        },
        HttpDraft {
            expect_status: Some("200".into()),
            ..HttpDraft::default()
        },
        HttpDraft {
            contains: texts("okay"),
            ..HttpDraft::default()
        },
        HttpDraft {
            not_contains: texts("fail"),
            ..HttpDraft::default()
        },
        HttpDraft {
            matches: texts("^$"),
            ..HttpDraft::default()
        },
        HttpDraft {
            json: texts("$.status exists"),
            ..HttpDraft::default()
        },
        HttpDraft {
            expect_header: texts("Content-Type: text/html"),
            ..HttpDraft::default()
        },
        HttpDraft {
            max_latency: Some(Duration::from_secs(3)),
            ..HttpDraft::default()
        },
        HttpDraft {
            degraded_latency: Some(vec![]),
            ..HttpDraft::default()
        },
        HttpDraft {
            follow_redirects: Some(4),
            ..HttpDraft::default()
        },
        HttpDraft {
            insecure: Some(false),
            ..HttpDraft::default()
        },
        HttpDraft {
            basic: Some("user:other".into()),
            ..HttpDraft::default()
        },
        HttpDraft {
            ip: Some("6".into()),
            ..HttpDraft::default()
        },
    ];
    let mut seen = vec![base];
    for over in changed {
        let edited = draft(full()).with(MonitorDraft {
            http: Some(over.clone()),
            ..MonitorDraft::default()
        });
        let meaning = spec(&edited).meaning();
        assert!(!seen.contains(&meaning), "{over:?}");
        seen.push(meaning);
    }
    let slower = MonitorDraft {
        timeout: Some(Duration::from_secs(3)),
        ..draft(full())
    };
    assert!(!seen.contains(&spec(&slower).meaning()));
}

#[test]
fn texts_do_not_run_into_each_other() {
    let with = |texts: &[&str]| {
        let contains = Some(texts.iter().map(ToString::to_string).collect());
        spec(&draft(HttpDraft {
            contains,
            ..HttpDraft::default()
        }))
        .meaning()
    };
    assert_ne!(with(&["ab", "c"]), with(&["a", "bc"]));
    assert_ne!(with(&["abc"]), with(&["ab", "c"]));
}

const PLAIN: u64 = 0x6df4_b8e2_28c1_5956;
const FULL: u64 = 0x8b34_d611_2946_b4ce;
