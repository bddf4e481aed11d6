//! Incidents: spans in which a verdict was bad, with every transition and the evidence for it.
//!
//! The states and what moves between them:
//!
//! | from         | transition    | to           |
//! |--------------|---------------|--------------|
//! | —            | opened        | open         |
//! | open, acked  | widened       | open (an acknowledgement is void) |
//! | open, acked  | narrowed      | as it was    |
//! | open, acked  | flapping      | as it was    |
//! | open, acked  | acknowledged  | acknowledged (whoever comes later takes over) |
//! | open, acked  | commented     | as it was    |
//! | open, acked  | resolved      | resolved     |
//! | resolved     | commented     | resolved     |
//!
//! What decides a transition is [`crate::decide`]; who is told of it is [`crate::notify`].

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::heartbeat::HeartbeatFacts;
use crate::id::{AgentId, ChannelId, IncidentId, MonitorId};
use crate::monitor::Severity;
use crate::name::Region;
use crate::outcome::{OutcomeKind, Reason};
use crate::time::Time;

/// Of what an incident is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// The quorum agrees that the monitor is down.
    Global,
    /// Some regions see it down for long, the quorum does not.
    Regional,
    /// Of Vigilmon itself: a lost region, a failing channel …
    System,
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum IncidentStatus {
    /// Nobody has taken it yet.
    Open,
    /// Somebody has.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// Why an incident ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Resolution {
    /// Every named region saw it up again.
    Recovered,
    /// The other regions can no longer make the quorum, and regional incidents are off.
    Refuted,
    /// The named regions fell silent; nobody saw it up.
    Unobserved,
    /// Closed by hand.
    Forced,
    /// The monitor was paused.
    Paused,
    /// The monitor was removed.
    Removed,
    /// None of its named regions is assigned any more.
    Reassigned,
}

/// What happened to an incident.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TransitionKind {
    /// It began.
    Opened,
    /// From regional to global.
    Widened,
    /// From global to regional.
    Narrowed,
    /// Somebody has taken it.
    Acknowledged,
    /// Somebody said something.
    Commented,
    /// It opens and closes too often; the end waits for quiet.
    Flapping,
    /// It ended.
    Resolved,
}

macro_rules! words {
    ($($name:ident { $($variant:ident = $text:literal,)* })*) => {$(
        impl $name {
            /// The word for it in all interfaces.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl std::str::FromStr for $name {
            type Err = crate::monitor::InvalidWord;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(crate::monitor::InvalidWord {
                        value: text.to_owned(),
                        allowed: concat!($($text, " ",)*),
                    }),
                }
            }
        }
    )*};
}

words! {
    Scope { Global = "global", Regional = "regional", System = "system", }
    IncidentStatus { Open = "open", Acknowledged = "acknowledged", Resolved = "resolved", }
    Resolution {
        Recovered = "recovered", Refuted = "refuted", Unobserved = "unobserved",
        Forced = "forced", Paused = "paused", Removed = "removed", Reassigned = "reassigned",
    }
    TransitionKind {
        Opened = "opened", Widened = "widened", Narrowed = "narrowed",
        Acknowledged = "acknowledged", Commented = "commented", Flapping = "flapping",
        Resolved = "resolved",
    }
}

/// A span in which a verdict was bad.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Incident {
    /// Derived from store epoch, monitor and generation.
    pub id: IncidentId,
    /// Global, regional or system.
    pub scope: Scope,
    /// The monitor's severity, one lower while regional.
    pub severity: Severity,
    /// Open, acknowledged or resolved.
    pub status: IncidentStatus,
    /// What it is about, as it was when the incident opened.
    pub subject: Subject,
    /// The regions it names, sorted. They must all vote Up for it to resolve.
    pub named: Vec<Region>,
    /// The first deciding reason.
    pub reason: Reason,
    /// The earliest run start among the deciding regions.
    pub started_at: Time,
    /// When we knew.
    pub decided_at: Time,
    /// The earliest run start of the recovery.
    pub ended_at: Option<Time>,
    /// When we knew that it had ended.
    pub resolved_at: Option<Time>,
    /// Why it ended.
    pub resolution: Option<Resolution>,
    /// Who acknowledged it.
    pub acknowledged_by: Option<String>,
    /// All that happened, in order, numbered from 1.
    pub transitions: Vec<Transition>,
    /// Which channels were told, and on what terms.
    pub told: Vec<Told>,
}

impl Incident {
    /// Ended − started, once it ended.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.ended_at.map(|end| end.since(self.started_at))
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status != IncidentStatus::Resolved
    }

    /// The number of the last transition; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u32 {
        self.transitions.last().map_or(0, |t| t.seq)
    }

    /// Ends it, at a time neither before it began nor in the future. The transition that says so is
    /// [`add`](Self::add)ed next.
    pub fn end(&mut self, resolution: Resolution, at: Time, now: Time) {
        self.status = IncidentStatus::Resolved;
        self.resolution = Some(resolution);
        self.ended_at = Some(at.min(now).max(self.started_at));
        self.resolved_at = Some(now);
    }

    /// Adds what happened now as its last transition, under the scope that it has by now. Status,
    /// scope and whatever else the transition changes are set before.
    pub fn add(&mut self, kind: TransitionKind, hand: Hand, evidence: Option<Evidence>, now: Time) {
        self.transitions.push(Transition {
            seq: self.seq() + 1,
            kind,
            at: now,
            by: hand.by,
            note: hand.note,
            scope: self.scope,
            evidence,
        });
    }

    /// The transition that gave it its scope.
    #[must_use]
    pub fn last_scoped(&self) -> Option<&Transition> {
        let mut newest_first = self.transitions.iter().rev();
        newest_first.find(|t| t.kind.sets_scope())
    }
}

impl TransitionKind {
    /// Whether it gives an incident its scope.
    #[must_use]
    pub const fn sets_scope(self) -> bool {
        matches!(self, Self::Opened | Self::Widened | Self::Narrowed)
    }
}

/// What an incident is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Subject {
    /// A monitor, as it was when the incident opened.
    Monitor(MonitorFacts),
    /// A cause in Vigilmon itself, such as `region_lost:us-east`.
    System(SystemFacts),
}

/// What messages and pages say about a monitor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MonitorFacts {
    /// Its id.
    pub id: MonitorId,
    /// Its name.
    pub name: String,
    /// Its kind's word.
    pub kind: String,
    /// Its target, redacted: no user info, query values `…`. Empty for a heartbeat, which has none.
    pub target: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl MonitorFacts {
    /// The word for the kind of a heartbeat.
    pub const HEARTBEAT: &str = "heartbeat";

    /// Whether it is a heartbeat: pinged by its job, not checked by agents.
    #[must_use]
    pub fn is_heartbeat(&self) -> bool {
        self.kind == Self::HEARTBEAT
    }
}

/// What messages and pages say about a system cause.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SystemFacts {
    /// What it is about within its reason code: a region, a channel's name, a folder.
    pub about: String,
    /// One line for people.
    pub summary: String,
    /// Names of what it affects, the worst first, bounded by [`AFFECTED_MAX`].
    pub affected: Vec<String>,
}

/// Most affected names that a system incident lists; the summary counts the rest.
pub const AFFECTED_MAX: usize = 50;

/// One thing that happened to an incident.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transition {
    /// From 1, without gaps.
    pub seq: u32,
    /// What happened.
    pub kind: TransitionKind,
    /// When we decided it.
    pub at: Time,
    /// Who did it, when it was done by hand.
    pub by: Option<String>,
    /// What they said.
    pub note: String,
    /// The scope after it.
    pub scope: Scope,
    /// What it was decided on. `None` for system incidents and deeds by hand that decide nothing.
    pub evidence: Option<Evidence>,
}

/// Who did something by hand, and what they said; the default where nobody did.
#[derive(Clone, Debug, Default)]
pub struct Hand {
    /// Who.
    pub by: Option<String>,
    /// What they said.
    pub note: String,
}

impl Hand {
    /// Somebody's, with a note that may be empty.
    #[must_use]
    pub fn of(by: String, note: impl Into<String>) -> Self {
        Self {
            by: Some(by),
            note: note.into(),
        }
    }
}

/// What a transition was decided on; enough to answer "why was I paged?" for ever.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Evidence {
    /// The rule that decided, in one line for people.
    pub rule: String,
    /// The quorum policy's word: `majority`, `any`, `all` or a number.
    pub policy: String,
    /// How many regions must agree.
    pub required: u8,
    /// What would have changed the decision, in one line for people.
    pub otherwise: String,
    /// Every assigned region, sorted, each with the vote it had; none of a heartbeat.
    pub regions: Vec<RegionEvidence>,
    /// What a heartbeat's transition was decided on; `None` for monitors that agents check.
    pub heartbeat: Option<HeartbeatFacts>,
}

/// How a region stood when a transition was decided.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Standing {
    /// It voted Down.
    Failing,
    /// It voted Up.
    Passing,
    /// Its vote was older than the window, or its agents are gone.
    Stale,
    /// No vote yet, inconclusive, blind or quarantined.
    Abstaining,
}

words! {
    Standing {
        Failing = "failing", Passing = "passing", Stale = "stale", Abstaining = "abstaining",
    }
}

/// One region's part in a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegionEvidence {
    /// The region's id.
    pub region: Region,
    /// How it stood.
    pub standing: Standing,
    /// Whether its Down vote was confirmed.
    pub confirmed: bool,
    /// Why it abstains or is stale; empty for a vote.
    pub because: String,
    /// Its agents' newest results.
    pub agents: Vec<AgentEvidence>,
}

/// One agent's part in a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgentEvidence {
    /// The agent.
    pub agent: AgentId,
    /// Its newest result's outcome, if it had any.
    pub outcome: Option<OutcomeKind>,
    /// Why that was not Up.
    pub reason: Option<Reason>,
    /// The age of its newest result when the transition was decided.
    pub age: Duration,
    /// The start of its present run of like results.
    pub run_started: Option<Time>,
    /// The length of that run.
    pub run_length: u32,
}

/// That a channel was told of an incident, so that it hears of its end whatever the routes say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// The channel.
    pub channel: ChannelId,
    /// The events that the route which matched asked for, as they stood then; empty means all.
    pub events: Vec<String>,
    /// Whether `incident.opened` was put in its outbox.
    pub opened: bool,
}
