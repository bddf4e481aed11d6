//! Outcomes, reasons, phases and observations: shared by the agents' protocol and the public API.

use std::time::Duration;

use vigilmon_common::outcome::{Outcome, OutcomeKind, REASON_TEXT_MAX, Reason};
use vigilmon_common::result::{EXCERPT_MAX, Observation, Phases};

use super::{InvalidMessage, cut, micros, time, timestamp};
use crate::v1;

/// Longest address in an observation, in bytes.
const ADDRESS_MAX: usize = 300;
/// Most lines of assertions, and of redirects, in an observation.
const LINES_MAX: usize = 100;
/// Longest line of an observation, in bytes.
const LINE_MAX: usize = 2048;

/// The outcome's word and reason as two fields of a message.
#[must_use]
pub fn outcome_to_wire(outcome: &Outcome) -> (v1::Outcome, Option<v1::Reason>) {
    (outcome.kind().into(), outcome.reason().map(Into::into))
}

/// The outcome that two fields of `message` spell.
///
/// # Errors
/// The word is unknown, or the reason is absent, unknown or of no use.
pub fn outcome_from_wire(
    message: &'static str,
    outcome: i32,
    reason: Option<v1::Reason>,
) -> Result<Outcome, InvalidMessage> {
    let kind = kind_from_wire(message, outcome)?;
    if kind == OutcomeKind::Up {
        return Ok(Outcome::Up);
    }
    let reason = reason.ok_or_else(|| InvalidMessage::absent(message, "reason"))?;
    let reason = Reason::try_from(reason)?;
    Ok(match kind {
        OutcomeKind::Up => Outcome::Up,
        OutcomeKind::Degraded => Outcome::Degraded(reason),
        OutcomeKind::Down => Outcome::Down(reason),
        OutcomeKind::Inconclusive => Outcome::Inconclusive(reason),
    })
}

/// The outcome's word in a field of `message`.
///
/// # Errors
/// The word is unknown.
pub fn kind_from_wire(message: &'static str, outcome: i32) -> Result<OutcomeKind, InvalidMessage> {
    match v1::Outcome::try_from(outcome) {
        Ok(v1::Outcome::Up) => Ok(OutcomeKind::Up),
        Ok(v1::Outcome::Degraded) => Ok(OutcomeKind::Degraded),
        Ok(v1::Outcome::Down) => Ok(OutcomeKind::Down),
        Ok(v1::Outcome::Inconclusive) => Ok(OutcomeKind::Inconclusive),
        Ok(v1::Outcome::Unspecified) => Err(InvalidMessage::absent(message, "outcome")),
        Err(_) => {
            let problem = format!("{outcome} is no outcome that this version knows");
            Err(InvalidMessage::new(message, "outcome", problem))
        }
    }
}

impl From<OutcomeKind> for v1::Outcome {
    fn from(kind: OutcomeKind) -> Self {
        match kind {
            OutcomeKind::Up => Self::Up,
            OutcomeKind::Degraded => Self::Degraded,
            OutcomeKind::Down => Self::Down,
            OutcomeKind::Inconclusive => Self::Inconclusive,
        }
    }
}

impl From<&Reason> for v1::Reason {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.as_str().to_owned(),
            text: reason.text.clone(),
            status_code: reason.status_code.map(u32::from),
        }
    }
}

impl TryFrom<v1::Reason> for Reason {
    type Error = InvalidMessage;
    fn try_from(wire: v1::Reason) -> Result<Self, InvalidMessage> {
        let code = wire.code.parse().map_err(|_| {
            let shown = cut(wire.code.clone(), REASON_TEXT_MAX);
            let problem = format!("`{shown}` is no reason code that this version knows");
            InvalidMessage::new("Reason", "code", problem)
        })?;
        let mut reason = Self::new(code, wire.text);
        reason.status_code = status_code("Reason", wire.status_code)?;
        Ok(reason)
    }
}

impl From<&Phases> for v1::Phases {
    fn from(phases: &Phases) -> Self {
        Self {
            dns_us: phases.dns.map(micros),
            connect_us: phases.connect.map(micros),
            tls_us: phases.tls.map(micros),
            first_byte_us: phases.first_byte.map(micros),
            transfer_us: phases.transfer.map(micros),
        }
    }
}

impl From<v1::Phases> for Phases {
    fn from(wire: v1::Phases) -> Self {
        Self {
            dns: wire.dns_us.map(Duration::from_micros),
            connect: wire.connect_us.map(Duration::from_micros),
            tls: wire.tls_us.map(Duration::from_micros),
            first_byte: wire.first_byte_us.map(Duration::from_micros),
            transfer: wire.transfer_us.map(Duration::from_micros),
        }
    }
}

impl From<&Observation> for v1::Observation {
    fn from(seen: &Observation) -> Self {
        Self {
            status_code: seen.status_code.map(u32::from),
            address: seen.address.clone(),
            body_excerpt: seen.body_excerpt.clone(),
            assertions: seen.assertions.clone(),
            redirects: seen.redirects.clone(),
            certificate_not_after: seen.certificate_not_after.map(timestamp),
            hint: seen.hint.clone(),
        }
    }
}

impl TryFrom<v1::Observation> for Observation {
    type Error = InvalidMessage;
    fn try_from(wire: v1::Observation) -> Result<Self, InvalidMessage> {
        Ok(Self {
            status_code: status_code("Observation", wire.status_code)?,
            address: cut(wire.address, ADDRESS_MAX),
            body_excerpt: cut(wire.body_excerpt, EXCERPT_MAX),
            assertions: lines(wire.assertions),
            redirects: lines(wire.redirects),
            certificate_not_after: wire.certificate_not_after.as_ref().map(time),
            hint: cut(wire.hint, LINE_MAX),
        })
    }
}

fn lines(lines: Vec<String>) -> Vec<String> {
    let bounded = lines.into_iter().take(LINES_MAX);
    bounded.map(|line| cut(line, LINE_MAX)).collect()
}

fn status_code(message: &'static str, code: Option<u32>) -> Result<Option<u16>, InvalidMessage> {
    code.map(u16::try_from)
        .transpose()
        .map_err(|_| InvalidMessage::new(message, "status_code", "no HTTP status is above 65535"))
}
