//! The data folder: whose it is, and that only one process has it.
//!
//! A folder is ours when it holds our mark. An empty one becomes ours; one with anything else in
//! it is refused, for it may be somebody's home. In ours, files that we do not know are left
//! alone.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The mark of our folders: which layout they have.
const MARK: &str = "vigilmon.format";
/// The layout that this version writes.
const FORMAT: &str = "1";
/// Locked while a process has the folder.
const LOCK: &str = "lock";
/// What may lie in an empty folder: file systems make it.
pub(super) const LOST_AND_FOUND: &str = "lost+found";

/// Our data folder, locked until this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // By itself a lock ends with the last copy of its file, and a process that is just being
        // started holds copies of all that are open.
        let _ = self.lock.unlock();
    }
}

/// Why a data folder cannot be used. The message names the folder and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It cannot be made, read or written.
    #[error("the data folder {} cannot be used: {source}; give its path to this user (chown, chmod u+rwx) or choose another with --data", .folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It holds something that is not ours.
    #[error("the folder {} is not Vigilmon's: it holds `{found}`; choose an empty or a new one with --data", .folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// One of the things in it.
        found: String,
    },
    /// Another process has it.
    #[error("the data folder {} is in use by another process; stop that one, or choose another folder with --data", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// Another version wrote it.
    #[error("the data folder {} has layout {found}, this version knows {FORMAT}; run the version that wrote it, or a newer one", .folder.display())]
    OtherFormat {
        /// The folder.
        folder: PathBuf,
        /// What the mark says.
        found: String,
    },
}

impl DataDir {
    /// Takes the folder, makes it where it does not exist, and locks it.
    ///
    /// # Errors
    /// It is unusable, foreign, in use, or of another layout.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |source| DataDirError::Unusable {
            folder: path.to_owned(),
            source,
        };
        let make = DirBuilder::new().recursive(true).mode(0o700).create(path);
        make.map_err(unusable)?;
        let path = fs::canonicalize(path).map_err(unusable)?;
        let mark = path.join(MARK);
        if !mark.try_exists().map_err(unusable)? {
            adopt(&path, unusable)?;
        }
        let lock = File::create(path.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataDirError::InUse { folder: path }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let found = fs::read_to_string(&mark).map_err(unusable)?;
        if found.trim() != FORMAT {
            let found = found.trim().chars().take(20).collect();
            return Err(DataDirError::OtherFormat {
                folder: path,
                found,
            });
        }
        Ok(Self { path, lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    pub(super) fn history(&self) -> PathBuf {
        self.path.join("history")
    }

    /// The newest file among the backups beside the stores, if there is one.
    pub(super) fn newest_backup(&self) -> Option<PathBuf> {
        let files = fs::read_dir(self.path.join("backups")).ok()?;
        let files = files.filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        });
        files.max().map(|(_, path)| path)
    }
}

/// Makes an empty folder ours.
fn adopt(path: &Path, unusable: impl Fn(io::Error) -> DataDirError) -> Result<(), DataDirError> {
    for entry in fs::read_dir(path).map_err(&unusable)? {
        let name = entry.map_err(&unusable)?.file_name();
        // The lock alone is left where a start was interrupted, or another one is on its way.
        if name != LOST_AND_FOUND && name != LOCK && name != ".gitignore" {
            return Err(DataDirError::Foreign {
                folder: path.to_owned(),
                found: name.to_string_lossy().into_owned(),
            });
        }
    }
    let write = || {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
        fs::write(path.join(".gitignore"), "*\n")?;
        fs::write(path.join(MARK), format!("{FORMAT}\n"))?;
        File::open(path.join(MARK))?.sync_all()?;
        File::open(path)?.sync_all()
    };
    write().map_err(unusable)
}
