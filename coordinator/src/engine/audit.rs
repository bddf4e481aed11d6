//! Audit entries: who did what to which object, committed with the change itself.

use vigilmon_common::time::Time;

use super::command::Actor;
use crate::store::{AuditEntry, Change, HistoryRecord, PendingId};

/// The change that records a deed. `detail` carries no secret.
pub(crate) fn entry(
    by: &Actor,
    action: &str,
    object: &str,
    name: &str,
    detail: &str,
    now: Time,
) -> Change {
    Change::Record(HistoryRecord::Audit(AuditEntry {
        place: PendingId::START,
        at: now,
        actor: by.name.clone(),
        action: action.to_owned(),
        object: object.to_owned(),
        name: name.to_owned(),
        detail: detail.to_owned(),
    }))
}
