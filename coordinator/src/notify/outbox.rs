//! The outbox as the notifier sees it: the one part of the notifier that knows the stores.

use std::sync::Arc;

use async_trait::async_trait;
use vigilmon_common::notify::delivery::Change;
use vigilmon_common::notify::row::Row;

use crate::store::{self, DeliveryRecord, HistoryRecord, StateStore, StoreError};

/// Where rows wait.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Every stored row.
    ///
    /// # Errors
    /// The store failed.
    async fn load(&self) -> Result<Vec<Row>, StoreError>;

    /// Saves all changes and what is to be told of them, or nothing; durable when it returns.
    ///
    /// # Errors
    /// The store failed.
    async fn commit(
        &self,
        changes: Vec<Change>,
        records: Vec<DeliveryRecord>,
    ) -> Result<(), StoreError>;
}

/// The outbox in the state store.
pub struct StoredOutbox(Arc<dyn StateStore>);

impl StoredOutbox {
    /// The outbox of a store.
    #[must_use]
    pub fn new(state: Arc<dyn StateStore>) -> Self {
        Self(state)
    }
}

#[async_trait]
impl Outbox for StoredOutbox {
    async fn load(&self) -> Result<Vec<Row>, StoreError> {
        let state = self.0.load().await?;
        Ok(state.rows.into_values().collect())
    }

    async fn commit(
        &self,
        changes: Vec<Change>,
        records: Vec<DeliveryRecord>,
    ) -> Result<(), StoreError> {
        let change = |change| match change {
            Change::Save(row) => store::Change::PutRow(Box::new(row)),
            Change::Settle(row) => store::Change::RemoveRow(row.id),
            Change::Forget(id) => store::Change::RemoveRow(id),
        };
        let record = |r| store::Change::Record(HistoryRecord::Delivery(r));
        let changes = changes.into_iter().map(change);
        let all = changes.chain(records.into_iter().map(record)).collect();
        self.0.commit(all).await.map(drop)
    }
}
