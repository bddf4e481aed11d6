//! The harness: real servers, receivers and targets for the tests, and the built programs.
//!
//! Tests are plain functions that block; what serves them from within the test process (webhook
//! receivers, targets) runs on a runtime of its own. Everything listens on loopback, on ports that
//! nobody else has; every process ends with the value that started it, also when a test fails,
//! and then prints the end of its log. Waiting is always for a condition, with a deadline.
//!
//! A harness fails by panicking with a sentence that says what was expected.

pub mod agent;
pub mod application;
pub mod background;
pub mod browser;
pub mod cli;
pub mod crowd;
pub mod discord;
pub mod disk;
pub mod docs;
pub mod mail;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod programs;
pub mod receiver;
pub mod redis;
pub mod slack;
pub mod target;
pub mod up;
pub mod wait;
