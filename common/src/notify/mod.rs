//! Notifications: who is told what, when, and what becomes of each message.
//!
//! A transition is turned into outbox rows by [`plan`], in its own commit; a row freezes the
//! webhook's [`body`], from which a [`message`] to people is rendered, dressed by [`slack`] and
//! [`discord`]; [`delivery`] decides when which row is tried, and what its answer means. Sockets
//! and stores are the coordinator's.

pub mod body;
pub mod channel;
mod chat;
pub mod delivery;
pub mod discord;
pub mod marker;
pub mod message;
pub mod plan;
pub mod row;
pub mod slack;

#[cfg(test)]
mod testkit;
