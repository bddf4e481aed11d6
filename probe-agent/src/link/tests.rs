use std::time::Duration;

use tokio::sync::mpsc;
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::redact::Secret;
use vigilmon_common::schedule::Limits;
use vigilmon_runtime::supervisor::Supervisor;

use super::*;
use crate::options::{Coordinators, Options};
use crate::tests::fake::{Fake, PATIENCE, TOKEN};

fn options(urls: &[String], ca: &[u8], token: &str) -> Options {
    Options {
        coordinators: Coordinators::parse(urls).unwrap(),
        region: Region::parse("eu-west").unwrap(),
        name: Name::parse("eu-west-1").unwrap(),
        token: Secret::new(token),
        ca: Some(ca.to_vec()),
        addresses: AddressPolicy::new(Vec::new()),
        limits: Limits::default(),
    }
}

#[tokio::test]
async fn coordinators_are_tried_in_turn_and_the_first_cause_is_told() {
    let fake = Fake::start().await;
    // Bound, so that nobody else gets the port; nobody listens.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = nobody.local_addr().unwrap().port();
    let urls = [format!("https://localhost:{port}"), fake.url()];
    let mut dialer = Dialer::new(&options(&urls, &fake.ca, TOKEN)).unwrap();
    let error = dialer.next().open().await.unwrap_err();
    assert!(error.contains("refused"), "{error}");
    assert!(dialer.next().open().await.is_ok());
    assert!(
        dialer.next().open().await.is_err(),
        "and again from the first"
    );
}

#[tokio::test]
async fn a_coordinator_of_a_strange_authority_is_not_spoken_to() {
    let fake = Fake::start().await;
    let stranger = Fake::start().await;
    let mut dialer = Dialer::new(&options(&[fake.url()], &stranger.ca, TOKEN)).unwrap();
    let error = dialer.next().open().await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_token_that_the_coordinator_does_not_know_is_told_as_a_refusal() {
    let fake = Fake::start().await;
    let mut dialer = Dialer::new(&options(&[fake.url()], &fake.ca, "vta_unknown")).unwrap();
    let (report, mut events) = mpsc::channel(8);
    let supervisor = Supervisor::new(Default::default());
    let mut connection = Connection::open(1, dialer.next(), report, &supervisor);
    connection.finish();
    let told = async {
        loop {
            if let Happened::Ended { refused, error } = events.recv().await.unwrap().what {
                return (refused, error);
            }
        }
    };
    let told = tokio::time::timeout(PATIENCE, told).await.unwrap();
    assert_eq!(told, (true, "unknown agent token".to_owned()));
    drop(connection);
    assert!(supervisor.shut_down(Duration::from_secs(5)).await);
}

#[test]
fn a_token_that_cannot_be_sent_is_refused_at_the_start() {
    let urls = ["https://localhost:8441".to_owned()];
    let refused = Dialer::new(&options(&urls, b"", "vta_\n")).unwrap_err();
    assert!(matches!(refused, InvalidLink::Token));
}
