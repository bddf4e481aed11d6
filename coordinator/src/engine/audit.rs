//! Audit entries: who did what to which object, committed with the change itself.

use vigilmon_common::time::Time;
use vigilmon_runtime::random;

use super::command::Actor;
use crate::store::{AuditEntry, Change, HistoryRecord};

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
        id: random::number(),
        at: now,
        actor: by.name.clone(),
        action: action.to_owned(),
        object: object.to_owned(),
        name: name.to_owned(),
        detail: detail.to_owned(),
    }))
}
