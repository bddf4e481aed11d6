//! The engines under test, behind the traits.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::samples::EPOCH;
use crate::store::{DataDir, OpenError, Opened, Plain, State, Stores, memory, open};

/// Stores of one kind, and a way to have them opened again.
pub(super) struct Bed {
    pub(super) stores: Stores,
    /// None where nothing outlives the process.
    disk: Option<(TempDir, DataDir)>,
}

impl Bed {
    pub(super) async fn memory() -> Self {
        Self {
            stores: memory::stores(EPOCH),
            disk: None,
        }
    }

    pub(super) async fn disk() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        Self {
            stores: opened(&data).await.unwrap().stores,
            disk: Some((folder, data)),
        }
    }

    /// Closes and opens; in memory nothing happens.
    pub(super) async fn reopen(&mut self) {
        if let Some((_, data)) = &self.disk {
            self.stores.close().await.unwrap();
            self.stores = opened(data).await.unwrap().stores;
        }
    }

    pub(super) async fn state(&self) -> State {
        self.stores.state.load().await.unwrap()
    }
}

pub(super) async fn opened(data: &DataDir) -> Result<Opened, OpenError> {
    open(data, EPOCH, Arc::new(Plain)).await
}

/// Opens a folder that was closed, or crashed, before.
pub(super) async fn open_folder(folder: &Path) -> (DataDir, Result<Opened, OpenError>) {
    let data = DataDir::open(folder).unwrap();
    let opened = opened(&data).await;
    (data, opened)
}

/// All files in a folder and in those below it.
pub(super) fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, files);
        } else {
            files.push(path);
        }
    }
}
