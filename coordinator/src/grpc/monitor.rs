//! Monitors: kept, shown, checked on demand.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::decide::View;
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::Region;
use vigilmon_proto::convert::monitor::{
    draft_from_wire, monitor_to_wire, patch_from_wire, state_to_wire,
};
use vigilmon_proto::convert::outcome::outcome_to_wire;
use vigilmon_proto::convert::{duration, timestamp};
use vigilmon_proto::v1;
use vigilmon_proto::v1::monitor_service_server::MonitorService;

use super::auth::Caller;
use super::{Api, error, etag, page};
use crate::engine::{CheckRow, CheckTarget};

/// What a draft that is checked and not stored is called.
const UNSTORED: &str = "check";

#[async_trait]
impl MonitorService for Api {
    async fn list_monitors(
        &self,
        request: Request<v1::ListMonitorsRequest>,
    ) -> Result<Response<v1::ListMonitorsResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let page = page::ByName::asked(request.page_size, &request.page_token)?;
        let (found, total) = {
            let directory = self.engine.directory().read();
            let found = page.of(directory.monitors(), |monitor| &monitor.spec.name);
            (found, directory.monitors().count())
        };
        let views = self.views(&found).await?;
        let wire = found
            .iter()
            .map(|one| self.monitor(one, project, views.get(&one.id)));
        let (monitors, next_page_token) = page.fill(wire, |monitor| &monitor.name);
        Ok(Response::new(v1::ListMonitorsResponse {
            monitors,
            next_page_token,
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        }))
    }

    async fn get_monitor(
        &self,
        request: Request<v1::GetMonitorRequest>,
    ) -> Result<Response<v1::Monitor>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let monitor = self.monitor_of(&request.r#ref)?;
        self.shown(&monitor, project).await
    }

    async fn create_monitor(
        &self,
        request: Request<v1::CreateMonitorRequest>,
    ) -> Result<Response<v1::Monitor>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let given = request.monitor.ok_or_else(|| error::absent("monitor"))?;
        let spec = given.spec.unwrap_or_default();
        let draft = draft_from_wire(&given.name, &spec).map_err(|p| error::invalid(&p))?;
        let made = self.engine.create_monitor(caller.actor(), draft).await;
        let monitor = made.map_err(error::status)?;
        self.shown(&monitor, project).await
    }

    async fn update_monitor(
        &self,
        request: Request<v1::UpdateMonitorRequest>,
    ) -> Result<Response<v1::Monitor>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let given = request.monitor.ok_or_else(|| error::absent("monitor"))?;
        let stored = self.monitor_of(&request.r#ref)?;
        let mask = request.update_mask.unwrap_or_default().paths;
        let regions: Vec<Region> = self
            .engine
            .directory()
            .read()
            .regions()
            .keys()
            .cloned()
            .collect();
        let patch = patch_from_wire(&given, &mask, &stored.spec, &regions)
            .map_err(|problems| error::invalid(&problems))?;
        let id = stored.id.to_string();
        let saved = self
            .engine
            .update_monitor(caller.actor(), &id, patch, etag(&given.etag))
            .await;
        let monitor = saved.map_err(error::status)?;
        self.shown(&monitor, project).await
    }

    async fn delete_monitor(
        &self,
        request: Request<v1::DeleteMonitorRequest>,
    ) -> Result<Response<()>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let removed = self
            .engine
            .remove_monitor(caller.actor(), &request.r#ref, etag(&request.etag))
            .await;
        let refused = |e| self.no_monitor(e, &request.r#ref);
        removed.map(Response::new).map_err(refused)
    }

    async fn pause(
        &self,
        request: Request<v1::PauseMonitorRequest>,
    ) -> Result<Response<v1::Monitor>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        self.pause_monitor(&caller, project, &request.r#ref, true)
            .await
    }

    async fn resume(
        &self,
        request: Request<v1::ResumeMonitorRequest>,
    ) -> Result<Response<v1::Monitor>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        self.pause_monitor(&caller, project, &request.r#ref, false)
            .await
    }

    type CheckStream = BoxStream<'static, Result<v1::CheckRow, Status>>;

    async fn check(
        &self,
        request: Request<v1::CheckMonitorRequest>,
    ) -> Result<Response<Self::CheckStream>, Status> {
        // Editors only: an inline check makes agents send requests of the caller's choice.
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let target = match request.target.ok_or_else(|| error::absent("target"))? {
            v1::check_monitor_request::Target::Ref(reference) => CheckTarget::Monitor(reference),
            v1::check_monitor_request::Target::Spec(spec) => {
                let draft = draft_from_wire(UNSTORED, &spec).map_err(|p| error::invalid(&p))?;
                CheckTarget::Inline(Box::new(draft))
            }
        };
        let (rows, answers) = self.engine.check(target).map_err(error::status)?;
        let answers = ReceiverStream::new(answers).take(rows);
        Ok(Response::new(
            answers.map(|row| Ok(row_to_wire(&row))).boxed(),
        ))
    }

    async fn get_state(
        &self,
        request: Request<v1::GetStateRequest>,
    ) -> Result<Response<v1::MonitorState>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let monitor = self.monitor_of(&request.r#ref)?;
        let view = self.engine.view(monitor.id).await.map_err(error::status)?;
        Ok(Response::new(state_to_wire(
            monitor.id,
            &monitor.spec,
            &view,
        )))
    }
}

impl Api {
    fn monitor(&self, monitor: &Monitor, project: &str, view: Option<&View>) -> v1::Monitor {
        monitor_to_wire(monitor, project, view, &|id| self.channel_name(id))
    }

    fn monitor_of(&self, reference: &str) -> Result<Arc<Monitor>, Status> {
        let found = self.engine.monitor(reference);
        found.map_err(|error| self.no_monitor(error, reference))
    }

    async fn pause_monitor(
        &self,
        caller: &Caller,
        project: &str,
        reference: &str,
        paused: bool,
    ) -> Result<Response<v1::Monitor>, Status> {
        let saved = self
            .engine
            .pause_monitor(caller.actor(), reference, paused)
            .await;
        let monitor = saved.map_err(|error| self.no_monitor(error, reference))?;
        self.shown(&monitor, project).await
    }

    async fn shown(
        &self,
        monitor: &Monitor,
        project: &str,
    ) -> Result<Response<v1::Monitor>, Status> {
        // What was just removed has no view any more, and is answered all the same.
        let view = self.engine.view(monitor.id).await.ok();
        Ok(Response::new(self.monitor(monitor, project, view.as_ref())))
    }

    async fn views(&self, of: &[Arc<Monitor>]) -> Result<HashMap<MonitorId, View>, Status> {
        let ids: Vec<MonitorId> = of.iter().map(|monitor| monitor.id).collect();
        self.engine.views(Some(&ids)).await.map_err(error::status)
    }
}

fn row_to_wire(row: &CheckRow) -> v1::CheckRow {
    let region = row.region.to_string();
    let agent = row
        .agent
        .as_ref()
        .map(|(_, name)| name.to_string())
        .unwrap_or_default();
    match &row.result {
        Ok(result) => {
            let (outcome, reason) = outcome_to_wire(&result.outcome);
            v1::CheckRow {
                region,
                agent,
                outcome: outcome.into(),
                reason,
                start_time: Some(timestamp(result.started)),
                took: Some(duration(result.took)),
                phases: Some((&result.phases).into()),
                observation: result.observation.as_deref().map(Into::into),
            }
        }
        Err(reason) => v1::CheckRow {
            region,
            agent,
            outcome: v1::Outcome::Inconclusive.into(),
            reason: Some(reason.into()),
            ..v1::CheckRow::default()
        },
    }
}
