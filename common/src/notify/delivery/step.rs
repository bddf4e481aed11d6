//! What one step of the machine collects.

use std::collections::BTreeMap;

use super::{Change, Report};
use crate::notify::row::Row;
use crate::time::Time;

/// What one call of [`super::Delivery::on`] brings about.
pub(super) struct Step<'a> {
    pub(super) now: Time,
    pub(super) ids: &'a mut dyn FnMut() -> u64,
    pub(super) changes: BTreeMap<u64, Change>,
    pub(super) reports: Vec<Report>,
}

impl Step<'_> {
    pub(super) fn save(&mut self, row: Row) {
        self.changes.insert(row.id, Change::Save(row));
    }

    pub(super) fn settle(&mut self, row: Row) {
        self.changes.insert(row.id, Change::Settle(row));
    }

    /// The settled row is needed no more.
    pub(super) fn forget(&mut self, row: Row) {
        let saved_now = self.changes.contains_key(&row.id);
        let change = if saved_now {
            Change::Settle(row.clone())
        } else {
            Change::Forget(row.id)
        };
        self.changes.insert(row.id, change);
    }
}
