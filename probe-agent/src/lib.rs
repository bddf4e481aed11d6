//! Vigilmon's probe agent: checks targets from one region and streams results to the coordinator.

pub mod probe;
