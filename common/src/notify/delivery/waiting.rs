//! Steps that wait: held apart from the lines until the owner of their incident has decided.
//!
//! When one is due its owner is asked, once. From then until the answer comes, as the row that the
//! owner has stored, the row is the owner's: it is neither changed nor settled here.

use std::collections::{BTreeMap, BTreeSet};

use super::{Delivery, Step};
use crate::id::ChannelId;
use crate::notify::row::{Row, RowState, RowSubject};
use crate::time::Time;

#[derive(Debug)]
struct Held {
    row: Row,
    asked: bool,
}

/// The steps that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    rows: BTreeMap<u64, Held>,
    due: BTreeSet<(Time, u64)>,
    /// The newest of each subject to each channel.
    newest: BTreeMap<(RowSubject, ChannelId), u64>,
}

impl Waiting {
    pub(super) fn contains(&self, id: u64) -> bool {
        self.rows.contains_key(&id)
    }

    /// Takes a step in. Of two that wait for the same, the newer stays and the other comes back,
    /// with the key of the one that stays; but not one that an owner has.
    fn put(&mut self, row: Row) -> Option<(Row, String)> {
        let line = (row.subject.clone(), row.channel);
        let before = self.newest.get(&line).and_then(|id| self.rows.get(id));
        if let Some(newer) = before.filter(|before| before.row.id > row.id) {
            let key = newer.row.key.clone();
            return Some((row, key));
        }
        let replaced = before.filter(|held| !held.asked).map(|held| held.row.id);
        let replaced = replaced.and_then(|id| self.remove(id));
        let key = row.key.clone();
        self.newest.insert(line, row.id);
        self.due.insert((row.next_at, row.id));
        self.rows.insert(row.id, Held { row, asked: false });
        replaced.map(|row| (row, key))
    }

    fn remove(&mut self, id: u64) -> Option<Row> {
        let Held { row, .. } = self.rows.remove(&id)?;
        self.due.remove(&(row.next_at, id));
        let line = (row.subject.clone(), row.channel);
        if self.newest.get(&line) == Some(&id) {
            self.newest.remove(&line);
        }
        Some(row)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().map(|held| &held.row)
    }

    /// When the next step is due.
    pub(super) fn next(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The steps that are due: their owners are to be asked.
    pub(super) fn take_due(&mut self, now: Time) -> Vec<Row> {
        let mut due = Vec::new();
        while let Some((at, id)) = self.due.first().copied()
            && at <= now
        {
            self.due.remove(&(at, id));
            if let Some(held) = self.rows.get_mut(&id) {
                held.asked = true;
                due.push(held.row.clone());
            }
        }
        due
    }
}

impl Delivery {
    /// Takes a new step in. One that the same channel waited for before, of the same incident, is
    /// said by this one.
    pub(super) fn wait_for_step(&mut self, row: Row, step: &mut Step<'_>) {
        if let Some((mut row, by)) = self.waiting.put(row) {
            self.settled.insert(row.id);
            row.state = RowState::Superseded(by);
            step.settle(row);
        }
    }

    /// The row as its owner left it, or as it was read from the store in between.
    pub(super) fn step_answered(&mut self, row: Row, step: &mut Step<'_>) {
        if row.is_waiting() {
            let known = self.waiting.rows.get(&row.id);
            if known.is_some_and(|held| held.row.next_at != row.next_at) {
                self.waiting.remove(row.id);
                self.wait_for_step(row, step);
            }
            return;
        }
        self.waiting.remove(row.id);
        if row.state == RowState::Pending {
            self.admit(row, step);
        } else {
            self.withdrawn(row, step);
        }
    }

    /// A step that its owner decided not to send.
    pub(super) fn withdrawn(&mut self, row: Row, step: &mut Step<'_>) {
        self.settled.insert(row.id);
        step.settle(row);
    }
}
