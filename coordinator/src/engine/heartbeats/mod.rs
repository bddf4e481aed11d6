//! The heartbeat owner: the one place that takes pings, lets deadlines fire and changes the
//! incidents of heartbeats.
//!
//! The order of every group: pings are numbered, stored and synced; all go through
//! [`HeartbeatState::on`](vigilmon_common::heartbeat::HeartbeatState::on); spells in which nothing
//! could be heard are told; deadlines fire that no ping on its way can meet any more; what must last
//! is committed and synced; then pings are answered, the notifier is woken, pages are told.
//!
//! What pings alone change is not committed with them: the log brings it back. Checkpoints keep
//! the log short.

mod checkpoint;
mod downtime;
mod hearing;
mod listening;
mod message;
mod owner;
mod pings;
mod readings;

use tokio::sync::mpsc;

pub(crate) use downtime::OwnDowntime;
pub use hearing::{Hearing, Knock, Knocks};
pub(crate) use message::{Arrived, HeartbeatMessage};
pub use message::{PingRefusal, Said};
pub(crate) use owner::Owner;
pub use readings::Reading;
pub(crate) use readings::Readings;

use super::board::HeartbeatBoard;

/// Messages that may wait for the owner: pings beyond are refused, other senders wait.
pub(crate) const MAILBOX: usize = 8192;

/// The way to the owner, and what it shares with who comes that way; cheap to clone.
#[derive(Clone)]
pub(crate) struct Heartbeats {
    /// What it is told.
    pub(crate) mailbox: mpsc::Sender<HeartbeatMessage>,
    /// Pings that are being read.
    pub(crate) readings: Readings,
    /// How each heartbeat stands, in brief.
    pub(crate) board: HeartbeatBoard,
    /// Whether pings can reach us.
    pub(crate) hearing: Hearing,
}

#[cfg(test)]
mod tests;
