//! Waiting for a condition, with a deadline; never for time to pass.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const PACE: Duration = Duration::from_millis(20);
/// How often one is that takes a process to look at.
const SLOW_PACE: Duration = Duration::from_millis(200);

/// Waits until the probe gives a value; fails, naming what was waited for, when it does not in time.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, probe: impl FnMut() -> Option<T>) -> T {
    at_pace(PACE, what, within, probe)
}

/// Like [`until_true`], for a condition that takes a process to look at.
#[track_caller]
pub fn until_a_command_says(what: &str, within: Duration, mut condition: impl FnMut() -> bool) {
    at_pace(SLOW_PACE, what, within, || condition().then_some(()));
}

#[track_caller]
fn at_pace<T>(
    pace: Duration,
    what: &str,
    within: Duration,
    mut probe: impl FnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(start.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(pace);
    }
}

/// Waits until the condition holds; fails, naming it, when it does not in time.
#[track_caller]
pub fn until_true(what: &str, within: Duration, mut condition: impl FnMut() -> bool) {
    until(what, within, || condition().then_some(()));
}
