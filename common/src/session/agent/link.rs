//! How an agent stands to the coordinator.

use std::time::Duration;

use super::{PULSES_MISSED, WELCOME_WAIT};
use crate::id::SessionId;
use crate::session::messages::Welcome;
use crate::time::Time;

/// The least wait before a Backfill that broke is tried again.
pub(super) const BACKFILL_RETRY: Duration = Duration::from_secs(5);

/// The state of the connection.
#[derive(Debug)]
pub(super) enum Link {
    Down {
        retry_at: Time,
    },
    Opening,
    Greeting {
        since: Time,
    },
    Up(Up),
    /// Closed from here; the stream's end has not been reported yet.
    Closing,
    Stopped,
}

/// A session that stands.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) session: SessionId,
    pub(super) credits: usize,
    pub(super) last_heard: Time,
    /// Something that waits must not wait.
    pub(super) urgent: bool,
    /// When what waits is sent in any case.
    pub(super) flush_at: Option<Time>,
    pub(super) backfill: Backfill,
    /// The coordinator goes: come back within this time.
    pub(super) leaves_within: Option<Duration>,
    period: Duration,
    next_pulse: Time,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Backfill {
    Idle,
    Open { credits: usize },
    Failed { retry_at: Time },
}

impl Link {
    pub(super) fn next_wake(&self) -> Option<Time> {
        match self {
            Self::Down { retry_at } => Some(*retry_at),
            Self::Greeting { since } => Some(*since + WELCOME_WAIT),
            Self::Up(up) => {
                let retry = match up.backfill {
                    Backfill::Failed { retry_at } => Some(retry_at),
                    Backfill::Idle | Backfill::Open { .. } => None,
                };
                let certain = up.next_pulse.min(up.silent_at());
                up.flush_at.into_iter().chain(retry).chain([certain]).min()
            }
            Self::Opening | Self::Closing | Self::Stopped => None,
        }
    }
}

impl Up {
    pub(super) fn new(welcome: &Welcome, now: Time) -> Self {
        Self {
            session: welcome.session,
            credits: usize::try_from(welcome.credits).unwrap_or(usize::MAX),
            last_heard: now,
            urgent: false,
            flush_at: None,
            backfill: Backfill::Idle,
            leaves_within: None,
            period: welcome.pulse,
            next_pulse: now + welcome.pulse,
        }
    }

    /// When the coordinator's silence ends the session.
    pub(super) fn silent_at(&self) -> Time {
        self.last_heard + self.period * PULSES_MISSED
    }

    /// Whether a pulse is due; the next one is then a period away.
    pub(super) fn pulse_due(&mut self, now: Time) -> bool {
        let due = self.next_pulse <= now;
        if due {
            self.next_pulse = now + self.period;
        }
        due
    }
}
