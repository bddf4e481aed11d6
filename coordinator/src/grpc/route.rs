//! Routes.

use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::incident::Scope;
use vigilmon_common::notify::channel::Route;
use vigilmon_common::notify::explain::{explain, explain_heartbeat};
use vigilmon_common::problem::Problems;
use vigilmon_proto::convert::channel::route_to_wire;
use vigilmon_proto::convert::monitor::severity_from_wire;
use vigilmon_proto::convert::route::explanation_to_wire;
use vigilmon_proto::convert::span;
use vigilmon_proto::v1;
use vigilmon_proto::v1::route_service_server::RouteService;

use super::auth::Caller;
use super::{Api, error, etag, page};
use crate::engine::{Object, RouteDraft, StepDraft};

#[async_trait]
impl RouteService for Api {
    async fn list_routes(
        &self,
        request: Request<v1::ListRoutesRequest>,
    ) -> Result<Response<v1::ListRoutesResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let page = page::ByName::asked(request.page_size, &request.page_token)?;
        let directory = self.engine.directory();
        let found = page.of(directory.read().routes().values(), |one| &one.name);
        let wire = found.iter().map(|one| self.route(one, project));
        let (routes, next_page_token) = page.fill(wire, |one| &one.name);
        Ok(Response::new(v1::ListRoutesResponse {
            routes,
            next_page_token,
        }))
    }

    async fn get_route(
        &self,
        request: Request<v1::GetRouteRequest>,
    ) -> Result<Response<v1::Route>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let route = self.stored_route(&request.r#ref)?;
        Ok(Response::new(self.route(&route, project)))
    }

    async fn create_route(
        &self,
        request: Request<v1::CreateRouteRequest>,
    ) -> Result<Response<v1::Route>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let given = request.route.ok_or_else(|| error::absent("route"))?;
        let made = self
            .engine
            .save_route(caller.actor(), draft(given)?, None)
            .await;
        Ok(Response::new(
            self.route(&made.map_err(error::status)?, project),
        ))
    }

    async fn update_route(
        &self,
        request: Request<v1::UpdateRouteRequest>,
    ) -> Result<Response<v1::Route>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let given = request.route.ok_or_else(|| error::absent("route"))?;
        let stored = self.stored_route(&request.r#ref)?;
        let over = (stored.id, etag(&given.etag));
        let before = self.route(&stored, project);
        let paths = request.update_mask.unwrap_or_default().paths;
        let draft = draft(masked(before, given, &paths)?)?;
        let saved = self
            .engine
            .save_route(caller.actor(), draft, Some(over))
            .await;
        Ok(Response::new(
            self.route(&saved.map_err(error::status)?, project),
        ))
    }

    async fn delete_route(
        &self,
        request: Request<v1::DeleteRouteRequest>,
    ) -> Result<Response<()>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let stored = self.stored_route(&request.r#ref)?;
        error::same_version(&request.etag, stored.version, Object::Route, &request.r#ref)?;
        let removed = self
            .engine
            .remove_route(caller.actor(), &stored.id.to_string())
            .await;
        removed.map(Response::new).map_err(error::status)
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let directory = self.engine.notify_directory();
        // Monitors and heartbeats share one name space.
        let (name, explanations) = match self.engine.heartbeat(&request.monitor) {
            Ok(heartbeat) => {
                let explanations = explain_heartbeat(&heartbeat, &directory);
                (heartbeat.spec.name.to_string(), explanations)
            }
            Err(_) => {
                let monitor = self.engine.monitor(&request.monitor);
                let monitor = monitor.map_err(error::status)?;
                (monitor.spec.name.to_string(), explain(&monitor, &directory))
            }
        };
        let explanations = explanations.iter();
        Ok(Response::new(v1::ExplainResponse {
            monitor: name,
            explanations: explanations
                .map(|one| explanation_to_wire(one, &directory))
                .collect(),
        }))
    }
}

impl Api {
    pub(super) fn route(&self, route: &Route, project: &str) -> v1::Route {
        route_to_wire(route, project, &|id| self.channel_name(id))
    }

    fn stored_route(&self, reference: &str) -> Result<Route, Status> {
        let directory = self.engine.directory().read();
        let found = directory.route(reference).cloned();
        found.ok_or_else(|| error::not_found(Object::Route, reference))
    }
}

/// What is stored with the fields replaced that a mask names, or all that can be when it names
/// none.
fn masked(mut stored: v1::Route, given: v1::Route, paths: &[String]) -> Result<v1::Route, Status> {
    if paths.is_empty() {
        let name = if given.name.is_empty() {
            stored.name
        } else {
            given.name.clone()
        };
        return Ok(v1::Route { name, ..given });
    }
    for path in paths {
        match path.as_str() {
            "name" => stored.name.clone_from(&given.name),
            "severities" => stored.severities.clone_from(&given.severities),
            "labels" => stored.labels.clone_from(&given.labels),
            "monitors" => stored.monitors.clone_from(&given.monitors),
            "events" => stored.events.clone_from(&given.events),
            "scopes" => stored.scopes.clone_from(&given.scopes),
            "to" => stored.to.clone_from(&given.to),
            "then" => stored.then.clone_from(&given.then),
            _ => {
                let remedy = "name, severities, labels, monitors, events, scopes, to, then";
                return Err(error::invalid_field(
                    "update_mask",
                    "names no field",
                    remedy,
                ));
            }
        }
    }
    Ok(stored)
}

fn draft(wire: v1::Route) -> Result<RouteDraft, Status> {
    let mut problems = Problems::none();
    let draft = draft_noting(wire, &mut problems);
    problems
        .or(draft)
        .map_err(|problems| error::invalid(&problems))
}

/// The draft that came. What has no form in a draft is noted.
pub(super) fn draft_noting(wire: v1::Route, problems: &mut Problems) -> RouteDraft {
    let mut severity = Vec::new();
    for one in &wire.severities {
        match severity_from_wire("severity", *one, problems) {
            Some(word) => severity.push(word),
            None if *one == 0 => problems.add("severity", "an empty value", "leave it out"),
            None => {}
        }
    }
    let mut scopes = Vec::new();
    for one in &wire.scopes {
        match v1::Scope::try_from(*one)
            .ok()
            .and_then(|scope| Scope::try_from(scope).ok())
        {
            Some(scope) => scopes.push(scope.to_string()),
            None => {
                let message = format!("this version does not know the value {one}");
                problems.add("scope", message, "give global or regional");
            }
        }
    }
    let then = steps(wire.then, problems);
    RouteDraft {
        name: wire.name,
        severity,
        labels: wire.labels.into_iter().collect(),
        monitors: wire.monitors,
        events: wire.events,
        scopes,
        to: wire.to,
        then,
    }
}

fn steps(wire: Vec<v1::RouteStep>, problems: &mut Problems) -> Vec<StepDraft> {
    let mut step = |step: v1::RouteStep| {
        let after = step.after.as_ref().and_then(span);
        if after.is_none() {
            problems.add("then", "a step without a time", "give `after`, such as 5m");
        }
        StepDraft {
            after: after.unwrap_or_default(),
            to: step.to,
        }
    };
    wire.into_iter().map(&mut step).collect()
}
