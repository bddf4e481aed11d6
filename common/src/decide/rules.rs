//! Rules: the numbers of a monitor's specification that its decisions need.

use std::time::Duration;

use crate::monitor::{Meaning, MonitorSpec, Policy, Severity};
use crate::quorum::Quorum;

/// Added to the window of a vote for waiting and transport.
const WINDOW_SLACK: Duration = Duration::from_secs(10);
/// Two regions fail together when they turned Down within this, or within the window.
const TOGETHER_MAX: Duration = Duration::from_secs(600);
/// A named region is given up after this silence, or after the window if that is longer.
const SILENCE_MIN: Duration = Duration::from_secs(600);
/// Two looks at a target are at least this far apart, or they are one look.
pub(super) const SPACING: Duration = Duration::from_secs(1);
/// What a round allows for asking and answering beside the checks themselves.
const ROUND_SLACK: Duration = Duration::from_secs(3);

/// What a specification says, as the decisions use it.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) meaning: Meaning,
    pub(super) quorum: Quorum,
    pub(super) policy: Policy,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) failures: u32,
    pub(super) successes: u32,
    /// `None` where regional incidents are off, and where one region is a quorum by itself.
    pub(super) regional_after: Option<Duration>,
    pub(super) severity: Severity,
}

impl Rules {
    pub(super) fn of(spec: &MonitorSpec) -> Self {
        let quorum = Quorum::new(spec.quorum, spec.regions.len())
            .expect("a specification is made only with a quorum that its regions can make");
        Self {
            meaning: spec.meaning(),
            quorum,
            policy: spec.quorum,
            interval: spec.interval,
            timeout: spec.timeout,
            failures: spec.failures.get().into(),
            successes: spec.successes.get().into(),
            regional_after: spec.has_regional_incidents().then_some(spec.regional_after),
            severity: spec.severity,
        }
    }

    /// How long a result makes a vote: `W`.
    pub(super) fn window(&self) -> Duration {
        self.interval * 2 + self.timeout + WINDOW_SLACK
    }

    /// How far apart two regions may turn Down to confirm each other.
    pub(super) fn together(&self) -> Duration {
        self.window().min(TOGETHER_MAX)
    }

    /// How long a named region must be silent to be given up.
    pub(super) fn silence(&self) -> Duration {
        self.window().max(SILENCE_MIN)
    }

    /// How long a round of so many runs lasts at most.
    pub(super) fn round(&self, runs: u32) -> Duration {
        (self.timeout + SPACING) * runs + ROUND_SLACK
    }
}
