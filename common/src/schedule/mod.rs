//! The schedule: when which monitor is checked on an agent.
//!
//! [`Assignment`] says what an agent has to check, [`Grid`] where its slots lie, [`Scheduler`] is
//! the machine that turns both into starts, one timing structure for all monitors.
//!
//! # The rules
//! - A new, resumed or re-meant monitor is checked at once, many together spaced out over at most
//!   one interval; from then on by its slots.
//! - A slot that the process slept through is skipped and reported, never replayed in a burst.
//! - Waiting for a permit is *lateness*, never latency. A planned run that cannot start within half
//!   its interval ends as overload, so two planned starts are never closer than that half.
//! - Runs asked for are outside the slots, go first, and have a share of the permits to themselves.
//! - Timers are monotonic. A wall clock that steps changes what slots are called, not how many
//!   checks start; no slot is ever called by a time in the future.
//!
//! # What this module does not do
//! It checks nothing, knows no socket and reads no clock; results are not its business.

mod asks;
mod assignment;
mod exchange;
mod grid;
mod permits;
mod roster;
mod scheduler;
mod timeline;

pub use assignment::{Assignment, CheckSpec};
pub use exchange::{Ask, DueRun, Effect, Input, Load, NO_MONITOR, Now, Refusal, Target, Ticket};
pub use grid::Grid;
pub use permits::Limits;
pub use scheduler::{ASKS_MAX, ASKS_PER_MONITOR, Scheduler};

#[cfg(test)]
mod tests;
