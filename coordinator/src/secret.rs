//! Sealing: secrets at rest are encrypted with a key that lies beside the stores, not in them.
//!
//! `DATA/secret.key` (0600) is made at the first start and never leaves the folder by a backup of
//! the stores: who has only the stores has no secret. AES-256-GCM with a random nonce; a sealed
//! text begins with a version and a mark of its key, so that a wrong key is told from damage.
//!
//! What this module does not do: it knows not what it seals, and it does not rotate keys.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use vigilmon_runtime::random;
use zeroize::Zeroizing;

use crate::store::{Seal, SealError};

/// The key's file within the data folder.
pub const FILE: &str = "secret.key";
/// What the file begins with; the key follows, in hexadecimal.
const HEADER: &str = "vigilmon-secret-key-1 ";
const KEY_LEN: usize = 32;
/// No key file is longer than this.
const FILE_MAX: u64 = 256;

/// The version of sealed texts.
const VERSION: u8 = 1;
/// How many bytes of a digest of the key mark what it sealed.
const MARK_LEN: usize = 4;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;
/// Version, mark and nonce.
const HEAD_LEN: usize = 1 + MARK_LEN + NONCE_LEN;

/// Seals and opens; cheap to clone.
#[derive(Clone)]
pub struct SecretKey(Arc<Inner>);

struct Inner {
    cipher: RandomizedNonceKey,
    mark: [u8; MARK_LEN],
}

/// Why the key cannot be used. Each message names the file and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("cannot use {}: {error}; give the file to the user that runs Vigilmon", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// Others may read it.
    #[error("{} may be read by others (mode {mode:03o}); run `chmod 600 {}`", .path.display(), .path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error("{} holds no key of Vigilmon's; restore the file from where you keep it apart from the backups", .path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
}

/// Why a sealed text cannot be opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// Another key sealed it.
    #[error("it was sealed with another key; restore {FILE} that belongs to these stores")]
    OtherKey,
    /// It was changed, or cut short.
    #[error("it is damaged; restore the stores from a backup")]
    Damaged,
    /// A later version sealed it.
    #[error("it was sealed in form {0}, which this version does not know; run a newer one")]
    UnknownForm(u8),
}

impl SecretKey {
    /// The key of a data folder; made when there is none.
    ///
    /// # Errors
    /// The file cannot be used, is exposed, or is no key.
    pub fn open(data: &Path) -> Result<Self, KeyError> {
        let path = data.join(FILE);
        match read(&path) {
            Ok(key) => Ok(Self::from_bytes(&key)),
            Err(KeyError::File { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                let key = Zeroizing::new(random::bytes::<KEY_LEN>());
                create(&path, &key).map_err(|error| KeyError::File { path, error })?;
                Ok(Self::from_bytes(&key))
            }
            Err(error) => Err(error),
        }
    }

    /// A key from its bytes.
    #[must_use]
    pub fn from_bytes(key: &[u8; KEY_LEN]) -> Self {
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, key).expect("32 bytes are a key");
        let mut mark = [0; MARK_LEN];
        mark.copy_from_slice(&digest(&SHA256, key).as_ref()[..MARK_LEN]);
        Self(Arc::new(Inner { cipher, mark }))
    }

    /// Encrypts a secret. Twice the same secret gives two different texts.
    #[must_use]
    pub fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&self.0.mark);
        let mut text = Vec::with_capacity(plain.len() + TAG_LEN);
        text.extend_from_slice(plain);
        let nonce = self
            .0
            .cipher
            .seal_in_place_append_tag(Aad::from(&sealed), &mut text)
            .expect("a secret is far below the cipher's bound of 64 GiB");
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut text);
        sealed
    }

    /// Decrypts what this key sealed.
    ///
    /// # Errors
    /// Another key sealed it, it was changed, or a later version sealed it.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        match sealed.first() {
            Some(&VERSION) => {}
            Some(&other) => return Err(OpenError::UnknownForm(other)),
            None => return Err(OpenError::Damaged),
        }
        let (head, text) = sealed
            .split_at_checked(HEAD_LEN)
            .ok_or(OpenError::Damaged)?;
        let (marked, nonce) = head.split_at(1 + MARK_LEN);
        if marked[1..] != self.0.mark {
            return Err(OpenError::OtherKey);
        }
        let nonce: &[u8; NONCE_LEN] = nonce.try_into().map_err(|_| OpenError::Damaged)?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self
            .0
            .cipher
            .open_in_place(nonce.into(), Aad::from(marked), &mut text);
        let length = opened.map_err(|_| OpenError::Damaged)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// Decrypts a text.
    ///
    /// # Errors
    /// As [`Self::unseal`]; and what was sealed is no text.
    pub fn unseal_text(&self, sealed: &[u8]) -> Result<Zeroizing<String>, OpenError> {
        let plain = self.unseal(sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| OpenError::Damaged)?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

impl Seal for SecretKey {
    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        SecretKey::seal(self, plain)
    }

    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let opened = self.unseal(sealed);
        let mut plain = opened.map_err(|error| SealError(error.to_string()))?;
        Ok(std::mem::take(&mut *plain))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

fn read(path: &Path) -> Result<Zeroizing<[u8; KEY_LEN]>, KeyError> {
    let failed = |error| KeyError::File {
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Err(KeyError::Exposed { path, mode });
    }
    let mut text = Zeroizing::new(Vec::new());
    file.take(FILE_MAX).read_to_end(&mut text).map_err(failed)?;
    parse(&text).ok_or_else(|| KeyError::Foreign {
        path: path.to_owned(),
    })
}

fn parse(text: &[u8]) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let digits = text.trim_ascii_end().strip_prefix(HEADER.as_bytes())?;
    if digits.len() != 2 * KEY_LEN {
        return None;
    }
    let mut key = Zeroizing::new([0; KEY_LEN]);
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(key)
}

/// Writes the key under another name and moves it: there is never half a key. Durable when it
/// returns, for what it seals will be.
fn create(path: &Path, key: &[u8; KEY_LEN]) -> io::Result<()> {
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = Zeroizing::new(format!("{HEADER}{digits}\n"));
    let draft = path.with_extension("key.new");
    let _ = fs::remove_file(&draft);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
