//! The configuration as a whole: planned on a copy of what exists, applied by the engine.
//!
//! Drafts and secrets are read here, as for single objects: a secret that equals the stored one
//! is no change, and none is ever answered.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use prost::Message;
use tonic::{Request, Response, Status, async_trait};
use vigilmon_common::id::ChannelId;
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::{Channel, ChannelKind};
use vigilmon_common::problem::Problems;
use vigilmon_proto::convert::channel::{channel_to_wire, route_to_wire};
use vigilmon_proto::convert::heartbeat::{self, heartbeat_to_wire};
use vigilmon_proto::convert::monitor::{draft_over, monitor_to_wire};
use vigilmon_proto::limits::PAGE_BYTES;
use vigilmon_proto::v1;
use vigilmon_proto::v1::config_service_server::ConfigService;

use self::words::Words;
use super::auth::Caller;
use super::route::draft_noting;
use super::{Api, error};
use crate::engine::{
    CommandError, Configuration, Object, Plan, Wanted, WantedChannel, WantedRegion,
};
use crate::token;

mod words;

/// Most problems that one answer lists.
const PROBLEMS_MAX: usize = 10_000;

#[async_trait]
impl ConfigService for Api {
    async fn plan(
        &self,
        request: Request<v1::PlanRequest>,
    ) -> Result<Response<v1::PlanResponse>, Status> {
        let caller = Caller::editor(&request)?;
        let request = request.into_inner();
        caller.project(&request.project)?;
        let planned = self.planned(request.configuration, request.prune).await?;
        let mut answer = v1::PlanResponse {
            etag: planned.on.etag.clone(),
            ..v1::PlanResponse::default()
        };
        match planned.plan {
            Ok(plan) => {
                answer.unchanged = count(plan.unchanged);
                answer.steps = Words::of(&planned.on, &plan).steps(&plan);
            }
            Err(problems) => answer.problems = problems_to_wire(&problems),
        }
        Ok(Response::new(answer))
    }

    async fn apply(
        &self,
        request: Request<v1::ApplyRequest>,
    ) -> Result<Response<v1::ApplyResponse>, Status> {
        let caller = Caller::editor(&request)?;
        let admin = Caller::admin(&request);
        let request = request.into_inner();
        caller.project(&request.project)?;
        let planned = self.planned(request.configuration, request.prune).await?;
        if !request.etag.is_empty() && request.etag != planned.on.etag {
            return Err(error::status(CommandError::Conflict {
                object: Object::Configuration,
                reference: caller.project(&request.project)?.to_owned(),
            }));
        }
        let plan = planned.plan.map_err(|problems| error::invalid(&problems))?;
        if !plan.regions.is_empty() {
            // As with the calls that keep regions; those that stay as they are ask for nothing.
            admin?;
        }
        let answer = v1::ApplyResponse {
            unchanged: count(plan.unchanged),
            steps: Words::of(&planned.on, &plan).steps(&plan),
            secrets: planned.made,
        };
        let applied = self.engine.apply(caller.actor(), plan).await;
        applied.map_err(error::status)?;
        Ok(Response::new(answer))
    }

    type ExportStream = BoxStream<'static, Result<v1::Configuration, Status>>;

    async fn export(
        &self,
        request: Request<v1::ExportRequest>,
    ) -> Result<Response<Self::ExportStream>, Status> {
        let caller = Caller::reader(&request)?;
        let request = request.into_inner();
        let project = caller.project(&request.project)?;
        let parts = parts(&self.engine.configuration(), project);
        Ok(Response::new(stream::iter(parts).map(Ok).boxed()))
    }
}

/// A plan, and what is needed to tell of it.
struct Planned {
    on: Configuration,
    plan: Result<Plan, Problems>,
    made: Vec<v1::MadeSecret>,
}

impl Api {
    /// Thousands of drafts take a while: they are checked apart from the tasks.
    async fn planned(
        &self,
        wire: Option<v1::Configuration>,
        prune: Option<v1::Prune>,
    ) -> Result<Planned, Status> {
        let wire = wire.ok_or_else(|| error::absent("configuration"))?;
        let api = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let on = api.engine.configuration();
            let mut reading = Reading {
                api: &api,
                on: &on,
                problems: Problems::none(),
                made: Vec::new(),
            };
            let wanted = reading.wanted(wire, prune);
            let (problems, made) = (reading.problems, reading.made);
            let plan = api
                .engine
                .plan(&on, &wanted, problems, &|| token::for_pings(&api.key).1);
            Planned { on, plan, made }
        });
        work.await
            .map_err(|error| Status::internal(error.to_string()))
    }
}

/// What is wanted, as it is read from the wire.
struct Reading<'a> {
    api: &'a Api,
    on: &'a Configuration,
    problems: Problems,
    made: Vec<v1::MadeSecret>,
}

impl Reading<'_> {
    fn wanted(&mut self, wire: v1::Configuration, prune: Option<v1::Prune>) -> Wanted {
        let regions = wire.regions.into_iter().map(|region| WantedRegion {
            name: region.id,
            display_name: region.display_name,
        });
        let mut wanted = Wanted {
            regions: regions.collect(),
            prune: prune.map(|prune| prune.labels.into_iter().collect()),
            ..Wanted::default()
        };
        for (index, channel) in wire.channels.into_iter().enumerate() {
            let channel = self.channel(&format!("channels[{index}]"), channel);
            wanted.channels.push(channel);
        }
        for (index, route) in wire.routes.into_iter().enumerate() {
            let mut below = Problems::none();
            wanted.routes.push(draft_noting(route, &mut below));
            self.problems
                .extend_below(&format!("routes[{index}]"), below);
        }
        for (index, monitor) in wire.monitors.into_iter().enumerate() {
            let spec = monitor.spec.unwrap_or_default();
            let stored = Name::parse(&monitor.name)
                .ok()
                .and_then(|name| self.on.monitors.get(&name));
            let mut below = Problems::none();
            let stored = stored.map(|stored| &stored.spec);
            let draft = draft_over(&monitor.name, &spec, stored, &mut below);
            self.problems
                .extend_below(&format!("monitors[{index}]"), below);
            wanted.monitors.push(draft);
        }
        for (index, heartbeat) in wire.heartbeats.into_iter().enumerate() {
            let spec = heartbeat.spec.unwrap_or_default();
            let mut below = Problems::none();
            let draft = heartbeat::draft_over(&heartbeat.name, &spec, &mut below);
            self.problems
                .extend_below(&format!("heartbeats[{index}]"), below);
            wanted.heartbeats.push(draft);
        }
        wanted
    }

    fn channel(&mut self, at: &str, given: v1::Channel) -> WantedChannel {
        let stored = self.on.channel_named(&given.name);
        let stored = stored.map(|stored| &stored.kind);
        let mut below = Problems::none();
        let sealed = self.api.seal(given.kind.as_ref(), stored, &mut below);
        self.problems.extend_below(at, below);
        let kind = sealed.map(|sealed| {
            self.made.extend(sealed.made.map(|secret| v1::MadeSecret {
                channel: given.name.clone(),
                secret,
            }));
            match stored.filter(|stored| self.same(stored, &sealed.kind)) {
                Some(stored) => stored.clone(),
                None => sealed.kind,
            }
        });
        WantedChannel {
            name: given.name,
            kind,
            fallback: given.fallback,
        }
    }

    /// Sealing twice gives two texts: secrets are the same when they open to the same.
    fn same(&self, stored: &ChannelKind, given: &ChannelKind) -> bool {
        let same = |one, other| self.api.channels.same(one, other);
        match (stored, given) {
            (
                ChannelKind::Webhook { shown, url, secret },
                ChannelKind::Webhook {
                    shown: given_shown,
                    url: given_url,
                    secret: given_secret,
                },
            ) => shown == given_shown && same(url, given_url) && same(secret, given_secret),
            (
                ChannelKind::Slack { shown, url },
                ChannelKind::Slack {
                    shown: given_shown,
                    url: given_url,
                },
            )
            | (
                ChannelKind::Discord { shown, url },
                ChannelKind::Discord {
                    shown: given_shown,
                    url: given_url,
                },
            ) => shown == given_shown && same(url, given_url),
            (stored, given) => stored == given,
        }
    }
}

/// The configuration in parts that any client can read.
fn parts(on: &Configuration, project: &str) -> Vec<v1::Configuration> {
    let channel_name = |id: ChannelId| on.channels.get(&id).map(|channel| channel.name.clone());
    let mut channels: Vec<&Channel> = on.channels.values().collect();
    channels.sort_by(|a, b| a.name.cmp(&b.name));
    let mut routes: Vec<_> = on.routes.values().collect();
    routes.sort_by(|a, b| a.name.cmp(&b.name));
    let regions = on.regions.values().map(|region| v1::Region {
        id: region.region.to_string(),
        display_name: region.display_name.clone().unwrap_or_default(),
        ..v1::Region::default()
    });
    let first = v1::Configuration {
        regions: regions.collect(),
        channels: channels
            .into_iter()
            .map(|channel| channel_to_wire(channel, project, &channel_name))
            .collect(),
        routes: routes
            .into_iter()
            .map(|route| route_to_wire(route, project, &channel_name))
            .collect(),
        ..v1::Configuration::default()
    };
    let mut parts = Parts::of(first);
    for monitor in on.monitors.values() {
        let monitor = monitor_to_wire(monitor, project, None, &channel_name);
        parts.with_room(&monitor).monitors.push(monitor);
    }
    for heartbeat in on.heartbeats.values() {
        let heartbeat = heartbeat_to_wire(heartbeat, project, None, &channel_name);
        parts.with_room(&heartbeat).heartbeats.push(heartbeat);
    }
    parts.full.push(parts.last);
    parts.full
}

/// Parts as they fill.
struct Parts {
    full: Vec<v1::Configuration>,
    last: v1::Configuration,
    bytes: usize,
}

impl Parts {
    fn of(first: v1::Configuration) -> Self {
        Self {
            full: Vec::new(),
            bytes: first.encoded_len(),
            last: first,
        }
    }

    /// The part that has room for an object.
    fn with_room(&mut self, object: &impl Message) -> &mut v1::Configuration {
        let bytes = object.encoded_len();
        self.bytes += bytes;
        if self.bytes > PAGE_BYTES {
            self.full.push(std::mem::take(&mut self.last));
            self.bytes = bytes;
        }
        &mut self.last
    }
}

fn problems_to_wire(problems: &Problems) -> Vec<v1::ConfigProblem> {
    let all = problems.as_slice();
    let mut wire: Vec<_> = all
        .iter()
        .take(PROBLEMS_MAX)
        .map(|problem| v1::ConfigProblem {
            field: problem.field.clone(),
            message: problem.message.clone(),
            remedy: problem.remedy.clone(),
        })
        .collect();
    if all.len() > PROBLEMS_MAX {
        wire.push(v1::ConfigProblem {
            message: format!("{} more are not listed", all.len() - PROBLEMS_MAX),
            ..v1::ConfigProblem::default()
        });
    }
    wire
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
