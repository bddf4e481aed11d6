//! Events: what watchers are told of each transition, in the order of commits.
//!
//! An event is committed with its transition, so a crash loses none; its cursor is the commit's
//! number and its place in it. Several owners commit side by side and may publish out of order: an
//! event is shown only once everything committed before it has been published, so a watcher that
//! goes on behind a cursor misses nothing. The newest events are kept here; watchers that are
//! further behind read the stores. A watcher pulls: a slow one holds up nobody and needs no queue.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use vigilmon_common::incident::Incident;
use vigilmon_common::notify::body::Body;

use crate::store::{Change, CommitNo, EventRecord, HistoryRecord, PendingId, StoreError, Stores};

/// Events that are kept here; watchers that are further behind read the stores.
const RECENT_MAX: usize = 4096;
/// Events that a watcher is given at once.
const GIVEN_MAX: usize = 256;
/// Watchers at once.
const WATCHERS_MAX: usize = 256;

/// The event of an incident's last transition, to be committed with it.
pub(crate) fn change(incident: &Incident, public_url: &str) -> Option<Change> {
    let body = Body::of_transition(incident, public_url)?;
    Some(Change::Record(HistoryRecord::Event(EventRecord {
        cursor: PendingId::START,
        at: body.timestamp,
        data: body.data.to_json(),
        event: body.event,
    })))
}

#[derive(Debug)]
struct Recent {
    events: BTreeMap<PendingId, EventRecord>,
    /// All events behind this one are among them.
    since: PendingId,
    /// The newest commit that brought events.
    newest: CommitNo,
    /// For each commit under way: one that is certainly below it.
    floors: BTreeMap<u64, CommitNo>,
    next: u64,
}

impl Recent {
    /// Up to here everything has been published.
    fn shown(&self) -> PendingId {
        let floor = self.floors.values().copied().min();
        PendingId::end_of(floor.unwrap_or(self.newest).min(self.newest))
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    recent: Arc<Mutex<Recent>>,
    changed: watch::Sender<u64>,
    watchers: Arc<Semaphore>,
}

/// A commit under way that brings events. One that is dropped unfinished holds back what follows:
/// the store failed, and the process ends.
pub(crate) struct Underway {
    of: Events,
    number: u64,
    events: Vec<EventRecord>,
}

impl Events {
    /// Goes on behind the newest commit of the state.
    pub(crate) fn new(newest: CommitNo) -> Self {
        let recent = Recent {
            events: BTreeMap::new(),
            since: PendingId::end_of(newest),
            newest,
            floors: BTreeMap::new(),
            next: 0,
        };
        Self {
            recent: Arc::new(Mutex::new(recent)),
            changed: watch::channel(0).0,
            watchers: Arc::new(Semaphore::new(WATCHERS_MAX)),
        }
    }

    /// These changes are about to be committed; `None` where they bring no event.
    pub(crate) fn begin(&self, changes: &[Change]) -> Option<Underway> {
        let mut events = Vec::new();
        for (place, change) in (0..).zip(changes) {
            if let Change::Record(HistoryRecord::Event(event)) = change {
                let mut event = event.clone();
                event.cursor.place = place;
                events.push(event);
            }
        }
        if events.is_empty() {
            return None;
        }
        let mut recent = self.lock();
        let number = recent.next;
        recent.next += 1;
        let below = recent.newest;
        recent.floors.insert(number, below);
        Some(Underway {
            of: self.clone(),
            number,
            events,
        })
    }

    /// The place behind everything that was published.
    pub(crate) fn now(&self) -> PendingId {
        self.lock().shown()
    }

    /// Events behind a cursor, oldest first; `Err` names the place from which they are here.
    fn after(&self, cursor: PendingId) -> Result<Vec<EventRecord>, PendingId> {
        let recent = self.lock();
        if cursor < recent.since {
            return Err(recent.since);
        }
        let shown = recent.shown();
        if cursor >= shown {
            return Ok(Vec::new());
        }
        let later = (Bound::Excluded(cursor), Bound::Included(shown));
        let later = recent.events.range(later);
        Ok(later.take(GIVEN_MAX).map(|(_, e)| e.clone()).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Underway {
    /// It got this number.
    pub(crate) fn committed(self, commit: CommitNo) {
        let mut recent = self.of.lock();
        recent.floors.remove(&self.number);
        recent.newest = recent.newest.max(commit);
        for mut event in self.events {
            event.cursor.commit = commit;
            recent.events.insert(event.cursor, event);
        }
        while recent.events.len() > RECENT_MAX
            && let Some((oldest, _)) = recent.events.pop_first()
        {
            recent.since = oldest;
        }
        drop(recent);
        self.of.changed.send_modify(|n| *n += 1);
    }
}

/// Why nobody can watch from there.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// What came behind the cursor was dropped since.
    #[error("events behind this cursor are no longer kept")]
    TooOld {
        /// From here on all are.
        oldest: PendingId,
    },
    /// No event has it yet.
    #[error("no event has this cursor")]
    Unknown {
        /// The newest one.
        newest: PendingId,
    },
    /// There are as many watchers as may be.
    #[error("{WATCHERS_MAX} watchers are connected, more are not served")]
    TooMany,
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody who is told every event behind a cursor, once and in order.
pub struct Watcher {
    events: Events,
    stores: Stores,
    cursor: PendingId,
    changed: watch::Receiver<u64>,
    _permit: OwnedSemaphorePermit,
}

impl Watcher {
    /// Watches from behind a cursor on; `None`: from now on.
    pub(crate) async fn from(
        events: &Events,
        stores: &Stores,
        cursor: Option<PendingId>,
    ) -> Result<Self, WatchError> {
        let permit = Arc::clone(&events.watchers).try_acquire_owned();
        let permit = permit.map_err(|_| WatchError::TooMany)?;
        let newest = events.now();
        let cursor = cursor.unwrap_or(newest);
        if cursor > newest {
            return Err(WatchError::Unknown { newest });
        }
        let watcher = Self {
            events: events.clone(),
            stores: stores.clone(),
            cursor,
            changed: events.changed.subscribe(),
            _permit: permit,
        };
        watcher.is_kept().await?;
        Ok(watcher)
    }

    /// Behind which event it stands.
    #[must_use]
    pub const fn cursor(&self) -> PendingId {
        self.cursor
    }

    /// The next events, as soon as there are any. Safe to drop while it waits.
    ///
    /// # Errors
    /// A store failed, or the watcher was so slow that events behind it are no longer kept.
    pub async fn next(&mut self) -> Result<Vec<EventRecord>, WatchError> {
        loop {
            self.changed.mark_unchanged();
            let found = match self.events.after(self.cursor) {
                Ok(found) => found,
                Err(since) => {
                    self.is_kept().await?;
                    let stored = self.stores.events(self.cursor, GIVEN_MAX).await?;
                    if stored.is_empty() {
                        self.cursor = since;
                        continue;
                    }
                    stored
                }
            };
            if let Some(last) = found.last() {
                self.cursor = last.cursor;
                return Ok(found);
            }
            // An error says that the engine is gone: nothing comes any more.
            if self.changed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    async fn is_kept(&self) -> Result<(), WatchError> {
        let oldest = self.stores.history.events_dropped().await?;
        if self.cursor < oldest {
            return Err(WatchError::TooOld { oldest });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use vigilmon_common::id::Epoch;
    use vigilmon_common::time::Time;

    use super::*;
    use crate::store::memory;

    fn event(n: i64) -> Change {
        Change::Record(HistoryRecord::Event(EventRecord {
            cursor: PendingId::START,
            at: Time::from_secs(n),
            event: "incident.opened".to_owned(),
            data: "{}".to_owned(),
        }))
    }

    async fn publish(events: &Events, stores: &Stores, n: i64) {
        let changes = vec![Change::SetRevision(1), event(n)];
        let underway = events.begin(&changes).unwrap();
        underway.committed(stores.state.commit(changes).await.unwrap());
    }

    fn seconds(events: &[EventRecord]) -> Vec<i64> {
        events.iter().map(|e| e.at.as_millis() / 1000).collect()
    }

    #[tokio::test]
    async fn nothing_is_shown_before_what_was_committed_earlier() {
        let stores = memory::stores(Epoch::from_bytes([1; 16]));
        let events = Events::new(CommitNo(0));
        let (slow, quick) = (vec![event(1)], vec![event(2)]);
        let first = events.begin(&slow).unwrap();
        let second = events.begin(&quick).unwrap();
        let of_first = stores.state.commit(slow).await.unwrap();
        second.committed(stores.state.commit(quick).await.unwrap());
        assert!(
            events
                .after(PendingId::end_of(CommitNo(0)))
                .unwrap()
                .is_empty()
        );
        first.committed(of_first);
        let both = events.after(PendingId::end_of(CommitNo(0))).unwrap();
        assert_eq!(seconds(&both), [1, 2]);
        assert!(events.begin(&[Change::SetRevision(1)]).is_none());
    }

    #[tokio::test]
    async fn a_watcher_goes_on_behind_its_cursor_over_a_restart_and_a_settling() {
        let stores = memory::stores(Epoch::from_bytes([1; 16]));
        let events = Events::new(CommitNo(0));
        let mut watcher = Watcher::from(&events, &stores, None).await.unwrap();
        publish(&events, &stores, 1).await;
        publish(&events, &stores, 2).await;
        assert_eq!(seconds(&watcher.next().await.unwrap()), [1, 2]);
        let seen = watcher.cursor();
        publish(&events, &stores, 3).await;
        stores.settle().await.unwrap();
        publish(&events, &stores, 4).await;

        let newest = stores.state.load().await.unwrap().commit;
        let events = Events::new(newest);
        let mut watcher = Watcher::from(&events, &stores, Some(seen)).await.unwrap();
        assert_eq!(seconds(&watcher.next().await.unwrap()), [3, 4]);
        publish(&events, &stores, 5).await;
        assert_eq!(seconds(&watcher.next().await.unwrap()), [5]);
        let mut all = Watcher::from(&events, &stores, Some(PendingId::START))
            .await
            .unwrap();
        let mut found = all.next().await.unwrap();
        while found.len() < 5 {
            found.extend(all.next().await.unwrap());
        }
        assert_eq!(seconds(&found), [1, 2, 3, 4, 5], "each once");
    }

    #[tokio::test]
    async fn a_cursor_that_is_too_old_or_unknown_is_refused() {
        let stores = memory::stores(Epoch::from_bytes([1; 16]));
        let events = Events::new(CommitNo(0));
        publish(&events, &stores, 1).await;
        publish(&events, &stores, 100).await;
        stores.settle().await.unwrap();
        stores
            .history
            .drop_before(Time::from_secs(50))
            .await
            .unwrap();
        let old = Watcher::from(&events, &stores, Some(PendingId::START)).await;
        let Err(WatchError::TooOld { oldest }) = old else {
            panic!("it is no longer kept");
        };
        let mut rest = Watcher::from(&events, &stores, Some(oldest)).await.unwrap();
        assert_eq!(seconds(&rest.next().await.unwrap()), [100]);
        let ahead = PendingId::end_of(CommitNo(900));
        let ahead = Watcher::from(&events, &stores, Some(ahead)).await;
        assert!(matches!(ahead, Err(WatchError::Unknown { .. })));
    }
}
