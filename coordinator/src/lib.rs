//! Vigilmon's coordinator: stores, engine, gRPC and HTTP doors, notifications.

pub mod engine;
pub mod metrics;
pub mod store;
pub mod token;
