//! What the coordinator says.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use vigilmon_common::id::{AgentId, Epoch, MonitorId, SessionId};
use vigilmon_common::session::assignment::{Assigned, Delta, Position};
use vigilmon_common::session::messages::{
    Ack, CheckNow, CoordinatorMessage, Leave, Refused, RefusedWhy, Sync, Target, Welcome,
};
use vigilmon_common::time::Time;

use super::assignment::{
    assigned_from_wire, assigned_to_wire, check_from_wire, check_to_wire, position_from_wire,
    position_to_wire,
};
use crate::convert::{InvalidMessage, id_bytes, id16, millis};
use crate::v1;
use crate::v1::coordinator_message::Message;

/// A message of the coordinator as it leaves.
#[must_use]
pub fn coordinator_message_to_wire(message: &CoordinatorMessage) -> v1::CoordinatorMessage {
    let message = match message {
        CoordinatorMessage::Welcome(welcome) => Message::Welcome(welcome_to_wire(welcome)),
        CoordinatorMessage::SnapshotBegin { position, monitors } => {
            Message::SnapshotBegin(v1::SnapshotBegin {
                state: Some(position_to_wire(position)),
                monitors: *monitors,
            })
        }
        CoordinatorMessage::SnapshotPart(monitors) => Message::SnapshotPart(v1::SnapshotPart {
            monitors: monitors.iter().map(assigned_to_wire).collect(),
        }),
        CoordinatorMessage::SnapshotEnd => Message::SnapshotEnd(v1::SnapshotEnd {}),
        CoordinatorMessage::Delta(delta) => Message::Delta(v1::Delta {
            state: Some(position_to_wire(&delta.position)),
            prev_revision: delta.prev_revision,
            upserts: delta.upserts.iter().map(assigned_to_wire).collect(),
            removes: ids_to_wire(&delta.removes),
        }),
        CoordinatorMessage::CheckNow(check) => Message::CheckNow(check_now_to_wire(check)),
        CoordinatorMessage::Ack(ack) => Message::Ack(ack_to_wire(ack)),
        CoordinatorMessage::Pulse { clock } => Message::Pulse(v1::CoordinatorPulse {
            wall_clock_ms: clock.as_millis(),
        }),
        CoordinatorMessage::AskSummary { ask, monitors } => Message::AskSummary(v1::AskSummary {
            ask: *ask,
            monitors: ids_to_wire(monitors),
        }),
        CoordinatorMessage::GoAway { window, why } => Message::GoAway(v1::GoAway {
            window_ms: millis(*window),
            reason: leave_to_wire(*why).into(),
            text: String::new(),
        }),
    };
    v1::CoordinatorMessage {
        message: Some(message),
    }
}

/// What a message of the coordinator says.
///
/// # Errors
/// The message is malformed.
pub fn coordinator_message_from_wire(
    wire: v1::CoordinatorMessage,
) -> Result<CoordinatorMessage, InvalidMessage> {
    let message = wire
        .message
        .ok_or_else(|| InvalidMessage::new("CoordinatorMessage", "message", "empty or unknown"))?;
    Ok(match message {
        Message::Welcome(welcome) => CoordinatorMessage::Welcome(welcome_from_wire(&welcome)?),
        Message::SnapshotBegin(begin) => CoordinatorMessage::SnapshotBegin {
            position: state("SnapshotBegin", begin.state.as_ref())?,
            monitors: begin.monitors,
        },
        Message::SnapshotPart(part) => {
            CoordinatorMessage::SnapshotPart(all_assigned(part.monitors)?)
        }
        Message::SnapshotEnd(_) => CoordinatorMessage::SnapshotEnd,
        Message::Delta(delta) => CoordinatorMessage::Delta(Delta {
            position: state("Delta", delta.state.as_ref())?,
            prev_revision: delta.prev_revision,
            upserts: all_assigned(delta.upserts)?,
            removes: ids_from_wire("Delta", "removes", &delta.removes)?,
        }),
        Message::CheckNow(check) => CoordinatorMessage::CheckNow(check_now_from_wire(check)?),
        Message::Ack(ack) => CoordinatorMessage::Ack(ack_from_wire(ack)?),
        Message::Pulse(pulse) => CoordinatorMessage::Pulse {
            clock: Time::from_millis(pulse.wall_clock_ms),
        },
        Message::AskSummary(ask) => CoordinatorMessage::AskSummary {
            ask: ask.ask,
            monitors: ids_from_wire("AskSummary", "monitors", &ask.monitors)?,
        },
        Message::GoAway(go_away) => CoordinatorMessage::GoAway {
            window: Duration::from_millis(go_away.window_ms),
            why: leave_from_wire(go_away.reason)?,
        },
    })
}

/// An acknowledgement, on a session or a backfill.
#[must_use]
pub fn ack_to_wire(ack: &Ack) -> v1::Ack {
    let refused = ack.refused.iter().map(|refused| v1::RefusedResult {
        seq: refused.seq,
        reason: refused_why_to_wire(refused.why).into(),
        text: String::new(),
    });
    v1::Ack {
        seq: ack.seq,
        refused: refused.collect(),
        credits: ack.credits,
    }
}

/// What an acknowledgement says. A refusal for a reason that this version does not know is one
/// all the same: the result must be forgotten.
///
/// # Errors
/// A refusal names a result that the acknowledgement does not reach.
pub fn ack_from_wire(wire: v1::Ack) -> Result<Ack, InvalidMessage> {
    if wire.refused.iter().any(|refused| refused.seq > wire.seq) {
        return Err(InvalidMessage::new(
            "Ack",
            "refused",
            "refuses more than it acknowledges",
        ));
    }
    let refused = wire.refused.iter().map(|refused| Refused {
        seq: refused.seq,
        why: refused_why_from_wire(refused.reason),
    });
    Ok(Ack {
        seq: wire.seq,
        refused: refused.collect(),
        credits: wire.credits,
    })
}

fn welcome_to_wire(welcome: &Welcome) -> v1::Welcome {
    let sync = match welcome.sync {
        Sync::Resume => v1::Sync::Resume,
        Sync::Snapshot => v1::Sync::Snapshot,
    };
    v1::Welcome {
        session: id_bytes(welcome.session.as_bytes()),
        agent: id_bytes(welcome.agent.as_bytes()),
        protocol: welcome.protocol,
        credits: welcome.credits,
        pulse_period_ms: millis(welcome.pulse),
        sync: sync.into(),
        scope: welcome.scope,
        epoch: id_bytes(welcome.epoch.as_bytes()),
        assignment_ttl_ms: millis(welcome.assignment_ttl),
        wall_clock_ms: welcome.clock.as_millis(),
    }
}

fn welcome_from_wire(wire: &v1::Welcome) -> Result<Welcome, InvalidMessage> {
    const NAME: &str = "Welcome";
    let sync = match v1::Sync::try_from(wire.sync) {
        Ok(v1::Sync::Resume) => Sync::Resume,
        Ok(v1::Sync::Snapshot) => Sync::Snapshot,
        Ok(v1::Sync::Unspecified) => return Err(InvalidMessage::absent(NAME, "sync")),
        Err(_) => return Err(InvalidMessage::unknown(NAME, "sync", wire.sync)),
    };
    if wire.pulse_period_ms == 0 {
        return Err(InvalidMessage::absent(NAME, "pulse_period_ms"));
    }
    Ok(Welcome {
        session: SessionId::from_bytes(id16(NAME, "session", &wire.session)?),
        agent: AgentId::from_bytes(id16(NAME, "agent", &wire.agent)?),
        protocol: wire.protocol,
        credits: wire.credits,
        pulse: Duration::from_millis(wire.pulse_period_ms),
        epoch: Epoch::from_bytes(id16(NAME, "epoch", &wire.epoch)?),
        sync,
        scope: wire.scope,
        assignment_ttl: Duration::from_millis(wire.assignment_ttl_ms),
        clock: Time::from_millis(wire.wall_clock_ms),
    })
}

fn check_now_to_wire(check: &CheckNow) -> v1::CheckNow {
    let target = match &check.what {
        Target::Monitor { monitor, revision } => {
            v1::check_now::Target::Assigned(v1::AssignedMonitor {
                monitor: id_bytes(monitor.as_bytes()),
                revision: *revision,
            })
        }
        Target::Inline(Some(spec)) => v1::check_now::Target::Inline(check_to_wire(spec)),
        Target::Inline(None) => v1::check_now::Target::Inline(v1::Assignment::default()),
    };
    v1::CheckNow {
        nonce: check.nonce,
        count: check.count,
        spacing_ms: millis(check.spacing),
        timeout_ms: check.timeout.map_or(0, millis),
        delay_ms: millis(check.delay),
        target: Some(target),
        answer_only: check.answer,
    }
}

fn check_now_from_wire(wire: v1::CheckNow) -> Result<CheckNow, InvalidMessage> {
    const NAME: &str = "CheckNow";
    let what = match wire
        .target
        .ok_or_else(|| InvalidMessage::absent(NAME, "target"))?
    {
        v1::check_now::Target::Assigned(assigned) => Target::Monitor {
            monitor: MonitorId::from_bytes(id16("AssignedMonitor", "monitor", &assigned.monitor)?),
            revision: assigned.revision,
        },
        v1::check_now::Target::Inline(inline) => {
            Target::Inline(check_from_wire(&inline).ok().map(Arc::new))
        }
    };
    if wire.count == 0 {
        return Err(InvalidMessage::absent(NAME, "count"));
    }
    Ok(CheckNow {
        nonce: wire.nonce,
        count: wire.count,
        spacing: Duration::from_millis(wire.spacing_ms),
        delay: Duration::from_millis(wire.delay_ms),
        timeout: (wire.timeout_ms > 0).then(|| Duration::from_millis(wire.timeout_ms)),
        what,
        answer: wire.answer_only,
    })
}

fn state(
    message: &'static str,
    wire: Option<&v1::AssignmentState>,
) -> Result<Position, InvalidMessage> {
    position_from_wire(wire.ok_or_else(|| InvalidMessage::absent(message, "state"))?)
}

fn all_assigned(wire: Vec<v1::Assignment>) -> Result<Vec<Assigned>, InvalidMessage> {
    wire.into_iter().map(assigned_from_wire).collect()
}

fn ids_to_wire(ids: &[MonitorId]) -> Vec<Bytes> {
    ids.iter().map(|id| id_bytes(id.as_bytes())).collect()
}

fn ids_from_wire(
    message: &'static str,
    field: &'static str,
    ids: &[Bytes],
) -> Result<Vec<MonitorId>, InvalidMessage> {
    let id = |bytes: &Bytes| id16(message, field, bytes).map(MonitorId::from_bytes);
    ids.iter().map(id).collect()
}

const fn refused_why_to_wire(why: RefusedWhy) -> v1::RefusalReason {
    match why {
        RefusedWhy::MonitorGone => v1::RefusalReason::MonitorGone,
        RefusedWhy::TooOld => v1::RefusalReason::TooOld,
        RefusedWhy::ClockOff => v1::RefusalReason::ClockOff,
        RefusedWhy::Invalid => v1::RefusalReason::Invalid,
    }
}

fn refused_why_from_wire(why: i32) -> RefusedWhy {
    match v1::RefusalReason::try_from(why) {
        Ok(v1::RefusalReason::MonitorGone) => RefusedWhy::MonitorGone,
        Ok(v1::RefusalReason::TooOld) => RefusedWhy::TooOld,
        Ok(v1::RefusalReason::ClockOff) => RefusedWhy::ClockOff,
        Ok(v1::RefusalReason::Invalid | v1::RefusalReason::Unspecified) | Err(_) => {
            RefusedWhy::Invalid
        }
    }
}

const fn leave_to_wire(why: Leave) -> v1::GoAwayReason {
    match why {
        Leave::Drain => v1::GoAwayReason::Drain,
        Leave::Replaced => v1::GoAwayReason::Replaced,
        Leave::Revoked => v1::GoAwayReason::Revoked,
    }
}

fn leave_from_wire(why: i32) -> Result<Leave, InvalidMessage> {
    match v1::GoAwayReason::try_from(why) {
        Ok(v1::GoAwayReason::Drain) => Ok(Leave::Drain),
        Ok(v1::GoAwayReason::Replaced) => Ok(Leave::Replaced),
        Ok(v1::GoAwayReason::Revoked) => Ok(Leave::Revoked),
        Ok(v1::GoAwayReason::Unspecified) => Err(InvalidMessage::absent("GoAway", "reason")),
        Err(_) => Err(InvalidMessage::unknown("GoAway", "reason", why)),
    }
}
