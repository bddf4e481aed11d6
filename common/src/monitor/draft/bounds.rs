//! Bounds of single fields, and how messages repeat what was given.

use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::time::Duration;

use super::{
    INTERVAL_DEFAULT, INTERVAL_MAX, INTERVAL_MIN, Known, SPEC_MAX, TIMEOUT_DEFAULT, TIMEOUT_MIN,
};
use crate::duration;
use crate::id::ChannelId;
use crate::monitor::MonitorSpec;
use crate::name::{Name, Region};
use crate::problem::Problems;

pub(super) fn check_interval(every: Option<Duration>, problems: &mut Problems) -> Duration {
    let every = every.map_or(INTERVAL_DEFAULT, whole_millis);
    if every < INTERVAL_MIN {
        let message = format!("{} is too often", duration::format(every));
        problems.add("every", message, "the smallest interval is 1s");
    }
    if every > INTERVAL_MAX {
        let message = format!("{} is too seldom", duration::format(every));
        let remedy = format!("the largest interval is {}", duration::format(INTERVAL_MAX));
        problems.add("every", message, remedy);
    }
    every
}

pub(super) fn check_timeout(
    timeout: Option<Duration>,
    every: Duration,
    problems: &mut Problems,
) -> Duration {
    let Some(timeout) = timeout.map(whole_millis) else {
        return default_timeout(every);
    };
    if timeout < TIMEOUT_MIN {
        let message = format!("{} is too short", duration::format(timeout));
        problems.add("timeout", message, "the smallest timeout is 100ms");
    }
    if timeout > every {
        let (timeout, every) = (duration::format(timeout), duration::format(every));
        let message = format!("{timeout} is longer than the interval of {every}");
        problems.add(
            "timeout",
            message,
            format!("use at most {every}, or check less often"),
        );
    }
    timeout
}

pub(super) fn default_timeout(every: Duration) -> Duration {
    every.min(TIMEOUT_DEFAULT)
}

pub(super) fn check_count(field: &str, count: Option<u32>, problems: &mut Problems) -> NonZeroU8 {
    let Some(count) = count else {
        return NonZeroU8::MIN;
    };
    let fits = u8::try_from(count).ok().and_then(NonZeroU8::new);
    fits.unwrap_or_else(|| {
        problems.add(
            field,
            format!("{count} in a row cannot be"),
            "use a number from 1 to 255",
        );
        NonZeroU8::MIN
    })
}

pub(super) fn check_size(spec: &MonitorSpec, problems: &mut Problems) {
    let size = spec.meaning_bytes().len();
    if size > SPEC_MAX {
        let message = format!("the request and its assertions are {size} bytes together");
        let remedy = format!("keep them within {SPEC_MAX}; send a smaller body");
        problems.add(spec.kind.as_str(), message, remedy);
    }
}

pub(super) fn note_unknown(region: &Region, known: &Known<'_>, problems: &mut Problems) {
    let Some(known) = known.regions else { return };
    if !known.contains(region) {
        let names: Vec<&str> = known.iter().map(Region::as_str).collect();
        let remedy = if names.is_empty() {
            "no region exists yet".to_owned()
        } else {
            format!("there are {}", names.join(", "))
        };
        problems.add_dangling(
            "regions",
            format!("region `{region}` does not exist"),
            remedy,
        );
    }
}

pub(super) fn names_of(channels: Option<&BTreeMap<Name, ChannelId>>) -> String {
    let names: Vec<&str> = channels
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    if names.is_empty() {
        "make one with `vigilmon channel add`".to_owned()
    } else {
        cut(&format!("there are {}", names.join(", ")))
    }
}

pub(super) fn sorted(mut regions: Vec<Region>) -> Vec<Region> {
    regions.sort();
    regions.dedup();
    regions
}

/// Nothing finer than a millisecond exists.
pub(super) fn whole_millis(span: Duration) -> Duration {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(millis).min(duration::DURATION_MAX)
}

/// A value as a message repeats it: one line, not too long.
pub(super) fn cut(text: &str) -> String {
    /// Longest value that a message repeats, in characters.
    const SHOWN_MAX: usize = 100;
    let clean = |c: char| if c.is_control() { '�' } else { c };
    let mut shown: String = text.chars().map(clean).take(SHOWN_MAX).collect();
    if text.chars().nth(SHOWN_MAX).is_some() {
        shown.push('…');
    }
    shown
}
