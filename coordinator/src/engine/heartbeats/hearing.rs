//! Whether pings can reach us: not before the doors open, not once they begin to close; and who may
//! have knocked and is not heard yet, since every place is taken, or only since a moment ago.
//!
//! While the doors are closed no deadline fires and no alive mark is stored: that time becomes a
//! spell. Who waits at an open door is the same in small: of everything since the oldest knock that
//! was not heard, nothing is known, so deadlines and marks go by that moment instead of the present
//! one. For the microseconds that a knock takes this is nothing; while the door is full it becomes a
//! spell as well.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::{SharedClock, SystemClock};

/// See the module. Cheap to clone; by default pings can reach us.
#[derive(Clone, Debug)]
pub struct Hearing {
    deaf: watch::Sender<Option<Time>>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Knocks that are not heard yet: since when each may have come, by the monotonic clock, and a
/// number to tell them apart.
#[derive(Debug, Default)]
struct Waiting {
    since: BTreeSet<(Duration, u64)>,
    numbers: u64,
}

impl Default for Hearing {
    fn default() -> Self {
        Self::since(None)
    }
}

impl Hearing {
    fn since(deaf: Option<Time>) -> Self {
        Self {
            deaf: watch::Sender::new(deaf),
            waiting: Arc::default(),
        }
    }

    /// Of a start: from no time on that this process knows, until [`Self::begins`].
    #[must_use]
    pub fn not_yet() -> Self {
        Self::since(Some(Time::EPOCH))
    }

    /// The doors open now.
    pub fn begins(&self) {
        self.deaf.send_replace(None);
    }

    /// The doors close from now on.
    pub fn ends(&self, now: Time) {
        self.deaf.send_replace(Some(now));
    }

    /// Since when none can reach us, as it changes.
    pub(super) fn deaf_since(&self) -> watch::Receiver<Option<Time>> {
        self.deaf.subscribe()
    }

    /// Since when somebody may have knocked who is not heard yet. What knocked before a time is
    /// heard if this is asked after the clock showed it, and says nothing earlier.
    pub(crate) fn waits_since(&self) -> Option<Duration> {
        let waiting = lock(&self.waiting);
        waiting.since.first().map(|(since, _)| *since)
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a door says who knocks.
#[derive(Clone)]
pub struct Knocks {
    hearing: Hearing,
    clock: SharedClock,
}

impl fmt::Debug for Knocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hearing.fmt(f)
    }
}

impl Knocks {
    pub(crate) fn new(hearing: Hearing, clock: SharedClock) -> Self {
        Self { hearing, clock }
    }

    /// Of a door at which no pings come.
    #[must_use]
    pub fn unheeded() -> Self {
        Self::new(Hearing::default(), SystemClock::shared())
    }

    /// Somebody may have knocked from now on.
    #[must_use]
    pub fn begin(&self) -> Knock {
        // The clock is read under the lock: whoever looks meanwhile would take the time until then
        // for heard.
        Knock::new(&self.hearing.waiting, || self.clock.monotonic())
    }
}

/// Somebody who may have knocked and is not heard yet, until it is dropped.
#[derive(Debug)]
pub struct Knock {
    waiting: Arc<Mutex<Waiting>>,
    key: (Duration, u64),
}

impl Knock {
    fn new(waiting: &Arc<Mutex<Waiting>>, since: impl FnOnce() -> Duration) -> Self {
        let mut all = lock(waiting);
        all.numbers += 1;
        let key = (since(), all.numbers);
        all.since.insert(key);
        drop(all);
        Self {
            waiting: Arc::clone(waiting),
            key,
        }
    }

    /// Another one, who may have knocked as early.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::new(&self.waiting, || self.key.0)
    }
}

impl Drop for Knock {
    fn drop(&mut self) {
        lock(&self.waiting).since.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_knock_that_is_not_heard_is_what_counts() {
        let hearing = Hearing::default();
        let knock = |since| Knock::new(&hearing.waiting, || Duration::from_millis(since));
        assert_eq!(hearing.waits_since(), None);
        let (late, early) = (knock(7), knock(3));
        let as_early = early.another();
        assert_eq!(hearing.waits_since(), Some(Duration::from_millis(3)));
        drop(early);
        assert_eq!(hearing.waits_since(), Some(Duration::from_millis(3)));
        drop(as_early);
        assert_eq!(hearing.waits_since(), Some(Duration::from_millis(7)));
        drop(late);
        assert_eq!(hearing.waits_since(), None);
    }
}
