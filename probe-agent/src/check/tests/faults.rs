use std::io::{Read, Write};
use std::time::Duration;

use tokio::net::TcpSocket;
use vigilmon_common::monitor::HttpDraft;
use vigilmon_common::outcome::ReasonCode;
use vigilmon_runtime::clock::Stopwatch;

use super::support::*;
use crate::probe::{Checked, Probe};

async fn check_within(url: &str, timeout: Duration) -> (Checked, Duration) {
    let (checker, spec) = (checker(), spec(url, HttpDraft::default()));
    let watch = Stopwatch::start();
    let checked = checker.check(&spec, timeout).await;
    (checked, watch.elapsed())
}

const SHORT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_closed_port_refuses() {
    // Bound, so that nobody else gets the port; nobody listens.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    let checked = get(address).await;
    assert_eq!(
        down(&checked),
        (
            ReasonCode::TcpRefused,
            format!("{address} refused the connection").as_str()
        )
    );
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_said_so() {
    let address = serve(|mut stream| {
        read_request(&mut stream);
    });
    let checked = get(address).await;
    assert_eq!(
        down(&checked),
        (
            ReasonCode::HttpProtocol,
            "connection closed before an answer"
        )
    );
}

#[tokio::test]
async fn a_connection_that_is_reset_is_said_so() {
    let address = serve(|stream| {
        // Closing a socket with unread bytes resets the connection.
        let _ = stream.peek(&mut [0]);
    });
    let checked = get(address).await;
    assert_eq!(
        down(&checked),
        (ReasonCode::TcpReset, "connection reset before an answer")
    );
}

#[tokio::test]
async fn a_server_that_never_answers_times_out_in_that_phase() {
    let address = serve(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let (checked, took) = check_within(&format!("http://{address}/"), SHORT).await;
    assert_eq!(
        down(&checked),
        (
            ReasonCode::Timeout,
            "timeout after 2s waiting for the first byte of the answer"
        )
    );
    assert!(checked.phases.connect.is_some() && checked.phases.first_byte.is_none());
    assert!(took >= SHORT && took < AMPLE / 2, "{took:?}");
}

#[tokio::test]
async fn a_body_that_stalls_times_out_in_that_phase_with_the_status() {
    let address = serve(|mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let (checked, _) = check_within(&format!("http://{address}/"), SHORT).await;
    assert_eq!(
        down(&checked),
        (ReasonCode::Timeout, "timeout after 2s reading the body")
    );
    assert_eq!(checked.outcome.reason().unwrap().status_code, Some(200));
}

#[tokio::test]
async fn a_tls_server_that_says_nothing_times_out_in_the_handshake() {
    let address = serve(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let (checked, _) = check_within(&format!("https://{address}/"), SHORT).await;
    assert_eq!(
        down(&checked),
        (ReasonCode::Timeout, "timeout after 2s in the TLS handshake")
    );
}

#[tokio::test]
async fn the_timeout_bounds_all_hops_together() {
    let (address, _) = answer_by(|_| {
        std::thread::sleep(Duration::from_millis(300));
        response("302 Found", &["location: /next"], b"")
    });
    let (checked, took) = check_within(&format!("http://{address}/"), SHORT).await;
    assert_eq!(down(&checked).0, ReasonCode::Timeout);
    let hops = checked.observation.unwrap().redirects.len();
    assert!((1..10).contains(&hops), "{hops} hops");
    assert!(took < AMPLE / 2, "{took:?}");
}

#[tokio::test]
async fn what_is_not_http_is_said_so() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "\0\u{1}\u{2}\u{3}\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
    ] {
        let (address, _) = answer(garbage);
        let checked = get(address).await;
        assert_eq!(
            down(&checked).0,
            ReasonCode::HttpProtocol,
            "{garbage:?}: {checked:?}"
        );
    }
}

#[tokio::test]
async fn a_body_cut_short_is_said_so() {
    let (address, _) = answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc");
    let checked = get(address).await;
    assert_eq!(
        down(&checked),
        (
            ReasonCode::HttpProtocol,
            "connection closed before the body was complete"
        )
    );
}

#[tokio::test]
async fn header_sections_are_read_up_to_their_bound() {
    let padded = |size: usize| {
        let padding = format!("x-padding: {}", "a".repeat(size));
        response("200 OK", &[&padding], b"")
    };
    let (fine, _) = answer(padded(60 * 1024));
    assert!(!get(fine).await.outcome.is_down());
    let (endless, _) = answer(padded(2 * 1024 * 1024));
    assert_eq!(down(&get(endless).await).0, ReasonCode::HttpHeadersTooLarge);
}
