use std::collections::BTreeMap;
use std::sync::Arc;

use vigilmon_common::address::AddressPolicy;
use vigilmon_common::notify::body::Body;
use vigilmon_common::notify::delivery::{Answer, Failure, FailureKind};

use super::*;
use crate::notify::testkit::{Planned, Receiver, now, row};

fn poster() -> Poster {
    vigilmon_runtime::tls::install_provider();
    Poster::new(Arc::new(AddressPolicy::local())).unwrap()
}

fn message() -> Message {
    let body = Body::from_json(&row(1, 1).body).unwrap();
    Message::render(&body, &BTreeMap::new(), None)
}

fn failure(attempted: Attempted) -> Failure {
    match attempted.answer {
        Answer::Failed(failure) => failure,
        Answer::Delivered | Answer::Withheld(_) => panic!("{attempted:?}"),
    }
}

fn answer(status: u16, body: &str) -> Planned {
    Planned {
        body: body.as_bytes().to_vec(),
        ..Planned::status(status)
    }
}

#[tokio::test]
async fn each_service_gets_its_own_payload() {
    let receiver = Receiver::start().await;
    let (poster, url) = (poster(), receiver.url());
    receiver.plan([answer(200, "ok"), answer(200, "{\"id\":\"1\"}")]);
    let sent = slack(&poster, &url, &message(), now()).await;
    assert_eq!(sent, Attempted::delivered("200 OK"));
    let sent = discord(&poster, &url, &message(), now()).await;
    assert_eq!(sent, Attempted::delivered("200 OK"));
    let got = receiver.received();
    assert_eq!(got[0].path, "/hook?key=hidden");
    assert_eq!(got[0].body, slack::payload(&message()));
    assert_eq!(got[1].path, "/hook?key=hidden&wait=true");
    assert_eq!(got[1].body, discord::payload(&message()));
    assert!(
        got.iter()
            .all(|g| g.headers["content-type"] == "application/json")
    );
}

#[tokio::test]
async fn a_refusal_is_repeated_in_one_line_without_the_url() {
    let receiver = Receiver::start().await;
    let (poster, url) = (poster(), receiver.url());
    let echo = format!("no_service at {url}\nsecond line");
    receiver.plan([
        answer(400, "invalid_blocks"),
        answer(404, &echo),
        answer(400, &"x".repeat(100_000)),
    ]);
    let refused = failure(slack(&poster, &url, &message(), now()).await);
    assert_eq!(refused.text, "answered 400: invalid_blocks");
    assert_eq!(refused.kind, FailureKind::Permanent);
    let refused = failure(slack(&poster, &url, &message(), now()).await);
    assert!(refused.text.starts_with("answered 404: no_service at "));
    assert!(!refused.text.contains("hidden") && !refused.text.contains("second"));
    assert_eq!(refused.kind, FailureKind::Doubtful);
    let refused = failure(slack(&poster, &url, &message(), now()).await);
    assert!(refused.text.chars().count() < 200, "{}", refused.text);
}

#[tokio::test]
async fn discord_says_why_and_for_how_long() {
    let receiver = Receiver::start().await;
    let (poster, url) = (poster(), receiver.url());
    let limited = Planned {
        headers: vec![("retry-after", "2".to_owned())],
        ..answer(
            429,
            "{\"message\":\"You are being rate limited.\",\"retry_after\":1.25,\"global\":false}",
        )
    };
    let by_header = Planned {
        headers: vec![("retry-after", "3".to_owned())],
        ..answer(429, "error code: 1015")
    };
    receiver.plan([
        limited,
        by_header,
        answer(429, "{\"retry_after\":-1e300}"),
        answer(404, "{\"message\":\"Unknown Webhook\",\"code\":10015}"),
    ]);
    let refused = failure(discord(&poster, &url, &message(), now()).await);
    assert_eq!(refused.text, "answered 429: You are being rate limited.");
    assert_eq!(refused.retry_after, Some(Duration::from_millis(1250)));
    let refused = failure(discord(&poster, &url, &message(), now()).await);
    assert_eq!(refused.retry_after, Some(Duration::from_secs(3)));
    let refused = failure(discord(&poster, &url, &message(), now()).await);
    assert_eq!(refused.retry_after, None);
    let refused = failure(discord(&poster, &url, &message(), now()).await);
    assert_eq!(refused.text, "answered 404: Unknown Webhook (code 10015)");
}

#[test]
fn a_url_that_speaks_of_waiting_is_left_alone() {
    let thread = "https://discord.com/api/webhooks/1/x?thread_id=5";
    assert_eq!(waiting(thread), format!("{thread}&wait=true"));
    let own = "https://discord.com/api/webhooks/1/x?wait=false";
    assert_eq!(waiting(own), own);
}
