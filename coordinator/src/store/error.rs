//! What goes wrong with a store, and that it stays wrong.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::OnceLock;

/// Why a store refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed; the store takes no more until a restart.
    #[error("the {store} store in {folder} failed: {cause}; free or repair the disk, then restart")]
    Failed {
        /// `state` or `history`.
        store: &'static str,
        /// Where it lives.
        folder: String,
        /// What happened.
        cause: String,
    },
    /// A record is none that this version can read.
    #[error("the {store} store holds a {record} that this version cannot read: {cause}")]
    Unreadable {
        /// `state` or `history`.
        store: &'static str,
        /// What kind of record.
        record: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The store was closed.
    #[error("the {store} store is closed")]
    Closed {
        /// `state` or `history`.
        store: &'static str,
    },
}

/// Whether a store has failed. The first failure sticks: a log with a hole is worse than none.
#[derive(Debug, Default)]
pub struct Health(OnceLock<StoreError>);

impl Health {
    /// The first failure, if there was one.
    #[must_use]
    pub fn failure(&self) -> Option<StoreError> {
        self.0.get().cloned()
    }

    /// Passes while nothing failed.
    ///
    /// # Errors
    /// The first failure.
    pub fn check(&self) -> Result<(), StoreError> {
        self.failure().map_or(Ok(()), Err)
    }

    /// Notes a failure and returns the first one.
    pub(crate) fn fail(&self, error: StoreError) -> StoreError {
        self.0.get_or_init(|| error).clone()
    }
}

/// Why an engine could not do something, in one line.
#[derive(Debug)]
pub(super) struct Cause {
    text: String,
    /// The disk or its rights are at fault, not what lies on it.
    pub(super) is_of_disk: bool,
}

impl Cause {
    pub(super) fn new(text: impl fmt::Display) -> Self {
        Self {
            text: text.to_string(),
            is_of_disk: false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        let kinds = [
            ErrorKind::FileTooLarge,
            ErrorKind::PermissionDenied,
            ErrorKind::QuotaExceeded,
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::StorageFull,
        ];
        Self {
            text: error.to_string(),
            is_of_disk: kinds.contains(&error.kind()),
        }
    }
}
