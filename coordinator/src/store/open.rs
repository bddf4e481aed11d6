//! Opening both stores of a data folder, and noticing when one of them is damaged.
//!
//! Engines may lose the end of a damaged file without a word. So each store knows how far the
//! other was: a state that is behind what the history witnessed, or a history behind what the
//! state has applied, has lost what was acknowledged, and that stops the start.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vigilmon_common::id::Epoch;

use super::data_dir::{DataDir, DataDirError};
use super::disk_history::{DiskHistory, Witness};
use super::error::Cause;
use super::owner::caught;
use super::record::Seal;
use super::sled_state::SledState;
use super::{State, StateStore, StoreError, Stores};

/// Why the stores of a folder cannot be opened. The message names the folder and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder will not do.
    #[error(transparent)]
    Folder(#[from] DataDirError),
    /// The disk will not take it, or not let us.
    #[error("the {store} store in {} cannot be opened: {cause}; free or repair the disk, or give its files to this user", .folder.display())]
    Disk {
        /// `state` or `history`.
        store: &'static str,
        /// Where it lives.
        folder: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// A store is damaged.
    #[error("the {store} store in {} is damaged: {cause}; {}", .folder.display(), remedy(.data, .backup.as_deref()))]
    Damaged {
        /// `state` or `history`.
        store: &'static str,
        /// Where it lives.
        folder: PathBuf,
        /// The data folder.
        data: PathBuf,
        /// What is wrong.
        cause: String,
        /// The newest backup that was found.
        backup: Option<PathBuf>,
    },
    /// The state holds a record that this version cannot read.
    #[error("{0}; run the version that wrote it or a newer one, with the secret key of then")]
    Unreadable(StoreError),
}

fn remedy(data: &Path, backup: Option<&Path>) -> String {
    let data = data.display();
    let newest = match backup {
        Some(backup) => format!("the newest backup is {}", backup.display()),
        None => "no backup was found".to_owned(),
    };
    format!(
        "{newest}; move {data} away, then restore a backup with `vigilmon-coordinator restore FILE \
         --data {data} --keys FOLDER`, where FOLDER is what was moved away; or put back a copy \
         that was made while it was stopped, or start empty"
    )
}

/// The stores of a folder and what the state holds.
pub struct Opened {
    /// Both stores.
    pub stores: Stores,
    /// What the state holds.
    pub state: State,
}

/// Opens both stores of a data folder, or makes them; `fresh` is the epoch of new ones. A state
/// that is damaged is left as it was found.
///
/// # Errors
/// A store is damaged, was written by another version, or the disk is full.
pub async fn open(data: &DataDir, fresh: Epoch, seal: Arc<dyn Seal>) -> Result<Opened, OpenError> {
    let at = data.state();
    let of_state = |cause: Cause| refused(data, "state", &at, &cause);
    let copy = at.with_extension("opening");
    if !at.exists() && copy.exists() {
        fs::rename(&copy, &at).map_err(|e| of_state(e.into()))?;
    }
    if !at.exists() {
        if data.history().exists() {
            let gone = "it is gone, while the history is there";
            return Err(of_state(Cause::new(gone)));
        }
        let create = |folder: &Path| SledState::create(folder, fresh);
        make(&at, create).map_err(of_state)?;
    }
    // Opening mends what looks torn, which must not happen to what turns out to be damaged.
    copy_files(&at, &copy).map_err(of_state)?;
    let opened = open_state(data, seal).await;
    let opened = match opened {
        Ok((state_store, state)) => open_history(data, state_store, state).await,
        Err(error) => Err(error),
    };
    match &opened {
        Err(OpenError::Damaged { store: "state", .. }) => put_back(&copy, &at),
        _ => fs::remove_dir_all(&copy).map_err(Cause::from),
    }
    .map_err(of_state)?;
    opened
}

async fn open_state(data: &DataDir, seal: Arc<dyn Seal>) -> Result<(SledState, State), OpenError> {
    let at = data.state();
    let damaged = |cause: Cause| refused(data, "state", &at, &cause);
    let store = caught(|| SledState::open(&at, seal)).map_err(damaged)?;
    let loaded = store.load().await;
    if loaded.is_err() {
        // Whatever it says now, the first error is the one to tell.
        let _ = store.close().await;
    }
    match loaded {
        Ok(state) => Ok((store, state)),
        Err(error @ StoreError::Unreadable { .. }) => Err(OpenError::Unreadable(error)),
        Err(error) => Err(damaged(Cause::new(error))),
    }
}

async fn open_history(
    data: &DataDir,
    state_store: SledState,
    state: State,
) -> Result<Opened, OpenError> {
    let at = data.history();
    let of_history = |cause: Cause| refused(data, "history", &at, &cause);
    if !at.exists() {
        make(&at, DiskHistory::create).map_err(of_history)?;
    }
    let committed = state_store.committed();
    let witness = Witness {
        epoch: state.epoch,
        written: committed.load(Ordering::Acquire),
        committed,
    };
    let history = caught(|| DiskHistory::open(&at, witness)).map_err(of_history)?;
    let witnessed = history.witnessed(state.epoch).map_err(of_history)?;
    let stores = Stores::new(Arc::new(state_store), Arc::new(history));
    let (last, applied) = (stores.history.last(), state.applied);
    let durables = state.heartbeat_durables.values();
    let pinged = durables.map(|d| d.seq).fold(state.pinged, u64::max);
    let last_ping = stores.history.last_ping();
    let lost = if witnessed > state.commit {
        let (last, had) = (state.commit.0, witnessed.0);
        let cause = Cause::new(format!("it ends at commit {last}, but had {had}"));
        Some(refused(data, "state", &data.state(), &cause))
    } else if applied > last {
        let cause = format!("it ends at group {}, but had {}", last.0, applied.0);
        Some(of_history(Cause::new(cause)))
    } else if pinged > last_ping {
        let cause = format!("it ends at ping {last_ping}, but had {pinged}");
        Some(of_history(Cause::new(cause)))
    } else {
        None
    };
    match lost {
        None => Ok(Opened { stores, state }),
        Some(lost) => {
            let _ = stores.close().await;
            Err(lost)
        }
    }
}

fn refused(data: &DataDir, store: &'static str, folder: &Path, cause: &Cause) -> OpenError {
    let (folder, text) = (folder.to_owned(), cause.to_string());
    if cause.is_of_disk {
        return OpenError::Disk {
            store,
            folder,
            cause: text,
        };
    }
    OpenError::Damaged {
        store,
        folder,
        data: data.path().to_owned(),
        cause: text,
        backup: data.newest_backup(),
    }
}

/// Makes a store; it appears under its name only once it is whole.
pub(super) fn make(
    folder: &Path,
    create: impl FnOnce(&Path) -> Result<(), Cause>,
) -> Result<(), Cause> {
    let unfinished = folder.with_extension("new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    caught(|| create(&unfinished))?;
    fs::rename(&unfinished, folder)?;
    let parent = folder.parent().unwrap_or(folder);
    File::open(parent)?.sync_all()?;
    Ok(())
}

/// Copies a folder's files, and those of the folders in it.
fn copy_files(from: &Path, to: &Path) -> Result<(), Cause> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        fs::create_dir(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), target));
            } else {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}

/// Puts a copy back in the place of what was opened.
fn put_back(copy: &Path, at: &Path) -> Result<(), Cause> {
    fs::remove_dir_all(at)?;
    Ok(fs::rename(copy, at)?)
}
