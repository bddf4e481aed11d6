//! Incidents as records: every transition with its evidence.

use std::time::Duration;

use vigilmon_common::heartbeat::{Cron, HeartbeatFacts, Schedule};
use vigilmon_common::id::{AgentId, ChannelId, IncidentId, MonitorId};
use vigilmon_common::incident::{
    AgentEvidence, Evidence, Incident, MonitorFacts, RegionEvidence, Subject, SystemFacts, Told,
    Transition,
};
use vigilmon_common::name::Region;
use vigilmon_common::outcome::{OutcomeKind, Reason};

use super::pb::incident::Subject as SubjectMessage;
use super::{Invalid, Stored, id, millis, pb, raw, region, required, time, word};

impl Stored for Incident {
    type Message = pb::Incident;
    const NAME: &'static str = "incident";

    fn to_message(&self) -> pb::Incident {
        pb::Incident {
            id: raw(self.id.as_bytes()),
            scope: self.scope.to_string(),
            severity: self.severity.to_string(),
            status: self.status.to_string(),
            subject: Some(subject_message(&self.subject)),
            named: self.named.iter().map(Region::to_string).collect(),
            reason: Some(reason_message(&self.reason)),
            started_ms: self.started_at.as_millis(),
            decided_ms: self.decided_at.as_millis(),
            ended_ms: millis(self.ended_at),
            resolved_ms: millis(self.resolved_at),
            resolution: self.resolution.map(|r| r.to_string()),
            acknowledged_by: self.acknowledged_by.clone(),
            transitions: self.transitions.iter().map(transition_message).collect(),
            told: self.told.iter().map(told_message).collect(),
        }
    }

    fn from_message(m: pb::Incident) -> Result<Self, Invalid> {
        let transitions = m.transitions.into_iter().map(transition);
        let resolution = m.resolution.as_deref().map(word).transpose()?;
        Ok(Self {
            id: id(&m.id, IncidentId::from_bytes)?,
            scope: word(&m.scope)?,
            severity: word(&m.severity)?,
            status: word(&m.status)?,
            subject: subject(required(m.subject, "subject")?)?,
            named: m
                .named
                .iter()
                .map(|r| region(r))
                .collect::<Result<_, _>>()?,
            reason: reason(required(m.reason, "reason")?)?,
            started_at: time(m.started_ms),
            decided_at: time(m.decided_ms),
            ended_at: m.ended_ms.map(time),
            resolved_at: m.resolved_ms.map(time),
            resolution,
            acknowledged_by: m.acknowledged_by,
            transitions: transitions.collect::<Result<_, _>>()?,
            told: m.told.into_iter().map(told).collect::<Result<_, _>>()?,
        })
    }
}

fn subject_message(subject: &Subject) -> SubjectMessage {
    match subject {
        Subject::Monitor(facts) => SubjectMessage::Monitor(pb::MonitorFacts {
            id: raw(facts.id.as_bytes()),
            name: facts.name.clone(),
            kind: facts.kind.clone(),
            target: facts.target.clone(),
            labels: facts.labels.clone().into_iter().collect(),
        }),
        Subject::System(facts) => SubjectMessage::System(pb::SystemFacts {
            about: facts.about.clone(),
            summary: facts.summary.clone(),
            affected: facts.affected.clone(),
        }),
    }
}

fn subject(message: SubjectMessage) -> Result<Subject, Invalid> {
    Ok(match message {
        SubjectMessage::Monitor(m) => Subject::Monitor(MonitorFacts {
            id: id(&m.id, MonitorId::from_bytes)?,
            name: m.name,
            kind: m.kind,
            target: m.target,
            labels: m.labels.into_iter().collect(),
        }),
        SubjectMessage::System(m) => Subject::System(SystemFacts {
            about: m.about,
            summary: m.summary,
            affected: m.affected,
        }),
    })
}

pub(super) fn reason_message(reason: &Reason) -> pb::Reason {
    pb::Reason {
        code: reason.code.as_str().to_owned(),
        text: reason.text.clone(),
        status_code: reason.status_code.map(u32::from),
    }
}

pub(super) fn reason(m: pb::Reason) -> Result<Reason, Invalid> {
    Ok(Reason {
        code: word(&m.code)?,
        text: m.text,
        status_code: m.status_code.map(status).transpose()?,
    })
}

pub(super) fn status(code: u32) -> Result<u16, Invalid> {
    u16::try_from(code).map_err(|_| Invalid(format!("{code} is no status code")))
}

fn transition_message(t: &Transition) -> pb::Transition {
    pb::Transition {
        seq: t.seq,
        kind: t.kind.to_string(),
        at_ms: t.at.as_millis(),
        by: t.by.clone(),
        note: t.note.clone(),
        scope: t.scope.to_string(),
        evidence: t.evidence.as_ref().map(|e| pb::Evidence {
            rule: e.rule.clone(),
            policy: e.policy.clone(),
            required: u32::from(e.required),
            otherwise: e.otherwise.clone(),
            regions: e.regions.iter().map(region_message).collect(),
            heartbeat: e.heartbeat.as_ref().map(heartbeat_message),
        }),
    }
}

fn transition(m: pb::Transition) -> Result<Transition, Invalid> {
    Ok(Transition {
        seq: m.seq,
        kind: word(&m.kind)?,
        at: time(m.at_ms),
        by: m.by,
        note: m.note,
        scope: word(&m.scope)?,
        evidence: m.evidence.map(evidence).transpose()?,
    })
}

fn evidence(m: pb::Evidence) -> Result<Evidence, Invalid> {
    let regions = m.regions.into_iter().map(region_evidence);
    Ok(Evidence {
        rule: m.rule,
        policy: m.policy,
        required: u8::try_from(m.required).map_err(Invalid::new)?,
        otherwise: m.otherwise,
        regions: regions.collect::<Result<_, _>>()?,
        heartbeat: m.heartbeat.map(heartbeat).transpose()?,
    })
}

fn heartbeat_message(h: &HeartbeatFacts) -> pb::HeartbeatFacts {
    let span = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    let (every, cron) = match &h.schedule {
        Schedule::Every(every) => (Some(*every), None),
        Schedule::Cron(cron) => (None, Some(cron)),
    };
    pb::HeartbeatFacts {
        state: h.state.to_string(),
        every_ms: every.map(span),
        cron: cron.map_or_else(String::new, |c| c.expression().to_owned()),
        time_zone: cron.map_or_else(String::new, |c| c.time_zone().to_owned()),
        grace_ms: span(h.grace),
        last_ping_ms: millis(h.last_ping_at),
        due_ms: millis(h.due_at),
        late_ms: h.late.map(span),
    }
}

fn heartbeat(m: pb::HeartbeatFacts) -> Result<HeartbeatFacts, Invalid> {
    let schedule = match m.every_ms {
        Some(every) => Schedule::Every(Duration::from_millis(every)),
        None => Schedule::Cron(Cron::parse(&m.cron, &m.time_zone).map_err(Invalid::new)?),
    };
    Ok(HeartbeatFacts {
        state: word(&m.state)?,
        schedule,
        grace: Duration::from_millis(m.grace_ms),
        last_ping_at: m.last_ping_ms.map(time),
        due_at: m.due_ms.map(time),
        late: m.late_ms.map(Duration::from_millis),
    })
}

fn region_message(r: &RegionEvidence) -> pb::RegionEvidence {
    let agent = |a: &AgentEvidence| pb::AgentEvidence {
        agent: raw(a.agent.as_bytes()),
        outcome: a.outcome.map(|o| o.to_string()),
        reason: a.reason.as_ref().map(reason_message),
        age_ms: u64::try_from(a.age.as_millis()).unwrap_or(u64::MAX),
        run_started_ms: millis(a.run_started),
        run_length: a.run_length,
    };
    pb::RegionEvidence {
        region: r.region.to_string(),
        standing: r.standing.to_string(),
        confirmed: r.confirmed,
        because: r.because.clone(),
        agents: r.agents.iter().map(agent).collect(),
    }
}

fn region_evidence(m: pb::RegionEvidence) -> Result<RegionEvidence, Invalid> {
    let agent = |a: pb::AgentEvidence| {
        Ok(AgentEvidence {
            agent: id(&a.agent, AgentId::from_bytes)?,
            outcome: a.outcome.as_deref().map(outcome).transpose()?,
            reason: a.reason.map(reason).transpose()?,
            age: Duration::from_millis(a.age_ms),
            run_started: a.run_started_ms.map(time),
            run_length: a.run_length,
        })
    };
    let agents = m.agents.into_iter().map(agent);
    Ok(RegionEvidence {
        region: region(&m.region)?,
        standing: word(&m.standing)?,
        confirmed: m.confirmed,
        because: m.because,
        agents: agents.collect::<Result<_, Invalid>>()?,
    })
}

fn outcome(text: &str) -> Result<OutcomeKind, Invalid> {
    use OutcomeKind::{Degraded, Down, Inconclusive, Up};
    let known = [Up, Degraded, Down, Inconclusive];
    let found = known.into_iter().find(|o| o.as_str() == text);
    found.ok_or_else(|| Invalid(format!("`{text}` is no outcome")))
}

fn told_message(t: &Told) -> pb::Told {
    pb::Told {
        channel: raw(t.channel.as_bytes()),
        events: t.events.clone(),
        opened: t.opened,
    }
}

fn told(m: pb::Told) -> Result<Told, Invalid> {
    Ok(Told {
        channel: id(&m.channel, ChannelId::from_bytes)?,
        events: m.events,
        opened: m.opened,
    })
}
