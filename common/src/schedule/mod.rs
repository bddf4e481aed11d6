//! The schedule: when which monitor is checked on an agent.
//!
//! [`Assignment`] says what an agent has to check.

mod assignment;

pub use assignment::{Assignment, CheckSpec};
