//! Backups: the state as one file, and back.
//!
//! # The file
//! A first line that names the format, then records: four bytes of length, big-endian, and a
//! message of `vigilmon.store.v1`. The first record is the head, each further one a key of the
//! state with its value; a length of 0 ends them. The last 32 bytes are the SHA-256 of all before:
//! a file that was cut or damaged is refused before anything is written. Values are as the state
//! keeps them: secrets in them stay sealed, and the key that opens them is not in the file.
//!
//! # A restore
//! The whole file is read and every record decoded before the folder is touched, which must be
//! empty. The restored state begins a new life (its epoch is new), so agents take their
//! assignments whole and no cursor of events is taken for an old one. Results are not part of a
//! backup; what was applied of them counts from nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost::Message;
use sha2::{Digest, Sha256};
use vigilmon_common::id::Epoch;
use vigilmon_common::time::Time;
use vigilmon_proto::store::v1 as pb;

use super::data_dir::{DataDir, DataDirError};
use super::error::Cause;
use super::open::make;
use super::record::Seal;
use super::record::state;
use super::sled_state::SledState;
use super::{Entry, State, StoreError};

/// The first line of every backup.
const FORMAT: &[u8] = b"vigilmon backup 1\n";
/// The checksum at the end.
const DIGEST_LEN: usize = 32;

/// Why a backup cannot be restored. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is none.
    #[error("{} is no backup of Vigilmon's", .0.display())]
    Foreign(PathBuf),
    /// It is not as it was written.
    #[error("{} is damaged: {cause}; take another backup", .file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// A record cannot be decoded.
    #[error("{} cannot be restored: {cause}; use the version that wrote it ({version}) or a newer one, and the secret.key of then", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Which version wrote it.
        version: String,
        /// What is wrong.
        cause: StoreError,
    },
    /// The folder is not empty.
    #[error("the folder {} is not empty: it holds `{found}`; restore into an empty or a new folder", .folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// One of the things in it.
        found: String,
    },
    /// The folder will not do.
    #[error(transparent)]
    Folder(#[from] DataDirError),
    /// The disk will not take it.
    #[error("cannot write into {}: {cause}; what was begun there can be removed", .folder.display())]
    Disk {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        cause: String,
    },
}

/// The bytes of a backup of these entries.
#[must_use]
pub fn write(entries: &[Entry], version: &str, now: Time) -> Vec<u8> {
    let mut out = FORMAT.to_vec();
    let head = pb::BackupHead {
        version: version.to_owned(),
        made_ms: now.as_millis(),
    };
    put(&mut out, &head);
    for (key, value) in entries {
        let entry = pb::BackupEntry {
            key: key.clone().into(),
            value: value.clone().into(),
        };
        put(&mut out, &entry);
    }
    out.extend(0_u32.to_be_bytes());
    let digest = Sha256::digest(&out);
    out.extend(&digest[..]);
    out
}

fn put(out: &mut Vec<u8>, record: &impl Message) {
    let bytes = record.encode_to_vec();
    let length = u32::try_from(bytes.len()).expect("a record of the state is far below 4 GiB");
    out.extend(length.to_be_bytes());
    out.extend(bytes);
}

/// A backup that was read and checked.
pub struct Backup {
    /// When it was made.
    pub made_at: Time,
    /// Which version wrote it.
    pub version: String,
    /// What it holds.
    pub state: State,
    entries: Vec<Entry>,
}

/// Reads a backup and checks all of it.
///
/// # Errors
/// It is none, is damaged, or holds what this version or this key cannot read.
pub fn read(file: &Path, seal: &dyn Seal) -> Result<Backup, RestoreError> {
    let bytes = fs::read(file).map_err(|source| RestoreError::File {
        file: file.to_owned(),
        source,
    })?;
    let (head, entries) = records(&bytes).map_err(|cause| match cause {
        None => RestoreError::Foreign(file.to_owned()),
        Some(cause) => RestoreError::Damaged {
            file: file.to_owned(),
            cause: cause.to_owned(),
        },
    })?;
    let pairs = entries.iter().map(|(key, value)| (key, value));
    let state = state::read(pairs, seal).map_err(|cause| RestoreError::Unreadable {
        file: file.to_owned(),
        version: head.version.clone(),
        cause,
    })?;
    let state = state.ok_or_else(|| RestoreError::Damaged {
        file: file.to_owned(),
        cause: "it holds no state".to_owned(),
    })?;
    Ok(Backup {
        made_at: Time::from_millis(head.made_ms),
        version: head.version,
        state,
        entries,
    })
}

/// The records of a file; `Err(None)`: it is no backup at all.
fn records(bytes: &[u8]) -> Result<(pb::BackupHead, Vec<Entry>), Option<&'static str>> {
    if !bytes.starts_with(FORMAT) {
        return Err(None);
    }
    let end = bytes
        .len()
        .checked_sub(DIGEST_LEN)
        .ok_or(Some("it was cut"))?;
    let (body, digest) = bytes.split_at(end);
    if Sha256::digest(body)[..] != *digest {
        return Err(Some("its checksum is wrong, so it was cut or changed"));
    }
    let mut rest = body.get(FORMAT.len()..).unwrap_or_default();
    let malformed = Some("a record is malformed");
    let head = take(&mut rest)?.ok_or(malformed)?;
    let head = pb::BackupHead::decode(head).map_err(|_| malformed)?;
    let mut entries = Vec::new();
    while let Some(record) = take(&mut rest)? {
        let entry = pb::BackupEntry::decode(record).map_err(|_| malformed)?;
        entries.push((entry.key.to_vec(), entry.value.to_vec()));
    }
    Ok((head, entries))
}

/// The next record; `None` at their end.
fn take<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Option<&'static str>> {
    let cut = Some("a record was cut");
    let (length, behind) = rest.split_first_chunk::<4>().ok_or(cut)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| cut)?;
    if length == 0 {
        return Ok(None);
    }
    let (record, behind) = behind.split_at_checked(length).ok_or(cut)?;
    *rest = behind;
    Ok(Some(record))
}

impl Backup {
    /// Makes the state of an empty folder of this backup; `keys` are files that belong beside it.
    ///
    /// # Errors
    /// The folder is not empty or cannot be written.
    pub fn restore(
        self,
        folder: &Path,
        keys: &[(&str, Vec<u8>)],
        epoch: Epoch,
    ) -> Result<(), RestoreError> {
        is_empty(folder)?;
        let data = DataDir::open(folder)?;
        let disk = |cause: Cause| RestoreError::Disk {
            folder: folder.to_owned(),
            cause: cause.to_string(),
        };
        for (name, bytes) in keys {
            write_key(&data.path().join(name), bytes).map_err(|e| disk(e.into()))?;
        }
        let writes = state::restored(self.entries, epoch);
        make(&data.state(), |at| SledState::create_of(at, writes)).map_err(disk)
    }
}

fn is_empty(folder: &Path) -> Result<(), RestoreError> {
    // What does not exist yet is empty; what cannot be read is refused when it is opened.
    let Ok(mut entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    match entries.find_map(|entry| {
        let name = entry.ok()?.file_name().to_string_lossy().into_owned();
        (name != super::data_dir::LOST_AND_FOUND).then_some(name)
    }) {
        None => Ok(()),
        Some(found) => Err(RestoreError::NotEmpty {
            folder: folder.to_owned(),
            found,
        }),
    }
}

fn write_key(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Any state store's entries as a backup file, for callers that hold no store's type.
///
/// # Errors
/// The store failed.
pub async fn of(
    store: &Arc<dyn super::StateStore>,
    version: &str,
    now: Time,
) -> Result<Vec<u8>, StoreError> {
    Ok(write(&store.export().await?, version, now))
}
