use super::*;
use crate::notify::testkit::{Planned, Receiver, now};

fn poster(policy: AddressPolicy) -> Poster {
    vigilmon_runtime::tls::install_provider();
    Poster::new(Arc::new(policy)).unwrap()
}

async fn send_by(poster: &Poster, url: &str) -> Attempted {
    match poster
        .post(url, HeaderMap::new(), "{}".to_owned(), now())
        .await
    {
        Ok(reply) => reply.meaning(""),
        Err(failure) => Attempted::failed(failure),
    }
}

async fn send(url: &str) -> Attempted {
    send_by(&poster(AddressPolicy::local()), url).await
}

fn failure(attempted: Attempted) -> Failure {
    match attempted.answer {
        Answer::Failed(failure) => failure,
        Answer::Delivered | Answer::Withheld(_) => panic!("{attempted:?}"),
    }
}

#[tokio::test]
async fn a_refusal_says_whether_and_when_to_try_again() {
    let receiver = Receiver::start().await;
    let busy = Planned {
        headers: vec![("retry-after", "17".to_owned())],
        ..Planned::status(503)
    };
    receiver.plan([busy, Planned::status(410)]);
    let refused = failure(send(&receiver.url()).await);
    assert_eq!(refused.kind, FailureKind::Transient);
    assert_eq!(refused.retry_after, Some(Duration::from_secs(17)));
    let gone = failure(send(&receiver.url()).await);
    assert_eq!(gone.kind, FailureKind::Gone);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    receiver.plan([Planned {
        headers: vec![("location", other.url())],
        ..Planned::status(307)
    }]);
    let refused = failure(send(&receiver.url()).await);
    assert!(
        refused.text.contains("redirects are not followed"),
        "{}",
        refused.text
    );
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn an_endless_answer_is_cut_short() {
    let receiver = Receiver::start().await;
    receiver.plan([Planned {
        body: vec![b'x'; 64 * 1024 * 1024],
        ..Planned::status(200)
    }]);
    let attempted = send(&receiver.url()).await;
    assert_eq!(attempted, Attempted::delivered("200 OK"));
}

#[tokio::test]
async fn addresses_that_are_denied_are_not_reached_by_number_or_by_name() {
    let receiver = Receiver::start().await;
    let port = receiver.address.port();
    let strict = poster(AddressPolicy::new(Vec::new()));
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let url = format!("http://{host}:{port}/");
        let refused = failure(send_by(&strict, &url).await);
        assert!(
            refused.text.starts_with("not allowed: "),
            "{host}: {}",
            refused.text
        );
        assert_eq!(refused.kind, FailureKind::Doubtful);
    }
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_receiver_that_is_not_there_may_come_back() {
    // Bound, so that nobody else gets the port; nobody listens.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    let refused = failure(send(&format!("http://{address}/secret-path")).await);
    assert_eq!(refused.kind, FailureKind::Transient);
    assert!(
        refused.text.starts_with("cannot connect: "),
        "{}",
        refused.text
    );
    assert!(!refused.text.contains("secret-path"), "{}", refused.text);
}
