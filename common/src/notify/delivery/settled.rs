//! Which rows were settled lately: one that is brought twice is sent once.

use std::collections::{BTreeSet, VecDeque};

/// How many settled rows are remembered; far more than can be under way between engine and outbox.
const SETTLED_MEMORY: usize = 10_000;

/// The numbers of the rows settled last.
#[derive(Debug, Default)]
pub(super) struct Settled {
    known: BTreeSet<u64>,
    order: VecDeque<u64>,
}

impl Settled {
    pub(super) fn contains(&self, id: u64) -> bool {
        self.known.contains(&id)
    }

    pub(super) fn insert(&mut self, id: u64) {
        if self.known.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > SETTLED_MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}
