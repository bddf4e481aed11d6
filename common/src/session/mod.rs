//! The session between an agent and the coordinator: both ends as machines without I/O.
//!
//! [`agent::AgentEnd`] and [`coordinator::CoordinatorEnd`] take what happened and the time and
//! return what must follow; the daemons hold the stream, the timers and the stores around them.
//!
//! ```text
//! agent                                   coordinator
//!   Hello {boot, have} ──────────────────►  admitted? fences older sessions
//!   ◄────────────────── Welcome {credits, sync}
//!   ◄────── SnapshotPart… (staged, swapped whole)      only when `have` disagrees
//!   Summary… ────────────────────────────►  votes restored
//!   Results {seq} ───────────────────────►  stored, decided
//!   ◄──────────────────────────── Ack {up_to, refused}      durable, or never of use
//!   ◄──────────────────────────── Delta, CheckNow, AskSummary
//!   Pulse {digest} ──────────────────────►  a lost delta heals
//! ```
//!
//! # Times
//! The agent's `now` is a clock that never steps: the wall clock at its start plus monotonic time.
//! Results go over the wire with ages, so the coordinator has every start by its own clock. Slots
//! keep the agent's name for them, since they are part of a result's key; pulses tell how far that
//! clock is off.
//!
//! # What this module does not do
//! It reads no votes and decides no verdict, and it knows neither tokens nor TLS: who may connect
//! is checked by the door before, with [`admission`].

pub mod admission;
pub mod agent;
pub mod assignment;
pub mod clock;
pub mod coordinator;
pub mod messages;

pub use messages::{AgentMessage, CoordinatorMessage};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
