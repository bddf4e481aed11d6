use vigilmon_common::address::AddressPolicy;
use vigilmon_common::monitor::HttpDraft;
use vigilmon_common::outcome::{Outcome, ReasonCode};

use super::support::*;
use crate::probe::Probe;

fn to(location: &str) -> Vec<u8> {
    response("302 Found", &[&format!("location: {location}")], b"moved")
}

#[tokio::test]
async fn redirects_are_followed_and_shown_without_query_values() {
    let (address, requests) = answer_by(|request| match request.split(' ').nth(1).unwrap() {
        "/" => to("/a?token=hunter2"),
        "/a?token=hunter2" => to("b#part"),
        "/b" => response("503 No", &[], b"here"),
        other => panic!("{other}"),
    });
    let checked = check(&format!("http://{address}/"), HttpDraft::default()).await;
    assert_eq!(
        down(&checked),
        (ReasonCode::HttpStatus, "503 Service Unavailable")
    );
    let seen = checked.observation.unwrap();
    assert_eq!(
        seen.redirects,
        [
            format!("http://{address}/a?token=…"),
            format!("http://{address}/b")
        ]
    );
    assert_eq!(seen.body_excerpt, "here");
    assert_eq!(requests.iter().take(3).count(), 3);
}

#[tokio::test]
async fn a_redirect_loop_ends_at_the_limit() {
    let (address, requests) = answer(to("/again"));
    let three = HttpDraft {
        follow_redirects: Some(3),
        ..HttpDraft::default()
    };
    let checked = check(&format!("http://{address}/"), three).await;
    assert_eq!(
        down(&checked),
        (ReasonCode::HttpRedirects, "more than 3 redirects")
    );
    assert_eq!(checked.observation.unwrap().redirects.len(), 3);
    assert_eq!(requests.iter().take(4).count(), 4);
}

#[tokio::test]
async fn an_expected_redirect_is_the_answer() {
    let (address, _) = answer(to("/elsewhere"));
    let url = format!("http://{address}/");
    let expected = HttpDraft {
        expect_status: Some("302".into()),
        expect_header: list(&["Location: /elsewhere"]),
        contains: list(&["moved"]),
        ..HttpDraft::default()
    };
    assert_eq!(check(&url, expected).await.outcome, Outcome::Up);
    let not_followed = HttpDraft {
        follow_redirects: Some(0),
        ..HttpDraft::default()
    };
    assert_eq!(
        down(&check(&url, not_followed).await),
        (ReasonCode::HttpStatus, "302 Found")
    );
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_said_so() {
    for location in [
        "ftp://x.example/",
        "http://",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ] {
        let (address, _) = answer(to(location));
        let checked = get(address).await;
        assert_eq!(down(&checked).0, ReasonCode::HttpRedirects, "{location}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_denied_address_is_not_followed() {
    let (inner, requests) = answer(ok("inside"));
    let (outer, _) = answer(to(&format!("http://localhost:{}/", inner.port())));
    let denied = to(&format!("http://127.0.0.2:{}/", inner.port()));
    let (other, _) = answer(denied);
    let only = AddressPolicy::new(vec!["127.0.0.1/32".parse().unwrap()]);
    let checker = checker_of(only, Vec::new());
    let check = async |address| {
        let spec = spec(&format!("http://{address}/"), HttpDraft::default());
        checker.check(&spec, AMPLE).await
    };
    assert_eq!(check(outer).await.outcome, Outcome::Up);
    assert!(requests.recv().is_ok());
    let checked = check(other).await;
    assert_eq!(down(&checked).0, ReasonCode::AddressDenied);
    assert_eq!(checked.observation.unwrap().redirects.len(), 1);
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn credentials_stay_at_the_origin() {
    let (other, there) = answer(ok(""));
    let elsewhere = format!("http://user:info@{other}/there");
    let (address, here) = answer_by(move |request| {
        if request.starts_with("GET /here") {
            to(&elsewhere)
        } else {
            to("/here")
        }
    });
    let http = HttpDraft {
        basic: Some("me:hunter2".into()),
        header: list(&["X-Api-Key: hunter2", "Host: vhost.example", "X-Trace: 1"]),
        ..HttpDraft::default()
    };
    check(&format!("http://{address}/"), http).await;
    for _ in 0..2 {
        let request = here.recv().unwrap();
        assert!(header_of(&request, "authorization").is_some(), "{request}");
        assert_eq!(header_of(&request, "x-api-key"), Some("hunter2"));
        assert_eq!(header_of(&request, "host"), Some("vhost.example"));
    }
    let request = there.recv().unwrap();
    assert!(
        !request.contains("hunter2") && !request.contains("uthorization"),
        "{request}"
    );
    assert_eq!(header_of(&request, "x-trace"), Some("1"));
    assert_eq!(
        header_of(&request, "host"),
        Some(other.to_string().as_str())
    );
}

#[tokio::test]
async fn post_turns_into_get_where_browsers_do_that() {
    for (status, method, body) in [
        ("302 Found", "GET", ""),
        ("303 See", "GET", ""),
        ("307 Temp", "POST", "data"),
        ("308 Perm", "POST", "data"),
    ] {
        let (address, requests) = answer_by(move |request| {
            if request.contains(" /end ") {
                ok("")
            } else {
                response(status, &["location: /end"], b"")
            }
        });
        let http = HttpDraft {
            method: Some("POST".into()),
            body: Some("data".into()),
            header: list(&["Content-Type: text/plain"]),
            ..HttpDraft::default()
        };
        check(&format!("http://{address}/"), http).await;
        requests.recv().unwrap();
        let last = requests.recv().unwrap();
        assert!(
            last.starts_with(&format!("{method} /end ")),
            "{status}: {last}"
        );
        assert!(
            last.ends_with(&format!("\r\n\r\n{body}")),
            "{status}: {last}"
        );
        assert_eq!(
            header_of(&last, "content-type").is_some(),
            !body.is_empty(),
            "{status}"
        );
    }
}
