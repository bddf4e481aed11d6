//! The agent against a coordinator that a test leads, over real TLS and gRPC.

pub(crate) mod fake;
mod sessions;
