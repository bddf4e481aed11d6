//! Records as bytes: a version byte and a message of `vigilmon.store.v1`.
//!
//! Engines on disk keep what this module makes and know nothing of its meaning. A record that
//! this version cannot read is an error with its name, never a guess.

use bytes::Bytes;
use prost::Message;
use vigilmon_common::id::MonitorId;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::time::Time;
use vigilmon_proto::store::v1 as pb;

mod channel;
mod fleet;
mod heartbeat;
mod history;
mod incident;
mod monitor;
pub(super) mod pings;
pub(super) mod results;
mod row;
pub(super) mod state;

pub use monitor::{Plain, Seal, SealError};

/// The layout of all records. Another one comes with code that still reads this one.
const VERSION: u8 = 1;

/// Why bytes are not the record that they should be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Invalid(pub(super) String);

impl Invalid {
    fn new(what: impl std::fmt::Display) -> Self {
        Self(what.to_string())
    }
}

/// Something that is stored as one message.
pub(super) trait Stored: Sized {
    /// Its message.
    type Message: Message + Default;
    /// What errors call it.
    const NAME: &'static str;
    /// As a message.
    fn to_message(&self) -> Self::Message;
    /// From a message.
    fn from_message(message: Self::Message) -> Result<Self, Invalid>;
}

/// A record's bytes.
pub(super) fn encode<T: Stored>(record: &T) -> Vec<u8> {
    frame(&record.to_message())
}

/// A record from its bytes.
pub(super) fn decode<T: Stored>(bytes: &[u8]) -> Result<T, Invalid> {
    T::from_message(unframe(bytes)?)
}

/// A message behind the version byte.
pub(super) fn frame(message: &impl Message) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + message.encoded_len());
    out.push(VERSION);
    message
        .encode(&mut out)
        .expect("a vector takes any message");
    out
}

/// The message behind the version byte.
pub(super) fn unframe<M: Message + Default>(bytes: &[u8]) -> Result<M, Invalid> {
    M::decode(versioned(bytes)?).map_err(Invalid::new)
}

/// What is behind the version byte.
fn versioned(bytes: &[u8]) -> Result<&[u8], Invalid> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((version, _)) => Err(Invalid(format!("it has version {version}"))),
        None => Err(Invalid("it is empty".to_owned())),
    }
}

/// An id from its 16 bytes.
fn id<I>(bytes: &[u8], make: fn([u8; 16]) -> I) -> Result<I, Invalid> {
    let bytes = <[u8; 16]>::try_from(bytes);
    bytes
        .map(make)
        .map_err(|_| Invalid::new("an id has not 16 bytes"))
}

/// An id's 16 bytes.
fn raw(id: &[u8; 16]) -> Bytes {
    Bytes::copy_from_slice(id)
}

/// A digest's 32 bytes.
fn digest(bytes: &[u8]) -> Result<[u8; 32], Invalid> {
    bytes
        .try_into()
        .map_err(|_| Invalid::new("a digest has not 32 bytes"))
}

/// A monitor's id as two numbers.
fn halves(monitor: MonitorId) -> (u64, u64) {
    let (high, low) = monitor.as_bytes().split_at(8);
    let half = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b));
    (half(high), half(low))
}

/// The monitor's id of two numbers.
fn of_halves(high: u64, low: u64) -> MonitorId {
    let both = u128::from(high) << 64 | u128::from(low);
    MonitorId::from_bytes(both.to_be_bytes())
}

fn time(millis: i64) -> Time {
    Time::from_millis(millis)
}

fn millis(time: Option<Time>) -> Option<i64> {
    time.map(Time::as_millis)
}

fn name(text: &str) -> Result<Name, Invalid> {
    Name::parse(text).map_err(|e| Invalid(format!("`{text}` is no name: {e}")))
}

fn region(text: &str) -> Result<Region, Invalid> {
    Region::parse(text).map_err(|e| Invalid(format!("`{text}` is no region: {e}")))
}

/// A word of the interfaces.
fn word<W: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<W, Invalid> {
    text.parse().map_err(Invalid::new)
}

/// A part that no record of its kind lacks.
fn required<T>(part: Option<T>, what: &str) -> Result<T, Invalid> {
    part.ok_or_else(|| Invalid(format!("it has no {what}")))
}
