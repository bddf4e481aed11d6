use super::*;
use crate::monitor::Kind;
use crate::monitor::{HttpDraft, Known, MonitorDraft};

fn spec(http: HttpDraft) -> HttpSpec {
    let draft = MonitorDraft {
        name: Some("api".into()),
        http: Some(HttpDraft {
            url: Some("https://api.example.com/health".into()),
            ..http
        }),
        regions: Some(vec!["us-east".into()]),
        ..MonitorDraft::default()
    };
    let Kind::Http(http) = draft.check(&Known::default()).unwrap().kind;
    *http
}

fn answer(status: u16, body: &str) -> Answer<'_> {
    Answer {
        status,
        phrase: if status == 503 {
            "Service Unavailable"
        } else {
            ""
        },
        headers: &[
            ("content-type", b"application/json; charset=utf-8"),
            ("set-cookie", b"id=1"),
        ],
        body: body.as_bytes(),
        truncated: false,
        took: Duration::from_millis(40),
    }
}

fn list(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(ToString::to_string).collect())
}

fn down(verdict: &Verdict) -> (ReasonCode, &str) {
    let Outcome::Down(reason) = &verdict.outcome else {
        panic!("{verdict:?}");
    };
    (reason.code, &reason.text)
}

#[test]
fn an_answer_as_demanded_is_up_and_leaves_no_evidence() {
    let spec = spec(HttpDraft {
        contains: list(&["ok"]),
        not_contains: list(&["error"]),
        matches: list(&["\"status\": *\"[a-z]+\""]),
        json: list(&["$.status == \"ok\"", "$.checks[*].up == true"]),
        expect_header: list(&["Content-Type: application/json", "set-cookie:"]),
        max_latency: Some(Duration::from_secs(1)),
        degraded_latency: Some(vec![Duration::from_millis(100)]),
        ..HttpDraft::default()
    });
    let body = r#"{"status": "ok", "checks": [{"up": true}, {"up": true}]}"#;
    let verdict = judge(&spec, &answer(200, body));
    assert_eq!(
        verdict,
        Verdict {
            outcome: Outcome::Up,
            assertions: vec![],
            hint: String::new()
        }
    );
}

#[test]
fn the_first_failure_is_the_reason_and_all_are_in_the_evidence() {
    let spec = spec(HttpDraft {
        contains: list(&["fine"]),
        json: list(&["$.status == \"ok\"", "$.status exists"]),
        ..HttpDraft::default()
    });
    let verdict = judge(&spec, &answer(503, r#"{"status":"degraded"}"#));
    assert_eq!(
        down(&verdict),
        (ReasonCode::HttpStatus, "503 Service Unavailable")
    );
    assert_eq!(verdict.outcome.reason().unwrap().status_code, Some(503));
    assert_eq!(
        verdict.assertions,
        [
            "status 2xx: failed, was 503",
            "contains fine: failed, the body does not contain it",
            r#"json $.status == "ok": failed, was "degraded""#,
            "json $.status exists: ok",
        ]
    );
}

#[test]
fn a_keyword_that_misses_by_white_space_says_so_and_names_the_json_assertion() {
    let spec = spec(HttpDraft {
        contains: list(&[r#""status":"ok""#]),
        ..HttpDraft::default()
    });
    let verdict = judge(&spec, &answer(200, r#"{"app": "x", "status": "ok"}"#));
    let (code, text) = down(&verdict);
    assert_eq!(code, ReasonCode::HttpBody);
    assert!(text.contains("white space"), "{text}");
    assert!(
        verdict.hint.contains(r#"--json '$.status == "ok"'"#),
        "{}",
        verdict.hint
    );
}

#[test]
fn the_json_assertion_of_the_hint_holds_where_the_keyword_was_meant() {
    let bodies = [
        (
            r#""db":true"#,
            r#"{"checks": [{"cache": false}, {"db": true}]}"#,
            "$.checks[1].db == true",
        ),
        (r#"{"a-b":1}"#, r#"{"x": {"a-b": 1}}"#, r#"$.x["a-b"] == 1"#),
    ];
    for (keyword, body, expected) in bodies {
        let near_miss = spec(HttpDraft {
            contains: list(&[keyword]),
            ..HttpDraft::default()
        });
        let verdict = judge(&near_miss, &answer(200, body));
        assert!(
            verdict.hint.contains(&format!("--json '{expected}'")),
            "{}",
            verdict.hint
        );
        let mended = spec(HttpDraft {
            json: list(&[expected]),
            ..HttpDraft::default()
        });
        assert_eq!(judge(&mended, &answer(200, body)).outcome, Outcome::Up);
    }
}

#[test]
fn white_space_is_no_excuse_where_the_body_is_not_json() {
    let spec = spec(HttpDraft {
        contains: list(&["all good"]),
        ..HttpDraft::default()
    });
    let verdict = judge(&spec, &answer(200, "<p>allgood</p>"));
    assert_eq!(
        down(&verdict),
        (ReasonCode::HttpBody, "body does not contain `all good`")
    );
    assert_eq!(verdict.hint, "");
}

#[test]
fn a_demand_not_met_within_what_was_read_fails_as_truncated() {
    let cut = Answer {
        truncated: true,
        ..answer(200, r#"{"status": "o"#)
    };
    for http in [
        HttpDraft {
            contains: list(&["ok"]),
            ..HttpDraft::default()
        },
        HttpDraft {
            matches: list(&["ok"]),
            ..HttpDraft::default()
        },
        HttpDraft {
            json: list(&["$.status == \"ok\""]),
            ..HttpDraft::default()
        },
    ] {
        assert_eq!(
            down(&judge(&spec(http), &cut)).0,
            ReasonCode::HttpBodyTruncated
        );
    }
    let met = HttpDraft {
        contains: list(&["status"]),
        not_contains: list(&["error"]),
        ..HttpDraft::default()
    };
    assert_eq!(judge(&spec(met), &cut).outcome, Outcome::Up);
}

#[test]
fn headers_are_met_with_or_without_their_parameters() {
    let expect = |header: &str| {
        let http = HttpDraft {
            expect_header: list(&[header]),
            ..HttpDraft::default()
        };
        judge(&spec(http), &answer(200, ""))
    };
    for met in [
        "Content-Type: application/json",
        "content-type: application/json; charset=utf-8",
        "content-type:",
    ] {
        assert_eq!(expect(met).outcome, Outcome::Up, "{met}");
    }
    assert_eq!(
        down(&expect("content-type: text/html")),
        (
            ReasonCode::HttpHeader,
            "content-type is `application/json; charset=utf-8`, not `text/html`"
        )
    );
    assert_eq!(
        down(&expect("x-cache: HIT")),
        (ReasonCode::HttpHeader, "no header x-cache")
    );
}

#[test]
fn the_value_of_a_secret_header_is_in_no_evidence() {
    let http = HttpDraft {
        expect_header: list(&["Set-Cookie: id=2"]),
        ..HttpDraft::default()
    };
    let verdict = judge(&spec(http), &answer(200, ""));
    assert!(!format!("{verdict:?}").contains("id="), "{verdict:?}");
}

#[test]
fn latency_degrades_before_it_fails() {
    let spec = spec(HttpDraft {
        max_latency: Some(Duration::from_secs(5)),
        degraded_latency: Some(vec![Duration::from_secs(1), Duration::from_secs(3)]),
        ..HttpDraft::default()
    });
    let after = |millis| {
        let took = Duration::from_millis(millis);
        judge(
            &spec,
            &Answer {
                took,
                ..answer(200, "")
            },
        )
        .outcome
    };
    let text = |outcome: &Outcome| outcome.reason().unwrap().text.clone();
    assert_eq!(after(1000), Outcome::Up);
    let (warning, critical, failed) = (after(1400), after(3100), after(5200));
    assert!(matches!(&warning, Outcome::Degraded(r) if r.code == ReasonCode::Latency));
    assert_eq!(text(&warning), "took 1.40 s, over 1s (warning)");
    assert_eq!(text(&critical), "took 3.10 s, over 3s (critical)");
    assert!(failed.is_down());
    assert_eq!(text(&failed), "took 5.20 s, over 5s");
}

#[test]
fn a_slow_answer_with_a_wrong_status_is_down_for_its_status() {
    let http = HttpDraft {
        degraded_latency: Some(vec![Duration::from_millis(1)]),
        ..HttpDraft::default()
    };
    assert_eq!(
        down(&judge(&spec(http), &answer(503, ""))).0,
        ReasonCode::HttpStatus
    );
}

#[test]
fn a_body_that_is_no_json_cannot_hold_a_json_assertion() {
    let http = HttpDraft {
        json: list(&["$.status == \"ok\""]),
        ..HttpDraft::default()
    };
    let (code, text) = {
        let verdict = judge(&spec(http), &answer(200, "<html>"));
        let (code, text) = down(&verdict);
        (code, text.to_owned())
    };
    assert_eq!(code, ReasonCode::HttpJson);
    assert!(text.starts_with("body is not JSON"), "{text}");
}
