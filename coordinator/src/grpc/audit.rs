//! The audit log, newest first.

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::time::Time;
use vigilmon_proto::convert::{time, timestamp};
use vigilmon_proto::v1;
use vigilmon_proto::v1::audit_service_server::AuditService;

use super::auth::Caller;
use super::{Api, error, page};
use crate::store::{AuditEntry, CommitNo, PendingId};

#[async_trait]
impl AuditService for Api {
    async fn list_audit_entries(
        &self,
        request: Request<v1::ListAuditEntriesRequest>,
    ) -> Result<Response<v1::ListAuditEntriesResponse>, Status> {
        Caller::admin(&request)?;
        let request = request.into_inner();
        let size = page::size(request.page_size)?;
        let place = page::token(&request.page_token, read_place)?;
        let before = place.unwrap_or((Time::FAR_FUTURE, PendingId::START));
        let found = self.engine.stores().audit(before, size + 1).await;
        let mut found = found.map_err(|error| error::unavailable(&error))?;
        if let Some(since) = request.since.as_ref().map(time) {
            found.retain(|entry| entry.at >= since);
        }
        let (entries, more) = page::fill(size, found.iter().map(to_wire));
        let last = found.get(entries.len().wrapping_sub(1)).filter(|_| more);
        Ok(Response::new(v1::ListAuditEntriesResponse {
            entries,
            next_page_token: last.map(write_place).unwrap_or_default(),
        }))
    }
}

fn to_wire(entry: &AuditEntry) -> v1::AuditEntry {
    v1::AuditEntry {
        time: Some(timestamp(entry.at)),
        actor: entry.actor.clone(),
        action: entry.action.clone(),
        object: entry.object.clone(),
        name: entry.name.clone(),
        detail: entry.detail.clone(),
    }
}

/// Where an entry stands in the log.
fn write_place(entry: &AuditEntry) -> String {
    let PendingId { commit, place } = entry.place;
    format!("a:{}:{}:{place}", entry.at.as_millis(), commit.0)
}

fn read_place(text: &str) -> Option<(Time, PendingId)> {
    let mut parts = text.strip_prefix("a:")?.splitn(3, ':');
    let at = Time::from_millis(parts.next()?.parse().ok()?);
    let commit = CommitNo(parts.next()?.parse().ok()?);
    let place = parts.next()?.parse().ok()?;
    Some((at, PendingId { commit, place }))
}
