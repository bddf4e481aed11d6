//! The plan: what has to be saved and removed so that the configuration is as wanted.
//!
//! Everything is checked against what will exist afterwards, so that objects of one configuration
//! may name each other in any order. An object that is wrong still counts as existing: nobody
//! wants to read that a route's channel does not exist because its URL has a typo.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vigilmon_common::address::AddressPolicy;
use vigilmon_common::heartbeat::{Heartbeat, PingToken};
use vigilmon_common::id::{ChannelId, RouteId};
use vigilmon_common::monitor::Monitor;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::notify::channel::{Channel, ChannelKind, Route, check_fallback};
use vigilmon_common::problem::Problems;
use vigilmon_common::time::Time;
use vigilmon_runtime::random;

use self::watched::Watched;
use super::{Configuration, Wanted, WantedChannel, WantedRegion};
use crate::engine::fleet::{RouteDraft, RouteNames, check_route};
use crate::store::RegionRecord;

mod watched;

/// Longest name of a region for people.
const DISPLAY_NAME_MAX: usize = 100;

/// Something that is saved: as it was, if it was there, and as it is to be.
#[derive(Clone, Debug)]
pub struct Save<T> {
    /// As it was; `None`: it is new.
    pub former: Option<T>,
    /// As it is to be.
    pub now: T,
}

/// What has to be done. Objects that stay as they are only count.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The mark of what it was made on.
    pub etag: String,
    /// Regions to save.
    pub regions: Vec<Save<RegionRecord>>,
    /// Channels to save.
    pub channels: Vec<Save<Channel>>,
    /// Routes to save.
    pub routes: Vec<Save<Route>>,
    /// Monitors to save.
    pub monitors: Vec<Save<Arc<Monitor>>>,
    /// Monitors to remove.
    pub gone: Vec<Arc<Monitor>>,
    /// Heartbeats to save.
    pub heartbeats: Vec<Save<Arc<Heartbeat>>>,
    /// Heartbeats to remove.
    pub gone_heartbeats: Vec<Arc<Heartbeat>>,
    /// How many objects were named that stay as they are.
    pub unchanged: usize,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
            && self.channels.is_empty()
            && self.routes.is_empty()
            && self.monitors.is_empty()
            && self.gone.is_empty()
            && self.heartbeats.is_empty()
            && self.gone_heartbeats.is_empty()
    }
}

/// What a plan is made on.
pub(crate) struct Ground<'a> {
    /// What exists.
    pub(crate) on: &'a Configuration,
    /// What agents may reach.
    pub(crate) addresses: Option<&'a AddressPolicy>,
    /// When.
    pub(crate) now: Time,
    /// Makes the token of a new heartbeat.
    pub(crate) new_token: &'a dyn Fn() -> PingToken,
}

/// Makes the plan, or says everything that is wrong, by `list[index].field`; `noted` was found
/// before.
pub(crate) fn plan(
    ground: &Ground<'_>,
    wanted: &Wanted,
    noted: Problems,
) -> Result<Plan, Problems> {
    let mut planner = Planner {
        ground,
        out: Plan {
            etag: ground.on.etag.clone(),
            ..Plan::default()
        },
        noted: noted.as_slice().iter().map(|p| p.field.clone()).collect(),
        problems: noted,
    };
    let regions = planner.regions(&wanted.regions);
    let channels = planner.channels(&wanted.channels);
    let watched = planner.watched(wanted, &regions, &channels);
    planner.routes(&wanted.routes, &channels, &watched);
    planner.problems.or(planner.out)
}

struct Planner<'a> {
    ground: &'a Ground<'a>,
    out: Plan,
    problems: Problems,
    /// Fields that were found wrong before; what follows from that is not said too.
    noted: BTreeSet<String>,
}

/// Channels as they will be: by name to be found, by id to follow fallbacks.
struct Channels {
    names: BTreeMap<Name, ChannelId>,
    all: BTreeMap<ChannelId, Channel>,
}

/// Names that routes may use.
struct Names<'a> {
    channels: &'a Channels,
    watched: &'a Watched,
}

impl RouteNames for Names<'_> {
    fn monitor(&self, reference: &str) -> Option<Name> {
        self.watched.find(reference)
    }

    fn channel(&self, reference: &str) -> Option<ChannelId> {
        self.channels.find(reference)
    }
}

impl Channels {
    fn find(&self, reference: &str) -> Option<ChannelId> {
        let id = reference.parse().ok();
        id.filter(|id| self.all.contains_key(id))
            .or_else(|| self.names.get(&Name::parse(reference).ok()?).copied())
    }
}

impl Planner<'_> {
    fn regions(&mut self, wanted: &[WantedRegion]) -> Vec<Region> {
        let existing = &self.ground.on.regions;
        let mut known: BTreeSet<Region> = existing.keys().cloned().collect();
        let mut seen = BTreeSet::new();
        for (index, one) in wanted.iter().enumerate() {
            let at = format!("regions[{index}]");
            let region = match Region::parse(&one.name) {
                Ok(region) => region,
                Err(error) => {
                    let message = format!("`{}` cannot be a region", cut(&one.name));
                    self.problems
                        .add(format!("{at}.name"), message, error.to_string());
                    continue;
                }
            };
            if one.display_name.chars().count() > DISPLAY_NAME_MAX
                || one.display_name.chars().any(char::is_control)
            {
                let remedy = format!("use at most {DISPLAY_NAME_MAX} characters in one line");
                let field = format!("{at}.display_name");
                self.problems.add(field, "cannot be shown", remedy);
            }
            known.insert(region.clone());
            if !seen.insert(region.clone()) {
                self.twice(&at, region.as_str());
                continue;
            }
            let former = existing.get(&region).cloned();
            let record = RegionRecord {
                region,
                display_name: Some(one.display_name.clone()).filter(|name| !name.is_empty()),
                created_at: former.as_ref().map_or(self.ground.now, |f| f.created_at),
            };
            if former.as_ref() == Some(&record) {
                self.out.unchanged += 1;
            } else {
                self.out.regions.push(Save {
                    former,
                    now: record,
                });
            }
        }
        known.into_iter().collect()
    }

    fn channels(&mut self, wanted: &[WantedChannel]) -> Channels {
        let existing = &self.ground.on.channels;
        let mut channels = Channels {
            names: existing.values().map(|c| (c.name.clone(), c.id)).collect(),
            all: existing.clone(),
        };
        let mut seen = BTreeSet::new();
        let mut drafts: Vec<(usize, ChannelId)> = Vec::new();
        for (index, one) in wanted.iter().enumerate() {
            let at = format!("channels[{index}]");
            let Some(name) = self.name(&at, &one.name) else {
                continue;
            };
            if !seen.insert(name.clone()) {
                self.twice(&at, name.as_str());
                continue;
            }
            let id = channels.names.get(&name).copied();
            let id = id.unwrap_or_else(|| self.new_id(ChannelId::new));
            let former = existing.get(&id);
            let channel = Channel {
                id,
                name: name.clone(),
                // One that is wrong is never saved; it stands for its name.
                kind: one.kind.clone().unwrap_or(ChannelKind::Inbox),
                fallback: None,
                disabled: former.and_then(|f| f.disabled.clone()),
                created_at: former.map_or(self.ground.now, |f| f.created_at),
                version: former.map_or(1, |f| f.version),
            };
            channels.names.insert(name, id);
            channels.all.insert(id, channel);
            drafts.push((index, id));
        }
        self.fallbacks(wanted, &drafts, &mut channels);
        for (_, id) in drafts {
            self.save_channel(channels.all.get_mut(&id));
        }
        channels
    }

    /// Fallbacks are looked up when all names are known, and judged when all are set.
    fn fallbacks(
        &mut self,
        wanted: &[WantedChannel],
        drafts: &[(usize, ChannelId)],
        channels: &mut Channels,
    ) {
        for &(index, id) in drafts {
            let reference = wanted[index].fallback.as_str();
            let found = channels.find(reference);
            if !reference.is_empty() && found.is_none() {
                self.problems.add_dangling(
                    format!("channels[{index}].fallback"),
                    format!("channel `{}` does not exist", cut(reference)),
                    "name one that exists or is in the configuration",
                );
            }
            if let Some(channel) = channels.all.get_mut(&id) {
                channel.fallback = found;
            }
        }
        for &(index, id) in drafts {
            let fallback = channels.all.get(&id).and_then(|c| c.fallback);
            let wrong = fallback.and_then(|f| check_fallback(id, f, &channels.all).err());
            if let Some(below) = wrong {
                self.problems
                    .extend_below(&format!("channels[{index}]"), below);
            }
        }
    }

    fn save_channel(&mut self, channel: Option<&mut Channel>) {
        let Some(channel) = channel else { return };
        let former = self.ground.on.channels.get(&channel.id).cloned();
        if former.as_ref() == Some(channel) {
            self.out.unchanged += 1;
            return;
        }
        if let Some(former) = &former {
            channel.version = former.version + 1;
            // As after any other change: what was switched off is tried again.
            channel.disabled = None;
        }
        self.out.channels.push(Save {
            former,
            now: channel.clone(),
        });
    }

    fn routes(&mut self, wanted: &[RouteDraft], channels: &Channels, watched: &Watched) {
        let names = Names { channels, watched };
        let mut seen = BTreeSet::new();
        for (index, draft) in wanted.iter().enumerate() {
            let at = format!("routes[{index}]");
            let mut route = match check_route(draft, &names) {
                Ok(route) => route,
                Err(below) => {
                    self.note_below(&at, below);
                    continue;
                }
            };
            if !seen.insert(route.name.clone()) {
                self.twice(&at, route.name.as_str());
                continue;
            }
            let mut stored = self.ground.on.routes.values();
            let former = stored.find(|r| r.name == route.name).cloned();
            if let Some(former) = &former {
                route.id = former.id;
                route.created_at = former.created_at;
                route.version = former.version;
            } else {
                route.id = self.new_id(RouteId::new);
                route.created_at = self.ground.now;
                route.version = 1;
            }
            if former.as_ref() == Some(&route) {
                self.out.unchanged += 1;
                continue;
            }
            route.version += u64::from(former.is_some());
            self.out.routes.push(Save { former, now: route });
        }
    }

    fn name(&mut self, at: &str, text: &str) -> Option<Name> {
        match Name::parse(text) {
            Ok(name) => Some(name),
            Err(error) => {
                let message = format!("`{}` cannot be a name", cut(text));
                self.problems
                    .add(format!("{at}.name"), message, error.to_string());
                None
            }
        }
    }

    fn note_below(&mut self, at: &str, below: Problems) {
        let mut all = Problems::none();
        all.extend_below(at, below);
        for problem in all.as_slice() {
            if !self.noted.contains(&problem.field) {
                self.problems.extend(problem.clone().into());
            }
        }
    }

    fn twice(&mut self, at: &str, name: &str) {
        let message = format!("`{name}` is given twice");
        self.problems
            .add(format!("{at}.name"), message, "give each name once");
    }

    fn new_id<I>(&self, make: impl FnOnce(Time, [u8; 10]) -> I) -> I {
        let (at, random) = random::for_id(self.ground.now);
        make(at, random)
    }
}

/// As much of a text as a message repeats.
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}
