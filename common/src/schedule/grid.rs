//! The grid: a monitor's slots on an agent, `slot_k = k·interval + phase`, in wall-clock time.
//!
//! Not "interval after completion": a slow target would drift, and the regions would lose their
//! even spread. The grid remembers nothing, so restarts and edits that change neither interval nor
//! place find the same slots again.

use std::time::Duration;

use crate::time::Time;

/// All slots of one monitor on one agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grid {
    interval_ms: i64,
    phase_ms: i64,
}

impl Grid {
    /// The grid of an interval, at least a millisecond, and a phase.
    #[must_use]
    pub fn new(interval: Duration, phase: Duration) -> Self {
        let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let interval_ms = millis(interval).max(1);
        Self {
            interval_ms,
            phase_ms: millis(phase) % interval_ms,
        }
    }

    /// The time between two slots.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_millis(self.interval_ms.unsigned_abs())
    }

    /// The newest slot that is not after `at`.
    #[must_use]
    pub fn at_or_before(self, at: Time) -> Time {
        let offset = at
            .as_millis()
            .saturating_sub(self.phase_ms)
            .rem_euclid(self.interval_ms);
        Time::from_millis(at.as_millis().saturating_sub(offset))
    }

    /// The first slot after `at`.
    #[must_use]
    pub fn after(self, at: Time) -> Time {
        self.at_or_before(at) + self.interval()
    }

    /// The first slot that is not before `at`.
    #[must_use]
    pub fn at_or_after(self, at: Time) -> Time {
        let before = self.at_or_before(at);
        if before == at { at } else { self.after(at) }
    }

    /// How many slots lie between two slots, without the second.
    #[must_use]
    pub fn count(self, from: Time, to: Time) -> u64 {
        let span = to.as_millis().saturating_sub(from.as_millis());
        u64::try_from(span / self.interval_ms).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        Grid::new(Duration::from_secs(30), Duration::from_millis(7_250))
    }

    #[test]
    fn slots_are_multiples_of_the_interval_plus_the_phase() {
        let at = |millis| grid().at_or_before(Time::from_millis(millis)).as_millis();
        assert_eq!(at(7_250), 7_250);
        assert_eq!(at(37_249), 7_250);
        assert_eq!(at(37_250), 37_250);
        assert_eq!(at(7_249), -22_750);
    }

    #[test]
    fn the_next_slot_lies_after_and_within_one_interval() {
        for millis in [0, 7_249, 7_250, 7_251, 1_772_359_323_004] {
            let at = Time::from_millis(millis);
            let next = grid().after(at);
            assert!(next > at && next <= at + grid().interval());
            assert_eq!(grid().at_or_before(next), next);
            let reached = grid().at_or_after(at);
            assert!(reached >= at && reached < at + grid().interval());
        }
    }

    #[test]
    fn a_span_holds_as_many_slots_as_intervals() {
        let first = grid().after(Time::EPOCH);
        assert_eq!(grid().count(first, first), 0);
        assert_eq!(grid().count(first, first + Duration::from_secs(90)), 3);
        assert_eq!(grid().count(first + Duration::from_secs(90), first), 0);
    }

    #[test]
    fn a_senseless_interval_is_a_millisecond() {
        let grid = Grid::new(Duration::ZERO, Duration::from_secs(1));
        assert_eq!(grid.after(Time::from_millis(5)), Time::from_millis(6));
    }
}
