//! The webhook body: what a machine is told of a transition, frozen when the row is made.
//!
//! The shape and the order of its fields are the contract with receivers. Every
//! time in it is absolute, so that a body says the same on its last attempt as on its first.
//! Messages to people are rendered from the same body ([`crate::notify::message`]): what an
//! operator edits later does not change what was said.
//!
//! What this module does not do: it decides neither whether an event is sent nor to whom.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::incident::{Evidence, Incident, Standing, Subject, Transition, TransitionKind};
use crate::time::Time;

mod heartbeat;

pub use heartbeat::HeartbeatPart;

/// An event as receivers of webhooks get it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Body {
    /// What happened: `incident.opened`, `system.resolved`, `test` …
    #[serde(rename = "type")]
    pub event: String,
    /// When it was decided.
    pub timestamp: Time,
    /// What it happened to.
    pub data: Data,
}

/// What an event is about. A `test` is about nothing.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Data {
    /// The incident after the transition.
    pub incident: Option<IncidentPart>,
    /// What changed it.
    pub transition: Option<TransitionPart>,
    /// The monitor as it was when the incident opened; `null` for system incidents.
    pub monitor: Option<MonitorPart>,
    /// The first deciding reason.
    pub reason: Option<ReasonPart>,
    /// How the assigned regions stood; `null` for system incidents.
    pub regions: Option<RegionsPart>,
    /// The heartbeat's own facts, of heartbeats alone.
    pub heartbeat: Option<HeartbeatPart>,
    /// The step of a route that tells this channel, present where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepPart>,
    /// The cause within Vigilmon, present in `system.*` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<SystemPart>,
}

/// An incident within an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of `Incident`, and receivers rely on them"
)]
pub struct IncidentPart {
    pub id: String,
    pub scope: String,
    pub severity: String,
    pub status: String,
    pub started_at: Time,
    pub decided_at: Time,
    pub ended_at: Option<Time>,
    pub resolved_at: Option<Time>,
    pub duration_seconds: Option<Seconds>,
    pub resolution: Option<String>,
    pub url: String,
}

/// A transition within an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of `Transition`, and receivers rely on them"
)]
pub struct TransitionPart {
    pub seq: u32,
    pub kind: String,
    pub at: Time,
    pub by: Option<String>,
    /// What somebody said; present only where somebody did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A monitor within an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of `MonitorFacts`, and receivers rely on them"
)]
pub struct MonitorPart {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub target: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// A reason within an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are those of `Reason`, and receivers rely on them"
)]
pub struct ReasonPart {
    pub code: String,
    pub text: String,
    pub status_code: Option<u16>,
}

/// Every assigned region, by id, in exactly one of the four lists.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the lists are the variants of `Standing`, and receivers rely on them"
)]
pub struct RegionsPart {
    pub failing: Vec<String>,
    pub passing: Vec<String>,
    pub stale: Vec<String>,
    pub abstaining: Vec<String>,
    /// How many must agree.
    pub required: u8,
    /// How many there are.
    pub assigned: usize,
}

/// Why a channel hears of an incident later than others: nobody has taken it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of a route's step")]
pub struct StepPart {
    pub route: String,
    /// Which step of the route, from 1.
    pub number: usize,
    /// How long after the incident began, or became global.
    pub after_seconds: Seconds,
}

/// A cause within Vigilmon, within an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of `SystemFacts`")]
pub struct SystemPart {
    pub about: String,
    pub summary: String,
    pub affected: Vec<String>,
}

/// A span as JSON says it: seconds, with milliseconds only where there are any.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(from = "f64")]
pub struct Seconds(pub Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.subsec_millis() {
            0 => serializer.serialize_u64(self.0.as_secs()),
            _ => serializer.serialize_f64(self.0.as_secs_f64()),
        }
    }
}

impl From<f64> for Seconds {
    fn from(seconds: f64) -> Self {
        Self(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }
}

impl Body {
    /// The event of an incident's last transition; `None` before the first. `public_url` is the
    /// coordinator's address for people, without a slash at its end.
    #[must_use]
    pub fn of_incident(event: &str, incident: &Incident, public_url: &str) -> Option<Self> {
        let transition = incident.transitions.last()?;
        Some(Self {
            event: event.to_owned(),
            timestamp: transition.at,
            data: data(incident, transition, public_url),
        })
    }

    /// The event of a step: the incident as it stands, with the transition that gave it its scope,
    /// whatever was said since.
    #[must_use]
    pub fn of_step(
        event: &str,
        incident: &Incident,
        step: StepPart,
        public_url: &str,
        now: Time,
    ) -> Option<Self> {
        let mut data = data(incident, incident.last_scoped()?, public_url);
        data.step = Some(step);
        Some(Self {
            event: event.to_owned(),
            timestamp: now,
            data,
        })
    }

    /// What watchers are told of an incident's last transition, whatever routes say; `None` where
    /// no type of event stands for it.
    #[must_use]
    pub fn of_transition(incident: &Incident, public_url: &str) -> Option<Self> {
        let last = incident.transitions.last()?;
        let event = match (&incident.subject, last.kind) {
            (Subject::System(_), TransitionKind::Opened) => "system.opened",
            (Subject::System(_), TransitionKind::Resolved) => "system.resolved",
            (
                Subject::System(_),
                TransitionKind::Widened
                | TransitionKind::Narrowed
                | TransitionKind::Acknowledged
                | TransitionKind::Commented
                | TransitionKind::Flapping,
            ) => return None,
            (Subject::Monitor(_), TransitionKind::Opened) => "incident.opened",
            (Subject::Monitor(_), TransitionKind::Resolved) => "incident.resolved",
            (
                Subject::Monitor(_),
                TransitionKind::Widened
                | TransitionKind::Narrowed
                | TransitionKind::Acknowledged
                | TransitionKind::Commented
                | TransitionKind::Flapping,
            ) => "incident.updated",
        };
        Self::of_incident(event, incident, public_url)
    }

    /// The event of a `channel test`.
    #[must_use]
    pub fn of_test(now: Time) -> Self {
        Self {
            event: "test".to_owned(),
            timestamp: now,
            data: Data::default(),
        }
    }

    /// The bytes that are signed and sent.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("every map in a body has text keys")
    }

    /// Reads a frozen body back.
    ///
    /// # Errors
    /// The text is not an event: the row was not made by this product.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Data {
    /// As JSON, by itself.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("every map in a body has text keys")
    }
}

fn data(incident: &Incident, transition: &Transition, public_url: &str) -> Data {
    let (monitor, system) = subject(&incident.subject);
    let evidence = last_evidence(incident);
    let heartbeat = evidence.and_then(|evidence| evidence.heartbeat.as_ref());
    let regions = match (&system, heartbeat) {
        (None, None) => evidence.map(regions),
        _ => None,
    };
    Data {
        incident: Some(incident_part(incident, public_url)),
        transition: Some(transition_part(transition)),
        monitor,
        reason: Some(ReasonPart {
            code: incident.reason.code.to_string(),
            text: incident.reason.text.clone(),
            status_code: incident.reason.status_code,
        }),
        regions,
        heartbeat: heartbeat.map(HeartbeatPart::of),
        step: None,
        system,
    }
}

fn incident_part(incident: &Incident, public_url: &str) -> IncidentPart {
    IncidentPart {
        id: incident.id.to_string(),
        scope: incident.scope.to_string(),
        severity: incident.severity.to_string(),
        status: incident.status.to_string(),
        started_at: incident.started_at,
        decided_at: incident.decided_at,
        ended_at: incident.ended_at,
        resolved_at: incident.resolved_at,
        duration_seconds: incident.duration().map(Seconds),
        resolution: incident.resolution.map(|r| r.to_string()),
        url: format!(
            "{}/incidents/{}",
            public_url.trim_end_matches('/'),
            incident.id
        ),
    }
}

fn transition_part(transition: &Transition) -> TransitionPart {
    TransitionPart {
        seq: transition.seq,
        kind: transition.kind.to_string(),
        at: transition.at,
        by: transition.by.clone(),
        note: transition.note.clone(),
    }
}

fn subject(subject: &Subject) -> (Option<MonitorPart>, Option<SystemPart>) {
    match subject {
        Subject::Monitor(facts) => {
            let monitor = MonitorPart {
                id: facts.id.to_string(),
                name: facts.name.clone(),
                kind: facts.kind.clone(),
                target: Some(facts.target.clone()).filter(|target| !target.is_empty()),
                labels: facts.labels.clone(),
            };
            (Some(monitor), None)
        }
        Subject::System(facts) => {
            let system = SystemPart {
                about: facts.about.clone(),
                summary: facts.summary.clone(),
                affected: facts.affected.clone(),
            };
            (None, Some(system))
        }
    }
}

/// A deed by hand decides nothing and brings no evidence: the regions stand as last decided.
fn last_evidence(incident: &Incident) -> Option<&Evidence> {
    let newest_first = incident.transitions.iter().rev();
    newest_first.filter_map(|t| t.evidence.as_ref()).next()
}

fn regions(evidence: &Evidence) -> RegionsPart {
    let mut part = RegionsPart {
        required: evidence.required,
        assigned: evidence.regions.len(),
        ..RegionsPart::default()
    };
    for region in &evidence.regions {
        let list = match region.standing {
            Standing::Failing => &mut part.failing,
            Standing::Passing => &mut part.passing,
            Standing::Stale => &mut part.stale,
            Standing::Abstaining => &mut part.abstaining,
        };
        list.push(region.region.to_string());
    }
    part
}

#[cfg(test)]
mod tests;
