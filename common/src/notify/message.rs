//! What people are told: the facts of an event in a fixed order, before any channel dresses them.
//!
//! Rendered from the frozen body and the display names frozen beside it, so that a message that
//! waited reads as it did when it was made, whatever was edited since. The order of the facts and
//! the words of the first are the contract with their readers.
//!
//! What this module does not do: it knows neither mail nor chat; a channel adds colour and layout.

use std::collections::BTreeMap;
use std::time::Duration;

use url::Url;

use crate::duration;
use crate::name::Region;
use crate::notify::body::{Body, Data, IncidentPart, RegionsPart, SystemPart, TransitionPart};
use crate::time::Time;

mod heartbeat;

use heartbeat::of_heartbeat;

pub use super::marker::Marker;

/// A message to people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Message {
    /// How it is marked at a glance.
    pub marker: Marker,
    /// The first fact, and a mail's subject: `DOWN: api.example.com/health`.
    pub title: String,
    /// The others, in order.
    pub facts: Vec<Fact>,
    /// Where more is to be read.
    pub link: Option<String>,
}

/// One fact.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fact {
    /// What it is.
    pub label: &'static str,
    /// What it says.
    pub value: String,
}

impl Message {
    /// Renders a frozen body. `names` are the display names that the operator had set, `copy_of`
    /// the channel that could not deliver it, when this is a fallback's copy.
    #[must_use]
    pub fn render(body: &Body, names: &BTreeMap<Region, String>, copy_of: Option<&str>) -> Self {
        let data = &body.data;
        let mut message = match (&data.incident, &data.transition) {
            (Some(incident), Some(transition)) => match (&data.system, &data.heartbeat) {
                (Some(system), _) => of_system(system, incident),
                (None, Some(heartbeat)) => {
                    of_heartbeat(data, heartbeat, incident, transition, body.timestamp)
                }
                (None, None) => of_monitor(data, incident, transition, names),
            },
            _ => of_test(body.timestamp),
        };
        if let Some(step) = &data.step {
            let after = duration::format(step.after_seconds.0);
            let why = format!("nobody took it within {after} (route {})", step.route);
            message.say("Escalated", why);
        }
        if let Some(channel) = copy_of {
            message.say("Copy", format!("{channel} could not deliver this"));
        }
        message.link = data.incident.as_ref().map(|incident| incident.url.clone());
        message
    }

    /// The message as plain text: the title, a line per fact, the link.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n\n", self.title);
        for fact in &self.facts {
            text.push_str(&format!("{}: {}\n", fact.label, fact.value));
        }
        if let Some(link) = &self.link {
            text.push_str(&format!("\n{link}\n"));
        }
        text
    }

    fn new(marker: Marker, title: String) -> Self {
        Self {
            marker,
            title,
            facts: Vec::new(),
            link: None,
        }
    }

    /// Adds a fact that has something to say.
    fn say(&mut self, label: &'static str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.facts.push(Fact { label, value });
        }
    }
}

fn of_test(at: Time) -> Message {
    let title = "TEST: Vigilmon reaches you on this channel".to_owned();
    let mut message = Message::new(Marker::Grey, title);
    message.say("Sent", moment(at));
    message
}

fn of_system(system: &SystemPart, incident: &IncidentPart) -> Message {
    let mut message = match incident.duration_seconds {
        None => Message::new(Marker::Red, format!("SYSTEM: {}", system.summary)),
        Some(lasted) => {
            let title = format!("SYSTEM RESOLVED: {}", system.summary);
            let mut message = Message::new(Marker::Green, title);
            message.say("Lasted", span(lasted.0));
            message
        }
    };
    message.say("Affects", system.affected.join(", "));
    message.say("Started", moment(incident.started_at));
    message
}

fn of_monitor(
    data: &Data,
    incident: &IncidentPart,
    transition: &TransitionPart,
    names: &BTreeMap<Region, String>,
) -> Message {
    let target = shown_target(data);
    let regions = data.regions.clone().unwrap_or_default();
    if transition.kind == "resolved" {
        return of_end(&target, incident, transition, &regions, names);
    }
    let is_regional = incident.scope == "regional";
    let (marker, word) = match transition.kind.as_str() {
        "acknowledged" => (Marker::Grey, "ACKNOWLEDGED"),
        "commented" => (Marker::Grey, "COMMENT"),
        "flapping" => (Marker::Yellow, "FLAPPING"),
        _ if is_regional => (Marker::Yellow, "REGIONAL"),
        _ => (Marker::Red, "DOWN"),
    };
    let mut message = Message::new(marker, format!("{word}: {target}"));
    message.say("By", transition.by.clone().unwrap_or_default());
    message.say("Note", transition.note.clone());
    match transition.kind.as_str() {
        "widened" => message.say("Change", "was regional until now"),
        "narrowed" => message.say("Change", "the other regions see it up again"),
        _ => {}
    }
    message.say("Reason", reason(data));
    let failing = listed(&regions.failing, &regions, names);
    message.say("Failing", failing);
    message.say("Started", moment(incident.started_at));
    message
}

fn of_end(
    target: &str,
    incident: &IncidentPart,
    transition: &TransitionPart,
    regions: &RegionsPart,
    names: &BTreeMap<Region, String>,
) -> Message {
    let how = match incident.resolution.as_deref() {
        Some("recovered") | None => None,
        Some("refuted") => Some("the other regions see it up"),
        Some("unobserved") => Some("the regions that saw it fail fell silent; none saw it up"),
        Some("forced") => Some("by hand, while it was still down"),
        Some("paused") => Some("the monitor was paused"),
        Some("removed") => Some("the monitor was removed"),
        Some("reassigned") => Some("the monitor or its regions were changed"),
        Some(other) => Some(other),
    };
    let is_up = matches!(
        incident.resolution.as_deref(),
        Some("recovered" | "refuted") | None
    );
    let mut message = if is_up {
        Message::new(Marker::Green, format!("UP: {target}"))
    } else {
        Message::new(Marker::Grey, format!("CLOSED: {target}"))
    };
    let lasted = incident
        .duration_seconds
        .map(|s| span(s.0))
        .unwrap_or_default();
    match incident.scope.as_str() {
        "regional" => message.say("Failed in part for", lasted),
        _ => message.say("Down for", lasted),
    }
    message.say("Closed", how.unwrap_or_default());
    message.say("By", transition.by.clone().unwrap_or_default());
    message.say("Regions", listed(&regions.passing, regions, names));
    message.say("Started", moment(incident.started_at));
    message
}

/// `api.example.com/health`: host, port if not the scheme's own, path; then the monitor's name
/// when that differs. No user and no query.
fn shown_target(data: &Data) -> String {
    let Some(monitor) = &data.monitor else {
        return String::new();
    };
    let target = monitor.target.as_deref().map(without_query);
    match target {
        Some(target) if target == monitor.name => target,
        Some(target) => format!("{target} ({})", monitor.name),
        None => monitor.name.clone(),
    }
}

fn without_query(target: &str) -> String {
    let Ok(url) = Url::parse(target) else {
        return target.to_owned();
    };
    let Some(host) = url.host_str() else {
        return target.to_owned();
    };
    let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
    let path = if url.path() == "/" { "" } else { url.path() };
    format!("{host}{port}{path}")
}

fn reason(data: &Data) -> String {
    match &data.reason {
        Some(reason) if reason.text.is_empty() => reason.code.clone(),
        Some(reason) => reason.text.clone(),
        None => String::new(),
    }
}

/// `US-East, EU-West — 2 of 3`.
fn listed(ids: &[String], regions: &RegionsPart, names: &BTreeMap<Region, String>) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let name = |id: &String| match Region::parse(id) {
        Ok(region) => names
            .get(&region)
            .cloned()
            .unwrap_or_else(|| region.display_name()),
        Err(_) => id.clone(),
    };
    let shown: Vec<String> = ids.iter().map(name).collect();
    format!(
        "{} — {} of {}",
        shown.join(", "),
        ids.len(),
        regions.assigned
    )
}

/// `2026-03-01 10:02:03 UTC`.
fn moment(at: Time) -> String {
    let text = at.to_rfc3339();
    match text.split_once('T') {
        Some((day, clock)) => {
            let seconds = clock.split('.').next().unwrap_or(clock);
            format!("{day} {seconds} UTC")
        }
        None => text,
    }
}

/// The two largest units of a span: `4m 12s`, `2h 3m`, `12s`.
fn span(span: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let total = span.as_secs();
    if total == 0 {
        return "less than 1s".to_owned();
    }
    let mut rest = total;
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        if rest >= size {
            parts.push(format!("{}{unit}", rest / size));
            rest %= size;
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.truncate(2);
    parts.join(" ")
}

#[cfg(test)]
mod tests;
