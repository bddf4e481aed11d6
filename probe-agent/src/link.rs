//! The sockets under the session: dialling, the session's stream, the Backfill stream.
//!
//! Every stream has a number. What comes from a stream that the runner has given up carries the
//! old number and is dropped there, so nothing has to be waited for when a stream is closed.
//!
//! # What this module does not do
//! It decides nothing: when to connect, what to send and when to give up is the session's.

mod dial;
mod streams;

pub(crate) use dial::Dialer;
pub use dial::InvalidLink;
pub(crate) use streams::{Backfill, Connection, Event, Happened, Jammed};

#[cfg(test)]
mod tests;
