//! Monitors: what to watch and how.
//!
//! A [`MonitorSpec`] is always valid: it is made from a [`draft`] by checking everything at once.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU8;
use std::str::FromStr;
use std::time::Duration;

use crate::id::{ChannelId, MonitorId};
use crate::name::{Name, Region};
use crate::quorum::Quorum;
use crate::redact;
use crate::time::Time;

pub mod draft;
mod fields;
pub mod http;
mod meaning;
mod status_set;

pub use draft::{HttpDraft, Known, MonitorDraft};
pub use fields::fields;
pub(crate) use fields::{labels_field, notify_field};
pub use http::HttpSpec;
pub use meaning::Meaning;
pub use status_set::{InvalidStatusSet, StatusSet};

/// What to watch and how. Made only by checking a draft, so every combination in it is valid.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MonitorSpec {
    /// The user's name for it, unique in its project among monitors and heartbeats.
    pub name: Name,
    /// What is done to check it.
    pub kind: Kind,
    /// The time between two planned checks in one region; at least 1 s.
    pub interval: Duration,
    /// The bound of a whole check, redirects included; 100 ms up to `interval`.
    pub timeout: Duration,
    /// The assigned regions, sorted, each once, at least one.
    pub regions: Vec<Region>,
    /// How many regions must agree.
    pub quorum: Policy,
    /// Consecutive Down results that make an agent vote Down.
    pub failures: NonZeroU8,
    /// Consecutive other results that make it vote Up again.
    pub successes: NonZeroU8,
    /// How long a region fails alone before that is an incident of its own; zero: never.
    pub regional_after: Duration,
    /// How bad it is when it is down.
    pub severity: Severity,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
    /// Channels beside those that the routes pick.
    pub notify: Vec<ChannelId>,
}

impl MonitorSpec {
    /// The target as it may be shown: no user info, query values `…`.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.kind {
            Kind::Http(http) => redact::url(&http.url),
        }
    }

    /// Whether one region that fails alone, for long enough, is an incident: not where that is
    /// switched off, nor where one region is a quorum by itself.
    #[must_use]
    pub fn has_regional_incidents(&self) -> bool {
        let quorum = Quorum::new(self.quorum, self.regions.len());
        quorum.is_ok_and(|q| q.required() >= 2) && !self.regional_after.is_zero()
    }

    /// The target as messages for people name it: host, port if not the scheme's own, path.
    #[must_use]
    pub fn display_target(&self) -> String {
        match &self.kind {
            Kind::Http(http) => redact::short_url(&http.url),
        }
    }
}

/// A monitor as it is stored: its specification and what only the coordinator knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Monitor {
    /// Its id.
    pub id: MonitorId,
    /// What to watch and how.
    pub spec: MonitorSpec,
    /// Whether its checks are suspended.
    pub paused: bool,
    /// When it was first saved.
    pub created_at: Time,
    /// When it was last saved.
    pub updated_at: Time,
    /// Grows with every save: the etag.
    pub version: u64,
}

impl Monitor {
    /// One that is saved for the first time.
    #[must_use]
    pub const fn new(id: MonitorId, spec: MonitorSpec, now: Time) -> Self {
        Self {
            id,
            spec,
            paused: false,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// As it is when it is saved once more.
    #[must_use]
    pub fn saved_again(&self, now: Time) -> Self {
        Self {
            updated_at: now,
            version: self.version + 1,
            ..self.clone()
        }
    }
}

/// What is done to check a monitor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// An HTTP or HTTPS request with assertions on the answer.
    Http(Box<HttpSpec>),
}

impl Kind {
    /// The kind's word in JSON, YAML, tables.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
        }
    }
}

/// How many of the assigned regions must agree that a monitor is down.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Policy {
    /// More than half: ⌊S/2⌋+1.
    #[default]
    Majority,
    /// One region.
    Any,
    /// Every region.
    All,
    /// This many.
    AtLeast(NonZeroU8),
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Majority => f.write_str("majority"),
            Self::Any => f.write_str("any"),
            Self::All => f.write_str("all"),
            Self::AtLeast(n) => n.fmt(f),
        }
    }
}

impl FromStr for Policy {
    type Err = InvalidWord;
    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        match text {
            "majority" => Ok(Self::Majority),
            "any" => Ok(Self::Any),
            "all" => Ok(Self::All),
            n => n.parse().map(Self::AtLeast).map_err(|_| InvalidWord {
                value: text.to_owned(),
                allowed: "majority, any, all or a number of regions",
            }),
        }
    }
}

/// How bad it is when a monitor is down.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth a look today.
    Warning,
    /// Somebody should be woken.
    #[default]
    Critical,
}

impl Severity {
    /// The word for it in all interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// One severity lower, as a regional incident is; info stays info.
    #[must_use]
    pub const fn lower(self) -> Self {
        match self {
            Self::Critical => Self::Warning,
            Self::Warning | Self::Info => Self::Info,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = InvalidWord;
    fn from_str(text: &str) -> Result<Self, InvalidWord> {
        match text {
            "info" => Ok(Self::Info),
            "warning" => Ok(Self::Warning),
            "critical" => Ok(Self::Critical),
            _ => Err(InvalidWord {
                value: text.to_owned(),
                allowed: "critical, warning or info",
            }),
        }
    }
}

/// A word that is none of those allowed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{value}` is not one of {allowed}")]
pub struct InvalidWord {
    /// What was given.
    pub value: String,
    /// What may be given.
    pub allowed: &'static str,
}
