//! The history: what is appended to it and asked of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use vigilmon_common::heartbeat::{PINGS_KEPT, Ping};
use vigilmon_common::id::{AgentId, ChannelId, IncidentId, MonitorId};
use vigilmon_common::incident::Incident;
use vigilmon_common::name::Region;
use vigilmon_common::result::{CheckResult, Run};
use vigilmon_common::time::Time;

use super::CommitNo;

/// How old a group of results is before it is sorted by monitor. Long enough that a block holds
/// more than a result or two, short enough that reading a monitor scans little.
pub const SEAL_AGE: Duration = Duration::from_mins(10);

/// Numbers groups of results, from 1, over restarts.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HistoryNo(pub u64);

/// A result and the region that it votes for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegionResult {
    /// The region of the agent.
    pub region: Region,
    /// What the check saw.
    pub result: CheckResult,
}

impl RegionResult {
    /// The key under which it is stored once.
    #[must_use]
    pub fn natural_key(&self) -> (MonitorId, AgentId, Run) {
        (self.result.monitor, self.result.agent, self.result.run)
    }
}

/// A group of results as it was appended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chunk {
    /// Its number.
    pub no: HistoryNo,
    /// Whether it came by a Backfill: its results make no votes.
    pub back_filled: bool,
    /// The results, in the order of the call.
    pub results: Vec<RegionResult>,
}

/// A ping and what is kept of its body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredPing {
    /// The ping.
    pub ping: Ping,
    /// Its body; `None` where it had none, or none of it is kept.
    pub body: Option<Bytes>,
}

/// In which of its heartbeat's places a ping lies: the newest takes that of the oldest.
pub(super) fn ping_place(ping: &Ping) -> u8 {
    u8::try_from(ping.n % PINGS_KEPT as u64).expect("fewer than 256 are kept")
}

/// Which results of a monitor are wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResultQuery {
    /// The monitor.
    pub monitor: MonitorId,
    /// Only of this region.
    pub region: Option<Region>,
    /// Started at or after this.
    pub from: Time,
    /// Started before this.
    pub to: Time,
    /// At most this many.
    pub limit: usize,
}

impl ResultQuery {
    /// Whether a result is one of those wanted, the limit aside.
    pub(super) fn takes(&self, found: &RegionResult) -> bool {
        found.result.monitor == self.monitor
            && (self.from..self.to).contains(&found.result.started)
            && self.region.as_ref().is_none_or(|r| *r == found.region)
    }

    /// Newest first, each natural key once (the earliest start of it), no more than the limit.
    pub(super) fn select(&self, mut found: Vec<RegionResult>) -> Vec<RegionResult> {
        found.sort_by_key(|r| (r.result.agent, r.result.run, r.result.started));
        found.dedup_by_key(|r| r.natural_key());
        found.sort_by_key(|r| (Reverse(r.result.started), r.result.agent, r.result.run));
        found.truncate(self.limit);
        found
    }
}

/// Days since the Unix epoch, UTC: results are dropped by the day on which they started.
pub(super) fn day_of(time: Time) -> i64 {
    time.as_millis().div_euclid(DAY_MILLIS)
}

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// One thing for the history, beside results.
#[derive(Clone, Debug, PartialEq)]
pub enum HistoryRecord {
    /// Somebody did something.
    Audit(AuditEntry),
    /// A notification was tried.
    Delivery(DeliveryRecord),
    /// An agent was, or is, assigned to a monitor.
    Span(AssignmentSpan),
    /// A closed incident leaves the state.
    Incident(Box<Incident>),
    /// Watchers are told of a transition.
    Event(EventRecord),
}

impl HistoryRecord {
    /// As it is kept: an event and an audit entry know the commit that brought them, which tells
    /// in which order those of one millisecond came.
    pub(super) fn placed(mut self, id: PendingId) -> Self {
        match &mut self {
            Self::Event(event) => event.cursor = id,
            Self::Audit(entry) => entry.place = id,
            Self::Delivery(_) | Self::Span(_) | Self::Incident(_) => {}
        }
        self
    }
}

/// Where a record waits in the state: its commit and its place within it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PendingId {
    /// The commit that brought it.
    pub commit: CommitNo,
    /// Its place among the changes of that commit.
    pub place: u32,
}

impl PendingId {
    /// Before every record.
    pub const START: Self = Self {
        commit: CommitNo(0),
        place: 0,
    };

    /// Behind every record of a commit.
    #[must_use]
    pub const fn end_of(commit: CommitNo) -> Self {
        let place = u32::MAX;
        Self { commit, place }
    }
}

/// A record on its way from the state to the history.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingRecord {
    /// Where it waits.
    pub id: PendingId,
    /// What it is.
    pub record: HistoryRecord,
}

/// That somebody did something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuditEntry {
    /// Where it stands among entries of one moment; [`PendingId::START`] until it is committed.
    pub place: PendingId,
    /// When.
    pub at: Time,
    /// Who: a token's label or id, or a part of Vigilmon.
    pub actor: String,
    /// What, such as `monitor.create`.
    pub action: String,
    /// To what, by kind and id: `monitor 0192…`.
    pub object: String,
    /// What it is called.
    pub name: String,
    /// What changed, in one line; carries no secret.
    pub detail: String,
}

/// What watchers are told of a transition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EventRecord {
    /// Where it stands among all events; [`PendingId::START`] until it is committed.
    pub cursor: PendingId,
    /// When it was decided.
    pub at: Time,
    /// Its type, such as `incident.opened`.
    pub event: String,
    /// What it is about: the `data` of webhooks, as JSON.
    pub data: String,
}

/// One attempt to deliver a notification, or that it was settled without one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeliveryRecord {
    /// The outbox row.
    pub row: u64,
    /// The notification's key.
    pub key: String,
    /// The channel.
    pub channel: ChannelId,
    /// The incident, when it is about one.
    pub incident: Option<IncidentId>,
    /// The event's type, such as `incident.opened`.
    pub event: String,
    /// Which attempt, from 1; 0 when it was settled without one.
    pub attempt: u32,
    /// When the attempt began.
    pub at: Time,
    /// How long it took.
    pub took: Duration,
    /// What became of it.
    pub result: DeliveryResult,
    /// One line for people: `204 No Content`, `connection refused`; carries no secret.
    pub detail: String,
    /// What the message says first; empty in records of before it was kept.
    pub subject: String,
    /// The message itself, once it is settled, so that it can be sent again.
    pub message: Option<KeptMessage>,
}

impl DeliveryRecord {
    /// Its place among those of its channel.
    #[must_use]
    pub const fn place(&self) -> DeliveryPlace {
        DeliveryPlace {
            at: self.at,
            row: self.row,
            attempt: self.attempt,
        }
    }
}

/// A delivery's place among those of its channel, by time.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct DeliveryPlace {
    /// When the attempt began.
    pub at: Time,
    /// The outbox row.
    pub row: u64,
    /// Which attempt.
    pub attempt: u32,
}

impl DeliveryPlace {
    /// Behind all of them.
    pub const END: Self = Self {
        at: Time::FAR_FUTURE,
        row: 0,
        attempt: 0,
    };
}

/// What of a settled row is kept beside its record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptMessage {
    /// The transition's number within its subject.
    pub seq: u32,
    /// Of which channel's undelivered message it is a copy.
    pub copy_of: Option<ChannelId>,
    /// The webhook body.
    pub body: String,
    /// Display names of regions, as they were.
    pub region_names: BTreeMap<Region, String>,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DeliveryResult {
    /// The receiver took it.
    Sent,
    /// It failed and is tried again.
    Failed,
    /// It is given up.
    Dead,
    /// It was not to be sent.
    Suppressed,
    /// A later message says it.
    Superseded,
}

impl DeliveryResult {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Sent,
        Self::Failed,
        Self::Dead,
        Self::Suppressed,
        Self::Superseded,
    ];

    /// The word for it in all interfaces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Suppressed => "suppressed",
            Self::Superseded => "superseded",
        }
    }
}

/// A span in which an agent was to check a monitor. What was observed is judged against these.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AssignmentSpan {
    /// The monitor.
    pub monitor: MonitorId,
    /// The agent.
    pub agent: AgentId,
    /// The agent's region.
    pub region: Region,
    /// The interval during it.
    pub interval: Duration,
    /// Its begin; with monitor and agent its key.
    pub from: Time,
    /// Its end; `None` while it lasts. Recorded again when it ends.
    pub until: Option<Time>,
}

impl AssignmentSpan {
    /// Whether a part of it lies in `from..to`.
    pub(super) fn touches(&self, from: Time, to: Time) -> bool {
        self.from < to && self.until.is_none_or(|until| until > from)
    }
}
