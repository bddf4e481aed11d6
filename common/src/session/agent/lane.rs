//! Results on their way in one stream: a queue whose front is sent and not acked.

use std::collections::VecDeque;

use crate::result::CheckResult;
use crate::session::messages::{Ack, FIRST_SEQ};

/// An ack for something that was never sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NeverSent;

/// A queue of results: the first `sent` of them are on their way, numbered from `front_seq`.
#[derive(Debug)]
pub(super) struct Lane {
    items: VecDeque<CheckResult>,
    sent: usize,
    front_seq: u64,
}

impl Lane {
    pub(super) const fn new() -> Self {
        Self {
            items: VecDeque::new(),
            sent: 0,
            front_seq: FIRST_SEQ,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many are sent and not acked.
    pub(super) const fn in_flight(&self) -> usize {
        self.sent
    }

    /// How many wait to be sent.
    pub(super) fn unsent(&self) -> usize {
        self.items.len() - self.sent
    }

    /// The number that the next result sent gets.
    pub(super) fn next_seq(&self) -> u64 {
        self.front_seq + self.sent as u64
    }

    pub(super) fn oldest(&self) -> Option<&CheckResult> {
        self.items.front()
    }

    pub(super) fn push(&mut self, result: CheckResult) {
        self.items.push_back(result);
    }

    /// Puts `results` before all others; only while nothing is sent.
    pub(super) fn prepend(&mut self, results: impl DoubleEndedIterator<Item = CheckResult>) {
        debug_assert_eq!(self.sent, 0, "numbers of sent results must stay");
        for result in results.rev() {
            self.items.push_front(result);
        }
    }

    /// Sends up to `most`: their first number and copies of them.
    pub(super) fn send(&mut self, most: usize) -> Option<(u64, Vec<CheckResult>)> {
        let count = self.unsent().min(most);
        if count == 0 {
            return None;
        }
        let first = self.next_seq();
        let range = self.sent..self.sent + count;
        let results = self.items.range(range).cloned().collect();
        self.sent += count;
        Some((first, results))
    }

    /// Takes off what is settled; each that may be asked for again goes to `keep`, all to `gone`.
    pub(super) fn ack(
        &mut self,
        ack: &Ack,
        mut each: impl FnMut(CheckResult, bool),
    ) -> Result<(), NeverSent> {
        if ack.seq >= self.next_seq() {
            return Err(NeverSent);
        }
        let mut refused = ack.refused.iter().map(|r| r.seq).peekable();
        while self.sent > 0 && self.front_seq <= ack.seq {
            while refused.next_if(|&seq| seq < self.front_seq).is_some() {}
            let is_refused = refused.next_if_eq(&self.front_seq).is_some();
            let Some(result) = self.items.pop_front() else {
                break;
            };
            self.front_seq += 1;
            self.sent -= 1;
            each(result, is_refused);
        }
        Ok(())
    }

    /// The stream is gone: nothing is sent any more, numbers begin again.
    pub(super) fn reset(&mut self) {
        self.sent = 0;
        self.front_seq = FIRST_SEQ;
    }

    /// Empties the lane.
    pub(super) fn take_all(&mut self) -> VecDeque<CheckResult> {
        self.reset();
        std::mem::take(&mut self.items)
    }

    /// Drops up to `most` of those that wait and for which `which` holds, the oldest first.
    pub(super) fn shed(
        &mut self,
        most: usize,
        which: impl Fn(&CheckResult) -> bool,
        mut dropped: impl FnMut(CheckResult),
    ) -> usize {
        let mut left = most;
        let mut kept = VecDeque::with_capacity(self.items.len());
        for (at, result) in std::mem::take(&mut self.items).into_iter().enumerate() {
            if at >= self.sent && left > 0 && which(&result) {
                left -= 1;
                dropped(result);
            } else {
                kept.push_back(result);
            }
        }
        self.items = kept;
        most - left
    }
}
