use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::{ServerConfig, ServerConnection};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::monitor::HttpDraft;
use vigilmon_common::outcome::{Outcome, ReasonCode};

use super::support::*;
use crate::probe::{Checked, Probe};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server certificate for `name`, changed by `change`.
fn identity(
    issuer: &Issuer,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (
        certificate.der().clone(),
        PrivateKeyDer::Pkcs8(key.serialize_der().into()),
    )
}

fn config(
    identity: (CertificateDer<'static>, PrivateKeyDer<'static>),
    alpn: &[&[u8]],
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.0], identity.1)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// Serves TLS over HTTP/1.1 and counts full handshakes.
fn serve_tls(config: ServerConfig) -> (SocketAddr, Arc<Mutex<Vec<bool>>>) {
    let config = Arc::new(config);
    let resumed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&resumed);
    let address = serve(move |mut stream: TcpStream| {
        let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        if tls.complete_io(&mut stream).is_err() {
            return;
        }
        let kind = tls.handshake_kind();
        seen.lock()
            .unwrap()
            .push(kind == Some(rustls::HandshakeKind::Resumed));
        let mut stream = rustls::StreamOwned::new(tls, stream);
        read_request(&mut stream);
        let _ = stream.write_all(&ok("secured"));
        stream.conn.send_close_notify();
        let _ = stream.flush();
    });
    (address, resumed)
}

async fn check_tls(address: SocketAddr, root: &Issuer, http: HttpDraft) -> Checked {
    let checker = checker_of(AddressPolicy::local(), vec![root.der().clone()]);
    let url = format!("https://localhost:{}/", address.port());
    checker.check(&spec(&url, http), AMPLE).await
}

fn insecure() -> HttpDraft {
    HttpDraft {
        insecure: Some(true),
        ..HttpDraft::default()
    }
}

#[tokio::test]
async fn a_trusted_certificate_is_up_with_every_phase_and_a_full_handshake_each_time() {
    let root = authority();
    let (address, resumed) =
        serve_tls(config(identity(&root, "localhost", |_| {}), &[b"http/1.1"]));
    let checker = checker_of(AddressPolicy::local(), vec![root.der().clone()]);
    let url = format!("https://localhost:{}/", address.port());
    for _ in 0..2 {
        let http = HttpDraft {
            contains: list(&["secured"]),
            ..HttpDraft::default()
        };
        let checked = checker.check(&spec(&url, http), AMPLE).await;
        assert_eq!(checked.outcome, Outcome::Up, "{checked:?}");
        let p = checked.phases;
        let all = [p.dns, p.connect, p.tls, p.first_byte, p.transfer];
        assert!(all.iter().all(Option::is_some), "{p:?}");
    }
    assert_eq!(*resumed.lock().unwrap(), [false, false]);
}

#[tokio::test]
async fn certificates_are_refused_for_what_is_wrong_with_them() {
    let root = authority();
    let expired = identity(&root, "localhost", |p| {
        p.not_after = date_time_ymd(2020, 3, 1)
    });
    let early = identity(&root, "localhost", |p| {
        p.not_before = date_time_ymd(2190, 1, 1);
        p.not_after = date_time_ymd(2191, 1, 1);
    });
    let foreign = identity(&root, "other.example", |_| {});
    let stranger = identity(&authority(), "localhost", |_| {});
    let cases = [
        (
            expired,
            ReasonCode::TlsExpired,
            "certificate expired on 2020-03-01",
        ),
        (
            early,
            ReasonCode::TlsNotYetValid,
            "certificate is not valid before 2190-01-01",
        ),
        (
            foreign,
            ReasonCode::TlsWrongHost,
            "certificate is for other.example, not localhost",
        ),
        (
            stranger,
            ReasonCode::TlsUntrusted,
            "certificate is of no trusted authority",
        ),
    ];
    for (identity, code, text) in cases {
        let (address, _) = serve_tls(config(identity, &[]));
        let checked = check_tls(address, &root, HttpDraft::default()).await;
        assert_eq!(down(&checked), (code, text));
        assert!(
            checked.observation.unwrap().certificate_not_after.is_some(),
            "{text}"
        );
        assert!(checked.phases.tls.is_none());
        let checked = check_tls(address, &root, insecure()).await;
        assert_eq!(checked.outcome, Outcome::Up, "insecure: {text}");
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_untrusted() {
    let lone = authority();
    let key = PrivateKeyDer::Pkcs8(lone.key().serialize_der().into());
    let (address, _) = serve_tls(config((lone.der().clone(), key), &[]));
    let checked = check_tls(address, &authority(), HttpDraft::default()).await;
    assert_eq!(down(&checked).0, ReasonCode::TlsUntrusted, "{checked:?}");
}

#[tokio::test]
async fn an_insecure_check_still_records_the_certificate() {
    let root = authority();
    let expired = identity(&root, "localhost", |p| {
        p.not_after = date_time_ymd(2020, 3, 1)
    });
    let (address, _) = serve_tls(config(expired, &[]));
    let http = HttpDraft {
        contains: list(&["not there"]),
        ..insecure()
    };
    let seen = check_tls(address, &root, http).await.observation.unwrap();
    let until = seen.certificate_not_after.unwrap().to_rfc3339();
    assert!(until.starts_with("2020-03-01"), "{until}");
}

#[tokio::test]
async fn a_server_without_tls_fails_the_handshake() {
    let address = serve(|mut stream| {
        let _ = stream.read(&mut [0; 16]);
        let _ = stream.write_all(&response("400 Bad Request", &[], b"plain"));
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let checked = check(&format!("https://{address}/"), HttpDraft::default()).await;
    assert_eq!(down(&checked).0, ReasonCode::TlsHandshake, "{checked:?}");
    let closing = serve(drop);
    let checked = check(&format!("https://{closing}/"), HttpDraft::default()).await;
    let (code, text) = down(&checked);
    assert!(
        matches!(code, ReasonCode::TlsHandshake | ReasonCode::TcpReset),
        "{text}"
    );
    assert!(text.ends_with("in the TLS handshake"), "{text}");
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_speaks_it() {
    let root = authority();
    let config = Arc::new(config(identity(&root, "localhost", |_| {}), &[b"h2"]));
    let (address, requests) = serve_h2(config);
    let http = HttpDraft {
        contains: list(&["over h2"]),
        header: list(&["Host: vhost.example", "X-Own: 1"]),
        bearer: Some("t0ken".into()),
        method: Some("POST".into()),
        body: Some("data".into()),
        ..HttpDraft::default()
    };
    let checked = check_tls(address, &root, http).await;
    assert_eq!(checked.outcome, Outcome::Up, "{checked:?}");
    assert_eq!(
        requests.recv().unwrap(),
        "POST https://vhost.example/ own=1 authorization=Bearer t0ken connection=- body=data"
    );
}

/// Serves HTTP/2 and tells what each request said.
fn serve_h2(config: Arc<ServerConfig>) -> (SocketAddr, std::sync::mpsc::Receiver<String>) {
    use bytes::Bytes;
    use http_body_util::{BodyExt, Full};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let (sender, requests) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let address = serve(move |stream| {
        let sender = sender.clone();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(&config));
        runtime.block_on(async move {
            stream.set_nonblocking(true).unwrap();
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let stream = acceptor.accept(stream).await.unwrap();
            let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
                let sender = sender.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let header = |name: &str| {
                        let value = parts.headers.get(name).map(|v| v.to_str().unwrap());
                        value.unwrap_or("-").to_owned()
                    };
                    let said = format!(
                        "{} {} own={} authorization={} connection={} body={}",
                        parts.method,
                        parts.uri,
                        header("x-own"),
                        header("authorization"),
                        header("connection"),
                        String::from_utf8_lossy(&body)
                    );
                    let _ = sender.send(said);
                    Ok::<_, hyper::Error>(http::Response::new(Full::new(Bytes::from("over h2"))))
                }
            });
            let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    });
    (address, requests)
}

#[tokio::test]
async fn nothing_of_an_http_2_check_outlives_its_timeout() {
    let root = authority();
    let config = Arc::new(config(identity(&root, "localhost", |_| {}), &[b"h2"]));
    let (sender, ended) = std::sync::mpsc::channel();
    let address = serve(move |mut stream: TcpStream| {
        let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        tls.complete_io(&mut stream).unwrap();
        // Says nothing more and waits for the other end to go.
        let _ = stream.read_to_end(&mut Vec::new());
        let _ = sender.send(());
    });
    let checker = checker_of(AddressPolicy::local(), vec![root.der().clone()]);
    let spec = spec(
        &format!("https://localhost:{}/", address.port()),
        HttpDraft::default(),
    );
    let checked = checker.check(&spec, Duration::from_secs(2)).await;
    assert_eq!(down(&checked).0, ReasonCode::Timeout, "{checked:?}");
    let ended = tokio::task::spawn_blocking(move || ended.recv_timeout(AMPLE));
    assert_eq!(ended.await.unwrap(), Ok(()));
}
