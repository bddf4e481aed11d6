//! Servers for tests: a thread each, as rude as the test wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use vigilmon_common::address::AddressPolicy;
use vigilmon_common::monitor::{HttpDraft, Known, MonitorDraft};
use vigilmon_common::name::Region;
use vigilmon_common::outcome::{Outcome, ReasonCode};
use vigilmon_common::schedule::CheckSpec;

use crate::check::{Checker, Options};
use crate::probe::{Checked, Probe};

/// Serves every connection by `handle`, one after the other, for as long as the tests run.
pub(in crate::check) fn serve(handle: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            handle(stream.unwrap());
        }
    });
    address
}

/// Answers every request with the same bytes; the receiver has the requests.
pub(in crate::check) fn answer(response: impl Into<Vec<u8>>) -> (SocketAddr, Receiver<String>) {
    let response = response.into();
    answer_by(move |_| response.clone())
}

/// Answers every request by `respond`.
pub(in crate::check) fn answer_by(
    respond: impl Fn(&str) -> Vec<u8> + Send + 'static,
) -> (SocketAddr, Receiver<String>) {
    let (sender, requests) = channel();
    let address = serve(move |mut stream| {
        let request = read_request(&mut stream);
        // A client that has seen enough may be gone.
        let _ = stream.write_all(&respond(&request));
        let _ = sender.send(request);
    });
    (address, requests)
}

/// Reads a request with its body.
pub(in crate::check) fn read_request(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
        request.push(byte[0]);
    }
    let mut request = String::from_utf8(request).unwrap();
    let length = header_of(&request, "content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).unwrap();
    request.push_str(&String::from_utf8(body).unwrap());
    request
}

/// The value of a header in a request as it was sent.
pub(in crate::check) fn header_of<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| {
        let (other, value) = line.split_once(": ")?;
        other.eq_ignore_ascii_case(name).then_some(value)
    })
}

pub(in crate::check) fn response(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

pub(in crate::check) fn ok(body: &str) -> Vec<u8> {
    response("200 OK", &[], body.as_bytes())
}

/// What is checked: `http` with this URL.
pub(in crate::check) fn spec(url: &str, http: HttpDraft) -> CheckSpec {
    let draft = MonitorDraft {
        name: Some("api".into()),
        http: Some(HttpDraft {
            url: Some(url.to_owned()),
            ..http
        }),
        regions: Some(vec!["us-east".into()]),
        ..MonitorDraft::default()
    };
    let checked = draft.check(&Known::default()).unwrap();
    CheckSpec {
        kind: checked.kind,
        timeout: checked.timeout,
    }
}

/// A checker that may reach this machine.
pub(in crate::check) fn checker() -> Checker {
    checker_of(AddressPolicy::local(), Vec::new())
}

pub(in crate::check) fn checker_of(
    addresses: AddressPolicy,
    extra_roots: Vec<rustls_pki_types::CertificateDer<'static>>,
) -> Checker {
    let region = Region::parse("us-east").unwrap();
    let options = Options {
        region,
        addresses,
        extra_roots,
    };
    Checker::new(options).unwrap()
}

/// Longer than any of these checks takes that is to end by itself.
pub(in crate::check) const AMPLE: Duration = Duration::from_secs(20);

pub(in crate::check) async fn check(url: &str, http: HttpDraft) -> Checked {
    checker().check(&spec(url, http), AMPLE).await
}

pub(in crate::check) async fn get(address: SocketAddr) -> Checked {
    check(&format!("http://{address}/health"), HttpDraft::default()).await
}

/// Code and text of a Down outcome.
pub(in crate::check) fn down(checked: &Checked) -> (ReasonCode, &str) {
    let Outcome::Down(reason) = &checked.outcome else {
        panic!("{checked:?}");
    };
    (reason.code, &reason.text)
}

pub(in crate::check) fn list(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(ToString::to_string).collect())
}
