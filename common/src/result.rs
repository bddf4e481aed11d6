//! Results: what one check of one agent saw, and the key under which it is stored once.

use std::time::Duration;

use crate::id::{AgentId, MonitorId};
use crate::monitor::Meaning;
use crate::outcome::Outcome;
use crate::time::Time;

/// Which run of a monitor on an agent a result belongs to. With monitor and agent it is the
/// result's natural key: storing it twice is harmless.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Run {
    /// A planned run: the slot's time.
    Slot(Time),
    /// A run that a `CheckNow` asked for: its nonce and the run's number from 0.
    Asked {
        /// The nonce of the `CheckNow`.
        nonce: u64,
        /// Which of its runs, from 0.
        n: u32,
    },
}

/// How long each phase of a check took; `None` where the phase was not reached or does not apply.
/// Of a redirected check these are the last hop's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Phases {
    /// Name resolution.
    pub dns: Option<Duration>,
    /// TCP connect.
    pub connect: Option<Duration>,
    /// TLS handshake.
    pub tls: Option<Duration>,
    /// Request sent → first byte of the answer.
    pub first_byte: Option<Duration>,
    /// First byte → end of the body that was read.
    pub transfer: Option<Duration>,
}

/// What a check saw beside its outcome; kept with failures, shown by `incident why` and
/// `monitor results`. Carries no secret: URLs are redacted, bodies are excerpts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Observation {
    /// The HTTP status of the last hop.
    pub status_code: Option<u16>,
    /// The address that was connected to, with the port.
    pub address: String,
    /// Up to [`EXCERPT_MAX`] bytes of the body of a failed check.
    pub body_excerpt: String,
    /// Each assertion as judged: `json $.status == "ok": failed, was "degraded"`.
    pub assertions: Vec<String>,
    /// Redirected to, redacted, in order.
    pub redirects: Vec<String>,
    /// The end of the certificate's validity.
    pub certificate_not_after: Option<Time>,
    /// What would help, such as the JSON assertion in place of a spaced keyword. Empty without one.
    pub hint: String,
}

/// Longest excerpt of a body that is kept, in bytes.
pub const EXCERPT_MAX: usize = 1024;

/// What one check of one agent saw.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CheckResult {
    /// The monitor that was checked.
    pub monitor: MonitorId,
    /// The agent that checked.
    pub agent: AgentId,
    /// Which run it was.
    pub run: Run,
    /// The meaning under which the check was made.
    pub meaning: Meaning,
    /// When it started, by the coordinator's clock once received there.
    pub started: Time,
    /// From start to end.
    pub took: Duration,
    /// How late it started after its slot.
    pub lateness: Duration,
    /// What it saw.
    pub outcome: Outcome,
    /// Where the time went.
    pub phases: Phases,
    /// What else it saw; present for everything but a plain `Up`.
    pub observation: Option<Box<Observation>>,
}
