//! Heartbeats: monitors turned round. A job pings a URL; silence is the alarm.
//!
//! A heartbeat is a monitor of kind `heartbeat`: it shares the name space, the routes and the
//! incidents of monitors, but no agent checks it. [`HeartbeatState::on`] takes pings and the time,
//! and returns what must follow; it does no I/O and knows no clock. The caller stores pings before
//! they come in, commits what must last before anything leaves, and hands the rest over.
//!
//! ```text
//! ping ──► ping log (durable) ──► HeartbeatState::on ──► transition + evidence
//! time ──► Deadlines ──► Tick ─────────┘                 (as of any monitor)
//! own downtime ──► Listening ──► Spell ┘
//! ```
//!
//! What this module does not do: it keeps no tokens, stores nothing, and decides not who is told.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{ChannelId, MonitorId};
use crate::monitor::Severity;
use crate::name::Name;
use crate::time::Time;

mod bodies;
mod deadlines;
mod draft;
mod fields;
mod group;
mod interface;
mod listening;
mod marks;
mod ping;
mod schedule;
mod slug;
pub mod snippets;
mod state;

#[cfg(test)]
mod tests;

pub use bodies::Bodies;
pub use deadlines::{Deadlines, Due, HEARD_OUT, HELD_MAX, LATE_MAX};
pub use draft::HeartbeatDraft;
pub use fields::fields;
pub use group::PingGroup;
pub use interface::{
    Brief, Durable, Effect, HeartbeatFacts, Input, KeptBody, LastPing, OpenRun, Refusal, Spell,
    Unobserved, View,
};
pub use listening::{GAP_MAX, Heard, Listening, MARK_EVERY, SET_BACK_MIN};
pub use marks::{Mark, marks};
pub use ping::{AGENT_MAX, Method, Ping, RID_MAX, Signal, is_rid};
pub use schedule::{Cron, Expected, InvalidSchedule, Schedule, TIME_ZONE_DEFAULT};
pub use slug::{slug, slug_taken};
pub use state::HeartbeatState;

/// Shortest period.
pub const EVERY_MIN: Duration = Duration::from_secs(1);
/// Longest period, grace and run: a year and a bit, for yearly jobs.
pub const SPAN_MAX: Duration = Duration::from_secs(400 * 86_400);
/// The grace of a cron schedule where the user says nothing; that of a period is zero.
pub const CRON_GRACE_DEFAULT: Duration = Duration::from_secs(600);
/// Pings of a heartbeat that are kept.
pub const PINGS_KEPT: usize = 100;
/// Of its last pings so many keep their bodies.
pub const BODIES_KEPT: usize = 10;
/// Longest body that is kept, in bytes; of a longer one the beginning is.
pub const BODY_KEPT_MAX: usize = 10_000;
/// All kept bodies together, in bytes; the oldest go first.
pub const BODIES_TOTAL_MAX: u64 = 1 << 30;
/// Pings of one heartbeat that are stored one by one in a second; further ones of that second
/// share rows, as [`PingGroup`] says.
pub const STORED_A_SECOND: u32 = 100;
/// Runs of a heartbeat that may be open at once; the oldest is given up as never finished.
pub const RUNS_MAX: usize = 10;
/// A spell of our own downtime up to this long moves deadlines; a longer one may excuse a miss.
pub const SPELL_SHORT_MAX: Duration = Duration::from_secs(30);
/// Short spells together move a deadline by this at most, or by half of what its ping has time for
/// where that is more: beyond, a short one counts as a longer one does.
pub const MOVED_MAX: Duration = Duration::from_secs(300);
/// How long before its due time, at most, a ping settles it.
pub const EARLY_MAX: Duration = Duration::from_secs(300);
/// How the reason of a miss begins where nothing came: then the time of the last ping says it all.
pub(crate) const NO_PING: &str = "no ping";

/// What is expected of a job. Made only by checking a draft, so every combination in it is valid.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct HeartbeatSpec {
    /// The user's name for it, unique in its project among monitors and heartbeats.
    pub name: Name,
    /// When pings are expected.
    pub schedule: Schedule,
    /// How much later than expected one may come.
    pub grace: Duration,
    /// How long a run may take from its start ping to its end.
    pub max_run: Option<Duration>,
    /// Whether silence alarms although it was never pinged.
    pub alarm_before_first_ping: bool,
    /// Whether only POST counts as a ping: links that are looked at do not ping it.
    pub post_only: bool,
    /// How bad it is when it is down.
    pub severity: Severity,
    /// The user's labels.
    pub labels: BTreeMap<String, String>,
    /// Channels beside those that the routes pick.
    pub notify: Vec<ChannelId>,
}

/// A heartbeat as it is stored: its specification and what only the coordinator knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Heartbeat {
    /// Its id, of the same kind as any monitor's.
    pub id: MonitorId,
    /// What is expected.
    pub spec: HeartbeatSpec,
    /// Whether its alarms are suspended; pings are recorded all the same.
    pub paused: bool,
    /// When it was first saved.
    pub created_at: Time,
    /// When it was last saved.
    pub updated_at: Time,
    /// Grows with every save: the etag.
    pub version: u64,
    /// What pings are known by: the present token first, then one that was replaced and still
    /// counts for a while.
    pub tokens: Vec<PingToken>,
}

impl Heartbeat {
    /// One that is saved for the first time, pinged by this token.
    #[must_use]
    pub fn new(id: MonitorId, spec: HeartbeatSpec, token: PingToken, now: Time) -> Self {
        Self {
            id,
            spec,
            paused: false,
            created_at: now,
            updated_at: now,
            version: 1,
            tokens: vec![token],
        }
    }

    /// As it is when it is saved once more, without tokens that count no longer.
    #[must_use]
    pub fn saved_again(&self, now: Time) -> Self {
        let mut again = self.clone();
        again.updated_at = now;
        again.version += 1;
        again.tokens.retain(|token| token.is_good(now));
        again
    }
}

/// A token in a ping URL. The token itself is only kept sealed, to be shown to who may see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PingToken {
    /// SHA-256 of the token: what pings are looked up by.
    pub digest: [u8; 32],
    /// The token, sealed with the key that lies beside the stores.
    pub sealed: Vec<u8>,
    /// When it ends; `None`: the present one.
    pub until: Option<Time>,
}

impl PingToken {
    /// Whether pings still count by it.
    #[must_use]
    pub fn is_good(&self, now: Time) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// How a heartbeat stands, in one word.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HeartbeatStatus {
    /// No ping yet since it was made or resumed.
    New,
    /// The last expected ping came.
    Up,
    /// The expected ping is overdue and its grace not over; or an incident was closed by hand, and
    /// nothing was heard since.
    Late,
    /// An incident is open: a ping is missing, the job failed or ran for too long.
    Down,
    /// Its alarms are suspended.
    Paused,
}

impl HeartbeatStatus {
    /// All of them, the worst first.
    pub const ALL: [Self; 5] = [Self::Down, Self::Late, Self::New, Self::Up, Self::Paused];

    /// The word for it in all interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Up => "up",
            Self::Late => "late",
            Self::Down => "down",
            Self::Paused => "paused",
        }
    }
}

impl std::fmt::Display for HeartbeatStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for HeartbeatStatus {
    type Err = crate::monitor::InvalidWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| crate::monitor::InvalidWord {
            value: text.to_owned(),
            allowed: "new, up, late, down or paused",
        })
    }
}
