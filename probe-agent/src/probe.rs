//! The seam between the runner and the checks: what one check is given and what it tells.

use std::future::Future;
use std::time::Duration;

use vigilmon_common::outcome::Outcome;
use vigilmon_common::result::{Observation, Phases};
use vigilmon_common::schedule::CheckSpec;

/// What one check saw. When it started and how long it took is the runner's to say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checked {
    /// What it saw.
    pub outcome: Outcome,
    /// Where the time went.
    pub phases: Phases,
    /// What else it saw; present for everything but a plain `Up`.
    pub observation: Option<Box<Observation>>,
}

impl Checked {
    /// An outcome with nothing else to tell.
    #[must_use]
    pub fn bare(outcome: Outcome) -> Self {
        Self {
            outcome,
            phases: Phases::default(),
            observation: None,
        }
    }
}

/// Makes checks.
pub trait Probe: Send + Sync + 'static {
    /// Makes one check. It ends by itself within `timeout`, redirects included: that bound is part
    /// of what a check means, and the outcome names the phase in which it was reached.
    fn check(&self, spec: &CheckSpec, timeout: Duration) -> impl Future<Output = Checked> + Send;
}
