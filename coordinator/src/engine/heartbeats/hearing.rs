//! Whether pings can reach us: not before the doors open, and not once they begin to close.
//!
//! While none can, no deadline fires and no alive mark is stored: that time becomes a spell.

use tokio::sync::watch;
use vigilmon_common::time::Time;

/// See the module. Cheap to clone; by default pings can reach us.
#[derive(Clone, Debug)]
pub struct Hearing(watch::Sender<Option<Time>>);

impl Default for Hearing {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Hearing {
    /// Of a start: from no time on that this process knows, until [`Self::begins`].
    #[must_use]
    pub fn not_yet() -> Self {
        Self(watch::Sender::new(Some(Time::EPOCH)))
    }

    /// The doors open now.
    pub fn begins(&self) {
        self.0.send_replace(None);
    }

    /// The doors close from now on.
    pub fn ends(&self, now: Time) {
        self.0.send_replace(Some(now));
    }

    /// Since when none can reach us, as it changes.
    pub(super) fn deaf_since(&self) -> watch::Receiver<Option<Time>> {
        self.0.subscribe()
    }
}
