//! `vigilmon incident why`: the evidence of each decision. Nothing in it depends on when it is
//! asked, so a closed incident is explained by the same words for ever.

use serde_json::{Value, json};
use vigilmon_proto::v1;

use super::{facts, kind, name, scope, status};
use crate::format;

/// The explanation, line by line.
pub(super) fn lines(incident: &v1::Incident) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {} incident {}",
        name(incident),
        scope(incident.scope),
        status(incident)
    )];
    let reason = format::reason_text(incident.reason.as_ref());
    lines.extend(format::wrapped("  ", &reason));
    if let Some(v1::incident::Subject::System(facts)) = &incident.subject {
        if facts.summary != reason {
            lines.extend(format::wrapped("  ", &facts.summary));
        }
        lines.extend(facts.affected.iter().map(|name| format!("    {name}")));
    }
    for transition in &incident.transitions {
        lines.push(String::new());
        lines.extend(explain(transition));
    }
    lines
}

fn explain(transition: &v1::Transition) -> Vec<String> {
    let mut first = format!(
        "{} UTC  {}",
        format::time_text(transition.time.as_ref()),
        kind(transition)
    );
    if !transition.by.is_empty() {
        first.push_str(&format!(" by {}", transition.by));
    }
    let mut lines = vec![first];
    if !transition.note.is_empty() {
        lines.extend(format::wrapped("  ", &transition.note));
    }
    let Some(evidence) = &transition.evidence else {
        return lines;
    };
    let width = evidence
        .regions
        .iter()
        .map(|r| r.region.len())
        .max()
        .unwrap_or_default();
    for region in &evidence.regions {
        lines.extend(votes(region, width));
    }
    if let Some(heartbeat) = &evidence.heartbeat {
        lines.push(format!("  expected   {}", facts::expected(heartbeat)));
        lines.push(format!("  last ping  {}", facts::last_ping(heartbeat)));
        lines.extend(facts::due(heartbeat).map(|due| format!("  due        {due}")));
    }
    lines.extend(format::wrapped("  rule       ", &evidence.rule));
    if !evidence.otherwise.is_empty() {
        lines.extend(format::wrapped("  otherwise  ", &evidence.otherwise));
    }
    lines
}

/// A region's vote: a line, or one for each agent where it has several.
fn votes(region: &v1::RegionEvidence, width: usize) -> Vec<String> {
    let vote = format::vote(region.standing);
    let confirmed = if region.confirmed { ", confirmed" } else { "" };
    if region.agents.is_empty() {
        let because = if region.because.is_empty() {
            "no result yet"
        } else {
            &region.because
        };
        return vec![format!("  {:width$}  {vote}: {because}", region.region)];
    }
    region
        .agents
        .iter()
        .map(|agent| {
            let seen = seen(agent, vote);
            let because = if region.because.is_empty() {
                String::new()
            } else {
                format!(" ({})", region.because)
            };
            let run = match agent.run_length {
                0 | 1 => String::new(),
                length => format!(", {length} in a row"),
            };
            let age = format::span(agent.age.as_ref())
                .map(|age| format!("{} old{run}", format::lasting(age)));
            let said: Vec<String> = seen.into_iter().chain(age).collect();
            format!(
                "  {:width$}  {vote}{confirmed}{because}: {}",
                region.region,
                said.join("; ")
            )
        })
        .collect()
}

/// What an agent saw, as far as the vote does not say it.
fn seen(agent: &v1::AgentEvidence, vote: &str) -> Option<String> {
    let outcome = match agent.outcome {
        0 => "no result yet",
        outcome => format::outcome(outcome),
    };
    match (format::reason_text(agent.reason.as_ref()), outcome == vote) {
        (text, true) if text.is_empty() => None,
        (text, false) if text.is_empty() => Some(outcome.to_owned()),
        (text, true) => Some(text),
        (text, false) => Some(format!("{outcome}, {text}")),
    }
}

/// A transition as JSON, with its evidence.
pub(super) fn transition_json(transition: &v1::Transition) -> Value {
    json!({
        "seq": transition.seq,
        "kind": kind(transition),
        "at": format::time_json(transition.time.as_ref()),
        "by": format::text(&transition.by),
        "note": format::text(&transition.note),
        "scope": scope(transition.scope),
        "evidence": transition.evidence.as_ref().map(evidence_json),
    })
}

fn evidence_json(evidence: &v1::Evidence) -> Value {
    let agent = |agent: &v1::AgentEvidence| {
        json!({
            "agent": agent.agent,
            "outcome": (agent.outcome != 0).then(|| format::outcome(agent.outcome)),
            "reason": format::reason_json(agent.reason.as_ref()),
            "age_seconds": format::seconds(format::span(agent.age.as_ref())),
            "run_started_at": format::time_json(agent.run_start_time.as_ref()),
            "run_length": agent.run_length,
        })
    };
    let region = |region: &v1::RegionEvidence| {
        let standing = v1::Standing::try_from(region.standing).unwrap_or_default();
        json!({
            "region": region.region,
            "standing": format::word(standing.as_str_name(), "STANDING_"),
            "vote": format::vote(region.standing),
            "confirmed": region.confirmed,
            "because": format::text(&region.because),
            "agents": region.agents.iter().map(agent).collect::<Value>(),
        })
    };
    json!({
        "rule": evidence.rule,
        "policy": evidence.policy,
        "required": evidence.required,
        "otherwise": evidence.otherwise,
        "regions": evidence.regions.iter().map(region).collect::<Value>(),
        "heartbeat": evidence.heartbeat.as_ref().map(facts::to_json),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_is_named_with_its_vote_age_and_result() {
        let agent = v1::AgentEvidence {
            outcome: v1::Outcome::Down.into(),
            reason: Some(v1::Reason {
                text: "503 Service Unavailable".into(),
                ..Default::default()
            }),
            age: Some(prost_types::Duration {
                seconds: 2,
                nanos: 0,
            }),
            run_length: 2,
            ..Default::default()
        };
        let failing = v1::RegionEvidence {
            region: "us-east".into(),
            standing: v1::Standing::Failing.into(),
            confirmed: true,
            agents: vec![agent],
            ..Default::default()
        };
        let silent = v1::RegionEvidence {
            region: "eu-west".into(),
            standing: v1::Standing::Stale.into(),
            because: "its agent is gone".into(),
            ..Default::default()
        };
        let transition = v1::Transition {
            kind: v1::TransitionKind::Opened.into(),
            evidence: Some(v1::Evidence {
                rule: "2 of 3 regions must agree".into(),
                otherwise: "one vote less".into(),
                regions: vec![silent, failing],
                ..Default::default()
            }),
            ..Default::default()
        };
        let text = explain(&transition).join("\n");
        assert!(
            text.contains("  eu-west  none: its agent is gone"),
            "{text}"
        );
        let seen = "us-east  down, confirmed: 503 Service Unavailable; 2s old, 2 in a row";
        assert!(text.contains(seen), "{text}");
        assert!(text.contains("otherwise  one vote less"), "{text}");
    }
}
