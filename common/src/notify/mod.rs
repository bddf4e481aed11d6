//! Notifications: who is told what, when, and what becomes of each message.
//!
//! A transition is turned into outbox rows by [`plan`], in its own commit, with the channels that
//! [`matching`] finds; a row freezes the webhook's [`body`], from which a [`message`] to people is
//! rendered, dressed by [`slack`] and [`discord`]; [`delivery`] decides when which row is tried,
//! and what its answer means. Who hears of it later when nobody takes it is decided by [`steps`];
//! [`explain`] says who would hear, and why. Sockets and stores are the coordinator's.

pub mod body;
pub mod channel;
mod chat;
pub mod delivery;
pub mod discord;
pub mod explain;
pub mod marker;
pub mod matching;
pub mod message;
pub mod plan;
pub mod row;
pub mod slack;
pub mod steps;

#[cfg(test)]
mod testkit;
