//! Checks against real sockets: servers on loopback that answer, fail and misbehave.

mod body;
mod faults;
mod hops;
mod plain;
mod secure;
pub(super) mod support;
