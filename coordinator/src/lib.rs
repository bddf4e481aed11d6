//! Vigilmon's coordinator: stores, engine, gRPC and HTTP doors, notifications.

pub mod app;
pub mod context;
pub mod demo;
mod doorway;
pub mod engine;
pub mod grpc;
pub mod health;
pub mod http;
mod joints;
pub mod metrics;
pub mod notify;
pub mod options;
pub mod restore;
pub mod secret;
pub mod store;
pub mod tls;
pub mod token;
pub mod visits;
