//! Which certificate a door shows: the operator's, read from files and changed while it serves, or
//! the coordinator's own.
//!
//! At gRPC's door both live beside each other: the operator's is shown to clients that ask for a
//! name in it, the own one to all others. So the command line on this machine, and agents that go
//! by `ca.pem`, reach the coordinator whatever the operator's certificate says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use vigilmon_runtime::tls::{self, InvalidPem};

/// The name by which this machine calls itself: there the coordinator shows its own certificate.
const OWN_NAME: &str = "localhost";

/// A certificate with its chain and its key, which fit each other.
#[derive(Clone, Debug)]
pub struct Certificate(Arc<CertifiedKey>);

/// Files of the operator that are no certificate with its key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The certificate's file.
    #[error("{0}")]
    Certificate(InvalidPem),
    /// The key's file.
    #[error("{0}")]
    Key(InvalidPem),
    /// They do not fit, or are of a sort that TLS does not know.
    #[error("{} and {} do not fit: {error}", .cert.display(), .key.display())]
    Misfit {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

impl CertificateError {
    /// Whether the key's file is what is wrong.
    #[must_use]
    pub const fn is_of_key(&self) -> bool {
        matches!(self, Self::Key(_))
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "give certificates in PEM form, the server's own first",
            Self::Key(_) => "give the certificate's private key in PEM form, not encrypted",
            Self::Misfit { .. } => "give a certificate and the key that it was made for",
        }
    }
}

impl Certificate {
    /// Takes a chain, the server's own certificate first, and its key.
    ///
    /// # Errors
    /// They do not fit each other.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, rustls::Error> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider)?;
        ParsedCertificate::try_from(key.end_entity_cert()?)?;
        Ok(Self(Arc::new(key)))
    }

    /// Reads both files.
    ///
    /// # Errors
    /// One cannot be read, or they do not fit each other.
    pub fn read(cert: &Path, key: &Path) -> Result<Self, CertificateError> {
        let chain = tls::read(cert)
            .and_then(|pem| tls::certificates(&pem, &cert.display().to_string()))
            .map_err(CertificateError::Certificate)?;
        let private = tls::read(key)
            .and_then(|pem| tls::private_key(&pem, &key.display().to_string()))
            .map_err(CertificateError::Key)?;
        Self::new(chain, private).map_err(|error| CertificateError::Misfit {
            cert: cert.to_owned(),
            key: key.to_owned(),
            error,
        })
    }

    fn is_for(&self, name: &str) -> bool {
        let Ok(cert) = self
            .0
            .end_entity_cert()
            .and_then(ParsedCertificate::try_from)
        else {
            return false;
        };
        ServerName::try_from(name).is_ok_and(|name| verify_server_name(&cert, &name).is_ok())
    }
}

/// What a door shows; clones show the same.
#[derive(Clone, Debug)]
pub struct Shown(Arc<Both>);

#[derive(Debug)]
struct Both {
    own: Option<Certificate>,
    given: ArcSwap<Option<Certificate>>,
}

impl Shown {
    /// Shows the operator's certificate for the names in it, else the own; without an own one
    /// always the operator's.
    #[must_use]
    pub fn new(own: Option<Certificate>, given: Option<Certificate>) -> Self {
        let given = ArcSwap::from_pointee(given);
        Self(Arc::new(Both { own, given }))
    }

    /// Shows another certificate of the operator's to those who come from now on.
    pub fn change(&self, given: Option<Certificate>) {
        self.0.given.store(Arc::new(given));
    }

    /// A server's side of TLS 1.3 for gRPC: both ends are ours.
    ///
    /// # Errors
    /// The process has no TLS provider.
    pub fn grpc(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        self.config(&[&TLS13], &[b"h2"])
    }

    /// A server's side of TLS for pages.
    ///
    /// # Errors
    /// The process has no TLS provider.
    pub fn https(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        self.config(&[&TLS13, &TLS12], &[b"h2", b"http/1.1"])
    }

    fn config(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        protocols: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }

    fn choose(&self, name: Option<&str>) -> Option<Certificate> {
        let given = self.0.given.load();
        let Some(own) = &self.0.own else {
            return given.as_ref().clone();
        };
        let asked = name.filter(|name| *name != OWN_NAME);
        let fits = asked.and_then(|name| given.as_ref().clone().filter(|given| given.is_for(name)));
        Some(fits.unwrap_or_else(|| own.clone()))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name())
            .map(|certificate| certificate.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap()
    }

    fn certificate(name: &str) -> Certificate {
        let made = made(name);
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        Certificate::new(vec![made.cert.der().clone()], key).unwrap()
    }

    fn is_own(shown: &Shown, name: Option<&str>) -> bool {
        let chosen = shown.choose(name).unwrap();
        Arc::ptr_eq(&chosen.0, &shown.0.own.as_ref().unwrap().0)
    }

    #[test]
    fn the_operators_certificate_is_shown_for_its_names_and_the_own_one_for_others() {
        let shown = Shown::new(
            Some(certificate("localhost")),
            Some(certificate("*.example.org")),
        );
        assert!(!is_own(&shown, Some("mon.example.org")));
        assert!(is_own(&shown, Some("coordinator")));
        assert!(is_own(&shown, Some("localhost")));
        assert!(is_own(&shown, None), "by address");
        shown.change(Some(certificate("coordinator")));
        assert!(!is_own(&shown, Some("coordinator")));
        shown.change(None);
        assert!(is_own(&shown, Some("coordinator")));
    }

    #[test]
    fn files_that_do_not_fit_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let [cert, key, other] =
            ["cert.pem", "key.pem", "other.pem"].map(|f| folder.path().join(f));
        let (a, b) = (made("a.example"), made("b.example"));
        std::fs::write(&cert, a.cert.pem()).unwrap();
        std::fs::write(&key, a.signing_key.serialize_pem()).unwrap();
        std::fs::write(&other, b.signing_key.serialize_pem()).unwrap();
        Certificate::read(&cert, &key).unwrap();
        let misfit = Certificate::read(&cert, &other).unwrap_err();
        assert!(
            matches!(misfit, CertificateError::Misfit { .. }),
            "{misfit}"
        );
        assert!(misfit.to_string().contains("other.pem"), "{misfit}");
        assert!(Certificate::read(&cert, &cert).unwrap_err().is_of_key());
        assert!(!Certificate::read(&key, &key).unwrap_err().is_of_key());
    }
}
