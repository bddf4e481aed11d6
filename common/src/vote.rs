//! Votes: what agents and regions think of a monitor.

use std::time::Duration;

use crate::id::MonitorId;
use crate::monitor::Meaning;
use crate::outcome::Outcome;

/// What an agent last knew of a monitor, sent after Welcome and on request. Votes are restored
/// from these alone; history is never read to decide.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SummaryEntry {
    /// The monitor.
    pub monitor: MonitorId,
    /// The meaning under which the newest conclusive result was made.
    pub meaning: Meaning,
    /// The newest conclusive result.
    pub outcome: Outcome,
    /// How long ago that result's check started.
    pub age: Duration,
    /// How many like results (Down, or not Down) came in a row up to it.
    pub run_length: u32,
    /// How long ago the first of them started.
    pub run_age: Duration,
    /// How long ago the last result of the other sort started.
    pub other_age: Option<Duration>,
}
