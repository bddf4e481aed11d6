//! Numbers: which row each ping is stored in, where they come faster than rows are.
//!
//! A second has [`STORED_A_SECOND`] rows of one ping each, and one more for each [`Kind`] that all
//! further ones share. Seconds are those of the pings' own times and go forward only: a ping that
//! was read earlier than others and comes later, since its body took long, is counted in the second
//! that has begun. A start of ours begins a second anew.

use super::HeartbeatState;
use crate::heartbeat::{Ping, STORED_A_SECOND, Signal};
use crate::time::Time;

/// Pings of one kind may share a row.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Success,
    Start,
    Failure,
    Log,
}

/// How many kinds there are.
const KINDS: usize = 4;

impl Kind {
    const fn of(signal: Signal) -> Self {
        match signal {
            Signal::Success | Signal::Exit(0) => Self::Success,
            Signal::Start => Self::Start,
            Signal::Fail | Signal::Exit(_) => Self::Failure,
            Signal::Log => Self::Log,
        }
    }
}

/// A row that pings share; without a number while there is none.
#[derive(Clone, Copy, Debug, Default)]
struct Shared {
    n: u64,
    count: u32,
}

/// The rows of the present second.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    second: i64,
    stored: u32,
    shared: Option<Box<[Shared; KINDS]>>,
}

impl HeartbeatState {
    /// Gives a ping that is about to be stored a row of its own; `false` where its second has none
    /// left.
    pub(in crate::heartbeat) fn number(&mut self, ping: &mut Ping) -> bool {
        let second = second(ping.at);
        if second > self.numbers.second {
            self.numbers = Numbers {
                second,
                ..Numbers::default()
            };
        }
        if self.numbers.stored >= STORED_A_SECOND {
            return false;
        }
        self.numbers.stored += 1;
        self.number_anyway(ping);
        true
    }

    /// Gives a ping a row of its own however many were stored in its second.
    pub(in crate::heartbeat) fn number_anyway(&mut self, ping: &mut Ping) {
        self.durable.n += 1;
        self.durable.pings += 1;
        ping.n = self.durable.n;
        ping.total = self.durable.pings;
    }

    /// Counts a ping in the row that those of its kind share in this second. Whose run it was
    /// about, and what came with it, is not kept.
    pub(in crate::heartbeat) fn share(&mut self, ping: &mut Ping) {
        let shared = self.numbers.shared.get_or_insert_default();
        let row = &mut shared[Kind::of(ping.signal) as usize];
        if row.n == 0 {
            self.durable.n += 1;
            row.n = self.durable.n;
        }
        row.count = row.count.saturating_add(1);
        self.durable.pings += 1;
        ping.n = row.n;
        ping.count = row.count;
        ping.total = self.durable.pings;
        ping.shared = true;
        ping.rid = None;
        (ping.body_kept, ping.body_size) = (0, 0);
    }
}

/// The second that a time is in.
pub(in crate::heartbeat) fn second(at: Time) -> i64 {
    at.as_millis().div_euclid(1000)
}
