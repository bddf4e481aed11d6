//! What the delivery log is told.

use std::time::Duration;

use vigilmon_common::notify::delivery::{Answer, Change};
use vigilmon_common::notify::row::{RowState, RowSubject};
use vigilmon_common::time::Time;

use super::worker::Finished;
use crate::store::{DeliveryRecord, DeliveryResult};

/// What the delivery log is told of a commit: the attempt that led to it, and rows that were
/// settled without one.
pub(super) fn records(
    changes: &[Change],
    finished: Option<&Finished>,
    now: Time,
) -> Vec<DeliveryRecord> {
    let of_change = |change: &Change| {
        let row = match change {
            Change::Save(row) | Change::Settle(row) => row,
            Change::Forget(_) => return None,
        };
        let tried = finished.filter(|f| f.row == row.id);
        let (result, detail) = match &row.state {
            RowState::Pending => (DeliveryResult::Failed, tried?.met.detail.clone()),
            RowState::Sent(_) => (DeliveryResult::Sent, tried?.met.detail.clone()),
            RowState::Dead(why) => (DeliveryResult::Dead, why.clone()),
            RowState::Suppressed(why) => (DeliveryResult::Suppressed, why.clone()),
            RowState::Superseded(by) => (DeliveryResult::Superseded, format!("said by {by}")),
        };
        let was_tried = tried.is_some_and(|f| !matches!(f.met.answer, Answer::Withheld(_)));
        Some(DeliveryRecord {
            row: row.id,
            key: row.key.clone(),
            channel: row.channel,
            incident: match &row.subject {
                RowSubject::Incident(incident) => Some(*incident),
                RowSubject::Test(_) => None,
            },
            event: row.event.clone(),
            attempt: if was_tried { row.attempts } else { 0 },
            at: tried.map_or(now, |f| f.at),
            took: tried.map_or(Duration::ZERO, |f| f.took),
            result,
            detail,
        })
    };
    changes.iter().filter_map(of_change).collect()
}
