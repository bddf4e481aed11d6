//! The domain core of Vigilmon: everything that can be decided without a socket, a clock, a disk
//! or a random number.
//!
//! Machines take an input and the time, and return effects: `on(&mut self, input, now)`. The
//! daemons hold sockets, files and timers around them. ARCHITECTURE.md has the map.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod address;
pub mod assertion;
pub mod decide;
pub mod difference;
pub mod duration;
pub mod fleet;
pub mod heartbeat;
pub mod id;
pub mod identity;
pub mod incident;
pub mod monitor;
pub mod name;
pub mod notify;
pub mod outcome;
pub mod problem;
pub mod quorum;
pub mod redact;
pub mod result;
pub mod schedule;
pub mod session;
pub mod time;
pub mod visit;
pub mod vote;
