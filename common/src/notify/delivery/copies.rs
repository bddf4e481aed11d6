//! The fallback's copies: who else hears of what a channel could not deliver.

use super::{COPY_AFTER, COPY_MEMORY, Delivery, Entry, Step};
use crate::id::ChannelId;
use crate::identity::copy_key;
use crate::notify::row::{Purpose, Row, RowState, RowSubject};

impl Delivery {
    /// Gives the row's fallback its copy, and copies of what waits behind it: who is told of a
    /// beginning is told of the end.
    pub(super) fn copy(&mut self, id: u64, step: &mut Step<'_>) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        let (subject, channel) = (entry.row.subject.clone(), entry.row.channel);
        let line = self.lanes.line_of(&subject, channel);
        let behind = line.into_iter().skip_while(|other| *other != id);
        for id in behind {
            self.copy_one(id, step);
        }
    }

    fn copy_one(&mut self, id: u64, step: &mut Step<'_>) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let row = &mut entry.row;
        let Some(to) = row.fallback.filter(|_| !row.fell_back) else {
            return;
        };
        row.fell_back = true;
        self.copy_due.remove(&(row.created_at + COPY_AFTER, id));
        step.save(row.clone());
        let row = row.clone();
        if self.has_transition(&row.subject, row.seq, to) {
            return;
        }
        let purpose = Purpose::Fallback(row.channel);
        let copy = Row {
            id: (step.ids)(),
            key: copy_key(&row.key, to),
            channel: to,
            purpose,
            created_at: step.now,
            attempts: 0,
            next_at: step.now,
            state: RowState::Pending,
            fallback: None,
            fell_back: false,
            first_failed_at: None,
            last_error: String::new(),
            ..row
        };
        step.save(copy.clone());
        self.admit(copy, step);
    }

    /// Whether a channel has, or is about to get, a transition: by a row of its own, or as the
    /// fallback of another channel that failed too. A later one counts: Down after Up misleads.
    fn has_transition(&self, subject: &RowSubject, seq: u32, channel: ChannelId) -> bool {
        let waiting = self.lanes.line_of(subject, channel);
        let mut waiting = waiting.iter().filter_map(|id| self.entries.get(id));
        let delivered = self.lingering.get(subject);
        let tried = |e: &Entry| e.in_flight || e.row.attempts > 0;
        waiting.any(|e| e.row.seq == seq || (e.row.seq > seq && tried(e)))
            || delivered.is_some_and(|rows| {
                let sent = |row: &&Row| matches!(row.state, RowState::Sent(_));
                let mut to_channel = rows.iter().filter(sent).filter(|r| r.channel == channel);
                to_channel.any(|row| row.seq >= seq)
            })
    }

    /// Whether `to` was told of the subject, or is about to be, in place of `channel`.
    pub(super) fn knows_by_copy(
        &self,
        subject: &RowSubject,
        channel: ChannelId,
        to: ChannelId,
    ) -> bool {
        let is_it = |row: &Row| row.channel == to && row.purpose == Purpose::Fallback(channel);
        let waiting = self.lanes.line_of(subject, to);
        let delivered = self.lingering.get(subject);
        waiting
            .iter()
            .filter_map(|id| self.entries.get(id))
            .any(|entry| is_it(&entry.row))
            || delivered.is_some_and(|rows| rows.iter().any(is_it))
    }

    /// The row got through: its copy is needless, if nobody tried it yet and the fallback knows
    /// nothing of the subject.
    pub(super) fn supersede_copy(&mut self, row: &Row, step: &mut Step<'_>) {
        let Some(to) = row.fallback.filter(|_| row.fell_back) else {
            return;
        };
        let of_row = Purpose::Fallback(row.channel);
        let told = |known: &Row| known.channel == to && known.purpose == of_row;
        if let Some(delivered) = self.lingering.get(&row.subject)
            && delivered.iter().any(told)
        {
            return;
        }
        let mut untried = None;
        for id in self.lanes.line_of(&row.subject, to) {
            let Some(entry) = self.entries.get(&id).filter(|e| told(&e.row)) else {
                continue;
            };
            if entry.in_flight || entry.row.attempts > 0 {
                return;
            }
            if entry.row.seq == row.seq {
                untried = Some(id);
            }
        }
        if let Some(id) = untried {
            self.settle(id, RowState::Superseded(row.key.clone()), step);
        }
    }

    pub(super) fn linger(&mut self, row: Row) {
        let rows = self.lingering.entry(row.subject.clone());
        rows.or_default().push(row);
    }

    pub(super) fn forget(&mut self, subject: &RowSubject, step: &mut Step<'_>) {
        for row in self.lingering.remove(subject).unwrap_or_default() {
            step.forget(row);
        }
    }

    /// An incident may go on for ever, or its channels want no end of it.
    pub(super) fn forget_old(&mut self, step: &mut Step<'_>) {
        let now = step.now;
        let old = |row: &Row| row.created_at + COPY_MEMORY <= now;
        let forgotten: Vec<RowSubject> = self
            .lingering
            .iter()
            .filter(|(_, rows)| rows.iter().all(old))
            .map(|(subject, _)| subject.clone())
            .collect();
        for subject in forgotten {
            self.forget(&subject, step);
        }
    }
}
