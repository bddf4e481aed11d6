//! What an attempt met, and when the next one is due.

use std::time::Duration;

use crate::time::Time;

/// Shortest time between two attempts of a row, and the base of the backoff.
pub const RETRY_MIN: Duration = Duration::from_secs(5);
/// Longest time that the backoff puts between two attempts of a row.
pub const RETRY_MAX: Duration = Duration::from_secs(3_600);

/// What an attempt met.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The receiver took it.
    Delivered,
    /// The receiver did not take it, or was not reached.
    Failed(Failure),
    /// Nothing was tried, and why: the channel is switched off or gone.
    Withheld(String),
}

/// How an attempt failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// Whether a further attempt can help.
    pub kind: FailureKind,
    /// One line for people; carries no secret.
    pub text: String,
    /// How long the receiver asked to be left alone.
    pub retry_after: Option<Duration>,
}

/// Whether a further attempt can help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailureKind {
    /// It may pass: not reached, overloaded.
    Transient,
    /// Likely a mistake, but one that a deployment in progress makes too: tried for some minutes.
    Doubtful,
    /// The receiver will never take this.
    Permanent,
    /// The receiver wants nothing any more: the channel is switched off.
    Gone,
}

impl Failure {
    /// A failure that may pass.
    #[must_use]
    pub fn transient(text: impl Into<String>) -> Self {
        Self::new(FailureKind::Transient, text)
    }

    /// A failure of a kind.
    #[must_use]
    pub fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            retry_after: None,
        }
    }
}

impl Answer {
    /// What an HTTP status means. Redirects are not followed; one may be a
    /// sign-in page in front of a receiver that is being deployed.
    #[must_use]
    pub fn of_status(status: u16, retry_after: Option<Duration>) -> Self {
        let kind = match status {
            200..=299 => return Self::Delivered,
            408 | 425 | 429 | 500..=599 => FailureKind::Transient,
            410 => FailureKind::Gone,
            300..=399 | 401 | 403 | 404 => FailureKind::Doubtful,
            _ => FailureKind::Permanent,
        };
        let text = match kind {
            FailureKind::Doubtful if status < 400 => {
                format!("answered {status}; redirects are not followed")
            }
            FailureKind::Gone => format!("answered {status}: wants no more"),
            FailureKind::Doubtful | FailureKind::Transient | FailureKind::Permanent => {
                format!("answered {status}")
            }
        };
        Self::Failed(Failure {
            kind,
            text,
            retry_after,
        })
    }
}

/// What a `Retry-After` header asks for: seconds, or a date. `None` for what is neither.
#[must_use]
pub fn retry_after(value: &str, now: Time) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    Some(Time::from_millis(at.as_millisecond()).since(now))
}

/// How long to wait after the `failed`th failed attempt: anything from [`RETRY_MIN`] up to a
/// bound that doubles with every failure until [`RETRY_MAX`], picked by `random`, so that many
/// rows that failed together do not come back together.
#[must_use]
pub fn backoff(failed: u32, random: u64) -> Duration {
    let doublings = failed.min(16);
    let bound = RETRY_MIN.saturating_mul(1 << doublings).min(RETRY_MAX);
    let room = u64::try_from((bound - RETRY_MIN).as_millis()).unwrap_or(u64::MAX);
    RETRY_MIN + Duration::from_millis(random % (room + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16) -> Option<FailureKind> {
        match Answer::of_status(status, None) {
            Answer::Failed(failure) => Some(failure.kind),
            Answer::Delivered | Answer::Withheld(_) => None,
        }
    }

    #[test]
    fn every_status_has_one_meaning() {
        assert!((200..300).all(|status| kind(status).is_none()));
        for status in [408, 425, 429, 500, 502, 503, 599] {
            assert_eq!(kind(status), Some(FailureKind::Transient), "{status}");
        }
        for status in [301, 302, 307, 401, 403, 404] {
            assert_eq!(kind(status), Some(FailureKind::Doubtful), "{status}");
        }
        for status in [400, 405, 413, 422] {
            assert_eq!(kind(status), Some(FailureKind::Permanent), "{status}");
        }
        assert_eq!(kind(410), Some(FailureKind::Gone));
    }

    #[test]
    fn a_receiver_asks_for_time_in_seconds_or_until_a_date() {
        let now = Time::parse_rfc3339("2026-03-01T10:00:00Z").unwrap();
        let asked = |value| retry_after(value, now);
        assert_eq!(asked(" 120 "), Some(Duration::from_secs(120)));
        let date = "Sun, 01 Mar 2026 10:01:30 GMT";
        assert_eq!(asked(date), Some(Duration::from_secs(90)));
        assert_eq!(asked("Sun, 01 Mar 2026 09:00:00 GMT"), Some(Duration::ZERO));
        for odd in ["", "soon", "-1", "1.5"] {
            assert_eq!(asked(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_backoff_grows_from_five_seconds_to_an_hour() {
        for failed in 1..100 {
            for random in [0, 1, 7_919, u64::MAX] {
                let wait = backoff(failed, random);
                assert!((RETRY_MIN..=RETRY_MAX).contains(&wait));
            }
        }
        assert!((0..10_000).all(|random| backoff(1, random) <= Duration::from_secs(10)));
        assert_eq!(backoff(99, 3_595_000), RETRY_MAX);
    }
}
