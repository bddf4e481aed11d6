//! The agent's clock: the wall clock at its start, carried on by monotonic time.
//!
//! It never steps, so ages that the agent reports are right whatever happens to the wall clock;
//! how far it is off shows in every pulse, and the coordinator corrects for it.

use vigilmon_common::schedule::Now;
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::SharedClock;

#[derive(Clone)]
pub(crate) struct AgentClock {
    clock: SharedClock,
    /// The wall clock at monotonic zero.
    base: Time,
}

impl AgentClock {
    pub(crate) fn start(clock: SharedClock) -> Self {
        let base = clock.now() - clock.monotonic();
        Self { clock, base }
    }

    pub(crate) fn now(&self) -> Now {
        let monotonic = self.clock.monotonic();
        Now {
            wall: self.base + monotonic,
            monotonic,
        }
    }
}
