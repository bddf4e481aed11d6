//! Opening both stores of a data folder, and noticing when one of them is damaged.
//!
//! Engines may lose the end of a damaged file without a word. So each store knows how far the
//! other was: a state that is behind what the history witnessed, or a history behind what the
//! state has applied, has lost what was acknowledged, and that stops the start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vigilmon_common::id::Epoch;

use super::data_dir::{DataDir, DataDirError};
use super::disk_history::{DiskHistory, Witness};
use super::record::Seal;
use super::sled_state::SledState;
use super::{HistoryStore, State, StateStore, StoreError, Stores};

/// Why the stores of a folder cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder will not do.
    #[error(transparent)]
    Folder(#[from] DataDirError),
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
        "{newest}; put back a copy of {data} that was made while it was stopped, or move {data} away to start empty"
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
/// A store is damaged, or was written by another version.
pub async fn open(data: &DataDir, fresh: Epoch, seal: Arc<dyn Seal>) -> Result<Opened, OpenError> {
    let (state_folder, history_folder) = (data.state(), data.history());
    let damaged = |store, folder: &Path| {
        let (folder, data_folder) = (folder.to_owned(), data.path().to_owned());
        let backup = data.newest_backup();
        move |cause: String| OpenError::Damaged {
            store,
            folder,
            data: data_folder,
            cause,
            backup,
        }
    };
    if !state_folder.exists() {
        if history_folder.exists() {
            let cause = "it is gone, while the history is there".to_owned();
            return Err(damaged("state", &state_folder)(cause));
        }
        SledState::create(&state_folder, fresh).map_err(damaged("state", &state_folder))?;
    }
    let opened = SledState::open(&state_folder, seal);
    let state_store = opened.map_err(damaged("state", &state_folder))?;
    let state = match state_store.load().await {
        Ok(state) => state,
        Err(error @ StoreError::Unreadable { .. }) => return Err(OpenError::Unreadable(error)),
        Err(error) => return Err(damaged("state", &state_folder)(error.to_string())),
    };
    let committed = state_store.committed();
    let witness = Witness {
        epoch: state.epoch,
        written: committed.load(Ordering::Acquire),
        committed,
    };
    let opened = DiskHistory::open(&history_folder, witness);
    let history = opened.map_err(damaged("history", &history_folder))?;
    let witnessed = history.witnessed(state.epoch);
    let witnessed = witnessed.map_err(damaged("history", &history_folder))?;
    if witnessed > state.commit {
        let cause = format!(
            "it ends at commit {}, but had {}",
            state.commit.0, witnessed.0
        );
        return Err(damaged("state", &state_folder)(cause));
    }
    if state.applied > history.last() {
        let (last, applied) = (history.last().0, state.applied.0);
        let cause = format!("it ends at group {last}, but had {applied}");
        return Err(damaged("history", &history_folder)(cause));
    }
    let stores = Stores {
        state: Arc::new(state_store),
        history: Arc::new(history),
    };
    Ok(Opened { stores, state })
}
