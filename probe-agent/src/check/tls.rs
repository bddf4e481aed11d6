//! The TLS handshake, with the certificate recorded whatever it is.
//!
//! A verifier of its own per handshake notes the server's certificate before it is judged, so
//! that an expired or foreign one can be described. There is no session resumption: a resumed
//! session would skip the certificate. TLS 1.2 and 1.3 only.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tracing::warn;
use vigilmon_common::outcome::ReasonCode;
use vigilmon_common::time::Time;

use super::failure::{self, Failure};
use super::trace::{Phase, Trace};

/// What every handshake shares.
#[derive(Debug)]
pub(super) struct Tls {
    base: ClientConfig,
    verifier: Arc<WebPkiServerVerifier>,
}

impl Tls {
    /// Trusts the system's authorities, or those of Mozilla where the system has none (an empty
    /// container), and the given ones.
    pub(super) fn new(extra_roots: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        if roots.is_empty() {
            warn!("the system has no certificate authorities; using those built in");
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for root in extra_roots {
            roots.add(root)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?;
        let recorder = Recorder::new(&verifier, false, &provider);
        let mut base = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(recorder))
            .with_no_client_auth();
        base.resumption = Resumption::disabled();
        base.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { base, verifier })
    }

    /// Makes the handshake for `host`.
    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        host: &str,
        insecure: bool,
        trace: &mut Trace,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        trace.enter(Phase::Tls);
        // Literal IPv6 addresses stand in brackets in URLs, but not in certificates.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| {
            let text = format!("{host} cannot be the name of a TLS server");
            Failure::down(ReasonCode::TlsHandshake, text)
        })?;
        // Small records follow each other here; none is to wait for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let recorder = Arc::new(Recorder::new(
            &self.verifier,
            insecure,
            self.base.crypto_provider(),
        ));
        let mut config = self.base.clone();
        config
            .dangerous()
            .set_certificate_verifier(Arc::<Recorder>::clone(&recorder));
        let connected = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await;
        trace.certificate = recorder.leaf.get().cloned();
        let stream = connected.map_err(|error| failed(&error, bare, trace))?;
        trace.leave();
        Ok(stream)
    }
}

/// Notes the certificate, then judges it; or takes it as it is.
#[derive(Debug)]
struct Recorder {
    verifier: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
    insecure: bool,
    leaf: OnceLock<CertificateDer<'static>>,
}

impl Recorder {
    fn new(
        verifier: &Arc<WebPkiServerVerifier>,
        insecure: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Self {
        Self {
            verifier: Arc::clone(verifier),
            provider: Arc::clone(provider),
            insecure,
            leaf: OnceLock::new(),
        }
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let _ = self.leaf.set(end_entity.clone().into_owned());
        if self.insecure {
            return Ok(ServerCertVerified::assertion());
        }
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The end of a certificate's validity; `None` for one that cannot be read.
pub(super) fn not_after(certificate: &CertificateDer<'static>) -> Option<Time> {
    validity(certificate).map(|(_, end)| end)
}

fn validity(certificate: &CertificateDer<'_>) -> Option<(Time, Time)> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let validity = parsed.validity();
    let time = |at: x509_parser::time::ASN1Time| Time::from_secs(at.timestamp());
    Some((time(validity.not_before), time(validity.not_after)))
}

fn failed(error: &io::Error, host: &str, trace: &Trace) -> Failure {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(inner) = inner else {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            let text = "connection closed in the TLS handshake";
            return Failure::down(ReasonCode::TlsHandshake, text);
        }
        return failure::broken(error, "in the TLS handshake");
    };
    match inner {
        rustls::Error::InvalidCertificate(error) => refused(error, host, trace),
        rustls::Error::InvalidMessage(_) => {
            Failure::down(ReasonCode::TlsHandshake, "the answer is not TLS")
        }
        rustls::Error::AlertReceived(alert) => Failure::down(
            ReasonCode::TlsHandshake,
            format!("the server ended the TLS handshake: {alert:?}"),
        ),
        other => Failure::down(
            ReasonCode::TlsHandshake,
            format!("the TLS handshake failed: {other}"),
        ),
    }
}

/// Why a certificate was refused.
fn refused(error: &CertificateError, host: &str, trace: &Trace) -> Failure {
    let validity = trace.certificate.as_ref().and_then(validity);
    let day = |at: Time| at.to_rfc3339().chars().take(10).collect::<String>();
    let (code, text) = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            let when = validity.map(|(_, end)| format!(" on {}", day(end)));
            let text = format!("certificate expired{}", when.unwrap_or_default());
            (ReasonCode::TlsExpired, text)
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let when = validity.map(|(begin, _)| format!(" before {}", day(begin)));
            let text = format!("certificate is not valid{}", when.unwrap_or_default());
            (ReasonCode::TlsNotYetValid, text)
        }
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names = presented.iter().take(3).map(|name| shown_name(name));
            let names = names.collect::<Vec<_>>().join(", ");
            let names = if names.is_empty() {
                "no name".to_owned()
            } else {
                names
            };
            let text = format!("certificate is for {names}, not {host}");
            (ReasonCode::TlsWrongHost, text)
        }
        CertificateError::NotValidForName => (
            ReasonCode::TlsWrongHost,
            format!("certificate is not for {host}"),
        ),
        // An authority of a trusted one's name but not its key is a stranger as well.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => (
            ReasonCode::TlsUntrusted,
            "certificate is of no trusted authority".to_owned(),
        ),
        CertificateError::BadEncoding => (
            ReasonCode::TlsHandshake,
            "certificate cannot be read".to_owned(),
        ),
        other => (
            ReasonCode::TlsUntrusted,
            format!("certificate is not trusted: {other}"),
        ),
    };
    Failure::down(code, text)
}

/// `DnsName("a.example")` as people write it.
fn shown_name(presented: &str) -> &str {
    let quoted = presented.split('"').nth(1);
    quoted.unwrap_or(presented)
}
