//! Outbox rows: one message about one transition to one channel, until it is settled.

use std::collections::BTreeMap;

use crate::id::{ChannelId, IncidentId};
use crate::name::Region;
use crate::time::Time;

/// One message about one transition to one channel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Orders rows; the key of the row in the store.
    pub id: u64,
    /// The idempotency key: the same on every attempt, never shared by two rows.
    pub key: String,
    /// What it is about.
    pub subject: RowSubject,
    /// The transition's number within its subject.
    pub seq: u32,
    /// Where it goes.
    pub channel: ChannelId,
    /// Why it is sent.
    pub purpose: Purpose,
    /// The event's type, such as `incident.opened`.
    pub event: String,
    /// The webhook body, frozen: JSON as receivers rely on it. Other channels render from it.
    /// Empty while a step waits: it says how the incident stands when it is due.
    pub body: String,
    /// Display names of regions that the operator had set when it was made: with the body, all
    /// that a message to people is rendered from.
    pub region_names: BTreeMap<Region, String>,
    /// When it was made.
    pub created_at: Time,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next attempt is due.
    pub next_at: Time,
    /// Where it stands.
    pub state: RowState,
    /// Who gets a copy when this cannot be delivered. `None` also where that channel is told of the
    /// transition by a row of its own.
    pub fallback: Option<ChannelId>,
    /// Whether the fallback has got its copy.
    pub fell_back: bool,
    /// When the first of its attempts failed.
    pub first_failed_at: Option<Time>,
    /// What the last attempt met; empty before the first.
    pub last_error: String,
}

impl Row {
    /// Whether this is a step whose time has not come: it is not tried, its incident's owner
    /// decides on it when it is due.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.purpose == Purpose::Step && self.body.is_empty() && self.state == RowState::Pending
    }
}

/// What a row is about.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RowSubject {
    /// An incident's transition.
    Incident(IncidentId),
    /// A `channel test`, told apart by this text.
    Test(String),
}

/// Why a row is sent.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Purpose {
    /// The transition itself.
    Notice,
    /// A copy of what this channel could not deliver.
    Fallback(ChannelId),
    /// The incident, to somebody who hears of it later because nobody has taken it.
    Step,
}

/// Where a row stands. All but `Pending` are settled.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RowState {
    /// Not yet delivered.
    Pending,
    /// The receiver took it.
    Sent(Time),
    /// Not sent, and why.
    Suppressed(String),
    /// A later row says it; its key.
    Superseded(String),
    /// Given up, and why.
    Dead(String),
}
