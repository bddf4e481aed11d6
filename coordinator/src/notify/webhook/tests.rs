use std::sync::Arc;

use standardwebhooks::Webhook;
use vigilmon_common::address::AddressPolicy;

use super::*;
use crate::notify::testkit::{Receiver, SECRET, now};

/// Vector of the Standard Webhooks specification.
#[test]
fn the_reference_vector_is_signed_alike() {
    let signature = Webhook::new(SECRET)
        .unwrap()
        .sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            b"{\"test\": 2432232314}",
        )
        .unwrap();
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn a_receiver_can_verify_what_it_gets() {
    let receiver = Receiver::start().await;
    vigilmon_runtime::tls::install_provider();
    let poster = Poster::new(Arc::new(AddressPolicy::local())).unwrap();
    let url = receiver.url();
    let attempted = send(&poster, &url, SECRET, "msg_1", "{\"a\":1}", now()).await;
    assert_eq!(attempted, Attempted::delivered("204 No Content"));
    let got = &receiver.received()[0];
    assert_eq!(got.path, "/hook?key=hidden");
    assert_eq!(got.headers["webhook-id"], "msg_1");
    assert_eq!(got.headers["content-type"], "application/json");
    let webhook = Webhook::new(SECRET).unwrap();
    webhook.verify(&got.body, &got.headers).unwrap();
    assert!(webhook.verify(b"{\"a\":2}", &got.headers).is_err());
    let other = Webhook::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
    assert!(other.verify(&got.body, &got.headers).is_err());
}

#[tokio::test]
async fn a_secret_that_is_none_sends_nothing() {
    let receiver = Receiver::start().await;
    vigilmon_runtime::tls::install_provider();
    let poster = Poster::new(Arc::new(AddressPolicy::local())).unwrap();
    let attempted = send(&poster, &receiver.url(), "whsec_!", "msg_1", "{}", now()).await;
    assert_eq!(attempted.detail, "its signing secret is malformed");
    assert!(receiver.received().is_empty());
}
