//! Vigilmon's coordinator: stores, engine, gRPC and HTTP doors, notifications.

pub mod context;
pub mod engine;
pub mod grpc;
mod joints;
pub mod metrics;
pub mod notify;
pub mod secret;
pub mod store;
pub mod tls;
pub mod token;
