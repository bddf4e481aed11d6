//! Incidents: shown, explained, and what people do to them.

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::id::{IncidentId, MonitorId};
use vigilmon_common::incident::Incident;
use vigilmon_proto::convert::incident::{Detail, incident_to_wire};
use vigilmon_proto::v1;
use vigilmon_proto::v1::incident_service_server::IncidentService;

use super::auth::Caller;
use super::{Api, error, page};
use crate::engine::{CommandError, IncidentPlace, Object};

/// Longest note and comment, in characters.
const NOTE_MAX: usize = 2000;
/// Fewest characters that stand for an incident's id.
const PREFIX_MIN: usize = 4;

#[async_trait]
impl IncidentService for Api {
    async fn list_incidents(
        &self,
        request: Request<v1::ListIncidentsRequest>,
    ) -> Result<Response<v1::ListIncidentsResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let size = page::size(request.page_size)?;
        let place = page::token(&request.page_token, IncidentPlace::read)?;
        let monitor = self.monitor_id(&request.monitor)?;
        let found = self
            .engine
            .incidents_behind(monitor, place, request.open_only, size + 1)
            .await
            .map_err(error::status)?;
        let wire = found
            .iter()
            .map(|one| self.incident_wire(one, project, Detail::Brief));
        let (incidents, more) = page::fill(size, wire);
        let last = found.get(incidents.len().wrapping_sub(1)).filter(|_| more);
        Ok(Response::new(v1::ListIncidentsResponse {
            incidents,
            next_page_token: last
                .map(|one| IncidentPlace::of(one).write())
                .unwrap_or_default(),
        }))
    }

    async fn get_incident(
        &self,
        request: Request<v1::GetIncidentRequest>,
    ) -> Result<Response<v1::Incident>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let id = self.incident_id(&request.r#ref).await?;
        let incident = self.engine.incident_ever(id).await.map_err(error::status)?;
        Ok(Response::new(self.incident_wire(
            &incident,
            project,
            Detail::Transitions,
        )))
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeIncidentRequest>,
    ) -> Result<Response<v1::Incident>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let id = self.incident_id(&request.r#ref).await?;
        let note = note("note", request.note)?;
        let after = self.engine.acknowledge(caller.actor(), id, note).await;
        self.done(after, project)
    }

    async fn resolve(
        &self,
        request: Request<v1::ResolveIncidentRequest>,
    ) -> Result<Response<v1::Incident>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let id = self.incident_id(&request.r#ref).await?;
        let after = self.engine.resolve(caller.actor(), id, request.force).await;
        self.done(after, project)
    }

    async fn comment(
        &self,
        request: Request<v1::CommentIncidentRequest>,
    ) -> Result<Response<v1::Incident>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let id = self.incident_id(&request.r#ref).await?;
        let text = note("text", request.text)?;
        if text.is_empty() {
            return Err(error::absent("text"));
        }
        let after = self.engine.comment(caller.actor(), id, text).await;
        self.done(after, project)
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainIncidentRequest>,
    ) -> Result<Response<v1::ExplainIncidentResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let id = self.incident_id(&request.r#ref).await?;
        let incident = self.engine.incident_ever(id).await.map_err(error::status)?;
        Ok(Response::new(v1::ExplainIncidentResponse {
            incident: Some(self.incident_wire(&incident, project, Detail::Evidence)),
        }))
    }
}

impl Api {
    fn incident_wire(&self, incident: &Incident, project: &str, detail: Detail) -> v1::Incident {
        let url = self.public_url.trim_end_matches('/');
        let url = format!("{url}/incidents/{}", incident.id);
        incident_to_wire(incident, project, url, detail)
    }

    fn done(
        &self,
        after: Result<Incident, CommandError>,
        project: &str,
    ) -> Result<Response<v1::Incident>, Status> {
        let incident = after.map_err(error::status)?;
        Ok(Response::new(self.incident_wire(
            &incident,
            project,
            Detail::Transitions,
        )))
    }

    /// The incident that a text names: by its id, or by the first characters of it that no other
    /// one has.
    async fn incident_id(&self, text: &str) -> Result<IncidentId, Status> {
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let begin = text.to_ascii_lowercase();
        if begin.len() < PREFIX_MIN {
            return Err(error::not_found(Object::Incident, text));
        }
        let found = self.engine.incidents_beginning(&begin).await;
        match found.map_err(error::status)?[..] {
            [] => Err(error::not_found(Object::Incident, text)),
            [only] => Ok(only),
            _ => Err(error::status(CommandError::Refused {
                message: format!("more than one incident begins with `{begin}`"),
                hint: "give more of its id".to_owned(),
            })),
        }
    }

    /// The monitor that a filter names; a removed one by its id.
    fn monitor_id(&self, reference: &str) -> Result<Option<MonitorId>, Status> {
        if reference.is_empty() {
            return Ok(None);
        }
        match (self.engine.monitor(reference), reference.parse()) {
            (Ok(monitor), _) => Ok(Some(monitor.id)),
            (Err(_), Ok(id)) => Ok(Some(id)),
            (Err(error), Err(_)) => Err(error::status(error)),
        }
    }
}

fn note(field: &str, text: String) -> Result<String, Status> {
    if text.chars().count() > NOTE_MAX {
        let remedy = format!("use at most {NOTE_MAX} characters");
        return Err(error::invalid_field(field, "is too long", &remedy));
    }
    Ok(text.trim().to_owned())
}
