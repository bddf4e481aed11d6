//! How large messages may be: both ends set these, so neither can exhaust the other.

/// Largest message on the agents' protocol, either way: a snapshot's part or a batch of failures
/// with their evidence stay far below it.
pub const AGENT_MESSAGE_MAX: usize = 4 * 1024 * 1024;

/// Largest request of the public API: a specification is below 24 KiB.
pub const REQUEST_MAX: usize = 1024 * 1024;

/// Largest request that brings a whole configuration: about fifty thousand usual monitors.
pub const CONFIGURATION_MAX: usize = 16 * 1024 * 1024;

/// Largest answer of the public API: pages end before [`PAGE_BYTES`], and one incident with all
/// its evidence fits.
pub const RESPONSE_MAX: usize = 16 * 1024 * 1024;

/// A page ends when what it holds reaches this, though it was asked to hold more: clients that
/// keep gRPC's default limit of 4 MiB can read every page.
pub const PAGE_BYTES: usize = 2 * 1024 * 1024;
