//! Results and vote summaries on the agents' protocol.
//!
//! Starts travel as ages, so both ends have them by their own clocks: `sent` is the sender's time
//! when the message leaves, `received` the receiver's when it comes. Slots keep the agent's name
//! for them: they are part of a result's key.

use std::time::Duration;

use vigilmon_common::id::{AgentId, MonitorId};
use vigilmon_common::monitor::Meaning;
use vigilmon_common::outcome::OutcomeKind;
use vigilmon_common::result::{CheckResult, Observation, Run};
use vigilmon_common::time::Time;
use vigilmon_common::vote::SummaryEntry;

use super::outcome::{outcome_from_wire, outcome_to_wire};
use super::{InvalidMessage, duration, id_bytes, id16, micros, millis, timestamp};
use crate::v1;

/// A result on its way.
#[must_use]
pub fn result_to_wire(result: &CheckResult, sent: Time) -> v1::Result {
    let (outcome, reason) = outcome_to_wire(&result.outcome);
    let run = match result.run {
        Run::Slot(slot) => v1::result::Run::SlotMs(slot.as_millis()),
        Run::Asked { nonce, n } => v1::result::Run::Asked(v1::AskedRun { nonce, n }),
    };
    v1::Result {
        monitor: id_bytes(result.monitor.as_bytes()),
        run: Some(run),
        meaning: result.meaning.0,
        age_ms: millis(sent.since(result.started)),
        took_us: micros(result.took),
        lateness_us: micros(result.lateness),
        outcome: outcome.into(),
        reason,
        phases: Some((&result.phases).into()),
        observation: result
            .observation
            .as_deref()
            .map(|seen| Box::new(seen.into())),
    }
}

/// A result as it came from `agent`.
///
/// # Errors
/// A field is absent, unknown or malformed.
pub fn result_from_wire(
    wire: v1::Result,
    agent: AgentId,
    received: Time,
) -> Result<CheckResult, InvalidMessage> {
    let run = match wire
        .run
        .ok_or_else(|| InvalidMessage::absent("Result", "run"))?
    {
        v1::result::Run::SlotMs(slot) => Run::Slot(Time::from_millis(slot)),
        v1::result::Run::Asked(asked) => Run::Asked {
            nonce: asked.nonce,
            n: asked.n,
        },
    };
    let observation = match wire.observation {
        Some(seen) => Some(Box::new(Observation::try_from(*seen)?)),
        None => None,
    };
    Ok(CheckResult {
        monitor: MonitorId::from_bytes(id16("Result", "monitor", &wire.monitor)?),
        agent,
        run,
        meaning: Meaning(wire.meaning),
        started: received - Duration::from_millis(wire.age_ms),
        took: Duration::from_micros(wire.took_us),
        lateness: Duration::from_micros(wire.lateness_us),
        outcome: outcome_from_wire("Result", wire.outcome, wire.reason)?,
        phases: wire.phases.map(Into::into).unwrap_or_default(),
        observation,
    })
}

impl From<&SummaryEntry> for v1::SummaryEntry {
    fn from(entry: &SummaryEntry) -> Self {
        let (outcome, reason) = outcome_to_wire(&entry.outcome);
        Self {
            monitor: id_bytes(entry.monitor.as_bytes()),
            meaning: entry.meaning.0,
            outcome: outcome.into(),
            reason,
            age_ms: millis(entry.age),
            run_length: entry.run_length,
            run_age_ms: millis(entry.run_age),
            other_age_ms: entry.other_age.map(millis),
        }
    }
}

impl TryFrom<v1::SummaryEntry> for SummaryEntry {
    type Error = InvalidMessage;
    fn try_from(wire: v1::SummaryEntry) -> Result<Self, InvalidMessage> {
        const NAME: &str = "SummaryEntry";
        let outcome = outcome_from_wire(NAME, wire.outcome, wire.reason)?;
        if outcome.kind() == OutcomeKind::Inconclusive {
            return Err(InvalidMessage::new(
                NAME,
                "outcome",
                "an inconclusive result is no vote",
            ));
        }
        if wire.run_length == 0 {
            return Err(InvalidMessage::new(
                NAME,
                "run_length",
                "a run has at least one result",
            ));
        }
        if wire.run_age_ms < wire.age_ms {
            return Err(InvalidMessage::new(
                NAME,
                "run_age_ms",
                "a run starts before its end",
            ));
        }
        Ok(Self {
            monitor: MonitorId::from_bytes(id16(NAME, "monitor", &wire.monitor)?),
            meaning: Meaning(wire.meaning),
            outcome,
            age: Duration::from_millis(wire.age_ms),
            run_length: wire.run_length,
            run_age: Duration::from_millis(wire.run_age_ms),
            other_age: wire.other_age_ms.map(Duration::from_millis),
        })
    }
}

/// A stored result as the public API answers it.
#[must_use]
pub fn stored_to_wire(result: &CheckResult, region: &str) -> v1::CheckResult {
    let (outcome, reason) = outcome_to_wire(&result.outcome);
    let slot = match result.run {
        Run::Slot(slot) => Some(timestamp(slot)),
        Run::Asked { .. } => None,
    };
    v1::CheckResult {
        monitor: result.monitor.to_string(),
        region: region.to_owned(),
        agent: result.agent.to_string(),
        slot_time: slot,
        start_time: Some(timestamp(result.started)),
        took: Some(duration(result.took)),
        lateness: Some(duration(result.lateness)),
        outcome: outcome.into(),
        reason,
        phases: Some((&result.phases).into()),
        observation: result.observation.as_deref().map(Into::into),
    }
}
