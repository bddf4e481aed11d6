//! The one place that reads clocks.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is what the others ask instead"
)]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use vigilmon_common::time::Time;

/// Tells the time. Wall time may jump; monotonic time never does.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: for what is stored, shown and compared between machines.
    fn now(&self) -> Time;

    /// Time since some fixed point of this process: for timers and durations.
    fn monotonic(&self) -> Duration;
}

/// A clock shared by the parts of a process.
pub type SharedClock = Arc<dyn Clock>;

/// The clocks of the operating system.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock at zero.
    #[must_use]
    pub fn shared() -> SharedClock {
        Arc::new(Self {
            origin: Instant::now(),
        })
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Time::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// How long something takes, by the monotonic clock of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The time by which the runtime's timers go, for what waits beside them.
#[must_use]
pub fn by_timers() -> tokio::time::Instant {
    tokio::time::Instant::now()
}
