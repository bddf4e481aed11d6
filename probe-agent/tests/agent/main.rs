//! The agent against a coordinator that a test leads, over real TLS and gRPC.

#[cfg(test)]
mod fake;
#[cfg(test)]
mod process;
#[cfg(test)]
mod sessions;
