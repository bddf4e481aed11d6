//! When pings are expected: a period, or a cron expression with a time zone.

use std::fmt;
use std::time::Duration;

use crate::duration;
use crate::time::Time;

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
///
/// Kept as text and read when a time is wanted, which takes microseconds: a hundred thousand
/// heartbeats need not hold what it means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cron {
    expression: Box<str>,
    time_zone: Box<str>,
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

impl Cron {
    /// Reads an expression of five fields and the name of a time zone.
    ///
    /// # Errors
    /// Either is malformed, or no time in years ahead fits the expression.
    pub fn parse(expression: &str, time_zone: &str) -> Result<Self, InvalidSchedule> {
        if jiff::tz::TimeZone::get(time_zone).is_err() {
            return Err(InvalidSchedule::TimeZone(time_zone.to_owned()));
        }
        let made = Self {
            expression: expression
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .into(),
            time_zone: time_zone.into(),
        };
        made.read().map(|_| made.clone())
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
        let mut at = self.next_after(settled)?;
        while at - super::EARLY_MAX <= settled {
            at = self.next_after(at)?;
        }
        Some(Expected {
            opens: at - super::EARLY_MAX,
            at,
        })
    }

    /// The first expected time later than `after`.
    #[must_use]
    pub fn next_after(&self, after: Time) -> Option<Time> {
        let crontab = self.read().ok()?;
        let after = jiff::Timestamp::from_millisecond(after.as_millis()).ok()?;
        let next = crontab.find_next(after).ok()?;
        Some(Time::from_millis(next.timestamp().as_millisecond()))
    }

    fn read(&self) -> Result<cronexpr::Crontab, InvalidSchedule> {
        let text = format!("{} {}", self.expression, self.time_zone);
        cronexpr::parse_crontab(&text).map_err(|error| InvalidSchedule::Expression {
            given: self.expression.to_string(),
            cause: error.to_string(),
        })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(every) => write!(f, "every {}", duration::format(*every)),
            Self::Cron(cron) => write!(f, "{} {}", cron.expression, cron.time_zone),
        }
    }
}
