//! TLS of the coordinator's doors: an authority of its own, made at the first start.
//!
//! `DATA/ca.pem` is what agents and the CLI trust; `DATA/ca.key` (0600) signs a server certificate
//! anew at each start, so nothing expires unseen. The operator's certificates and what a door
//! shows are `shown`'s, the accept loop is `accept`'s.

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

mod accept;
mod shown;

pub use accept::{Secure, accept};
pub use shown::{Certificate, CertificateError, Shown};

/// The file of the authority's certificate within the data folder.
pub const CA_FILE: &str = "ca.pem";
pub(crate) const CA_KEY_FILE: &str = "ca.key";

/// The coordinator's authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("cannot use {path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// A file holds something else.
    #[error(
        "{path} is damaged: {error}; restore it from a backup, or remove ca.pem and ca.key \
             to make a new authority, which every agent and command line must then be given"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        error: String,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate was refused.
    #[error("cannot use the certificate: {0}")]
    Refused(#[from] rustls::Error),
}

/// The coordinator's own authority.
pub struct Authority {
    pem: String,
    key: KeyPair,
}

impl Authority {
    /// The authority of a data folder; made when there is none.
    ///
    /// # Errors
    /// A file cannot be read, written or understood.
    pub fn open(data: &Path) -> Result<Self, TlsError> {
        let (cert_path, key_path) = (data.join(CA_FILE), data.join(CA_KEY_FILE));
        if !key_path.exists() && !cert_path.exists() {
            write(
                &key_path,
                KeyPair::generate()?.serialize_pem().as_bytes(),
                0o600,
            )?;
        }
        let key_pem = read(&key_path)?;
        let damaged = |path: &Path, error: String| TlsError::Damaged {
            path: path.to_owned(),
            error,
        };
        let key = KeyPair::from_pem(&key_pem).map_err(|e| damaged(&key_path, e.to_string()))?;
        if !cert_path.exists() {
            // The first start, or one that was cut off before anybody could be given it.
            write(
                &cert_path,
                params().self_signed(&key)?.pem().as_bytes(),
                0o644,
            )?;
        }
        let pem = read(&cert_path)?;
        vigilmon_runtime::tls::certificates(pem.as_bytes(), CA_FILE)
            .map_err(|e| damaged(&cert_path, e.to_string()))?;
        Ok(Self { pem, key })
    }

    /// The authority's certificate: what the other end must trust.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A new certificate for these names and addresses.
    ///
    /// # Errors
    /// The certificate cannot be made.
    pub fn certificate(&self, names: &[String]) -> Result<Certificate, TlsError> {
        let mut leaf = CertificateParams::new(Vec::new())?;
        for name in names {
            leaf.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        leaf.distinguished_name = DistinguishedName::new();
        leaf.distinguished_name
            .push(DnType::CommonName, "vigilmon coordinator");
        leaf.extended_key_usages
            .push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
        let key = KeyPair::generate()?;
        let issuer = Issuer::new(params(), &self.key);
        let cert = leaf.signed_by(&key, &issuer)?;
        let key = rustls_pki_types::PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|e| rustls::Error::General(e.to_owned()))?;
        Ok(Certificate::new(vec![cert.der().clone()], key)?)
    }
}

/// The authority's parameters; always the same, so that its certificate need not be parsed to sign.
fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Vigilmon coordinator authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn read(path: &Path) -> Result<String, TlsError> {
    fs::read_to_string(path).map_err(|error| TlsError::File {
        path: path.to_owned(),
        error,
    })
}

/// Writes a new file whole: first beside it, then in its place.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), TlsError> {
    let beside = path.with_extension("new");
    let wrap = |error| TlsError::File {
        path: path.to_owned(),
        error,
    };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside)
        .map_err(wrap)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(wrap)?;
    fs::rename(&beside, path).map_err(wrap)
}

/// The names that a coordinator answers to: this machine's and those of its listener.
#[must_use]
pub fn own_names(listen: SocketAddr, host: Option<String>) -> Vec<String> {
    let mut names = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    names.extend(host.filter(|h| !h.is_empty()));
    if !listen.ip().is_unspecified() {
        names.push(listen.ip().to_string());
    }
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_made_once_and_kept() {
        vigilmon_runtime::tls::install_provider();
        let dir = tempfile::tempdir().unwrap();
        let made = Authority::open(dir.path()).unwrap();
        let kept = Authority::open(dir.path()).unwrap();
        assert_eq!(made.pem(), kept.pem());
        kept.certificate(&["localhost".to_owned(), "::1".to_owned()])
            .unwrap();
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(dir.path().join(CA_KEY_FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_first_start_that_was_cut_off_is_made_good() {
        vigilmon_runtime::tls::install_provider();
        let dir = tempfile::tempdir().unwrap();
        Authority::open(dir.path()).unwrap();
        fs::remove_file(dir.path().join(CA_FILE)).unwrap();
        let again = Authority::open(dir.path()).unwrap();
        again.certificate(&["localhost".to_owned()]).unwrap();
        assert!(dir.path().join(CA_FILE).exists());
    }

    #[test]
    fn a_damaged_authority_is_named_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CA_FILE), "no certificate").unwrap();
        fs::write(dir.path().join(CA_KEY_FILE), "no key").unwrap();
        let error = Authority::open(dir.path()).err().unwrap().to_string();
        assert!(
            error.contains("ca.key") && error.contains("backup"),
            "{error}"
        );
    }
}
