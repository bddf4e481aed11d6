//! Assignments: what an agent has to check, and which state of it the two ends mean.

use std::sync::Arc;
use std::time::Duration;

use vigilmon_common::id::{Epoch, MonitorId};
use vigilmon_common::identity::{AssignmentDigest, Place};
use vigilmon_common::monitor::draft::TIMEOUT_MIN;
use vigilmon_common::monitor::{Kind, Meaning};
use vigilmon_common::schedule::{Assignment, CheckSpec};
use vigilmon_common::session::assignment::{Assigned, Position, Reject, RejectWhy};

use crate::convert::spec::{http_from_wire, http_to_wire};
use crate::convert::{InvalidMessage, cut, id_bytes, id16, millis};
use crate::v1;

/// Longest text of a rejection, in bytes.
const TEXT_MAX: usize = 300;

pub(super) fn position_to_wire(position: &Position) -> v1::AssignmentState {
    v1::AssignmentState {
        scope: position.scope,
        epoch: id_bytes(position.epoch.as_bytes()),
        revision: position.revision,
        digest: position.digest.as_u64(),
    }
}

pub(super) fn position_from_wire(wire: &v1::AssignmentState) -> Result<Position, InvalidMessage> {
    Ok(Position {
        scope: wire.scope,
        epoch: Epoch::from_bytes(id16("AssignmentState", "epoch", &wire.epoch)?),
        revision: wire.revision,
        digest: AssignmentDigest::from_u64(wire.digest),
    })
}

/// The one position of a list: a session speaks for one scope.
pub(super) fn only_position(
    message: &'static str,
    field: &'static str,
    list: &[v1::AssignmentState],
) -> Result<Option<Position>, InvalidMessage> {
    match list {
        [] => Ok(None),
        [one] => position_from_wire(one).map(Some),
        [..] => Err(InvalidMessage::new(
            message,
            field,
            "a session speaks for one scope",
        )),
    }
}

/// A monitor as an agent is told of it.
#[must_use]
pub fn assigned_to_wire(assigned: &Assigned) -> v1::Assignment {
    match assigned {
        Assigned::Known(assignment) => v1::Assignment {
            monitor: id_bytes(assignment.monitor.as_bytes()),
            meaning: assignment.meaning.0,
            spec_hash: assignment.spec_hash,
            interval_ms: millis(assignment.interval),
            rank: assignment.place.rank().into(),
            regions: assignment.place.regions().into(),
            replica: assignment.place.replica().into(),
            replicas: assignment.place.replicas().into(),
            ..check_to_wire(&assignment.check)
        },
        Assigned::Unreadable { spec_hash, reject } => v1::Assignment {
            monitor: id_bytes(reject.monitor.as_bytes()),
            spec_hash: *spec_hash,
            ..v1::Assignment::default()
        },
    }
}

/// A monitor of the assignment; one whose specification this build cannot read is rejected, and
/// counts in the digest all the same.
///
/// # Errors
/// The monitor's id is malformed.
pub fn assigned_from_wire(wire: v1::Assignment) -> Result<Assigned, InvalidMessage> {
    let monitor = MonitorId::from_bytes(id16("Assignment", "monitor", &wire.monitor)?);
    let spec_hash = wire.spec_hash;
    Ok(match known_from_wire(monitor, &wire) {
        Ok(known) => Assigned::Known(known),
        Err((why, text)) => Assigned::Unreadable {
            spec_hash,
            reject: Reject {
                monitor,
                why,
                text: cut(text, TEXT_MAX),
            },
        },
    })
}

fn known_from_wire(
    monitor: MonitorId,
    wire: &v1::Assignment,
) -> Result<Assignment, (RejectWhy, String)> {
    let invalid = |text: String| (RejectWhy::Invalid, text);
    let check = check_from_wire(wire)?;
    let interval = Duration::from_millis(wire.interval_ms);
    if check.timeout > interval {
        return Err(invalid(
            "the interval is shorter than the timeout".to_owned(),
        ));
    }
    let small = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
    let place = Place::new(
        small(wire.rank),
        small(wire.regions),
        small(wire.replica),
        small(wire.replicas),
    )
    .map_err(|error| invalid(error.to_string()))?;
    Ok(Assignment {
        monitor,
        meaning: Meaning(wire.meaning),
        spec_hash: wire.spec_hash,
        interval,
        place,
        check: Arc::new(check),
    })
}

/// The part of an assignment that says what is done: all that an inline `CheckNow` has.
pub(super) fn check_to_wire(check: &CheckSpec) -> v1::Assignment {
    let Kind::Http(http) = &check.kind;
    v1::Assignment {
        timeout_ms: millis(check.timeout),
        kind: Some(v1::assignment::Kind::Http(http_to_wire(http))),
        ..v1::Assignment::default()
    }
}

pub(super) fn check_from_wire(wire: &v1::Assignment) -> Result<CheckSpec, (RejectWhy, String)> {
    let timeout = Duration::from_millis(wire.timeout_ms);
    if timeout < TIMEOUT_MIN {
        return Err((RejectWhy::Invalid, "the timeout is too short".to_owned()));
    }
    let Some(v1::assignment::Kind::Http(http)) = &wire.kind else {
        let text = "this version does not know the kind".to_owned();
        return Err((RejectWhy::Unsupported, text));
    };
    let http = http_from_wire(http).map_err(|problems| {
        // Values may be credentials' neighbours: name the fields alone.
        let fields: Vec<&str> = problems
            .as_slice()
            .iter()
            .map(|p| p.field.as_str())
            .collect();
        (
            RejectWhy::Invalid,
            format!("this version cannot use {}", fields.join(", ")),
        )
    })?;
    Ok(CheckSpec {
        kind: Kind::Http(Box::new(http)),
        timeout,
    })
}

pub(super) fn reject_to_wire(reject: &Reject) -> v1::Rejection {
    let reason = match reject.why {
        RejectWhy::Unsupported => v1::RejectionReason::Unsupported,
        RejectWhy::AddressDenied => v1::RejectionReason::AddressDenied,
        RejectWhy::Limit => v1::RejectionReason::Limit,
        RejectWhy::Invalid => v1::RejectionReason::Invalid,
    };
    v1::Rejection {
        monitor: id_bytes(reject.monitor.as_bytes()),
        reason: reason.into(),
        text: reject.text.clone(),
    }
}

pub(super) fn reject_from_wire(wire: v1::Rejection) -> Result<Reject, InvalidMessage> {
    let why = match v1::RejectionReason::try_from(wire.reason) {
        Ok(v1::RejectionReason::Unsupported) => RejectWhy::Unsupported,
        Ok(v1::RejectionReason::AddressDenied) => RejectWhy::AddressDenied,
        Ok(v1::RejectionReason::Limit) => RejectWhy::Limit,
        Ok(v1::RejectionReason::Invalid) => RejectWhy::Invalid,
        Ok(v1::RejectionReason::Unspecified) => {
            return Err(InvalidMessage::absent("Rejection", "reason"));
        }
        Err(_) => return Err(InvalidMessage::unknown("Rejection", "reason", wire.reason)),
    };
    Ok(Reject {
        monitor: MonitorId::from_bytes(id16("Rejection", "monitor", &wire.monitor)?),
        why,
        text: cut(wire.text, TEXT_MAX),
    })
}
