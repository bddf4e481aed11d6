//! Deadlines: which heartbeat's is first, of any number of them, and when one that is over may fire.
//!
//! One ordered structure: setting a deadline costs a few comparisons, asking for the first one
//! next to nothing, and what is not due costs nothing at all.
//!
//! A ping may have knocked in time and not be read yet: it lies in a queue of the system while we
//! stood still, or while its connection found no place. So a deadline does not fire at the first
//! look that finds it over, but at a later one: what had knocked by then is read between them.
//!
//! | the look that finds it over | is held from there on for                               |
//! |-----------------------------|---------------------------------------------------------|
//! | came in time                | [`HEARD_OUT`]                                           |
//! | was late, we stood still    | as long again and a second: so long a client whose knock was dropped takes to knock again |
//!
//! The same goes for the look at the end of a hold, as long as it has not lasted [`HELD_MAX`]; a
//! process that stands still now and again postpones nothing for ever.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::listening::GAP_MAX;
use crate::id::MonitorId;
use crate::time::Time;

/// How long a process that does not stand still takes at most to read what has knocked.
pub const HEARD_OUT: Duration = Duration::from_millis(100);
/// A look that is later than this was late because we stood still.
pub const LATE_MAX: Duration = Duration::from_millis(250);
/// A client whose knock was dropped knocks again after this, and then each time after as long again
/// as it has waited: so TCP does.
const KNOCKS_AGAIN: Duration = Duration::from_secs(1);
/// A deadline that was held for so long is not held again.
pub const HELD_MAX: Duration = Duration::from_secs(10);

/// A deadline that may fire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Due {
    /// Whose.
    pub heartbeat: MonitorId,
    /// What was read by then and is not applied yet may still meet it.
    pub heard: Time,
}

/// The next deadline of each heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Deadlines {
    /// By when to look.
    ordered: BTreeSet<(Time, MonitorId)>,
    of: HashMap<MonitorId, Entry>,
    /// Those that are over.
    held: HashMap<MonitorId, Held>,
    /// Up to when everything that knocked has been heard, at this look and at the one before.
    heard: Option<Time>,
    before: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    deadline: Time,
    look: Time,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    /// Since when.
    since: Time,
    /// What was read until then may meet it; `None`: it is not heard out yet.
    heard: Option<Time>,
}

impl Deadlines {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a heartbeat's deadline in place of its former one; `None`: it has none.
    pub fn set(&mut self, heartbeat: MonitorId, at: Option<Time>) {
        let former = self.of.get(&heartbeat);
        if former.map(|entry| entry.deadline) == at {
            return;
        }
        if !self.held.is_empty() {
            self.held.remove(&heartbeat);
        }
        let former = match at {
            Some(at) => self.of.insert(
                heartbeat,
                Entry {
                    deadline: at,
                    look: at,
                },
            ),
            None => self.of.remove(&heartbeat),
        };
        if let Some(former) = former {
            self.ordered.remove(&(former.look, heartbeat));
        }
        if let Some(at) = at {
            self.ordered.insert((at, heartbeat));
        }
    }

    /// A look: everything that knocked up to `now` has been heard, or was when we last listened.
    pub fn look(&mut self, now: Time) {
        self.before = self.heard.replace(now);
    }

    /// The first deadline that may fire at this look: a ping in the very millisecond of its deadline
    /// is in time. It stays until another one is set.
    pub fn due(&mut self) -> Option<Due> {
        let now = self.heard?;
        loop {
            let (look, heartbeat) = self.ordered.first().copied()?;
            if look >= now {
                return None;
            }
            match self.hold(heartbeat, look, now) {
                Err(until) => self.again(heartbeat, until),
                Ok(heard) => return Some(Due { heartbeat, heard }),
            }
        }
    }

    /// Until when it is held, unless it is heard out.
    fn hold(&mut self, heartbeat: MonitorId, look: Time, now: Time) -> Result<Time, Time> {
        let since_before = self.before.unwrap_or(now).max(look);
        let late = now.since(since_before);
        let pause = match late > LATE_MAX {
            true => late.min(GAP_MAX) + KNOCKS_AGAIN,
            false => HEARD_OUT,
        };
        let Some(held) = self.held.get_mut(&heartbeat) else {
            let held = Held {
                since: now,
                heard: None,
            };
            self.held.insert(heartbeat, held);
            return Err(now + pause);
        };
        if held.heard.is_none() && late > LATE_MAX && now.since(held.since) < HELD_MAX {
            return Err(now + pause);
        }
        Ok(*held.heard.get_or_insert(now))
    }

    /// Its deadline is not to fire before then.
    pub fn again(&mut self, heartbeat: MonitorId, at: Time) {
        if let Some(entry) = self.of.get_mut(&heartbeat) {
            self.ordered.remove(&(entry.look, heartbeat));
            entry.look = at;
            self.ordered.insert((at, heartbeat));
        }
    }

    /// After which moment to look next.
    #[must_use]
    pub fn first(&self) -> Option<Time> {
        self.ordered.first().map(|(at, _)| *at)
    }

    /// Whose deadline is over at `now`, heard out or not.
    pub fn over(&self, now: Time) -> impl Iterator<Item = MonitorId> {
        let waiting = self.ordered.iter().take_while(move |(at, _)| *at < now);
        let held = self.held.keys().copied().filter(move |id| {
            let entry = self.of.get(id);
            entry.is_some_and(|entry| entry.look >= now)
        });
        waiting.map(|(_, id)| *id).chain(held)
    }

    /// How many heartbeats have one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether none has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}
