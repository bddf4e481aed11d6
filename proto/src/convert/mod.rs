//! Between messages and the domain.
//!
//! What comes in is refused when a field is absent that must be there, an enum has a value that
//! this version does not know, an id has not its length or a text is out of bounds; the error
//! names message and field. What goes out is total: every domain value has a form on the wire.
//!
//! Texts that are only shown to people are cut to their bound instead of refused: a long excerpt
//! is no reason to lose a result.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use vigilmon_common::time::Time;

pub mod channel;
pub mod heartbeat;
pub mod incident;
pub mod monitor;
pub mod outcome;
pub mod result;
pub mod route;
pub mod session;
pub mod spec;

/// A message that cannot be used; nothing of it was.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}.{field}: {problem}")]
pub struct InvalidMessage {
    /// The message, as the `.proto` file names it.
    pub message: &'static str,
    /// Its field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: Cow<'static, str>,
}

impl InvalidMessage {
    /// A field whose value will not do.
    pub fn new(
        message: &'static str,
        field: &'static str,
        problem: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            message,
            field,
            problem: problem.into(),
        }
    }

    /// An enum's value that this version does not know.
    #[must_use]
    pub fn unknown(message: &'static str, field: &'static str, value: i32) -> Self {
        Self::new(
            message,
            field,
            format!("this version does not know the value {value}"),
        )
    }

    /// A field that must be there and is not.
    #[must_use]
    pub fn absent(message: &'static str, field: &'static str) -> Self {
        Self::new(message, field, "must be set")
    }
}

/// The 16 bytes of an id.
pub(crate) fn id16(
    message: &'static str,
    field: &'static str,
    bytes: &[u8],
) -> Result<[u8; 16], InvalidMessage> {
    bytes.try_into().map_err(|_| {
        let problem = format!("must be 16 bytes, has {}", bytes.len());
        InvalidMessage::new(message, field, problem)
    })
}

/// An id as bytes on the wire.
pub(crate) fn id_bytes(id: &[u8; 16]) -> Bytes {
    Bytes::copy_from_slice(id)
}

/// Milliseconds of a span; more than fit are cut off.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Microseconds of a span; more than fit are cut off.
pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// A time as the public API spells it.
#[must_use]
pub fn timestamp(at: Time) -> prost_types::Timestamp {
    let millis = at.as_millis();
    prost_types::Timestamp {
        seconds: millis.div_euclid(1000),
        // A remainder of 1000 times a million is below 10^9.
        nanos: i32::try_from(millis.rem_euclid(1000)).unwrap_or(0) * 1_000_000,
    }
}

/// The time that the public API spelt; finer than a millisecond is cut off, years that no clock
/// shows are brought to the nearest one.
#[must_use]
pub fn time(at: &prost_types::Timestamp) -> Time {
    let nanos = i64::from(at.nanos.clamp(0, 999_999_999));
    Time::from_millis(
        at.seconds
            .saturating_mul(1000)
            .saturating_add(nanos / 1_000_000),
    )
}

/// A span as the public API spells it.
#[must_use]
pub fn duration(span: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        // Sub-second nanoseconds are below 10^9.
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or(0),
    }
}

/// The span that the public API spelt, if it is one: not negative, its parts in their bounds.
#[must_use]
pub fn span(span: &prost_types::Duration) -> Option<Duration> {
    let seconds = u64::try_from(span.seconds).ok()?;
    let nanos = u32::try_from(span.nanos)
        .ok()
        .filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(seconds, nanos))
}

/// At most `max` bytes of a text, cut between characters.
pub(crate) fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        let mut end = max;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests;
