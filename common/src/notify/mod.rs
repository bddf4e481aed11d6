//! Notifications: who is told what, when, and what becomes of each message.

pub mod channel;
pub mod row;
