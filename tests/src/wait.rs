//! Waiting for a condition, with a deadline; never for time to pass.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(20);

/// Waits until the probe gives a value; fails, naming what was waited for, when it does not in time.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(PACE);
    }
}

/// Waits until the condition holds; fails, naming it, when it does not in time.
#[track_caller]
pub fn until_true(what: &str, within: Duration, mut condition: impl FnMut() -> bool) {
    until(what, within, || condition().then_some(()));
}
