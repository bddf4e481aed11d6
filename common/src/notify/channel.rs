//! Channels that messages go to, and routes that pick them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{ChannelId, RouteId};
use crate::incident::Scope;
use crate::monitor::Severity;
use crate::name::Name;
use crate::problem::Problems;
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
    /// A Slack incoming webhook, or a service that takes the same.
    Slack {
        /// Where it leads, redacted, for people.
        shown: String,
        /// The sealed URL.
        url: Sealed,
    },
    /// A Discord webhook.
    Discord {
        /// Where it leads, redacted, for people.
        shown: String,
        /// The sealed URL.
        url: Sealed,
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
            Self::Slack { .. } => "slack",
            Self::Discord { .. } => "discord",
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
    /// Events that it takes, of [`event::ALL`]; empty means all but `system`.
    pub events: Vec<String>,
    /// Scopes that it takes; empty means global.
    pub scopes: Vec<Scope>,
    /// The channels that it leads to.
    pub to: Vec<ChannelId>,
    /// Who hears of it later, unless somebody takes it before.
    pub then: Vec<Step>,
    /// When it was first saved.
    pub created_at: Time,
    /// Grows with every save: the etag.
    pub version: u64,
}

/// Who else is told of an incident that nobody has taken for a while.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// How long after the incident began, or became global.
    pub after: Duration,
    /// The channels that it leads to.
    pub to: Vec<ChannelId>,
}

/// The words of a route's `event` list.
pub mod event {
    /// An incident began.
    pub const OPENED: &str = "opened";
    /// It changed: scope, acknowledgement, comment.
    pub const UPDATED: &str = "updated";
    /// It ended.
    pub const RESOLVED: &str = "resolved";
    /// Vigilmon's own incidents; sent by routes that name it.
    pub const SYSTEM: &str = "system";
    /// Every word that this version knows.
    pub const ALL: [&str; 4] = [OPENED, UPDATED, RESOLVED, SYSTEM];
}

/// Refuses a fallback that leads back to its own channel. A copy makes one hop, but two channels
/// that are each other's fallback would leave both without any.
///
/// # Errors
/// `fallback` does not exist, or following fallbacks from it comes back to `channel`.
pub fn check_fallback(
    channel: ChannelId,
    fallback: ChannelId,
    channels: &BTreeMap<ChannelId, Channel>,
) -> Result<(), Problems> {
    let mut problems = Problems::none();
    if !channels.contains_key(&fallback) && fallback != channel {
        problems.add_dangling("fallback", format!("no channel has the id {fallback}"), "");
    }
    let mut at = Some(fallback);
    // Every step visits another channel, or there is a cycle that does not hold this one.
    for _ in 0..=channels.len() {
        match at {
            Some(id) if id == channel => {
                problems.add(
                    "fallback",
                    "leads back to the channel itself",
                    "name a channel whose own fallback does not lead here",
                );
                break;
            }
            Some(id) => at = channels.get(&id).and_then(|c| c.fallback),
            None => break,
        }
    }
    problems.or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ChannelId {
        ChannelId::from_bytes([n; 16])
    }

    fn channel(n: u8, fallback: Option<u8>) -> (ChannelId, Channel) {
        let channel = Channel {
            id: id(n),
            name: Name::parse(&format!("channel-{n}")).unwrap(),
            kind: ChannelKind::Inbox,
            fallback: fallback.map(id),
            disabled: None,
            created_at: Time::EPOCH,
            version: 1,
        };
        (channel.id, channel)
    }

    #[test]
    fn a_fallback_that_leads_back_is_refused() {
        let channels = BTreeMap::from([channel(1, None), channel(2, Some(3)), channel(3, Some(1))]);
        assert!(check_fallback(id(1), id(1), &channels).is_err());
        assert!(check_fallback(id(1), id(2), &channels).is_err());
        assert!(check_fallback(id(3), id(1), &channels).is_ok());
    }

    #[test]
    fn a_fallback_that_does_not_exist_is_a_dangling_reference() {
        let problems = check_fallback(id(1), id(9), &BTreeMap::new()).unwrap_err();
        assert!(problems.as_slice()[0].dangling);
    }

    #[test]
    fn a_cycle_of_others_ends_the_search() {
        let channels = BTreeMap::from([channel(2, Some(3)), channel(3, Some(2))]);
        assert!(check_fallback(id(1), id(2), &channels).is_ok());
    }
}
