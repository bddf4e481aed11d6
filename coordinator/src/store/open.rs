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
use super::{HistoryStore, State, StateStore, StoreError, Stores};

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
    #[error("{0}; run the version that wrote it, or a newer one")]
    Unreadable(StoreError),
}

fn remedy(data: &Path, backup: Option<&Path>) -> String {
    let data = data.display();
    let newest = match backup {
        Some(backup) => format!("the newest backup is {}", backup.display()),
        None => "no backup was found".to_owned(),
    };
    format!(
        "{newest}; put back a copy of {data} that was made while it was stopped, \
         or move {data} away to start empty"
    )
}

/// The stores of a folder and what the state holds.
pub struct Opened {
    /// Both stores.
    pub stores: Stores,
    /// What the state holds.
    pub state: State,
}

/// Opens both stores of a data folder, or makes them; `fresh` is the epoch of new ones.
///
/// # Errors
/// A store is damaged, was written by another version, or the disk is full.
pub async fn open(data: &DataDir, fresh: Epoch, seal: Arc<dyn Seal>) -> Result<Opened, OpenError> {
    let (state_at, history_at) = (data.state(), data.history());
    let of_state = |cause: Cause| refused(data, "state", &state_at, &cause);
    let of_history = |cause: Cause| refused(data, "history", &history_at, &cause);
    if !state_at.exists() {
        if history_at.exists() {
            return Err(of_state(Cause::new(
                "it is gone, while the history is there",
            )));
        }
        let create = |folder: &Path| SledState::create(folder, fresh);
        make(&state_at, create).map_err(of_state)?;
    }
    let state_store = caught(|| SledState::open(&state_at, seal)).map_err(of_state)?;
    let state = match state_store.load().await {
        Ok(state) => state,
        Err(error @ StoreError::Unreadable { .. }) => return Err(OpenError::Unreadable(error)),
        Err(error) => return Err(of_state(Cause::new(error))),
    };
    if !history_at.exists() {
        make(&history_at, DiskHistory::create).map_err(of_history)?;
    }
    let committed = state_store.committed();
    let witness = Witness {
        epoch: state.epoch,
        written: committed.load(Ordering::Acquire),
        committed,
    };
    let history = caught(|| DiskHistory::open(&history_at, witness)).map_err(of_history)?;
    let witnessed = history.witnessed(state.epoch).map_err(of_history)?;
    if witnessed > state.commit {
        let (last, had) = (state.commit.0, witnessed.0);
        return Err(of_state(Cause::new(format!(
            "it ends at commit {last}, but had {had}"
        ))));
    }
    if state.applied > history.last() {
        let (last, had) = (history.last().0, state.applied.0);
        return Err(of_history(Cause::new(format!(
            "it ends at group {last}, but had {had}"
        ))));
    }
    let stores = Stores {
        state: Arc::new(state_store),
        history: Arc::new(history),
    };
    Ok(Opened { stores, state })
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
fn make(folder: &Path, create: impl FnOnce(&Path) -> Result<(), Cause>) -> Result<(), Cause> {
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
