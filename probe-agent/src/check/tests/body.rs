use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use vigilmon_common::monitor::HttpDraft;
use vigilmon_common::outcome::{Outcome, ReasonCode};
use vigilmon_common::result::EXCERPT_MAX;

use super::super::exchange::BODY_MAX;
use super::support::*;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn contains(text: &str) -> HttpDraft {
    HttpDraft {
        contains: list(&[text]),
        ..HttpDraft::default()
    }
}

#[tokio::test]
async fn encoded_bodies_are_decoded_and_their_header_can_still_be_expected() {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(b"all fine").unwrap();
    for (encoding, body) in [
        ("gzip", gzip(b"all fine")),
        ("deflate", zlib.finish().unwrap()),
    ] {
        let header = format!("content-encoding: {encoding}");
        let (address, _) = answer(response("200 OK", &[&header], &body));
        let http = HttpDraft {
            expect_header: list(&[&header]),
            ..contains("all fine")
        };
        let checked = check(&format!("http://{address}/"), http).await;
        assert_eq!(checked.outcome, Outcome::Up, "{encoding}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_decoded_is_said_so() {
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
    raw.write_all(b"all fine").unwrap();
    let mut broken = gzip(&[b'x'; 500]);
    broken.truncate(20);
    for body in [b"not gzip at all".to_vec(), broken, raw.finish().unwrap()] {
        let (address, _) = answer(response("200 OK", &["content-encoding: gzip"], &body));
        let checked = get(address).await;
        assert_eq!(down(&checked).0, ReasonCode::HttpProtocol, "{checked:?}");
    }
}

#[tokio::test]
async fn a_decompression_bomb_is_cut_at_the_bound() {
    let bomb = gzip(&vec![b'a'; 64 * 1024 * 1024]);
    assert!(bomb.len() < BODY_MAX / 8);
    let (address, _) = answer(response("200 OK", &["content-encoding: gzip"], &bomb));
    let url = format!("http://{address}/");
    assert_eq!(check(&url, HttpDraft::default()).await.outcome, Outcome::Up);
    let checked = check(&url, contains("b")).await;
    assert_eq!(down(&checked).0, ReasonCode::HttpBodyTruncated);
    assert_eq!(
        checked.observation.unwrap().body_excerpt,
        "a".repeat(EXCERPT_MAX)
    );
}

#[tokio::test]
async fn bodies_are_read_up_to_the_bound_and_no_further() {
    let mut exact = vec![b'a'; BODY_MAX];
    exact[BODY_MAX - 3..].copy_from_slice(b"end");
    let longer = [&exact[..], b"x"].concat();
    for (body, code) in [
        (exact, ReasonCode::HttpBody),
        (longer, ReasonCode::HttpBodyTruncated),
    ] {
        let (address, _) = answer(response("200 OK", &[], &body));
        let url = format!("http://{address}/");
        assert_eq!(check(&url, contains("end")).await.outcome, Outcome::Up);
        assert_eq!(down(&check(&url, contains("not there")).await).0, code);
    }
}

#[tokio::test]
async fn chunked_bodies_and_those_ended_by_closing_are_read_whole() {
    for raw in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nall\r\n5\r\n fine\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\nall fine",
    ] {
        let (address, _) = answer(raw);
        let checked = check(&format!("http://{address}/"), contains("all fine")).await;
        assert_eq!(checked.outcome, Outcome::Up, "{raw}");
    }
}

#[tokio::test]
async fn an_excerpt_is_cut_between_characters() {
    let body = format!("x{}", "ä".repeat(1000));
    let (address, _) = answer(response("500 Oops", &[], body.as_bytes()));
    let excerpt = get(address).await.observation.unwrap().body_excerpt;
    assert!(
        body.starts_with(&excerpt) && excerpt.len() > EXCERPT_MAX - 4,
        "{}",
        excerpt.len()
    );
}
