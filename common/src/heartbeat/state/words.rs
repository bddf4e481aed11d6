//! Words: times and spans as evidence and reasons write them.

use std::time::Duration;

use crate::duration;
use crate::heartbeat::Signal;
use crate::time::Time;

/// With its date: `2026-11-25 10:00 UTC`; with seconds where they count.
pub(super) fn at(time: Time, seconds: bool) -> String {
    written(time, seconds, true)
}

/// As it is said now: without the date on the same day.
pub(super) fn near(time: Time, seconds: bool, now: Time) -> String {
    let day = |time: Time| time.as_millis().div_euclid(86_400_000);
    written(time, seconds, day(time) != day(now))
}

fn written(time: Time, seconds: bool, date: bool) -> String {
    let Ok(stamp) = jiff::Timestamp::from_millisecond(time.as_millis()) else {
        return time.to_rfc3339();
    };
    let seconds = seconds && time.as_millis().rem_euclid(60_000) >= 1_000;
    let form = match (date, seconds) {
        (true, true) => "%Y-%m-%d %H:%M:%S UTC",
        (true, false) => "%Y-%m-%d %H:%M UTC",
        (false, true) => "%H:%M:%S UTC",
        (false, false) => "%H:%M UTC",
    };
    stamp.strftime(form).to_string()
}

/// A span as people write it: to the second, or to the minute from an hour on.
pub(super) fn span(span: Duration) -> String {
    let secs = span.as_secs();
    let whole = match secs {
        3600.. => secs - secs % 60,
        _ => secs,
    };
    duration::format(Duration::from_secs(whole))
}

/// What a job said that failed.
pub(super) fn failure(signal: Signal) -> String {
    match signal {
        Signal::Exit(code) => format!("exit code {code}"),
        Signal::Success | Signal::Start | Signal::Fail | Signal::Log => {
            "the job reported a failure".to_owned()
        }
    }
}
