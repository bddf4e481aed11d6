//! Channels that messages go to, and routes that pick them.

use std::collections::BTreeMap;

use crate::id::{ChannelId, RouteId};
use crate::incident::Scope;
use crate::monitor::Severity;
use crate::name::Name;
use crate::time::Time;

/// Where messages go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Channel {
    /// Its id.
    pub id: ChannelId,
    /// The user's name for it.
    pub name: Name,
    /// What it is and where it leads; secrets are sealed, so this may be stored and shown.
    pub kind: ChannelKind,
    /// Gets a copy of what this one cannot deliver; one hop.
    pub fallback: Option<ChannelId>,
    /// Switched off, and why: a receiver that answered 410.
    pub disabled: Option<String>,
    /// When it was first saved.
    pub created_at: Time,
    /// Grows with every save: the etag.
    pub version: u64,
}

/// What a channel is. Secrets (URLs that are keys, signing secrets) are sealed bytes: only the
/// coordinator's notifier opens them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChannelKind {
    /// Standard Webhooks.
    Webhook {
        /// Where it leads, redacted, for people.
        shown: String,
        /// The sealed URL.
        url: Sealed,
        /// The sealed `whsec_…` signing secret.
        secret: Sealed,
    },
    /// Mail by the operator's relay.
    Email {
        /// Who gets it.
        to: Vec<String>,
    },
    /// The inbox of the demonstration: kept by the coordinator, shown on `/demo`.
    Inbox,
}

impl ChannelKind {
    /// The word for it in all interfaces.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Email { .. } => "email",
            Self::Inbox => "inbox",
        }
    }
}

/// A secret encrypted with the coordinator's key; opaque here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sealed(pub Vec<u8>);

/// Picks channels for transitions. An absent matcher matches all, an absent scope only `global`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// Its id.
    pub id: RouteId,
    /// The user's name for it.
    pub name: Name,
    /// Severities that it takes; empty means all.
    pub severity: Vec<Severity>,
    /// Labels that a monitor must have.
    pub labels: BTreeMap<String, String>,
    /// Monitors that it takes, by name; empty means all.
    pub monitors: Vec<Name>,
    /// Events that it takes: `opened updated resolved reminder degraded certificate_expiring
    /// system`; empty means all but `system`.
    pub events: Vec<String>,
    /// Scopes that it takes; empty means global.
    pub scopes: Vec<Scope>,
    /// The channels that it leads to.
    pub to: Vec<ChannelId>,
    /// When it was first saved.
    pub created_at: Time,
    /// Grows with every save: the etag.
    pub version: u64,
}
