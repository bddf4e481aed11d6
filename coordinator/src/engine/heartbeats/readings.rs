//! The register of pings that are being read: a deadline waits for those that were read in time.
//!
//! A ping's time is taken inside the register's lock. Whoever looks into the register later than a
//! time therefore finds there every ping of before that time that has not been applied: a deadline
//! cannot overtake a ping that came in time, however slowly its body comes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vigilmon_common::id::MonitorId;
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::SharedClock;

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Readings(Arc<Mutex<HashMap<MonitorId, Vec<Time>>>>);

impl Readings {
    /// The head of a ping's request was just read.
    pub(crate) fn begin(&self, heartbeat: MonitorId, clock: &SharedClock) -> Reading {
        let mut all = self.lock();
        let at = clock.now();
        all.entry(heartbeat).or_default().push(at);
        drop(all);
        let register = self.clone();
        Reading {
            register,
            heartbeat,
            at,
        }
    }

    /// Whether a ping of a heartbeat that was read up to `time` has not been applied yet. To be
    /// asked after the clock showed a later one.
    pub(crate) fn holds(&self, heartbeat: MonitorId, time: Time) -> bool {
        let all = self.lock();
        let times = all.get(&heartbeat);
        times.is_some_and(|times| times.iter().any(|at| *at <= time))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MonitorId, Vec<Time>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A ping that is being read; dropped once it is applied, or given up.
pub struct Reading {
    register: Readings,
    heartbeat: MonitorId,
    at: Time,
}

impl Reading {
    /// Of which heartbeat.
    #[must_use]
    pub const fn heartbeat(&self) -> MonitorId {
        self.heartbeat
    }

    /// When its request was read: the ping's time.
    #[must_use]
    pub const fn at(&self) -> Time {
        self.at
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut all = self.register.lock();
        let Some(times) = all.get_mut(&self.heartbeat) else {
            return;
        };
        if let Some(place) = times.iter().position(|at| *at == self.at) {
            times.swap_remove(place);
        }
        if times.is_empty() {
            all.remove(&self.heartbeat);
        }
    }
}

#[cfg(test)]
mod tests {
    use vigilmon_runtime::clock::SystemClock;

    use super::*;

    #[test]
    fn a_ping_holds_its_deadline_until_it_is_applied() {
        let clock = SystemClock::shared();
        let readings = Readings::default();
        let (one, other) = (
            MonitorId::from_bytes([1; 16]),
            MonitorId::from_bytes([2; 16]),
        );
        let first = readings.begin(one, &clock);
        let second = readings.begin(one, &clock);
        let at = second.at();
        assert!(
            readings.holds(one, at),
            "a ping in the deadline's own millisecond is in time"
        );
        assert!(!readings.holds(one, first.at() - std::time::Duration::from_millis(1)));
        assert!(!readings.holds(other, at));
        drop(first);
        assert!(readings.holds(one, at));
        drop(second);
        assert!(!readings.holds(one, at));
        assert!(readings.lock().is_empty());
    }
}
