//! The engine: owners of state, one order of commits, and the handle through which doors ask.
//!
//! ```text
//! doors ──► Handle ──► fleet owner ──► what exists, who checks what, system incidents
//!                 ├──► shard owners ─► votes, rounds, incidents of monitors
//!                 └──► heartbeat owner ─► pings, deadlines, incidents of heartbeats
//! ```
//!
//! Decisions are `vigilmon_common`'s; here they meet stores, clocks and sessions.

mod answers;
mod applied;
mod audit;
mod board;
mod command;
mod configuration;
mod consequences;
mod directory;
mod dispatch;
mod env;
mod events;
mod fleet;
mod handle;
mod heartbeats;
mod incidents;
mod janitor;
mod notifier;
mod owner;
mod start;

pub use answers::{CheckRow, CheckTarget};
pub use board::{Board, HeartbeatBoard, SharedBoard};
pub(crate) use command::same_version;
pub use command::{Actor, CommandError, Object};
pub use configuration::{Configuration, Plan, Save, Wanted, WantedChannel, WantedRegion};
pub use directory::{AgentView, CREATED_BY, Directory, PingTarget, SharedDirectory, SlugRefusal};
pub use dispatch::{SESSION_QUEUE, ToAgent};
#[cfg(test)]
pub(crate) use env::Nobody;
pub use env::Notifier;
pub use events::{WatchError, Watcher};
pub use fleet::{
    CREATED_BY_SLUG_MAX, ChannelChange, NewApiToken, OVERLAP_DEFAULT, OVERLAP_MAX, RouteDraft,
    StepDraft,
};
pub use handle::{Arrival, Handle, IncidentPlace};
pub use heartbeats::{Hearing, Knock, Knocks, PingRefusal, Reading, Said};
pub use incidents::SharedIncidents;
pub use start::{Options, start};

pub use crate::notify::Waiting;
