//! The engine: owners of state, one order of commits, and the handle through which doors ask.
//!
//! ```text
//! doors ──► Handle ──► fleet owner ──► what exists, who checks what, system incidents
//!                 └──► shard owners ─► votes, rounds, incidents of monitors
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
mod incidents;
mod janitor;
mod notifier;
mod owner;
mod start;

pub use answers::{CheckRow, CheckTarget};
pub use board::SharedBoard;
pub use command::{Actor, CommandError, Object};
pub use configuration::{Configuration, Plan, Save, Wanted, WantedChannel, WantedRegion};
pub use directory::{AgentView, Directory, SharedDirectory};
pub use dispatch::{SESSION_QUEUE, ToAgent};
pub use env::Notifier;
pub use events::{WatchError, Watcher};
pub use fleet::{ChannelChange, NewApiToken, RouteDraft, StepDraft};
pub use handle::{Arrival, Handle, IncidentPlace};
pub use incidents::SharedIncidents;
pub use start::{Options, start};

pub use crate::notify::Waiting;
