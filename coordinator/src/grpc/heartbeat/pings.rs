//! Ping URLs, which are secrets shown to editors, and the pings that came.

use tonic::Status;
use vigilmon_common::heartbeat::{Heartbeat, PINGS_KEPT, marks};
use vigilmon_proto::convert::heartbeat::ping_to_wire;
use vigilmon_proto::convert::timestamp;
use vigilmon_proto::v1;

use crate::engine::CommandError;
use crate::grpc::auth::Caller;
use crate::grpc::{Api, error};
use crate::secret::OpenError;
use crate::store::PingKeyRecord;
use crate::token;

impl Api {
    /// Where a job pings whose token this is.
    pub(super) fn ping_url(&self, token: &str) -> String {
        format!("{}/ping/{token}", self.public_url.trim_end_matches('/'))
    }

    /// The present ping URL of a heartbeat.
    pub(super) fn shown_url(&self, heartbeat: &Heartbeat) -> Result<v1::PingUrl, Status> {
        let now = self.engine.clock().now();
        let present = heartbeat.tokens.iter().find(|token| token.until.is_none());
        let sealed = present.map_or(&[][..], |token| &token.sealed);
        let token = self.key.unseal_text(sealed).map_err(|cause| {
            let hint = "pings count all the same; `vigilmon heartbeat rotate` gives it another URL";
            unreadable("the ping URL", cause, hint)
        })?;
        let former = heartbeat
            .tokens
            .iter()
            .filter(|token| token.is_good(now))
            .find_map(|token| token.until);
        Ok(v1::PingUrl {
            url: self.ping_url(&token),
            former_until_time: former.map(timestamp),
        })
    }

    /// A heartbeat's last pings, newest first, each with what the others say of its run.
    pub(super) async fn last_pings(
        &self,
        heartbeat: &Heartbeat,
        size: usize,
    ) -> Result<v1::ListPingsResponse, Status> {
        // All that are kept: the start of a run may be older than what was asked for.
        let pings = self.engine.pings(heartbeat.id, PINGS_KEPT).await;
        let pings = pings.map_err(error::status)?;
        let views = self.engine.heartbeat_views(Some(vec![heartbeat.id])).await;
        let view = views.map_err(error::status)?.remove(&heartbeat.id);
        let marks = marks(&pings, view.as_ref().map_or(&[], |view| &view.given_up));
        let wire = pings.iter().zip(&marks).take(size);
        Ok(v1::ListPingsResponse {
            pings: wire.map(|(ping, mark)| ping_to_wire(ping, mark)).collect(),
        })
    }

    pub(super) fn shown_key(&self, key: &PingKeyRecord) -> Result<v1::PingKey, Status> {
        let text = self.key.unseal_text(&key.sealed).map_err(|cause| {
            let hint = "pings by name count all the same; `vigilmon heartbeat key --rotate` makes \
                        another key, and URLs with the former count no more";
            unreadable("the project's key in ping URLs by name", cause, hint)
        })?;
        Ok(self.key_to_wire(&text))
    }

    /// Gives the project its first key, unless somebody else just did.
    pub(super) async fn first_key(&self, caller: &Caller) -> Result<PingKeyRecord, Status> {
        let (_, record) = token::project_key(&self.key);
        let kept = self.engine.first_ping_key(caller.actor(), record).await;
        kept.map_err(error::status)
    }

    /// Gives the project another key.
    pub(super) async fn new_key(&self, caller: &Caller) -> Result<v1::PingKey, Status> {
        let (text, record) = token::project_key(&self.key);
        let saved = self.engine.set_ping_key(caller.actor(), record).await;
        saved.map_err(error::status)?;
        Ok(self.key_to_wire(&text))
    }

    fn key_to_wire(&self, key: &str) -> v1::PingKey {
        v1::PingKey {
            key: key.to_owned(),
            url_prefix: format!("{}/ping/s/{key}/", self.public_url.trim_end_matches('/')),
        }
    }
}

/// What was sealed cannot be opened, as where another key lies beside the stores.
fn unreadable(what: &str, cause: OpenError, hint: &str) -> Status {
    error::status(CommandError::Refused {
        message: format!("{what} cannot be shown: {cause}"),
        hint: hint.to_owned(),
    })
}
