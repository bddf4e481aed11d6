//! The one timing structure: what is due when, for all monitors together.
//!
//! A heap of references by due time, on the monotonic clock. Nothing is ever taken out of its
//! middle: whatever changes gets a new stamp, and references with an old one are dropped as they
//! come up, or all at once when they have become the majority.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Something that may be due: a monitor's planned run, or an ask.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Ref {
    /// Where it is kept.
    pub(super) index: u32,
    /// Which state of it is meant; an older stamp is stale.
    pub(super) stamp: u32,
    /// Whether it is an ask.
    pub(super) asked: bool,
}

/// What is due when.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    heap: BinaryHeap<Reverse<(Duration, Ref)>>,
}

/// Below this many references a clean-up is not worth its while.
const CLEAN_MIN: usize = 1024;

impl Timeline {
    pub(super) fn push(&mut self, due: Duration, what: Ref) {
        self.heap.push(Reverse((due, what)));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// When the next one is due, stale or not.
    pub(super) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// The next one that is due.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<Ref> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, what))| what)
    }

    /// Drops what is stale once that is the greater part.
    pub(super) fn clean(&mut self, live: usize, is_live: impl Fn(Ref) -> bool) {
        if self.heap.len() > CLEAN_MIN + 2 * live {
            self.heap.retain(|Reverse((_, what))| is_live(*what));
        }
    }
}
