//! Up to which group results have been applied, while several owners apply them side by side.
//!
//! The mark never runs ahead: it is below every group that is stored and not yet applied. Too low
//! is harmless, since applying a result twice changes nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::HistoryNo;

#[derive(Debug, Default)]
struct State {
    /// For each group under way: a mark that is certainly below it.
    floors: BTreeMap<u64, HistoryNo>,
    next: u64,
    newest: HistoryNo,
    stored: HistoryNo,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied(Arc<Mutex<State>>);

/// A group under way. One that is dropped without [`Ticket::applied`] holds the mark below it for
/// good: what failed is applied again after the restart.
pub(crate) struct Ticket {
    of: Applied,
    number: u64,
    no: HistoryNo,
}

impl Applied {
    /// Starts at what the store says.
    pub(crate) fn new(mark: HistoryNo) -> Self {
        let state = State {
            newest: mark,
            stored: mark,
            ..State::default()
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A group is about to be stored; `last` is the newest number given so far.
    pub(crate) fn begin(&self, last: HistoryNo) -> Ticket {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.floors.insert(number, last);
        Ticket {
            of: self.clone(),
            number,
            no: last,
        }
    }

    /// The mark, if it moved since it was last stored.
    pub(crate) fn to_store(&self) -> Option<HistoryNo> {
        let mut state = self.lock();
        let floor = state.floors.values().copied().min();
        let mark = floor.unwrap_or(state.newest).min(state.newest);
        (mark > state.stored).then(|| {
            state.stored = mark;
            mark
        })
    }

    /// The mark as last stored.
    pub(crate) fn stored(&self) -> HistoryNo {
        self.lock().stored
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// The group got this number.
    pub(crate) fn stored(&mut self, no: HistoryNo) {
        self.no = no;
    }

    /// The group has been applied and what followed is committed.
    pub(crate) fn applied(self) {
        let mut state = self.of.lock();
        state.floors.remove(&self.number);
        state.newest = state.newest.max(self.no);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stays_below_every_group_under_way() {
        let applied = Applied::new(HistoryNo(5));
        let mut slow = applied.begin(HistoryNo(5));
        let mut quick = applied.begin(HistoryNo(5));
        slow.stored(HistoryNo(6));
        quick.stored(HistoryNo(7));
        quick.applied();
        assert_eq!(applied.to_store(), None, "group 6 is not applied yet");
        slow.applied();
        assert_eq!(applied.to_store(), Some(HistoryNo(7)));
        assert_eq!(applied.to_store(), None, "nothing moved since");
    }

    #[test]
    fn a_group_that_failed_holds_the_mark() {
        let applied = Applied::new(HistoryNo(5));
        let mut failed = applied.begin(HistoryNo(5));
        failed.stored(HistoryNo(6));
        drop(failed);
        let mut later = applied.begin(HistoryNo(6));
        later.stored(HistoryNo(7));
        later.applied();
        assert_eq!(applied.to_store(), None);
    }
}
