//! What the owner of heartbeats is told, in the order in which it reaches it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use vigilmon_common::heartbeat::{Heartbeat, Method, Signal, View};
use vigilmon_common::id::MonitorId;
use vigilmon_common::notify::row::Row;

use super::readings::Reading;
use crate::engine::owner::Deed;

/// What a ping's request says.
#[derive(Clone, Debug)]
pub struct Said {
    /// What it means.
    pub signal: Signal,
    /// Which run it is about; checked by [`vigilmon_common::heartbeat::is_rid`].
    pub rid: Option<Box<str>>,
    /// By which method it came.
    pub method: Method,
    /// Whence it came, as far as the connection tells.
    pub from: Option<std::net::IpAddr>,
    /// What the client calls itself.
    pub agent: Box<str>,
    /// What is kept of its body; `None` without one.
    pub body: Option<Bytes>,
    /// The size of its body, as far as it was read.
    pub body_size: u64,
}

/// Why a ping does not count. Nothing of it is kept then.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PingRefusal {
    /// Its heartbeat was removed meanwhile.
    #[error("not found")]
    Gone,
    /// More pings wait than may.
    #[error("too many pings wait; try again in a moment")]
    Overloaded,
    /// The engine stops, or its store fails.
    #[error("the coordinator is stopping; try again in a moment")]
    Stopping,
}

/// A ping on its way to the disk.
pub(crate) struct Arrived {
    pub(crate) reading: Reading,
    pub(crate) said: Said,
    /// Told when it is durable and applied.
    pub(crate) done: oneshot::Sender<Result<(), PingRefusal>>,
}

/// What the owner of heartbeats is told.
pub(crate) enum HeartbeatMessage {
    /// A ping, to be stored, applied and answered.
    Ping(Box<Arrived>),
    /// A heartbeat was created or changed; it is committed already.
    Saved(Arc<Heartbeat>),
    /// A heartbeat is being removed: what is open closes now.
    Removed {
        /// Which.
        heartbeat: MonitorId,
        /// Told when that is committed: the numbers of pings whose bodies are kept.
        done: oneshot::Sender<Vec<u64>>,
    },
    /// Somebody does something to an incident.
    Deed(Deed),
    /// A step of a heartbeat's incident is due.
    StepDue {
        /// The heartbeat.
        heartbeat: MonitorId,
        /// The step as it waits in the outbox.
        row: Box<Row>,
    },
    /// Somebody wants to see how heartbeats stand.
    Views {
        /// Which; `None` for all.
        of: Option<Vec<MonitorId>>,
        /// Gets them.
        reply: oneshot::Sender<Vec<(MonitorId, View)>>,
    },
}
