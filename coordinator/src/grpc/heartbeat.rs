//! Heartbeats: kept and shown. Their ping URLs and pings are `heartbeat::pings`'s.

use std::collections::HashMap;
use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::heartbeat::{Heartbeat, View, slug};
use vigilmon_common::id::MonitorId;
use vigilmon_proto::convert::heartbeat::{draft_from_wire, heartbeat_to_wire, patch_from_wire};
use vigilmon_proto::convert::span;
use vigilmon_proto::v1;
use vigilmon_proto::v1::heartbeat_service_server::HeartbeatService;

use super::auth::Caller;
use super::{Api, error, etag, page};
use crate::engine::{CommandError, Object};
use crate::token;

mod pings;

#[async_trait]
impl HeartbeatService for Api {
    async fn list_heartbeats(
        &self,
        request: Request<v1::ListHeartbeatsRequest>,
    ) -> Result<Response<v1::ListHeartbeatsResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let page = page::ByName::asked(request.page_size, &request.page_token)?;
        let (found, total) = {
            let directory = self.engine.directory().read();
            let found = page.of(directory.heartbeats(), |heartbeat| &heartbeat.spec.name);
            (found, directory.heartbeats().count())
        };
        let views = self.heartbeat_views(&found).await?;
        let wire = found
            .iter()
            .map(|one| self.heartbeat(one, project, views.get(&one.id)));
        let (heartbeats, next_page_token) = page.fill(wire, |heartbeat| &heartbeat.name);
        Ok(Response::new(v1::ListHeartbeatsResponse {
            heartbeats,
            next_page_token,
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        }))
    }

    async fn get_heartbeat(
        &self,
        request: Request<v1::GetHeartbeatRequest>,
    ) -> Result<Response<v1::Heartbeat>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let heartbeat = self.heartbeat_of(&request.r#ref)?;
        Ok(Response::new(self.heartbeat_now(&heartbeat, project).await))
    }

    async fn create_heartbeat(
        &self,
        request: Request<v1::CreateHeartbeatRequest>,
    ) -> Result<Response<v1::Heartbeat>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let given = request
            .heartbeat
            .ok_or_else(|| error::absent("heartbeat"))?;
        let spec = given.spec.unwrap_or_default();
        let draft = draft_from_wire(&given.name, &spec).map_err(|p| error::invalid(&p))?;
        let (text, token) = token::for_pings(&self.key);
        let made = self.engine.create_heartbeat(caller.actor(), draft, token);
        let heartbeat = made.await.map_err(error::status)?;
        let mut wire = self.heartbeat_now(&heartbeat, project).await;
        wire.ping_url = self.ping_url(&text);
        Ok(Response::new(wire))
    }

    async fn update_heartbeat(
        &self,
        request: Request<v1::UpdateHeartbeatRequest>,
    ) -> Result<Response<v1::Heartbeat>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let given = request
            .heartbeat
            .ok_or_else(|| error::absent("heartbeat"))?;
        let stored = self.heartbeat_of(&request.r#ref)?;
        let mask = request.update_mask.unwrap_or_default().paths;
        let patch = patch_from_wire(&given, &mask, &stored.spec)
            .map_err(|problems| error::invalid(&problems))?;
        let id = stored.id.to_string();
        let saved = self
            .engine
            .update_heartbeat(caller.actor(), &id, patch, etag(&given.etag))
            .await;
        let heartbeat = saved.map_err(error::status)?;
        let mut wire = self.heartbeat_now(&heartbeat, project).await;
        let former = slug(stored.spec.name.as_str());
        if former != wire.slug && self.engine.ping_key().is_some() {
            wire.former_slug = former;
        }
        Ok(Response::new(wire))
    }

    async fn delete_heartbeat(
        &self,
        request: Request<v1::DeleteHeartbeatRequest>,
    ) -> Result<Response<()>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let removed = self
            .engine
            .remove_heartbeat(caller.actor(), &request.r#ref, etag(&request.etag))
            .await;
        let refused = |e| self.no_heartbeat(e, &request.r#ref);
        removed.map(Response::new).map_err(refused)
    }

    async fn pause(
        &self,
        request: Request<v1::PauseHeartbeatRequest>,
    ) -> Result<Response<v1::Heartbeat>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        self.pause_heartbeat(&caller, project, &request.r#ref, true)
            .await
    }

    async fn resume(
        &self,
        request: Request<v1::ResumeHeartbeatRequest>,
    ) -> Result<Response<v1::Heartbeat>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        self.pause_heartbeat(&caller, project, &request.r#ref, false)
            .await
    }

    async fn rotate_token(
        &self,
        request: Request<v1::RotateTokenRequest>,
    ) -> Result<Response<v1::Heartbeat>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let overlap = request.overlap.as_ref().map(|wire| {
            let bounds = "give 0 up to 30 days, or nothing for one day";
            span(wire).ok_or_else(|| error::invalid_field("overlap", "is out of bounds", bounds))
        });
        let (text, token) = token::for_pings(&self.key);
        let saved = self
            .engine
            .rotate_ping_token(caller.actor(), &request.r#ref, token, overlap.transpose()?)
            .await;
        let heartbeat = saved.map_err(|e| self.no_heartbeat(e, &request.r#ref))?;
        let mut wire = self.heartbeat_now(&heartbeat, project).await;
        wire.ping_url = self.ping_url(&text);
        Ok(Response::new(wire))
    }

    async fn get_ping_url(
        &self,
        request: Request<v1::GetPingUrlRequest>,
    ) -> Result<Response<v1::PingUrl>, Status> {
        let caller = Caller::pinger(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let heartbeat = self.heartbeat_of(&request.r#ref)?;
        self.shown_url(&heartbeat).map(Response::new)
    }

    async fn list_pings(
        &self,
        request: Request<v1::ListPingsRequest>,
    ) -> Result<Response<v1::ListPingsResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let size = page::size(request.page_size)?;
        let heartbeat = self.heartbeat_of(&request.r#ref)?;
        self.last_pings(&heartbeat, size).await.map(Response::new)
    }

    async fn get_ping_body(
        &self,
        request: Request<v1::GetPingBodyRequest>,
    ) -> Result<Response<v1::PingBody>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let heartbeat = self.heartbeat_of(&request.r#ref)?;
        let body = self.engine.ping_body(heartbeat.id, request.number).await;
        let data = body.map_err(error::status)?.ok_or_else(|| {
            let reference = format!("{} of {}", request.number, request.r#ref);
            let hint = "what came with a heartbeat's last 10 pings is kept";
            error::not_found_but(Object::PingBody, &reference, hint)
        })?;
        Ok(Response::new(v1::PingBody { data }))
    }

    async fn get_ping_key(
        &self,
        request: Request<v1::GetPingKeyRequest>,
    ) -> Result<Response<v1::PingKey>, Status> {
        let caller = Caller::pinger(&request)?;
        caller.project(&request.get_ref().project)?;
        let key = match self.engine.ping_key() {
            Some(key) => key,
            None => self.first_key(&caller).await?,
        };
        self.shown_key(&key).map(Response::new)
    }

    async fn rotate_ping_key(
        &self,
        request: Request<v1::RotatePingKeyRequest>,
    ) -> Result<Response<v1::PingKey>, Status> {
        let caller = Caller::editor(&request)?;
        caller.project(&request.get_ref().project)?;
        self.new_key(&caller).await.map(Response::new)
    }
}

impl Api {
    fn heartbeat(
        &self,
        heartbeat: &Heartbeat,
        project: &str,
        view: Option<&View>,
    ) -> v1::Heartbeat {
        heartbeat_to_wire(heartbeat, project, view, &|id| self.channel_name(id))
    }

    async fn heartbeat_now(&self, heartbeat: &Heartbeat, project: &str) -> v1::Heartbeat {
        // What was just removed has no view any more, and is answered all the same.
        let views = self.engine.heartbeat_views(Some(vec![heartbeat.id])).await;
        let view = views.ok().and_then(|mut views| views.remove(&heartbeat.id));
        self.heartbeat(heartbeat, project, view.as_ref())
    }

    async fn heartbeat_views(
        &self,
        of: &[Arc<Heartbeat>],
    ) -> Result<HashMap<MonitorId, View>, Status> {
        let ids = of.iter().map(|heartbeat| heartbeat.id).collect();
        let views = self.engine.heartbeat_views(Some(ids)).await;
        views.map_err(error::status)
    }

    fn heartbeat_of(&self, reference: &str) -> Result<Arc<Heartbeat>, Status> {
        let found = self.engine.heartbeat(reference);
        found.map_err(|error| self.no_heartbeat(error, reference))
    }

    async fn pause_heartbeat(
        &self,
        caller: &Caller,
        project: &str,
        reference: &str,
        paused: bool,
    ) -> Result<Response<v1::Heartbeat>, Status> {
        let saved = self
            .engine
            .pause_heartbeat(caller.actor(), reference, paused)
            .await;
        let heartbeat = saved.map_err(|error| self.no_heartbeat(error, reference))?;
        Ok(Response::new(self.heartbeat_now(&heartbeat, project).await))
    }

    /// A refusal; of a heartbeat that does not exist, although a monitor is called so, it says so.
    fn no_heartbeat(&self, error: CommandError, reference: &str) -> Status {
        let is_absent = matches!(error, CommandError::NotFound { .. });
        if is_absent && self.engine.monitor(reference).is_ok() {
            let hint = "this is a monitor that probes: use `vigilmon monitor`";
            return error::not_found_but(Object::Heartbeat, reference, hint);
        }
        error::status(error)
    }

    /// A refusal; of a monitor that does not exist, although a heartbeat is called so, it says so.
    pub(super) fn no_monitor(&self, error: CommandError, reference: &str) -> Status {
        let is_absent = matches!(error, CommandError::NotFound { .. });
        if is_absent && self.engine.heartbeat(reference).is_ok() {
            let hint = "this is a heartbeat: use `vigilmon heartbeat`";
            return error::not_found_but(Object::Monitor, reference, hint);
        }
        error::status(error)
    }
}
