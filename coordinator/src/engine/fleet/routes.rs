//! Commands on routes.

use std::collections::BTreeMap;
use std::time::Duration;

use vigilmon_common::id::{ChannelId, RouteId};
use vigilmon_common::incident::Scope;
use vigilmon_common::monitor::Severity;
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::{Route, Step, event};
use vigilmon_common::notify::steps;
use vigilmon_common::problem::Problems;
use vigilmon_runtime::random;

use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, CommandError, Object, same_version};
use crate::engine::directory::Directory;
use crate::engine::handle::not_found;
use crate::store::Change;

/// A route as a user gives it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RouteDraft {
    /// Its name.
    pub name: String,
    /// Severities by word; empty: all.
    pub severity: Vec<String>,
    /// Labels that a monitor must have.
    pub labels: BTreeMap<String, String>,
    /// Monitors by name; empty: all.
    pub monitors: Vec<String>,
    /// Events by word; empty: all but `system`.
    pub events: Vec<String>,
    /// Scopes by word; empty: `global`.
    pub scopes: Vec<String>,
    /// Channels by name or id; at least one.
    pub to: Vec<String>,
    /// Who hears of it later, in the order of time.
    pub then: Vec<StepDraft>,
}

/// A step of a route as a user gives it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StepDraft {
    /// How long after the incident began.
    pub after: Duration,
    /// Channels by name or id; at least one.
    pub to: Vec<String>,
}

impl Fleet {
    pub(super) async fn save_route(
        &mut self,
        by: &Actor,
        draft: RouteDraft,
        over: Option<(RouteId, Option<u64>)>,
    ) -> Result<Route, Failure> {
        let now = self.env.clock.now();
        let mut route = check(&draft, &*self.directory.read())?;
        let former = match over {
            None => None,
            Some((id, etag)) => Some(self.find_route(id, etag)?),
        };
        let named = self
            .directory
            .read()
            .route(route.name.as_str())
            .map(|r| r.id);
        if named.is_some() && named != former.as_ref().map(|f| f.id) {
            return Err(taken(&route.name).into());
        }
        let (at, random) = random::for_id(now);
        route.id = former
            .as_ref()
            .map_or_else(|| RouteId::new(at, random), |f| f.id);
        route.created_at = former.as_ref().map_or(now, |f| f.created_at);
        route.version = former.as_ref().map_or(1, |f| f.version + 1);
        let action = if former.is_some() {
            "route.update"
        } else {
            "route.create"
        };
        let object = format!("route {}", route.id);
        let changes = vec![
            Change::PutRoute(Box::new(route.clone())),
            audit::entry(by, action, &object, route.name.as_str(), "", now),
        ];
        self.commit(changes).await?;
        self.directory.write().put_route(route.clone());
        self.publish_directory();
        Ok(route)
    }

    pub(super) async fn remove_route(
        &mut self,
        by: &Actor,
        reference: &str,
    ) -> Result<(), Failure> {
        let found = self.directory.read().route(reference).cloned();
        let route = found.ok_or_else(|| not_found(Object::Route, reference))?;
        let now = self.env.clock.now();
        let object = format!("route {}", route.id);
        let changes = vec![
            Change::RemoveRoute(route.id),
            audit::entry(by, "route.remove", &object, route.name.as_str(), "", now),
        ];
        self.commit(changes).await?;
        self.directory.write().remove_route(route.id);
        self.publish_directory();
        Ok(())
    }

    fn find_route(&self, id: RouteId, etag: Option<u64>) -> Result<Route, CommandError> {
        let found = self.directory.read().routes().get(&id).cloned();
        let found = found.ok_or_else(|| not_found(Object::Route, &id.to_string()))?;
        same_version(etag, found.version, Object::Route, found.name.as_str())?;
        Ok(found)
    }
}

fn taken(name: &Name) -> CommandError {
    CommandError::Exists {
        object: Object::Route,
        name: name.as_str().to_owned(),
    }
}

/// The names that a route may use.
pub(crate) trait RouteNames {
    /// The name of the monitor or heartbeat that a name or id means.
    fn monitor(&self, reference: &str) -> Option<Name>;

    /// The id of the channel that a name or id means.
    fn channel(&self, reference: &str) -> Option<ChannelId>;
}

impl RouteNames for Directory {
    fn monitor(&self, reference: &str) -> Option<Name> {
        self.watched_name(reference).cloned()
    }

    fn channel(&self, reference: &str) -> Option<ChannelId> {
        Self::channel(self, reference).map(|channel| channel.id)
    }
}

/// Checks everything at once. Id, time and version are the caller's.
pub(crate) fn check(draft: &RouteDraft, names: &impl RouteNames) -> Result<Route, Problems> {
    let mut problems = Problems::none();
    let name = Name::parse(&draft.name);
    if let Err(error) = &name {
        problems.add(
            "name",
            format!("`{}` is no name", draft.name),
            error.to_string(),
        );
    }
    let severity = words::<Severity>("severity", &draft.severity, &mut problems);
    let scopes = words::<Scope>("scope", &draft.scopes, &mut problems);
    for event in draft
        .events
        .iter()
        .filter(|e| !event::ALL.contains(&e.as_str()))
    {
        problems.add(
            "event",
            format!("`{event}` is no event"),
            format!("use {}", event::ALL.join(", ")),
        );
    }
    let monitors = monitors(&draft.monitors, names, &mut problems);
    if draft.to.is_empty() {
        problems.add("to", "a route needs at least one channel", "name a channel");
    }
    let to = channels("to", &draft.to, names, &mut problems);
    let then = steps_of(draft, &to, names, &mut problems);
    let Ok(name) = name else { return Err(problems) };
    problems.or(Route {
        id: RouteId::from_bytes([0; 16]),
        name,
        severity,
        labels: draft.labels.clone(),
        monitors,
        events: draft.events.clone(),
        scopes,
        to,
        then,
        created_at: vigilmon_common::time::Time::EPOCH,
        version: 0,
    })
}

fn words<T>(field: &str, given: &[String], problems: &mut Problems) -> Vec<T>
where
    T: std::str::FromStr<Err = vigilmon_common::monitor::InvalidWord>,
{
    let mut found = Vec::new();
    for word in given {
        match word.parse::<T>() {
            Ok(value) => found.push(value),
            Err(error) => problems.add(field, error.to_string(), ""),
        }
    }
    found
}

fn monitors(given: &[String], names: &impl RouteNames, problems: &mut Problems) -> Vec<Name> {
    let mut found = Vec::new();
    for reference in given {
        match names.monitor(reference) {
            Some(monitor) => found.push(monitor),
            None => problems.add_dangling(
                "monitor",
                format!("monitor `{reference}` does not exist"),
                "add it first, or leave the matcher out",
            ),
        }
    }
    found
}

fn steps_of(
    draft: &RouteDraft,
    to: &[ChannelId],
    names: &impl RouteNames,
    problems: &mut Problems,
) -> Vec<Step> {
    let step = |step: &StepDraft| Step {
        after: step.after,
        to: channels("then", &step.to, names, problems),
    };
    let then: Vec<Step> = draft.then.iter().map(step).collect();
    let as_given = |id| {
        let mut given = draft.then.iter().flat_map(|step| &step.to);
        let given = given.find(|reference| names.channel(reference) == Some(id));
        given.cloned().unwrap_or_default()
    };
    steps::check(&then, to, &draft.events, &as_given, problems);
    then
}

fn channels(
    field: &str,
    given: &[String],
    names: &impl RouteNames,
    problems: &mut Problems,
) -> Vec<ChannelId> {
    let mut found = Vec::new();
    for reference in given {
        match names.channel(reference) {
            Some(channel) if found.contains(&channel) => {}
            Some(channel) => found.push(channel),
            None => problems.add_dangling(
                field,
                format!("channel `{reference}` does not exist"),
                "add it first with `vigilmon channel add`",
            ),
        }
    }
    found
}
