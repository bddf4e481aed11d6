use std::time::Duration;

use vigilmon_common::address::AddressPolicy;
use vigilmon_common::monitor::HttpDraft;
use vigilmon_common::outcome::{Outcome, ReasonCode};

use super::support::*;
use crate::probe::Probe;

#[tokio::test]
async fn an_answer_as_demanded_is_up_with_its_phases() {
    let (address, _) = answer(ok("fine"));
    let checked = get(address).await;
    assert_eq!(checked.outcome, Outcome::Up);
    assert_eq!(checked.observation, None);
    let phases = checked.phases;
    assert!(phases.connect.is_some() && phases.first_byte.is_some() && phases.transfer.is_some());
    assert_eq!((phases.dns, phases.tls), (None, None));
}

#[tokio::test]
async fn a_wrong_status_is_down_with_its_name_and_the_beginning_of_the_body() {
    let body = r#"{"status":"degraded","db":"away"}"#;
    let (address, _) = answer(response("503 Whatever", &[], body.as_bytes()));
    let checked = get(address).await;
    assert_eq!(
        down(&checked),
        (ReasonCode::HttpStatus, "503 Service Unavailable")
    );
    let seen = checked.observation.unwrap();
    assert_eq!(seen.status_code, Some(503));
    assert_eq!(seen.body_excerpt, body);
    assert_eq!(seen.address, address.to_string());
    assert_eq!(seen.assertions, ["status 2xx: failed, was 503"]);
}

#[tokio::test]
async fn the_request_names_us_and_is_as_the_monitor_says() {
    let (address, requests) = answer(ok(""));
    get(address).await;
    let plain = requests.recv().unwrap();
    assert!(plain.starts_with("GET /health HTTP/1.1\r\n"), "{plain}");
    assert_eq!(
        header_of(&plain, "host"),
        Some(address.to_string().as_str())
    );
    let agent = header_of(&plain, "user-agent").unwrap();
    assert!(
        agent.starts_with("Vigilmon/")
            && agent.ends_with("(region=us-east; +https://vigilmon.org)")
    );
    assert_eq!(header_of(&plain, "accept-encoding"), Some("gzip,deflate"));

    let http = HttpDraft {
        method: Some("POST".into()),
        header: list(&[
            "User-Agent: mine",
            "Host: other.example",
            "X-Many: 1",
            "X-Many: 2",
        ]),
        body: Some("{\"a\":1}".into()),
        basic: Some("user:pass".into()),
        ..HttpDraft::default()
    };
    check(&format!("http://{address}/a?b=c"), http).await;
    let own = requests.recv().unwrap();
    assert!(
        own.starts_with("POST /a?b=c HTTP/1.1\r\n") && own.ends_with("\r\n\r\n{\"a\":1}"),
        "{own}"
    );
    assert_eq!(header_of(&own, "user-agent"), Some("mine"));
    assert_eq!(header_of(&own, "host"), Some("other.example"));
    assert_eq!(header_of(&own, "authorization"), Some("Basic dXNlcjpwYXNz"));
    assert_eq!(own.to_lowercase().matches("x-many: ").count(), 2);

    let http = HttpDraft {
        bearer: Some("t0ken".into()),
        ..HttpDraft::default()
    };
    check(&format!("http://{address}/"), http).await;
    assert_eq!(
        header_of(&requests.recv().unwrap(), "authorization"),
        Some("Bearer t0ken")
    );
}

#[tokio::test]
async fn assertions_judge_the_answer() {
    let (address, _) = answer(response(
        "200 OK",
        &["content-type: application/json"],
        br#"{"status": "ok"}"#,
    ));
    let url = format!("http://{address}/");
    let met = HttpDraft {
        json: list(&["$.status == \"ok\""]),
        expect_header: list(&["Content-Type: application/json"]),
        ..HttpDraft::default()
    };
    assert_eq!(check(&url, met).await.outcome, Outcome::Up);

    let near_miss = HttpDraft {
        contains: list(&[r#""status":"ok""#]),
        ..HttpDraft::default()
    };
    let checked = check(&url, near_miss).await;
    assert_eq!(down(&checked).0, ReasonCode::HttpBody);
    assert!(
        checked
            .observation
            .unwrap()
            .hint
            .contains(r#"--json '$.status == "ok"'"#)
    );
}

#[tokio::test]
async fn a_slow_answer_is_degraded_and_keeps_no_body() {
    let (address, _) = answer_by(|_| {
        std::thread::sleep(Duration::from_millis(30));
        ok("secret")
    });
    let http = HttpDraft {
        degraded_latency: Some(vec![Duration::from_millis(5)]),
        ..HttpDraft::default()
    };
    let checked = check(&format!("http://{address}/"), http).await;
    assert!(matches!(&checked.outcome, Outcome::Degraded(r) if r.code == ReasonCode::Latency));
    assert_eq!(checked.observation.unwrap().body_excerpt, "");
}

#[tokio::test]
async fn head_and_empty_answers_have_no_body_to_wait_for() {
    let (address, _) =
        answer("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 500\r\n\r\n");
    let head = HttpDraft {
        method: Some("HEAD".into()),
        ..HttpDraft::default()
    };
    assert_eq!(
        check(&format!("http://{address}/"), head).await.outcome,
        Outcome::Up
    );
    let (address, _) = answer("HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!(get(address).await.outcome, Outcome::Up);
}

#[tokio::test]
async fn a_denied_address_is_never_connected_to() {
    let (address, requests) = answer(ok(""));
    let checker = checker_of(AddressPolicy::default(), Vec::new());
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{}/", address.port());
        let checked = checker
            .check(&spec(&url, HttpDraft::default()), AMPLE)
            .await;
        let (code, text) = down(&checked);
        assert_eq!(code, ReasonCode::AddressDenied, "{host}");
        assert!(text.contains("loopback"), "{text}");
        assert!(checked.observation.unwrap().hint.contains("--allow-net"));
    }
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn localhost_resolves_without_a_name_server() {
    let (address, _) = answer(ok(""));
    let url = format!("http://localhost:{}/", address.port());
    let checked = check(&url, HttpDraft::default()).await;
    assert_eq!(checked.outcome, Outcome::Up, "{checked:?}");
    assert!(checked.phases.dns.is_some());
}

#[tokio::test]
async fn a_family_that_the_address_is_not_of_is_no_address() {
    let (address, _) = answer(ok(""));
    let http = |ip: &str| HttpDraft {
        ip: Some(ip.into()),
        ..HttpDraft::default()
    };
    let url = format!("http://{address}/");
    assert_eq!(check(&url, http("4")).await.outcome, Outcome::Up);
    assert_eq!(
        down(&check(&url, http("6")).await).0,
        ReasonCode::DnsFailure
    );
}
