//! When an agent comes back: full jitter, so that a thousand agents do not return at once.

use std::time::Duration;

/// The bound of the first wait.
const FIRST: Duration = Duration::from_secs(1);
/// The bound of all waits.
const LONGEST: Duration = Duration::from_secs(30);
/// The least wait after a refusal: asking at once would get the same answer.
const REFUSED: Duration = Duration::from_secs(15);

/// Counts the attempts since a session stood.
#[derive(Debug, Default)]
pub(super) struct Reconnect {
    attempts: u32,
}

impl Reconnect {
    /// A session stands.
    pub(super) fn stands(&mut self) {
        self.attempts = 0;
    }

    /// The wait before the next attempt; `jitter` is a random fraction in `0.0..1.0`.
    pub(super) fn wait(&mut self, refused: bool, jitter: f64) -> Duration {
        let bound = FIRST
            .saturating_mul(1 << self.attempts.min(10))
            .min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        let least = if refused { REFUSED } else { Duration::ZERO };
        least + fraction_of(bound, jitter)
    }
}

/// A part of a span; anything that is no fraction counts as the whole.
pub(super) fn fraction_of(span: Duration, jitter: f64) -> Duration {
    if (0.0..1.0).contains(&jitter) {
        span.mul_f64(jitter)
    } else {
        span
    }
}
