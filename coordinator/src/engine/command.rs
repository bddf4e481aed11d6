//! What doors ask of the engine, and why it may refuse.

use vigilmon_common::problem::Problems;

/// Who asks. Written into the audit log and into transitions made by hand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Actor {
    /// The token's name, or `coordinator` for what the process does itself.
    pub name: String,
}

impl Actor {
    /// The process itself.
    #[must_use]
    pub fn coordinator() -> Self {
        Self {
            name: "coordinator".to_owned(),
        }
    }

    /// A ping by slug that makes its heartbeat.
    #[must_use]
    pub fn slug_ping() -> Self {
        Self {
            name: "slug ping".to_owned(),
        }
    }
}

/// What kind of object a command names; the word that errors use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Object {
    /// A monitor.
    Monitor,
    /// A heartbeat.
    Heartbeat,
    /// What came with a ping.
    PingBody,
    /// An incident.
    Incident,
    /// A channel.
    Channel,
    /// A message to a channel.
    Delivery,
    /// A route.
    Route,
    /// A region.
    Region,
    /// An agent.
    Agent,
    /// A token of agents.
    AgentToken,
    /// The configuration of a project as a whole.
    Configuration,
    /// A token of the API.
    Token,
}

impl Object {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monitor => "monitor",
            Self::Heartbeat => "heartbeat",
            Self::PingBody => "body of ping",
            Self::Incident => "incident",
            Self::Channel => "channel",
            Self::Delivery => "delivery",
            Self::Route => "route",
            Self::Region => "region",
            Self::Agent => "agent",
            Self::AgentToken => "agent token",
            Self::Configuration => "configuration",
            Self::Token => "token",
        }
    }
}

/// Why a command was not carried out. Nothing changed then.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandError {
    /// The input breaks rules; all of them are listed.
    #[error("{0}")]
    Invalid(Problems),
    /// The named object does not exist.
    #[error("{} `{reference}` does not exist", object.as_str())]
    NotFound {
        /// What sort of object.
        object: Object,
        /// The name or id that was given.
        reference: String,
    },
    /// The name is taken.
    #[error("{} `{name}` exists already", object.as_str())]
    Exists {
        /// What sort of object.
        object: Object,
        /// The name.
        name: String,
    },
    /// The object changed since the caller read it.
    #[error("{} `{reference}` was changed meanwhile; read it again", object.as_str())]
    Conflict {
        /// What sort of object.
        object: Object,
        /// The name or id that was given.
        reference: String,
    },
    /// A rule forbids it now.
    #[error("{message}")]
    Refused {
        /// What and why.
        message: String,
        /// What to do instead; empty without a remedy.
        hint: String,
    },
    /// The engine is stopping or its store fails.
    #[error("the coordinator cannot do this now: {0}")]
    Unavailable(String),
}

impl CommandError {
    /// The engine does not answer any more.
    #[must_use]
    pub fn stopping() -> Self {
        Self::Unavailable("it is stopping".to_owned())
    }
}

/// Refuses to go on over another version than the one that the caller read; without an etag
/// whatever is stored is meant.
pub(crate) fn same_version(
    etag: Option<u64>,
    version: u64,
    object: Object,
    reference: &str,
) -> Result<(), CommandError> {
    if etag.is_none_or(|etag| etag == version) {
        return Ok(());
    }
    Err(CommandError::Conflict {
        object,
        reference: reference.to_owned(),
    })
}

impl From<Problems> for CommandError {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}
