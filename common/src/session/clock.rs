//! How far an agent's clock is off.
//!
//! A sample is what the agent's clock showed minus ours when it came. The road only makes samples
//! smaller, so the largest of the last few is the best. Starts are told by ages and need none of
//! this; slots are named by the agent's clock.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Time;

/// Samples that are looked at.
const SAMPLES: usize = 8;
/// Samples before a clock is called off: a single one may just have been slow on the road.
const SURE_AFTER: usize = 2;
/// An agent whose clock is off by more is marked.
pub const TOLERATED: Duration = Duration::from_secs(5);

/// The estimate of one agent's clock.
#[derive(Clone, Debug, Default)]
pub struct Offset {
    samples: VecDeque<i64>,
}

impl Offset {
    /// The agent's clock showed `theirs` when ours showed `now`.
    pub fn note(&mut self, theirs: Time, now: Time) {
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        let sample = theirs.as_millis().saturating_sub(now.as_millis());
        self.samples.push_back(sample);
    }

    /// Our clock was set forward by so many milliseconds.
    pub fn stepped(&mut self, by_millis: i64) {
        for sample in &mut self.samples {
            *sample = sample.saturating_sub(by_millis);
        }
    }

    /// How many milliseconds the agent's clock is ahead of ours.
    #[must_use]
    pub fn ahead_millis(&self) -> i64 {
        self.samples.iter().copied().max().unwrap_or(0)
    }

    /// A time of the agent's clock by ours.
    #[must_use]
    pub fn to_ours(&self, theirs: Time) -> Time {
        Time::from_millis(theirs.as_millis().saturating_sub(self.ahead_millis()))
    }

    /// By how many milliseconds the clock is off, if that is more than tolerated and sure.
    #[must_use]
    pub fn off_by(&self) -> Option<i64> {
        let ahead = self.ahead_millis();
        let is_off = u128::from(ahead.unsigned_abs()) > TOLERATED.as_millis();
        (is_off && self.samples.len() >= SURE_AFTER).then_some(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_message_does_not_put_a_clock_off() {
        let mut offset = Offset::default();
        offset.note(Time::from_secs(100), Time::from_secs(120));
        assert_eq!(offset.off_by(), None);
        offset.note(Time::from_secs(130), Time::from_secs(130));
        assert_eq!((offset.off_by(), offset.ahead_millis()), (None, 0));
    }

    #[test]
    fn a_clock_that_is_ahead_is_marked_and_corrected() {
        let mut offset = Offset::default();
        for at in [100, 110] {
            offset.note(Time::from_secs(at + 60), Time::from_secs(at));
        }
        assert_eq!(offset.off_by(), Some(60_000));
        assert_eq!(offset.to_ours(Time::from_secs(200)), Time::from_secs(140));
    }
}
