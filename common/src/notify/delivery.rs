//! The outbox machine: when which row is tried, and what becomes of it. No sockets, no store.
//!
//! # The rules
//! - One line per subject and channel: the next row is tried when the one before it is settled, so
//!   Up never overtakes Down. A bad receiver delays only its own lane.
//! - A failed row is tried again after a growing, random wait ([`backoff`]), for [`EXPIRY`]; a
//!   receiver's `Retry-After` holds back its whole lane. When a failing channel takes a row again,
//!   the others that wait for it are tried at once.
//! - Its fallback gets a copy after a permanent error, [`COPY_AFTER_FAILURES`] failed attempts or
//!   [`COPY_AFTER`]; the row itself is still tried. What comes later on the same line is copied at
//!   once, since who was told of a beginning is told of the end. A copy makes no further hop. One
//!   that nobody tried yet when the row gets through, of a subject that the fallback knows nothing
//!   of, is superseded; a row that was tried never is.
//! - Nothing got through for [`FAILING_AFTER`], or a row is given up: the channel is reported as
//!   failing, until something gets through.
//! - A step waits outside of its line until it is due; then the owner of its incident is asked, and
//!   the row that it answers with is sent like any other, or ends. A newer step of the same
//!   incident to the same channel takes its place.
//! - A row that tells of a `channel test` is tried once and counts for nothing else.
//!
//! Every row ends as sent, suppressed, superseded or dead. After a crash the machine is filled
//! again with the rows of the store and goes on; an attempt whose outcome was not saved is made
//! again under the same key.
//!
//! # The caller's part
//! Save [`Effects::changes`] in one commit before anything else that the effects ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::id::ChannelId;
use crate::notify::row::{Purpose, Row, RowState, RowSubject};
use crate::time::Time;

mod answer;
mod copies;
mod effects;
mod lane;
mod settled;
mod step;
mod waiting;

pub use answer::{Answer, Failure, FailureKind, RETRY_MAX, RETRY_MIN, backoff, retry_after};
pub use effects::{Change, Effects, Input, Report};
use lane::Lanes;
pub use lane::{FAILING_AFTER, Limits};
use settled::Settled;
use step::Step;
use waiting::Waiting;

/// How long a row is tried.
pub const EXPIRY: Duration = Duration::from_secs(24 * 3_600);
/// How long a failure that is likely a mistake is tried.
pub const DOUBT: Duration = Duration::from_secs(300);
/// After how many failed attempts the fallback gets its copy.
pub const COPY_AFTER_FAILURES: u32 = 3;
/// After what time the fallback gets its copy, whatever was tried.
pub const COPY_AFTER: Duration = Duration::from_secs(120);
/// How long a settled row is remembered when its incident does not end.
pub const COPY_MEMORY: Duration = Duration::from_secs(30 * 24 * 3_600);

#[derive(Debug)]
struct Entry {
    row: Row,
    in_flight: bool,
    /// When it was last tried by this process.
    tried_at: Option<Time>,
}

/// The rows that are not settled, and what is known of their channels.
#[derive(Debug, Default)]
pub struct Delivery {
    entries: BTreeMap<u64, Entry>,
    lanes: Lanes,
    /// When the fallback's copy of a row is due.
    copy_due: BTreeSet<(Time, u64)>,
    /// Settled rows that stay in the store while their subject goes on: delivered copies, since
    /// who got one hears of what follows, and ends.
    lingering: BTreeMap<RowSubject, Vec<Row>>,
    /// Steps whose time has not come, or on which their owner decides.
    waiting: Waiting,
    /// Subjects whose last message is on its way.
    ending: BTreeSet<RowSubject>,
    settled: Settled,
}

impl Delivery {
    /// Starts empty; bring the stored rows by [`Input::Added`].
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            lanes: Lanes::new(limits),
            ..Self::default()
        }
    }

    /// Takes what happened; returns what must follow. `ids` gives new rows their numbers.
    pub fn on(&mut self, input: Input, now: Time, ids: &mut dyn FnMut() -> u64) -> Effects {
        let mut step = Step {
            now,
            ids,
            changes: BTreeMap::new(),
            reports: Vec::new(),
        };
        match input {
            Input::Added(rows) => self.added(rows, &mut step),
            Input::Finished {
                row,
                answer,
                random,
            } => self.finished(row, answer, random, &mut step),
            Input::ChannelSaved(channel) => {
                self.lanes.lane(channel).held_until = None;
                self.hurry(channel, now);
            }
            Input::Tick => {}
        }
        self.copies_due(&mut step);
        self.report_failing(&mut step);
        self.forget_old(&mut step);
        Effects {
            attempts: self.start_attempts(now),
            steps: self.waiting.take_due(now),
            changes: step.changes.into_values().collect(),
            reports: step.reports,
        }
    }

    /// When [`Input::Tick`] is wanted, if nothing happens before.
    #[must_use]
    pub fn next_wake(&self) -> Option<Time> {
        let copy = self.copy_due.first().map(|(at, _)| *at);
        let unreported = |(_, lane): (ChannelId, &lane::Lane)| match lane.reported_failing {
            Some(true) => None,
            Some(false) | None => lane.failing_since.map(|since| since + FAILING_AFTER),
        };
        let report = self.lanes.iter().filter_map(unreported).min();
        let wakes = [self.lanes.next_start(), copy, report, self.waiting.next()];
        wakes.into_iter().flatten().min()
    }

    /// How many rows wait for each channel.
    pub fn pending(&self) -> impl Iterator<Item = (ChannelId, usize)> {
        self.lanes.pending()
    }

    /// The rows that are not settled and go to a channel, each with whether it is being tried.
    pub fn waiting_for(&self, channel: ChannelId) -> impl Iterator<Item = (&Row, bool)> {
        let entries = self.entries.values();
        let of_channel = entries.filter(move |e| e.row.channel == channel);
        let steps = self
            .waiting
            .rows()
            .filter(move |row| row.channel == channel);
        let steps = steps.map(|row| (row, false));
        of_channel.map(|e| (&e.row, e.in_flight)).chain(steps)
    }

    fn added(&mut self, mut rows: Vec<Row>, step: &mut Step<'_>) {
        rows.sort_by_key(|row| row.id);
        for row in rows {
            if self.waiting.contains(row.id) {
                self.step_answered(row, step);
                continue;
            }
            if self.entries.contains_key(&row.id) || self.settled.contains(row.id) {
                continue;
            }
            if is_end(&row) {
                self.ending.insert(row.subject.clone());
            }
            if row.is_waiting() {
                self.wait_for_step(row, step);
            } else if row.state == RowState::Pending {
                self.admit(row, step);
            } else if row.purpose == Purpose::Step {
                self.withdrawn(row, step);
            } else {
                self.settled.insert(row.id);
                self.linger(row);
            }
        }
    }

    /// Takes a pending row in.
    fn admit(&mut self, row: Row, step: &mut Step<'_>) {
        let id = row.id;
        if row.attempts > 0 && row.first_failed_at.is_some() {
            let lane = self.lanes.lane(row.channel);
            lane.failing_since = lane.failing_since.max(row.first_failed_at);
            lane.last_error.clone_from(&row.last_error);
        }
        if row.fallback.is_some() && !row.fell_back {
            self.copy_due.insert((row.created_at + COPY_AFTER, id));
        }
        let follows_copy = row
            .fallback
            .is_some_and(|to| self.knows_by_copy(&row.subject, row.channel, to));
        let entry = Entry {
            row: row.clone(),
            in_flight: false,
            tried_at: None,
        };
        self.entries.insert(id, entry);
        self.lanes.join(&row, next_at(&self.entries));
        if follows_copy {
            self.copy(id, step);
        }
    }

    fn finished(&mut self, id: u64, answer: Answer, random: u64, step: &mut Step<'_>) {
        let Some(entry) = self.entries.get_mut(&id).filter(|e| e.in_flight) else {
            return;
        };
        entry.in_flight = false;
        entry.tried_at = Some(step.now);
        let row = entry.row.clone();
        self.lanes.landed(&row, next_at(&self.entries));
        match answer {
            Answer::Delivered => self.delivered(row, step),
            Answer::Failed(failure) => self.failed(row, failure, random, step),
            Answer::Withheld(reason) => {
                self.lanes.lane(row.channel).failing_since = None;
                self.copy(id, step);
                self.settle(id, RowState::Suppressed(reason), step);
            }
        }
    }

    fn delivered(&mut self, mut row: Row, step: &mut Step<'_>) {
        row.attempts += 1;
        let (id, channel) = (row.id, row.channel);
        self.update(row.clone());
        self.settle(id, RowState::Sent(step.now), step);
        self.supersede_copy(&row, step);
        let lane = self.lanes.lane(channel);
        lane.held_until = None;
        if lane.reported_failing != Some(false) {
            lane.reported_failing = Some(false);
            step.reports.push(Report::Working { channel });
        }
        if lane.failing_since.take().is_some() {
            self.hurry(channel, step.now);
        }
    }

    /// The channel works again, or may: those that wait for their next attempt need wait no longer.
    fn hurry(&mut self, channel: ChannelId, now: Time) {
        for id in self.lanes.waiting(channel) {
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            let soonest = entry.tried_at.map_or(now, |at| now.max(at + RETRY_MIN));
            if entry.row.attempts > 0 && entry.row.next_at > soonest {
                entry.row.next_at = soonest;
                let row = entry.row.clone();
                self.lanes.rearm(&row, next_at(&self.entries));
            }
        }
    }

    fn failed(&mut self, mut row: Row, failure: Failure, random: u64, step: &mut Step<'_>) {
        let now = step.now;
        row.attempts += 1;
        row.last_error.clone_from(&failure.text);
        let first_failed = *row.first_failed_at.get_or_insert(now);
        if matches!(row.subject, RowSubject::Test(_)) {
            let id = row.id;
            self.update(row);
            self.settle(id, RowState::Dead(failure.text), step);
            return;
        }
        let lane = self.lanes.lane(row.channel);
        lane.failing_since.get_or_insert(now);
        lane.last_error.clone_from(&failure.text);
        let held_until = failure.retry_after.map(|wait| now + wait.min(EXPIRY));
        lane.held_until = lane.held_until.max(held_until);
        let last_try = match failure.kind {
            FailureKind::Permanent | FailureKind::Gone => now,
            FailureKind::Doubtful => (first_failed + DOUBT).min(row.created_at + EXPIRY),
            FailureKind::Transient => row.created_at + EXPIRY,
        };
        if failure.kind == FailureKind::Gone {
            step.reports.push(Report::Disable {
                channel: row.channel,
                reason: failure.text.clone(),
            });
        }
        if now >= last_try {
            self.give_up(row, failure, step);
            return;
        }
        let wait = now + backoff(row.attempts, random);
        row.next_at = wait
            .max(held_until.unwrap_or(wait))
            .min(last_try.max(now + RETRY_MIN));
        let (id, owes_copy) = (row.id, row.attempts >= COPY_AFTER_FAILURES);
        self.update(row.clone());
        self.lanes.rearm(&row, next_at(&self.entries));
        step.save(row);
        if owes_copy {
            self.copy(id, step);
        }
    }

    fn give_up(&mut self, row: Row, failure: Failure, step: &mut Step<'_>) {
        let (id, channel) = (row.id, row.channel);
        let reason = match failure.kind {
            FailureKind::Transient => format!("given up after 24 h: {}", failure.text),
            FailureKind::Doubtful | FailureKind::Permanent | FailureKind::Gone => failure.text,
        };
        self.update(row);
        self.copy(id, step);
        self.settle(id, RowState::Dead(reason), step);
        self.report(channel, step);
    }

    fn copies_due(&mut self, step: &mut Step<'_>) {
        while let Some((at, id)) = self.copy_due.first().copied()
            && at <= step.now
        {
            self.copy_due.remove(&(at, id));
            self.copy(id, step);
        }
    }

    fn report_failing(&mut self, step: &mut Step<'_>) {
        let due = |lane: &lane::Lane| {
            let long = lane
                .failing_since
                .is_some_and(|s| s + FAILING_AFTER <= step.now);
            long && lane.reported_failing != Some(true)
        };
        let channels = self.lanes.iter_mut().filter(|(_, lane)| due(lane));
        let channels: Vec<ChannelId> = channels.map(|(channel, _)| channel).collect();
        for channel in channels {
            self.report(channel, step);
        }
    }

    fn report(&mut self, channel: ChannelId, step: &mut Step<'_>) {
        let lane = self.lanes.lane(channel);
        if lane.reported_failing == Some(true) {
            return;
        }
        lane.reported_failing = Some(true);
        step.reports.push(Report::Failing {
            channel,
            since: lane.failing_since.unwrap_or(step.now),
            error: lane.last_error.clone(),
        });
    }

    fn start_attempts(&mut self, now: Time) -> Vec<Row> {
        let mut attempts = Vec::new();
        let entries = &mut self.entries;
        while let Some(id) = self
            .lanes
            .start_next(now, |id| entries.get(&id).map(|e| e.row.subject.clone()))
        {
            if let Some(entry) = entries.get_mut(&id) {
                entry.in_flight = true;
                attempts.push(entry.row.clone());
            }
        }
        attempts
    }

    fn update(&mut self, row: Row) {
        if let Some(entry) = self.entries.get_mut(&row.id) {
            entry.row = row;
        }
    }

    /// The row has come to its end.
    fn settle(&mut self, id: u64, state: RowState, step: &mut Step<'_>) {
        let Some(Entry { mut row, .. }) = self.entries.remove(&id) else {
            return;
        };
        self.settled.insert(id);
        self.copy_due.remove(&(row.created_at + COPY_AFTER, id));
        self.lanes.leave(&row, next_at(&self.entries));
        row.state = state;
        let subject = row.subject.clone();
        let delivered = matches!(row.state, RowState::Sent(_));
        let is_copy = matches!(row.purpose, Purpose::Fallback(_));
        let goes_on = self.lanes.any_of(&subject);
        if (is_copy && delivered) || (is_end(&row) && goes_on) {
            step.save(row.clone());
            self.linger(row);
        } else {
            step.settle(row);
        }
        if !goes_on && self.ending.remove(&subject) {
            self.forget(&subject, step);
        }
    }
}

/// Whether a row is the last that its channel hears of its subject.
fn is_end(row: &Row) -> bool {
    row.event.ends_with(".resolved")
}

/// When a row wants its next attempt.
fn next_at(entries: &BTreeMap<u64, Entry>) -> impl Fn(u64) -> Time + '_ {
    |id| entries.get(&id).map_or(Time::FAR_FUTURE, |e| e.row.next_at)
}

#[cfg(test)]
mod tests;
