//! Incidents as the public API answers them.

use vigilmon_common::incident::{
    AgentEvidence, Evidence, Incident, IncidentStatus, RegionEvidence, Resolution, Scope, Standing,
    Subject, Transition, TransitionKind,
};

use super::{duration, timestamp};
use crate::v1;

/// How much of an incident is answered.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Detail {
    /// No transitions: for lists.
    Brief,
    /// The transitions without what they were decided on.
    Transitions,
    /// Everything.
    Evidence,
}

/// An incident as it is answered. `url` is its page, where one is known.
#[must_use]
pub fn incident_to_wire(
    incident: &Incident,
    project: &str,
    url: String,
    detail: Detail,
) -> v1::Incident {
    let transitions = incident
        .transitions
        .iter()
        .filter(|_| detail >= Detail::Transitions);
    let evidence = incident
        .transitions
        .iter()
        .rev()
        .find_map(|t| t.evidence.as_ref());
    v1::Incident {
        id: incident.id.to_string(),
        project: project.to_owned(),
        scope: v1::Scope::from(incident.scope).into(),
        severity: v1::Severity::from(incident.severity).into(),
        status: v1::IncidentStatus::from(incident.status).into(),
        subject: Some(subject_to_wire(&incident.subject)),
        named: incident.named.iter().map(ToString::to_string).collect(),
        reason: Some((&incident.reason).into()),
        start_time: Some(timestamp(incident.started_at)),
        decide_time: Some(timestamp(incident.decided_at)),
        end_time: incident.ended_at.map(timestamp),
        resolve_time: incident.resolved_at.map(timestamp),
        duration: incident.duration().map(duration),
        resolution: incident
            .resolution
            .map_or(v1::Resolution::Unspecified, Into::into)
            .into(),
        acknowledged_by: incident.acknowledged_by.clone().unwrap_or_default(),
        transitions: transitions
            .map(|one| transition_to_wire(one, detail))
            .collect(),
        regions: evidence.filter(|e| e.heartbeat.is_none()).map(tally),
        heartbeat: evidence.and_then(|e| e.heartbeat.as_ref()).map(Into::into),
        url,
    }
}

fn subject_to_wire(subject: &Subject) -> v1::incident::Subject {
    match subject {
        Subject::Monitor(facts) => v1::incident::Subject::Monitor(v1::MonitorFacts {
            id: facts.id.to_string(),
            name: facts.name.clone(),
            kind: facts.kind.clone(),
            target: facts.target.clone(),
            labels: facts.labels.clone().into_iter().collect(),
        }),
        Subject::System(facts) => v1::incident::Subject::System(v1::SystemFacts {
            about: facts.about.clone(),
            summary: facts.summary.clone(),
            affected: facts.affected.clone(),
        }),
    }
}

fn transition_to_wire(transition: &Transition, detail: Detail) -> v1::Transition {
    let evidence = transition
        .evidence
        .as_ref()
        .filter(|_| detail >= Detail::Evidence);
    v1::Transition {
        seq: transition.seq,
        kind: v1::TransitionKind::from(transition.kind).into(),
        time: Some(timestamp(transition.at)),
        by: transition.by.clone().unwrap_or_default(),
        note: transition.note.clone(),
        scope: v1::Scope::from(transition.scope).into(),
        evidence: evidence.map(evidence_to_wire),
    }
}

fn evidence_to_wire(evidence: &Evidence) -> v1::Evidence {
    v1::Evidence {
        rule: evidence.rule.clone(),
        policy: evidence.policy.clone(),
        required: evidence.required.into(),
        otherwise: evidence.otherwise.clone(),
        regions: evidence.regions.iter().map(region_to_wire).collect(),
        heartbeat: evidence.heartbeat.as_ref().map(Into::into),
    }
}

fn region_to_wire(region: &RegionEvidence) -> v1::RegionEvidence {
    v1::RegionEvidence {
        region: region.region.to_string(),
        standing: v1::Standing::from(region.standing).into(),
        confirmed: region.confirmed,
        because: region.because.clone(),
        agents: region.agents.iter().map(agent_to_wire).collect(),
    }
}

fn agent_to_wire(agent: &AgentEvidence) -> v1::AgentEvidence {
    v1::AgentEvidence {
        agent: agent.agent.to_string(),
        outcome: agent
            .outcome
            .map_or(v1::Outcome::Unspecified, Into::into)
            .into(),
        reason: agent.reason.as_ref().map(Into::into),
        age: Some(duration(agent.age)),
        run_start_time: agent.run_started.map(timestamp),
        run_length: agent.run_length,
    }
}

fn tally(evidence: &Evidence) -> v1::RegionTally {
    let those = |standing: Standing| {
        let regions = evidence
            .regions
            .iter()
            .filter(|one| one.standing == standing);
        regions.map(|one| one.region.to_string()).collect()
    };
    v1::RegionTally {
        failing: those(Standing::Failing),
        passing: those(Standing::Passing),
        stale: those(Standing::Stale),
        abstaining: those(Standing::Abstaining),
        required: evidence.required.into(),
        assigned: u32::try_from(evidence.regions.len()).unwrap_or(u32::MAX),
    }
}

macro_rules! same_words {
    ($($name:ident { $($variant:ident)* })*) => {$(
        impl From<$name> for v1::$name {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant,)* }
            }
        }
        impl TryFrom<v1::$name> for $name {
            type Error = super::InvalidMessage;
            fn try_from(value: v1::$name) -> Result<Self, super::InvalidMessage> {
                match value {
                    $(v1::$name::$variant => Ok(Self::$variant),)*
                    v1::$name::Unspecified => {
                        Err(super::InvalidMessage::absent(stringify!($name), "value"))
                    }
                }
            }
        }
    )*};
}

same_words! {
    Scope { Global Regional System }
    IncidentStatus { Open Acknowledged Resolved }
    Resolution { Recovered Refuted Unobserved Forced Paused Removed Reassigned }
    TransitionKind { Opened Widened Narrowed Acknowledged Commented Flapping Resolved }
}
