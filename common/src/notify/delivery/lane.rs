//! Who is next: rows in line, one line per subject and channel, one lane per channel.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::id::ChannelId;
use crate::notify::row::{Row, RowSubject};
use crate::time::Time;

/// How many attempts may run at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To one channel while it takes what it is sent; one that fails gets one at a time.
    pub per_channel: usize,
    /// To all channels together.
    pub in_all: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_channel: 8,
            in_all: 64,
        }
    }
}

/// A line: one subject's messages to one channel, which must arrive in order.
type LineKey = (RowSubject, ChannelId);

/// Where a row stands in its line: by transition, then by age.
type Place = (u32, u64);

#[derive(Debug, Default)]
struct Line {
    rows: BTreeSet<Place>,
    in_flight: bool,
    /// How the head stands in its lane.
    armed: Option<(Time, u64)>,
}

/// What is known of a channel.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Since when nothing got through.
    pub(super) failing_since: Option<Time>,
    /// What the last failure was.
    pub(super) last_error: String,
    /// What was last reported: failing or working; nothing yet after a start.
    pub(super) reported_failing: Option<bool>,
    /// Until when the receiver asked to be left alone.
    pub(super) held_until: Option<Time>,
    /// Heads of lines by the time at which they are due.
    due: BTreeSet<(Time, u64)>,
    in_flight: usize,
    pending: usize,
}

impl Lane {
    fn has_room(&self, limits: Limits) -> bool {
        let room = match self.failing_since {
            Some(_) => 1,
            None => limits.per_channel,
        };
        self.in_flight < room
    }

    /// When it wants to start its next attempt, slots permitting.
    fn next_start(&self) -> Option<Time> {
        let (due, _) = self.due.first()?;
        Some(self.held_until.map_or(*due, |until| until.max(*due)))
    }
}

/// All lines and lanes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    limits: Limits,
    lines: BTreeMap<LineKey, Line>,
    lanes: BTreeMap<ChannelId, Lane>,
    in_flight: usize,
}

impl Lanes {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    pub(super) fn lane(&mut self, channel: ChannelId) -> &mut Lane {
        self.lanes.entry(channel).or_default()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (ChannelId, &mut Lane)> {
        self.lanes
            .iter_mut()
            .map(|(channel, lane)| (*channel, lane))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ChannelId, &Lane)> {
        self.lanes.iter().map(|(channel, lane)| (*channel, lane))
    }

    /// How many rows wait for each channel that has any.
    pub(super) fn pending(&self) -> impl Iterator<Item = (ChannelId, usize)> {
        self.iter().map(|(channel, lane)| (channel, lane.pending))
    }

    /// Puts a row in line.
    pub(super) fn join(&mut self, row: &Row, next_at: impl Fn(u64) -> Time) {
        self.lane(row.channel).pending += 1;
        let key = key(row);
        let line = self.lines.entry(key.clone()).or_default();
        line.rows.insert((row.seq, row.id));
        self.arm(&key, next_at);
    }

    /// Takes a settled row out of line; the one behind it is next.
    pub(super) fn leave(&mut self, row: &Row, next_at: impl Fn(u64) -> Time) {
        let lane = self.lane(row.channel);
        lane.pending = lane.pending.saturating_sub(1);
        let key = key(row);
        if let Some(line) = self.lines.get_mut(&key) {
            line.rows.remove(&(row.seq, row.id));
        }
        self.arm(&key, next_at);
    }

    /// An attempt of the row has ended.
    pub(super) fn landed(&mut self, row: &Row, next_at: impl Fn(u64) -> Time) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let lane = self.lane(row.channel);
        lane.in_flight = lane.in_flight.saturating_sub(1);
        let key = key(row);
        if let Some(line) = self.lines.get_mut(&key) {
            line.in_flight = false;
        }
        self.arm(&key, next_at);
    }

    /// The time at which a row is due has changed.
    pub(super) fn rearm(&mut self, row: &Row, next_at: impl Fn(u64) -> Time) {
        self.arm(&key(row), next_at);
    }

    /// The numbers of the rows in a row's line, in order.
    pub(super) fn line_of(&self, subject: &RowSubject, channel: ChannelId) -> Vec<u64> {
        let line = self.lines.get(&(subject.clone(), channel));
        line.map_or_else(Vec::new, |l| l.rows.iter().map(|(_, id)| *id).collect())
    }

    /// Whether any row about this is in line.
    pub(super) fn any_of(&self, subject: &RowSubject) -> bool {
        let first = (subject.clone(), ChannelId::from_bytes([0; 16]));
        let mut from = self.lines.range(first..);
        from.next().is_some_and(|((found, _), _)| found == subject)
    }

    /// The heads of a channel's lines that wait, soonest first.
    pub(super) fn waiting(&self, channel: ChannelId) -> Vec<u64> {
        let lane = self.lanes.get(&channel);
        lane.map_or_else(Vec::new, |l| l.due.iter().map(|(_, id)| *id).collect())
    }

    /// Takes the next row whose attempt may start now. `subject_of` tells its subject.
    pub(super) fn start_next(
        &mut self,
        now: Time,
        subject_of: impl Fn(u64) -> Option<RowSubject>,
    ) -> Option<u64> {
        if self.in_flight >= self.limits.in_all {
            return None;
        }
        let limits = self.limits;
        let ready = |lane: &Lane| {
            lane.has_room(limits) && lane.next_start().is_some_and(|start| start <= now)
        };
        let ready = self.lanes.iter_mut().filter(|(_, lane)| ready(lane));
        let (channel, lane) = ready.min_by_key(|(_, lane)| lane.next_start())?;
        let (_, id) = lane.due.pop_first()?;
        lane.in_flight += 1;
        self.in_flight += 1;
        if let Some(subject) = subject_of(id)
            && let Some(line) = self.lines.get_mut(&(subject, *channel))
        {
            line.in_flight = true;
            line.armed = None;
        }
        Some(id)
    }

    /// When the next attempt may start, if no other ends before.
    pub(super) fn next_start(&self) -> Option<Time> {
        if self.in_flight >= self.limits.in_all {
            return None;
        }
        let with_room = self.lanes.values().filter(|l| l.has_room(self.limits));
        with_room.filter_map(Lane::next_start).min()
    }

    /// Puts the head of a line, unless one of it is in flight, into its lane.
    fn arm(&mut self, key: &LineKey, next_at: impl Fn(u64) -> Time) {
        let Some(line) = self.lines.get_mut(key) else {
            return;
        };
        let lane = self.lanes.entry(key.1).or_default();
        if let Some(armed) = line.armed.take() {
            lane.due.remove(&armed);
        }
        match line.rows.first() {
            Some((_, id)) if !line.in_flight => {
                let armed = (next_at(*id), *id);
                lane.due.insert(armed);
                line.armed = Some(armed);
            }
            Some(_) => {}
            None if line.in_flight => {}
            None => {
                self.lines.remove(key);
            }
        }
    }
}

fn key(row: &Row) -> LineKey {
    (row.subject.clone(), row.channel)
}

/// How long nothing may get through before a channel counts as failing.
pub const FAILING_AFTER: Duration = Duration::from_secs(300);
