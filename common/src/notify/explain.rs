//! Who would hear of a monitor's incidents, and why; which routes pass them by, and why.
//!
//! Made from the same comparison that sends ([`crate::notify::matching`]), so it cannot say
//! anything else than what happens.

use std::time::Duration;

use crate::heartbeat::Heartbeat;
use crate::id::{ChannelId, RouteId};
use crate::incident::Scope;
use crate::monitor::{Monitor, Severity};
use crate::notify::channel::{Route, event};
use crate::notify::matching::{About, Case, Mismatch, Picker, asks_for, joined, mismatches, picks};
use crate::notify::plan::Directory;
use crate::notify::steps;

/// What becomes of a monitor's incidents of one scope.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// The scope.
    pub scope: Scope,
    /// The severity that its incidents have.
    pub severity: Severity,
    /// Who hears of them: at once first, then by steps, the earliest first.
    pub heard: Vec<Heard>,
    /// The routes that do not take them, by name.
    pub passed: Vec<Passed>,
}

/// A channel that hears of incidents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Heard {
    /// The channel.
    pub channel: ChannelId,
    /// How long after the beginning, unless somebody takes the incident; `None`: at once.
    pub after: Option<Duration>,
    /// Who picks it.
    pub by: Vec<By>,
    /// The events that it hears of; empty: all.
    pub events: Vec<String>,
}

/// Who picks a channel.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum By {
    /// A route.
    Route(RouteId),
    /// A step of a route, from 1.
    Step(RouteId, usize),
    /// The monitor's own `notify`.
    Notify,
    /// That there is no route, and no `notify`.
    Default,
}

/// A route that passes incidents by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Passed {
    /// The route.
    pub route: RouteId,
    /// Why, one line for each matcher that does not fit.
    pub because: Vec<Because>,
}

/// Why a route passes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Because {
    /// The matcher, as the flag is called.
    pub matcher: &'static str,
    /// What it wants and what is.
    pub text: String,
}

/// Explains a monitor's global incidents, then its regional ones where it has any.
#[must_use]
pub fn explain(monitor: &Monitor, directory: &Directory) -> Vec<Explanation> {
    let mut scopes = vec![(Scope::Global, monitor.spec.severity)];
    if monitor.spec.has_regional_incidents() {
        scopes.push((Scope::Regional, monitor.spec.severity.lower()));
    }
    let about = About::Monitor {
        name: monitor.spec.name.as_str(),
        labels: &monitor.spec.labels,
    };
    let cases = scopes.into_iter().map(|(scope, severity)| Case {
        severity,
        scope,
        about,
    });
    let of = |case| of_case(&case, &monitor.spec.notify, directory);
    cases.map(of).collect()
}

/// Explains a heartbeat's incidents: all of them are global.
#[must_use]
pub fn explain_heartbeat(heartbeat: &Heartbeat, directory: &Directory) -> Vec<Explanation> {
    let spec = &heartbeat.spec;
    let case = Case {
        severity: spec.severity,
        scope: Scope::Global,
        about: About::Monitor {
            name: spec.name.as_str(),
            labels: &spec.labels,
        },
    };
    vec![of_case(&case, &spec.notify, directory)]
}

fn of_case(case: &Case<'_>, notify: &[ChannelId], directory: &Directory) -> Explanation {
    let mut heard = at_once(case, notify, directory);
    heard.extend(later(case, &heard, directory));
    let mut routes: Vec<&Route> = directory.routes.values().collect();
    routes.sort_by(|a, b| a.name.cmp(&b.name));
    let passed = routes.into_iter().filter_map(|route| {
        let because: Vec<Because> = mismatches(route, case)
            .into_iter()
            .map(|mismatch| because(route, case, mismatch))
            .collect();
        (!because.is_empty()).then_some(Passed {
            route: route.id,
            because,
        })
    });
    Explanation {
        scope: case.scope,
        severity: case.severity,
        passed: passed.collect(),
        heard,
    }
}

fn at_once(case: &Case<'_>, notify: &[ChannelId], directory: &Directory) -> Vec<Heard> {
    let mut heard: Vec<Heard> = Vec::new();
    for (channel, picker) in picks(case, notify, directory) {
        if !directory.channels.contains_key(&channel) {
            continue;
        }
        let by = match picker {
            Picker::Route(route) => By::Route(route.id),
            Picker::Notify => By::Notify,
            Picker::Default => By::Default,
        };
        match heard.iter_mut().find(|h| h.channel == channel) {
            Some(known) => {
                known.by.push(by);
                known.events = joined(&known.events, picker.events());
            }
            None => heard.push(Heard {
                channel,
                after: None,
                by: vec![by],
                events: picker.events().to_vec(),
            }),
        }
    }
    heard
}

fn later(case: &Case<'_>, at_once: &[Heard], directory: &Directory) -> Vec<Heard> {
    let is_told = |channel| {
        let mut heard = at_once.iter().filter(|h| h.channel == channel);
        heard.any(|h| tells_beginning(&h.events))
    };
    let wanted = steps::wanted(case, directory, is_told);
    let mut later: Vec<Heard> = wanted
        .into_iter()
        .map(|(channel, wanted)| Heard {
            channel,
            after: Some(wanted.first.after),
            by: vec![By::Step(wanted.first.route.id, wanted.first.number)],
            events: wanted.events,
        })
        .collect();
    later.sort_by_key(|heard| heard.after);
    later
}

/// Whether a channel that asks for this is told of an incident before it ends; if so no step
/// tells it.
fn tells_beginning(events: &[String]) -> bool {
    asks_for(events, event::OPENED) || asks_for(events, event::UPDATED)
}

fn because(route: &Route, case: &Case<'_>, mismatch: Mismatch<'_>) -> Because {
    let (matcher, text) = match mismatch {
        Mismatch::Event => ("event", "it takes system incidents alone".to_owned()),
        Mismatch::Scope => {
            let wanted = match route.scopes.as_slice() {
                [] => Scope::Global.to_string(),
                scopes => list(scopes),
            };
            (
                "scope",
                format!("it takes {wanted}, this is {}", case.scope),
            )
        }
        Mismatch::Severity => {
            let wanted = list(&route.severity);
            let text = format!("it takes {wanted}, this is {}", case.severity);
            ("severity", text)
        }
        Mismatch::Monitor => ("monitor", format!("it takes {}", list(&route.monitors))),
        Mismatch::Label(key, value) => {
            let has = match case.about {
                About::Monitor { labels, .. } => labels.get(key),
                About::System => None,
            };
            let has = has.map_or_else(
                || "the monitor has none".to_owned(),
                |has| format!("the monitor has {key}={has}"),
            );
            ("label", format!("it wants {key}={value}, {has}"))
        }
    };
    Because { matcher, text }
}

fn list<T: ToString>(of: &[T]) -> String {
    let words: Vec<String> = of.iter().map(ToString::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests;
