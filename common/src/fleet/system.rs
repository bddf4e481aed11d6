//! System incidents: what is wrong with Vigilmon itself. One open at most for each cause; they
//! open and close by what their cause says, without votes.

use crate::id::Epoch;
use crate::identity::system_incident_id;
use crate::incident::{
    AFFECTED_MAX, Hand, Incident, IncidentStatus, Resolution, Scope, Subject, SystemFacts,
    TransitionKind,
};
use crate::monitor::Severity;
use crate::outcome::{Reason, ReasonCode};
use crate::time::Time;

/// What an incident is opened for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cause {
    /// The sort of trouble.
    pub code: ReasonCode,
    /// What has it: a region, a channel's name.
    pub about: String,
    /// One line for people.
    pub summary: String,
    /// Names of what it affects, the worst first; the incident keeps [`AFFECTED_MAX`] of them.
    pub affected: Vec<String>,
    /// Since when it has been so.
    pub since: Time,
}

impl Cause {
    /// Tells causes apart: `region_lost:us-east`.
    #[must_use]
    pub fn key(&self) -> String {
        cause_key(self.code, &self.about)
    }
}

/// Tells causes apart: `region_lost:us-east`.
#[must_use]
pub fn cause_key(code: ReasonCode, about: &str) -> String {
    format!("{code}:{about}")
}

/// The cause's key of a system incident.
#[must_use]
pub fn key_of(incident: &Incident) -> Option<String> {
    match &incident.subject {
        Subject::System(facts) => Some(cause_key(incident.reason.code, &facts.about)),
        Subject::Monitor(_) => None,
    }
}

/// The cause's incident number `generation`, opened now.
#[must_use]
pub fn open(cause: Cause, epoch: Epoch, generation: u64, now: Time) -> Incident {
    let id = system_incident_id(epoch, &cause.key(), generation);
    let mut affected = cause.affected;
    affected.truncate(AFFECTED_MAX);
    let mut incident = Incident {
        id,
        scope: Scope::System,
        severity: Severity::Critical,
        status: IncidentStatus::Open,
        reason: Reason::new(cause.code, cause.summary.as_str()),
        subject: Subject::System(SystemFacts {
            about: cause.about,
            summary: cause.summary,
            affected,
        }),
        named: Vec::new(),
        started_at: cause.since.min(now),
        decided_at: now,
        ended_at: None,
        resolved_at: None,
        resolution: None,
        acknowledged_by: None,
        transitions: Vec::new(),
        told: Vec::new(),
    };
    incident.add(TransitionKind::Opened, Hand::default(), None, now);
    incident
}

/// The cause has grown or shrunk: the incident says so from now on, without a transition. Whether
/// that changes anything.
pub fn revise(incident: &mut Incident, cause: Cause) -> bool {
    let Subject::System(facts) = &mut incident.subject else {
        return false;
    };
    let mut affected = cause.affected;
    affected.truncate(AFFECTED_MAX);
    if facts.summary == cause.summary && facts.affected == affected {
        return false;
    }
    facts.affected = affected;
    incident.reason = Reason::new(cause.code, cause.summary.as_str());
    facts.summary = cause.summary;
    true
}

/// The cause is gone, or somebody closed it.
pub fn resolve(incident: &mut Incident, by: Option<String>, now: Time) {
    let (resolution, hand) = match by {
        Some(by) => (Resolution::Forced, Hand::of(by, "")),
        None => (Resolution::Recovered, Hand::default()),
    };
    incident.end(resolution, now, now);
    incident.add(TransitionKind::Resolved, hand, None, now);
}

/// Somebody takes it.
pub fn acknowledge(incident: &mut Incident, by: String, note: &str, now: Time) {
    incident.status = IncidentStatus::Acknowledged;
    incident.acknowledged_by = Some(by.clone());
    incident.add(TransitionKind::Acknowledged, Hand::of(by, note), None, now);
}

/// Somebody says something about it.
pub fn comment(incident: &mut Incident, by: String, note: &str, now: Time) {
    incident.add(TransitionKind::Commented, Hand::of(by, note), None, now);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(now: Time) -> Incident {
        let cause = Cause {
            code: ReasonCode::RegionLost,
            about: "us-east".to_owned(),
            summary: "us-east has no agent".to_owned(),
            affected: (0..80).map(|n| format!("m{n}")).collect(),
            since: now,
        };
        assert_eq!(cause.key(), "region_lost:us-east");
        open(cause, Epoch::from_bytes([1; 16]), 1, now)
    }

    #[test]
    fn a_system_incident_opens_and_ends_with_its_cause() {
        let mut incident = lost(Time::from_secs(10));
        assert_eq!(key_of(&incident).as_deref(), Some("region_lost:us-east"));
        let Subject::System(facts) = &incident.subject else {
            panic!("a system incident")
        };
        assert_eq!(facts.affected.len(), AFFECTED_MAX);
        acknowledge(
            &mut incident,
            "ann".to_owned(),
            "looking",
            Time::from_secs(11),
        );
        resolve(&mut incident, None, Time::from_secs(12));
        assert_eq!(incident.seq(), 3);
        assert_eq!(incident.resolution, Some(Resolution::Recovered));
        assert!(!incident.is_open());
    }

    #[test]
    fn a_cause_that_grows_is_revised_without_a_transition() {
        let mut incident = lost(Time::from_secs(10));
        let cause = |affected: &[&str]| Cause {
            code: ReasonCode::RegionLost,
            about: "us-east".to_owned(),
            summary: format!("{} suffer", affected.len()),
            affected: affected.iter().map(|&name| name.to_owned()).collect(),
            since: Time::from_secs(10),
        };
        assert!(revise(&mut incident, cause(&["api", "web"])));
        assert!(!revise(&mut incident, cause(&["api", "web"])));
        let Subject::System(facts) = &incident.subject else {
            panic!("a system incident")
        };
        assert_eq!(facts.affected, ["api", "web"]);
        assert_eq!(facts.summary, "2 suffer");
        assert_eq!(incident.reason.text, "2 suffer");
        assert_eq!(incident.seq(), 1);
    }

    #[test]
    fn each_generation_has_an_id_of_its_own() {
        let epoch = Epoch::from_bytes([1; 16]);
        let id = |n| system_incident_id(epoch, "region_lost:us-east", n);
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }
}
