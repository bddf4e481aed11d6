//! What an agent says.

use std::time::Duration;

use vigilmon_common::id::{AgentId, BootId, MonitorId};
use vigilmon_common::name::{Name, Region};
use vigilmon_common::outcome::Reason;
use vigilmon_common::session::messages::{
    AgentMessage, Batch, Gap, GapReason, Health, Hello, Protocols, Pulse, Waiting,
};
use vigilmon_common::time::Time;

use super::assignment::{
    only_position, position_from_wire, position_to_wire, reject_from_wire, reject_to_wire,
};
use crate::convert::result::{result_from_wire, result_to_wire};
use crate::convert::{InvalidMessage, cut, id_bytes, id16, micros, millis};
use crate::v1;
use crate::v1::agent_message::Message;

/// Longest version that is kept, in bytes.
const BUILD_MAX: usize = 100;
/// Most capabilities, and longest one, that are kept.
const CAPABILITIES_MAX: usize = 100;
/// Most faults in a pulse that are kept.
const FAULTS_MAX: usize = 20;

/// An agent's message as it leaves at `sent`.
#[must_use]
pub fn agent_message_to_wire(message: &AgentMessage, sent: Time) -> v1::AgentMessage {
    let message = match message {
        AgentMessage::Hello(hello) => Message::Hello(hello_to_wire(hello)),
        AgentMessage::Summary { entries, last, ask } => Message::VoteSummary(v1::VoteSummary {
            entries: entries.iter().map(Into::into).collect(),
            last: *last,
            ask: *ask,
        }),
        AgentMessage::Results(batch) => Message::Results(batch_to_wire(batch)),
        AgentMessage::Pulse(pulse) => Message::Pulse(v1::AgentPulse {
            wall_clock_ms: pulse.clock.as_millis(),
            applied: pulse.have.iter().map(position_to_wire).collect(),
            health: Some(health_to_wire(&pulse.health)),
        }),
        AgentMessage::AssignmentAck { applied, rejects } => {
            Message::AssignmentAck(v1::AssignmentAck {
                applied: Some(position_to_wire(applied)),
                rejected: rejects.iter().map(reject_to_wire).collect(),
            })
        }
        AgentMessage::Gap(gap) => Message::Gap(gap_to_wire(gap, sent)),
        AgentMessage::Answer { nonce, answer } => Message::CheckAnswer(v1::CheckAnswer {
            nonce: *nonce,
            answer: Some(match answer {
                Ok(result) => v1::check_answer::Answer::Result(result_to_wire(result, sent)),
                Err(reason) => v1::check_answer::Answer::Refused(reason.into()),
            }),
        }),
        AgentMessage::AskSnapshot => Message::AskSnapshot(v1::AskSnapshot { scope: 0 }),
    };
    v1::AgentMessage {
        message: Some(message),
    }
}

/// What an agent's message says that came at `received`. Results come by [`batch_from_wire`].
///
/// # Errors
/// The message is malformed.
pub fn agent_message_from_wire(
    wire: v1::AgentMessage,
    agent: AgentId,
    received: Time,
) -> Result<AgentMessage, InvalidMessage> {
    let message = wire
        .message
        .ok_or_else(|| InvalidMessage::new("AgentMessage", "message", "empty or unknown"))?;
    Ok(match message {
        Message::Hello(hello) => AgentMessage::Hello(hello_from_wire(hello)?),
        Message::VoteSummary(summary) => AgentMessage::Summary {
            entries: summary
                .entries
                .into_iter()
                .map(TryFrom::try_from)
                .collect::<Result<_, _>>()?,
            last: summary.last,
            ask: summary.ask,
        },
        Message::Results(batch) => AgentMessage::Results(batch_from_wire(batch, agent, received)?),
        Message::Pulse(pulse) => AgentMessage::Pulse(Pulse {
            clock: Time::from_millis(pulse.wall_clock_ms),
            have: only_position("AgentPulse", "applied", &pulse.applied)?,
            health: health_from_wire(pulse.health.unwrap_or_default())?,
        }),
        Message::AssignmentAck(ack) => AgentMessage::AssignmentAck {
            applied: position_from_wire(
                &ack.applied
                    .ok_or_else(|| InvalidMessage::absent("AssignmentAck", "applied"))?,
            )?,
            rejects: ack
                .rejected
                .into_iter()
                .map(reject_from_wire)
                .collect::<Result<_, _>>()?,
        },
        Message::Gap(gap) => AgentMessage::Gap(gap_from_wire(&gap, received)?),
        Message::CheckAnswer(answer) => answer_from_wire(answer, agent, received)?,
        Message::AskSnapshot(_) => AgentMessage::AskSnapshot,
    })
}

/// A batch as it leaves at [`Batch::sent`].
#[must_use]
pub fn batch_to_wire(batch: &Batch) -> v1::ResultBatch {
    let results = batch.results.iter();
    v1::ResultBatch {
        first_seq: batch.first_seq,
        results: results
            .map(|result| result_to_wire(result, batch.sent))
            .collect(),
    }
}

/// The results of `agent` that came at `received`. One that cannot be read is told by its number:
/// it must be refused, or it would be sent for ever.
///
/// # Errors
/// The numbers of the batch are malformed.
pub fn batch_from_wire(
    wire: v1::ResultBatch,
    agent: AgentId,
    received: Time,
) -> Result<Batch, InvalidMessage> {
    let count = u64::try_from(wire.results.len()).unwrap_or(u64::MAX);
    if wire.first_seq == 0 || wire.first_seq.checked_add(count).is_none() {
        return Err(InvalidMessage::new(
            "ResultBatch",
            "first_seq",
            "numbers begin at 1",
        ));
    }
    let mut results = Vec::with_capacity(wire.results.len());
    let mut unreadable = Vec::new();
    for (seq, result) in (wire.first_seq..).zip(wire.results) {
        match result_from_wire(result, agent, received) {
            Ok(result) => results.push(result),
            Err(_) => unreadable.push(seq),
        }
    }
    Ok(Batch {
        first_seq: wire.first_seq,
        sent: received,
        results,
        unreadable,
    })
}

fn hello_to_wire(hello: &Hello) -> v1::Hello {
    v1::Hello {
        name: hello.name.to_string(),
        boot_id: id_bytes(hello.boot.as_bytes()),
        build: hello.build.clone(),
        protocol_min: hello.protocols.oldest,
        protocol_max: hello.protocols.newest,
        capabilities: hello.capabilities.clone(),
        region: hello.region.to_string(),
        have: hello.have.iter().map(position_to_wire).collect(),
        spool: Some(v1::SpoolState {
            results: hello.waiting.results,
            bytes: hello.waiting.bytes,
            oldest_age_ms: millis(hello.waiting.oldest_age),
        }),
        wall_clock_ms: hello.clock.as_millis(),
    }
}

fn hello_from_wire(wire: v1::Hello) -> Result<Hello, InvalidMessage> {
    let invalid = |field, error: vigilmon_common::name::InvalidName| {
        InvalidMessage::new("Hello", field, error.to_string())
    };
    let spool = wire.spool.unwrap_or_default();
    let capabilities = wire.capabilities.into_iter().take(CAPABILITIES_MAX);
    Ok(Hello {
        name: Name::parse(&wire.name).map_err(|error| invalid("name", error))?,
        boot: BootId::from_bytes(id16("Hello", "boot_id", &wire.boot_id)?),
        build: cut(wire.build, BUILD_MAX),
        protocols: Protocols {
            oldest: wire.protocol_min,
            newest: wire.protocol_max,
        },
        capabilities: capabilities
            .map(|word| cut(word, CAPABILITIES_MAX))
            .collect(),
        region: Region::parse(&wire.region).map_err(|error| invalid("region", error))?,
        have: only_position("Hello", "have", &wire.have)?,
        waiting: Waiting {
            results: spool.results,
            bytes: spool.bytes,
            oldest_age: Duration::from_millis(spool.oldest_age_ms),
        },
        clock: Time::from_millis(wire.wall_clock_ms),
    })
}

fn health_to_wire(health: &Health) -> v1::AgentHealth {
    v1::AgentHealth {
        running: health.running,
        waiting: health.waiting,
        started: health.started,
        skipped: health.skipped,
        lateness_max_us: micros(health.lateness_max),
        unacked: health.unacked,
        faults: health.faults.iter().map(Into::into).collect(),
    }
}

fn health_from_wire(wire: v1::AgentHealth) -> Result<Health, InvalidMessage> {
    let faults = wire.faults.into_iter().take(FAULTS_MAX);
    Ok(Health {
        running: wire.running,
        waiting: wire.waiting,
        started: wire.started,
        skipped: wire.skipped,
        lateness_max: Duration::from_micros(wire.lateness_max_us),
        unacked: wire.unacked,
        faults: faults.map(TryFrom::try_from).collect::<Result<_, _>>()?,
    })
}

fn gap_to_wire(gap: &Gap, sent: Time) -> v1::Gap {
    let reason = match gap.why {
        GapReason::Missed => v1::GapReason::MissedSlots,
        GapReason::Overflow => v1::GapReason::Overflow,
    };
    v1::Gap {
        monitor: id_bytes(gap.monitor.as_bytes()),
        from_age_ms: millis(sent.since(gap.from)),
        until_age_ms: millis(sent.since(gap.to)),
        count: gap.count,
        reason: reason.into(),
    }
}

fn gap_from_wire(wire: &v1::Gap, received: Time) -> Result<Gap, InvalidMessage> {
    let why = match v1::GapReason::try_from(wire.reason) {
        Ok(v1::GapReason::MissedSlots) => GapReason::Missed,
        Ok(v1::GapReason::Overflow) => GapReason::Overflow,
        Ok(v1::GapReason::Unspecified) => return Err(InvalidMessage::absent("Gap", "reason")),
        Err(_) => return Err(InvalidMessage::unknown("Gap", "reason", wire.reason)),
    };
    if wire.from_age_ms < wire.until_age_ms {
        return Err(InvalidMessage::new(
            "Gap",
            "from_age_ms",
            "a gap begins before its end",
        ));
    }
    Ok(Gap {
        monitor: MonitorId::from_bytes(id16("Gap", "monitor", &wire.monitor)?),
        from: received - Duration::from_millis(wire.from_age_ms),
        to: received - Duration::from_millis(wire.until_age_ms),
        count: wire.count,
        why,
    })
}

fn answer_from_wire(
    wire: v1::CheckAnswer,
    agent: AgentId,
    received: Time,
) -> Result<AgentMessage, InvalidMessage> {
    let absent = || InvalidMessage::absent("CheckAnswer", "answer");
    let answer = match wire.answer.ok_or_else(absent)? {
        v1::check_answer::Answer::Result(result) => {
            Ok(Box::new(result_from_wire(result, agent, received)?))
        }
        v1::check_answer::Answer::Refused(reason) => Err(Reason::try_from(reason)?),
    };
    Ok(AgentMessage::Answer {
        nonce: wire.nonce,
        answer,
    })
}
