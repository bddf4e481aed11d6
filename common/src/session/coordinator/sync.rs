//! How the agent comes to its assignment, and how a lost change heals.

use super::{CoordinatorEnd, Effect};
use crate::session::assignment::{Assigned, Delta, Position, Snapshot};
use crate::session::messages::CoordinatorMessage;

/// Monitors in one message of a snapshot: with the largest bodies still far below the bound of a
/// message.
pub const SNAPSHOT_PART: usize = 64;
/// Pulses in a row that show an older revision until it counts as lost: one may have crossed the
/// delta on the road.
const PULSES_BEHIND: u32 = 2;

/// Where a snapshot is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Transfer {
    /// The agent has what it needs.
    Done,
    /// The fleet was asked for one.
    Wanted,
    /// It was sent, and not acked.
    Sent,
}

impl CoordinatorEnd {
    /// Whether the agent holds what we sent; what was lost heals here.
    pub(super) fn compare(&mut self, have: Option<Position>, out: &mut Vec<Effect>) {
        if have == Some(self.position) {
            self.behind = 0;
            self.snapshot = Transfer::Done;
            return;
        }
        let same_revision = have.is_some_and(|have| {
            have.epoch == self.position.epoch && have.revision == self.position.revision
        });
        self.behind += 1;
        let lost = self.behind >= PULSES_BEHIND;
        if lost || (same_revision && self.snapshot == Transfer::Done) {
            self.want_snapshot(out);
        }
    }

    pub(super) fn want_snapshot(&mut self, out: &mut Vec<Effect>) {
        self.behind = 0;
        if self.snapshot != Transfer::Wanted {
            self.snapshot = Transfer::Wanted;
            out.push(Effect::WantSnapshot);
        }
    }

    pub(super) fn fetched(&mut self, snapshot: Snapshot, out: &mut Vec<Effect>) {
        let is_older = snapshot.position.epoch == self.position.epoch
            && snapshot.position.revision < self.position.revision;
        if is_older {
            // A delta overtook it.
            out.push(Effect::WantSnapshot);
            return;
        }
        self.position = snapshot.position;
        let monitors = snapshot.monitors.iter();
        self.judge.assigned = monitors.map(Assigned::monitor).collect();
        self.send_snapshot(snapshot, out);
    }

    pub(super) fn send_snapshot(&mut self, snapshot: Snapshot, out: &mut Vec<Effect>) {
        self.snapshot = Transfer::Sent;
        let position = snapshot.position;
        let monitors = u32::try_from(snapshot.monitors.len()).unwrap_or(u32::MAX);
        out.push(Effect::Send(CoordinatorMessage::SnapshotBegin {
            position,
            monitors,
        }));
        let mut rest = snapshot.monitors.into_iter();
        while rest.len() > 0 {
            let part = rest.by_ref().take(SNAPSHOT_PART).collect();
            out.push(Effect::Send(CoordinatorMessage::SnapshotPart(part)));
        }
        out.push(Effect::Send(CoordinatorMessage::SnapshotEnd));
    }

    pub(super) fn delta(&mut self, delta: Delta, out: &mut Vec<Effect>) {
        let same_epoch = delta.position.epoch == self.position.epoch;
        if same_epoch && delta.position.revision <= self.position.revision {
            // A snapshot overtook it.
            return;
        }
        let follows = same_epoch && delta.prev_revision == self.position.revision;
        if !follows || delta.upserts.len() > SNAPSHOT_PART {
            self.want_snapshot(out);
            return;
        }
        self.position = delta.position;
        for monitor in &delta.removes {
            self.judge.assigned.remove(monitor);
        }
        let upserts = delta.upserts.iter().map(Assigned::monitor);
        self.judge.assigned.extend(upserts);
        out.push(Effect::Send(CoordinatorMessage::Delta(delta)));
    }
}
