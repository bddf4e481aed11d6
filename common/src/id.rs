//! Identifiers of objects: opaque UUIDs, one type per kind of object so that they cannot be mixed.
//!
//! New ones are UUIDv7 made from a time and ten random bytes that the caller brings; agents' and
//! incidents' are derived (see [`crate::identity`]), so that both sides of a crash agree on them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Time;

/// A text that is not an identifier.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not an id")]
pub struct InvalidId(pub String);

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A UUIDv7: sorts by `now`, told apart by `random`.
            #[must_use]
            pub fn new(now: Time, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// The 16 bytes as they are stored and hashed.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From 16 stored bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// From a digest: a UUIDv8 of its first 16 bytes.
            #[must_use]
            pub fn from_digest(digest: [u8; 16]) -> Self {
                Self(uuid::Builder::from_custom_bytes(digest).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId(text.to_owned()))
            }
        }
    )*};
}

ids! {
    /// A monitor.
    MonitorId;
    /// A probe agent; derived from its token and name, so a restart keeps it.
    AgentId;
    /// One run of an agent process; a new one fences the sessions of the former.
    BootId;
    /// One session of an agent with a coordinator.
    SessionId;
    /// An incident; derived from store epoch, monitor and generation.
    IncidentId;
    /// A channel that notifications go to.
    ChannelId;
    /// A route that picks channels.
    RouteId;
    /// A token, of the API or of agents.
    TokenId;
    /// The store's epoch: new at every restore.
    Epoch;
}

impl Default for Epoch {
    /// The life of no store.
    fn default() -> Self {
        Self::from_bytes([0; 16])
    }
}
