//! When pings are expected: a period, or a cron expression with a time zone.
//!
//! # Cron times and daylight saving
//! A cron expression speaks of local times, of which some do not exist and some come twice. What
//! runs the job has its own way with them: cron, systemd, Kubernetes, APScheduler and the others
//! skip, run at the end of the gap, run as much later as the gap is long, run once or twice. None
//! of these ways may be a false alarm, so:
//!
//! - A local time that does not exist expects nothing. A job that runs later instead settles
//!   nothing by it, and owes nothing.
//! - A local time that comes twice expects one ping, which may come at either: its window opens
//!   before the first, and it is due at the second. A job that runs twice settles it with the
//!   first ping.
//!
//! This holds of every expression, also of one like `*/10 * * * *`: some schedulers run such a
//! job only in one of the two passes of the repeated hour. A silent job is still noticed in it, up
//! to that hour later than on other days.
//!
//! # Early pings
//! A window opens five minutes before the due time, or half the time since the previous one where
//! that is less: clocks differ, and a job may be started by hand a little early.

use std::fmt;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::EARLY_MAX;
use crate::duration;
use crate::time::Time;

mod fields;
mod reading;

use fields::Fields;

/// The time zone of a cron expression where the user says nothing.
pub const TIME_ZONE_DEFAULT: &str = "UTC";

/// When pings are expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Schedule {
    /// One at least this often.
    Every(Duration),
    /// One at each of these times.
    Cron(Cron),
}

/// A cron expression of five fields and the time zone in which it is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cron {
    expression: Box<str>,
    time_zone: Box<str>,
    fields: Fields,
    zone: TimeZone,
}

/// A ping that a cron schedule expects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Expected {
    /// From when on a ping settles it.
    pub opens: Time,
    /// When it is expected.
    pub at: Time,
}

/// A text that is no schedule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidSchedule {
    /// The expression.
    #[error("`{given}` is no cron expression: {cause}")]
    Expression {
        /// What was given.
        given: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The time zone.
    #[error("`{0}` is no time zone of the IANA database")]
    TimeZone(String),
}

/// The two moments of a local time: the same unless it comes twice.
#[derive(Clone, Copy)]
struct Moments {
    first: Time,
    second: Time,
}

impl Cron {
    /// Reads an expression of five fields, or a name such as `@daily` for one, and the name of a
    /// time zone.
    ///
    /// # Errors
    /// Either is malformed, or no date fits the expression.
    pub fn parse(expression: &str, time_zone: &str) -> Result<Self, InvalidSchedule> {
        let unknown = |_| InvalidSchedule::TimeZone(time_zone.chars().take(100).collect());
        let zone = TimeZone::get(time_zone).map_err(unknown)?;
        let (expression, fields) =
            reading::read(expression).map_err(|cause| InvalidSchedule::Expression {
                given: expression.chars().take(100).collect(),
                cause,
            })?;
        Ok(Self {
            expression: expression.into(),
            time_zone: zone.iana_name().unwrap_or(time_zone).into(),
            fields,
            zone,
        })
    }

    /// The five fields.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The name of the time zone.
    #[must_use]
    pub fn time_zone(&self) -> &str {
        &self.time_zone
    }

    /// The first expected ping that one at `settled` does not settle.
    #[must_use]
    pub fn expected_after(&self, settled: Time) -> Option<Expected> {
        let mut local = self.local(settled)?;
        loop {
            local = self.fields.first_from(next_minute(local)?)?;
            let Some(moments) = self.moments(local) else {
                continue;
            };
            let opens = moments.first - self.early(local, moments);
            if opens > settled {
                return Some(Expected {
                    opens,
                    at: moments.second,
                });
            }
        }
    }

    /// How long before its time a ping settles it.
    fn early(&self, local: DateTime, moments: Moments) -> Duration {
        let reach = EARLY_MAX * 2;
        // From the minute before the reach on, so that what lies just at its end is seen.
        let from = self.local(moments.first - reach - Duration::from_secs(60));
        let mut gap = reach;
        let mut before = from.and_then(|from| self.fields.first_from(from));
        while let Some(at) = before.filter(|at| *at < local) {
            if let Some(former) = self.moments(at) {
                // Within a repeated hour both are told by their first passes.
                let last = match former.second < moments.first {
                    true => former.second,
                    false => former.first,
                };
                gap = reach.min(moments.first.since(last));
            }
            before = next_minute(at).and_then(|from| self.fields.first_from(from));
        }
        gap / 2
    }

    /// The moments at which clocks show a local time; `None`: none does.
    fn moments(&self, local: DateTime) -> Option<Moments> {
        let time = |offset: jiff::tz::Offset| {
            let stamp = offset.to_timestamp(local).ok()?;
            Some(Time::from_millis(stamp.as_millisecond()))
        };
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => {
                let only = time(offset)?;
                Some(Moments {
                    first: only,
                    second: only,
                })
            }
            AmbiguousOffset::Fold { before, after } => Some(Moments {
                first: time(before)?,
                second: time(after)?,
            }),
            AmbiguousOffset::Gap { .. } => None,
        }
    }

    /// What clocks show.
    fn local(&self, at: Time) -> Option<DateTime> {
        let stamp = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
        Some(self.zone.to_datetime(stamp))
    }
}

/// The beginning of the minute after that of `local`.
fn next_minute(local: DateTime) -> Option<DateTime> {
    let minute = local.date().at(local.hour(), local.minute(), 0, 0);
    minute.checked_add(Duration::from_secs(60)).ok()
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(every) => write!(f, "every {}", duration::format(*every)),
            Self::Cron(cron) => write!(f, "{} {}", cron.expression, cron.time_zone),
        }
    }
}
