//! The notifier: takes outbox rows to their receivers and keeps what became of them.
//!
//! ```text
//! engine ── commit ──► outbox (store) ◄── outcomes ── worker ──► webhook, chat, mail, inbox
//!        └─ wake ───────────────────────────────────►┘
//! ```
//!
//! What is tried when is decided by `vigilmon_common::notify::delivery`; the worker owns that
//! machine, holds the attempts, and saves their outcomes before it acts on them. The notifier sees
//! the outbox and asks for channels through [`Channels`]; it knows neither engine nor doors.

mod attempt;
mod chat;
pub mod check;
pub mod email;
pub mod inbox;
mod mailbox;
mod outbox;
mod post;
mod record;
#[cfg(test)]
mod testkit;
mod webhook;
mod worker;

pub use attempt::Senders;
pub use mailbox::{Mailbox, Sender, Waiting, channel};
pub use outbox::{Outbox, StoredOutbox};
pub use worker::{Channels, Options, Worker};
