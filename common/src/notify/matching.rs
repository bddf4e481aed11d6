//! Which channels the configuration picks for an incident, by which route, and what keeps a route
//! from it: the one place that compares routes with incidents.
//!
//! Planning asks it what is sent ([`crate::notify::plan`], [`crate::notify::steps`]), and people
//! ask it why ([`crate::notify::explain`]): both get the same answer.
//!
//! # The rules
//! - An absent matcher takes all, an absent scope only global incidents, an absent event list
//!   everything but system incidents.
//! - System incidents go by routes that name `system`; without such a route to every channel.
//! - While a project has no route and the monitor no `notify`, every channel gets everything of
//!   scope global. A monitor's own `notify` adds channels for scope global.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::ChannelId;
use crate::incident::{Incident, Scope, Subject};
use crate::monitor::Severity;
use crate::notify::channel::{Route, event};
use crate::notify::plan::Directory;

/// What routes compare: an incident as it stands, or one that might be.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Its severity.
    pub severity: Severity,
    /// Its scope.
    pub scope: Scope,
    /// What it is about.
    pub about: About<'a>,
}

/// What a case is about.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    /// A monitor.
    Monitor {
        /// Its name.
        name: &'a str,
        /// Its labels.
        labels: &'a BTreeMap<String, String>,
    },
    /// Vigilmon itself.
    System,
}

impl<'a> Case<'a> {
    /// An incident as it stands.
    #[must_use]
    pub const fn of(incident: &'a Incident) -> Self {
        let about = match &incident.subject {
            Subject::Monitor(facts) => About::Monitor {
                name: facts.name.as_str(),
                labels: &facts.labels,
            },
            Subject::System(_) => About::System,
        };
        Self {
            severity: incident.severity,
            scope: incident.scope,
            about,
        }
    }
}

/// What keeps a route from a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mismatch<'a> {
    /// It asks for other events: for `system` alone, or not for `system`.
    Event,
    /// It asks for other scopes.
    Scope,
    /// It asks for other severities.
    Severity,
    /// It asks for other monitors.
    Monitor,
    /// It asks for a label with this key and value.
    Label(&'a str, &'a str),
}

/// Who picks a channel.
#[derive(Clone, Copy, Debug)]
pub enum Picker<'a> {
    /// A route.
    Route(&'a Route),
    /// The monitor's own `notify`.
    Notify,
    /// The rule that holds where nothing else picks.
    Default,
}

impl<'a> Picker<'a> {
    /// The events that it asks for, of a monitor's incidents; empty means all.
    #[must_use]
    pub fn events(self) -> &'a [String] {
        match self {
            Self::Route(route) => &route.events,
            Self::Notify | Self::Default => &[],
        }
    }
}

/// A step of a route that takes a case, and one channel that it leads to.
#[derive(Clone, Copy, Debug)]
pub struct StepPick<'a> {
    /// The channel.
    pub channel: ChannelId,
    /// How long after the beginning.
    pub after: Duration,
    /// Which step of its route, from 1.
    pub number: usize,
    /// The route.
    pub route: &'a Route,
}

/// All that keeps a route from a case; empty when it takes it.
#[must_use]
pub fn mismatches<'a>(route: &'a Route, case: &Case<'_>) -> Vec<Mismatch<'a>> {
    let mut found = Vec::new();
    let names_system = route.events.iter().any(|e| e == event::SYSTEM);
    let only_system = names_system && route.events.iter().all(|e| e == event::SYSTEM);
    let (event_fits, scope_fits) = match case.about {
        About::System => (names_system, true),
        About::Monitor { .. } if route.scopes.is_empty() => {
            (!only_system, case.scope == Scope::Global)
        }
        About::Monitor { .. } => (!only_system, route.scopes.contains(&case.scope)),
    };
    if !event_fits {
        found.push(Mismatch::Event);
    }
    if !scope_fits {
        found.push(Mismatch::Scope);
    }
    if !route.severity.is_empty() && !route.severity.contains(&case.severity) {
        found.push(Mismatch::Severity);
    }
    let monitor_fits = route.monitors.is_empty()
        || match case.about {
            About::Monitor { name, .. } => route.monitors.iter().any(|m| m.as_str() == name),
            About::System => false,
        };
    if !monitor_fits {
        found.push(Mismatch::Monitor);
    }
    let has = |key: &str, value: &str| match case.about {
        About::Monitor { labels, .. } => labels.get(key).is_some_and(|v| v == value),
        About::System => false,
    };
    let missing = route.labels.iter().filter(|(key, value)| !has(key, value));
    found.extend(missing.map(|(key, value)| Mismatch::Label(key, value)));
    found
}

/// Every channel that hears of a case at once, with who picks it; a channel comes as often as it
/// is picked. `notify` is the monitor's own list.
#[must_use]
pub fn picks<'a>(
    case: &Case<'_>,
    notify: &[ChannelId],
    directory: &'a Directory,
) -> Vec<(ChannelId, Picker<'a>)> {
    let by_route = taking(case, directory).flat_map(|route| {
        let to = route.to.iter();
        to.map(move |channel| (*channel, Picker::Route(route)))
    });
    let mut picks: Vec<_> = by_route.collect();
    let everybody = || directory.channels.keys().map(|c| (*c, Picker::Default));
    match case.about {
        About::System => {
            if picks.is_empty() {
                picks.extend(everybody());
            }
        }
        About::Monitor { .. } if case.scope != Scope::Global => {}
        About::Monitor { .. } if directory.routes.is_empty() && notify.is_empty() => {
            picks.extend(everybody());
        }
        About::Monitor { .. } => picks.extend(notify.iter().map(|c| (*c, Picker::Notify))),
    }
    picks
}

/// Every step of the routes that take a case. A route that does not ask for the beginning has
/// none.
pub fn steps<'a>(
    case: &Case<'_>,
    directory: &'a Directory,
) -> impl Iterator<Item = StepPick<'a>> + use<'a> {
    let wanted = match case.about {
        About::Monitor { .. } => event::OPENED,
        About::System => event::SYSTEM,
    };
    let routes: Vec<&Route> = taking(case, directory)
        .filter(|route| asks_for(&route.events, wanted))
        .collect();
    routes.into_iter().flat_map(|route| {
        route
            .then
            .iter()
            .enumerate()
            .flat_map(move |(place, step)| {
                step.to.iter().map(move |channel| StepPick {
                    channel: *channel,
                    after: step.after,
                    number: place + 1,
                    route,
                })
            })
    })
}

fn taking<'a>(case: &Case<'_>, directory: &'a Directory) -> impl Iterator<Item = &'a Route> {
    let routes = directory.routes.values();
    routes.filter(|route| mismatches(route, case).is_empty())
}

/// Whether a list asks for an event; an empty one asks for all.
#[must_use]
pub fn asks_for(events: &[String], event: &str) -> bool {
    events.is_empty() || events.iter().any(|e| e == event)
}

/// Both lists together; an empty one asks for everything.
#[must_use]
pub fn joined(one: &[String], other: &[String]) -> Vec<String> {
    if one.is_empty() || other.is_empty() {
        return Vec::new();
    }
    let both: std::collections::BTreeSet<&String> = one.iter().chain(other).collect();
    both.into_iter().cloned().collect()
}
