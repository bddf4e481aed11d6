//! What the delivery log is told: each attempt, and of a settled row all that sending it again
//! takes.

use std::time::Duration;

use vigilmon_common::notify::body::Body;
use vigilmon_common::notify::delivery::{Answer, Change};
use vigilmon_common::notify::message::Message;
use vigilmon_common::notify::row::{Purpose, Row, RowState, RowSubject};
use vigilmon_common::time::Time;

use super::worker::Finished;
use crate::store::{DeliveryRecord, DeliveryResult, KeptMessage};

/// Longest subject that is kept, in characters.
const SUBJECT_MAX: usize = 200;
/// Longest body that is kept, in bytes: a usual one has about a thousand.
const BODY_MAX: usize = 16 * 1024;

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
            subject: subject(row),
            message: kept(row),
        })
    };
    changes.iter().filter_map(of_change).collect()
}

/// What the row's message says first.
pub(super) fn subject(row: &Row) -> String {
    if row.body.is_empty() {
        // Its message is made when it is due, from the incident as it stands then.
        return "a step of a route".to_owned();
    }
    let body = Body::from_json(&row.body).ok();
    let message = body.map(|body| Message::render(&body, &row.region_names, None));
    let title = message.map(|message| message.title).unwrap_or_default();
    title.chars().take(SUBJECT_MAX).collect()
}

fn kept(row: &Row) -> Option<KeptMessage> {
    let has_message = row.state != RowState::Pending && !row.body.is_empty();
    (has_message && row.body.len() <= BODY_MAX).then(|| KeptMessage {
        seq: row.seq,
        copy_of: match row.purpose {
            Purpose::Fallback(of) => Some(of),
            _ => None,
        },
        body: row.body.clone(),
        region_names: row.region_names.clone(),
    })
}
