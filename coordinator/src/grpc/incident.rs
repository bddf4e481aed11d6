//! Incidents: shown, explained, and what people do to them.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::id::{IncidentId, MonitorId};
use vigilmon_common::incident::{Incident, Subject};
use vigilmon_common::time::Time;
use vigilmon_proto::convert::incident::{Detail, incident_to_wire};
use vigilmon_proto::v1;
use vigilmon_proto::v1::incident_service_server::IncidentService;

use super::auth::Caller;
use super::{Api, error, page};
use crate::engine::{CommandError, Object};

/// Longest note and comment, in characters.
const NOTE_MAX: usize = 2000;
/// How many old incidents are read at once when one is looked for.
const SEARCH_STEP: usize = 1000;

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
        let place = page::token(&request.page_token, Place::read)?;
        let monitor = self.monitor_id(&request.monitor)?;
        let found = self
            .found(monitor, place, request.open_only, size + 1)
            .await?;
        let wire = found
            .iter()
            .map(|one| self.incident_wire(one, project, Detail::Brief));
        let (incidents, more) = page::fill(size, wire);
        let last = found.get(incidents.len().wrapping_sub(1)).filter(|_| more);
        Ok(Response::new(v1::ListIncidentsResponse {
            incidents,
            next_page_token: last.map(|one| Place::of(one).write()).unwrap_or_default(),
        }))
    }

    async fn get_incident(
        &self,
        request: Request<v1::GetIncidentRequest>,
    ) -> Result<Response<v1::Incident>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let incident = self.incident(id(&request.r#ref)?).await?;
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
        let id = id(&request.r#ref)?;
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
        let id = id(&request.r#ref)?;
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
        let id = id(&request.r#ref)?;
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
        let incident = self.incident(id(&request.r#ref)?).await?;
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

    /// One that the state still has, or an older one from the history.
    async fn incident(&self, id: IncidentId) -> Result<Arc<Incident>, Status> {
        if let Ok(found) = self.engine.incident(id) {
            return Ok(found);
        }
        let mut before = Time::FAR_FUTURE;
        loop {
            let history = &self.engine.stores().history;
            let older = history.incidents(None, before, SEARCH_STEP).await;
            let older = older.map_err(|error| error::unavailable(&error))?;
            let last = older.last().map(|one| one.decided_at);
            let full = older.len() == SEARCH_STEP;
            if let Some(found) = older.into_iter().find(|one| one.id == id) {
                return Ok(Arc::new(found));
            }
            match last {
                Some(last) if full && last < before => before = last,
                _ => return Err(error::not_found(Object::Incident, &id.to_string())),
            }
        }
    }

    /// The newest incidents behind a place, those of the state and older ones.
    async fn found(
        &self,
        monitor: Option<MonitorId>,
        place: Option<Place>,
        open_only: bool,
        limit: usize,
    ) -> Result<Vec<Arc<Incident>>, Status> {
        let mut all = self.engine.incidents(open_only);
        all.retain(|one| monitor.is_none_or(|id| is_about(one, id)));
        if !open_only {
            let before = place.map_or(Time::FAR_FUTURE, |place| place.decided);
            let older = self
                .engine
                .stores()
                .history
                .incidents(monitor, before, limit)
                .await;
            let older = older.map_err(|error| error::unavailable(&error))?;
            all.extend(older.into_iter().map(Arc::new));
        }
        all.retain(|one| place.is_none_or(|place| Place::of(one) < place));
        all.sort_by_key(|one| std::cmp::Reverse(Place::of(one)));
        // One that just moved from the state to the history may have been met in both.
        all.dedup_by_key(|one| one.id);
        all.truncate(limit);
        Ok(all)
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

/// Where an incident stands in the list.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    decided: Time,
    id: IncidentId,
}

impl Place {
    fn of(incident: &Incident) -> Self {
        Self {
            decided: incident.decided_at,
            id: incident.id,
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (decided, id) = text.strip_prefix("i:")?.split_once(':')?;
        let decided = Time::from_millis(decided.parse().ok()?);
        Some(Self {
            decided,
            id: id.parse().ok()?,
        })
    }

    fn write(self) -> String {
        format!("i:{}:{}", self.decided.as_millis(), self.id)
    }
}

fn is_about(incident: &Incident, monitor: MonitorId) -> bool {
    match &incident.subject {
        Subject::Monitor(facts) => facts.id == monitor,
        Subject::System(_) => false,
    }
}

fn id(text: &str) -> Result<IncidentId, Status> {
    text.parse()
        .map_err(|_| error::not_found(Object::Incident, text))
}

fn note(field: &str, text: String) -> Result<String, Status> {
    if text.chars().count() > NOTE_MAX {
        let remedy = format!("use at most {NOTE_MAX} characters");
        return Err(error::invalid_field(field, "is too long", &remedy));
    }
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_page_token() {
        let place = Place {
            decided: Time::from_secs(5),
            id: IncidentId::from_bytes([3; 16]),
        };
        assert_eq!(Place::read(&place.write()), Some(place));
        for bad in ["", "i:", "i:5", "i:5:x", "n:api"] {
            assert_eq!(Place::read(bad), None, "{bad}");
        }
    }
}
