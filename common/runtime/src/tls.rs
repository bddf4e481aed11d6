//! TLS: one provider for the whole process, and files of certificates and keys.

use std::path::{Path, PathBuf};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// Makes aws-lc-rs the provider of the process. Every start calls it first; more calls are
/// harmless.
pub fn install_provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPem {
    /// The file cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: std::io::Error,
    },
    /// It holds no PEM block of that sort.
    #[error("{what} holds no {sort} in PEM form")]
    Empty {
        /// Which file or setting.
        what: String,
        /// `certificate` or `private key`.
        sort: &'static str,
    },
}

/// Reads all of a file as text of PEM blocks.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, InvalidPem> {
    std::fs::read(path).map_err(|error| InvalidPem::Unreadable {
        path: path.to_owned(),
        error,
    })
}

/// The certificates in `pem`; `what` names it in errors.
///
/// # Errors
/// There is none, or one is malformed.
pub fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, InvalidPem> {
    let empty = || InvalidPem::Empty {
        what: what.to_owned(),
        sort: "certificate",
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|_| empty())?;
    if found.is_empty() {
        Err(empty())
    } else {
        Ok(found)
    }
}

/// The private key in `pem`; `what` names it in errors.
///
/// # Errors
/// There is none, or it is malformed.
pub fn private_key(pem: &[u8], what: &str) -> Result<PrivateKeyDer<'static>, InvalidPem> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| InvalidPem::Empty {
        what: what.to_owned(),
        sort: "private key",
    })
}
