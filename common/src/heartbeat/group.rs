//! Groups: pings that are stored together, and which of them share a row.
//!
//! What comes faster than [`super::STORED_A_SECOND`] shares rows, one for each of success, start,
//! failure and log in a second. Each group writes such a row again, with the number so far and the
//! time of the last: so an answer waits for nothing but its group, and what is applied after a
//! crash is what was applied before it. Of those in one group that share a row the last is applied,
//! in its place among the others; those before it would change nothing that it leaves.
//!
//! | beyond the limit, a ping that         | is stored                                        |
//! |----------------------------------------|--------------------------------------------------|
//! | ends a run that is open                | by itself: a run ends once                       |
//! | begins a run anew that began in an earlier second | by itself: so many runs may be open, once a second |
//! | is anything else                       | in the row that it shares; begins and ends no run |
//!
//! So the rows of a second have a bound whatever run ids come: a start with a new one begins no run
//! there, since who begins a hundred in a second could begin any number.

use std::collections::HashMap;

use super::state::second;
use super::{HeartbeatState, Ping, RUNS_MAX, Signal};
use crate::id::MonitorId;
use crate::time::Time;

/// Pings that are stored together, each with what belongs to it.
#[derive(Debug)]
pub struct PingGroup<B> {
    /// In the order in which they are applied; `None` where a later one took over its row.
    places: Vec<Option<(Ping, B)>>,
    /// Heartbeats whose pings come faster than they are stored one by one.
    fast: HashMap<MonitorId, Fast>,
    sharing: u64,
}

/// What of a heartbeat is in a group that has pings which share rows.
#[derive(Debug)]
struct Fast {
    /// Shared rows by their numbers, and their places.
    shared: Vec<(u64, usize)>,
    runs: Runs,
}

impl<B> Default for PingGroup<B> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            fast: HashMap::new(),
            sharing: 0,
        }
    }
}

impl<B: Default> PingGroup<B> {
    /// Takes a ping of the heartbeat with this state in.
    pub fn enter(&mut self, state: &mut HeartbeatState, mut ping: Ping, with: B) {
        let id = ping.heartbeat;
        if state.number(&mut ping) {
            if let Some(fast) = self.fast.get_mut(&id) {
                fast.runs.go_on(&ping);
            }
            self.places.push(Some((ping, with)));
            return;
        }
        let Self { places, fast, .. } = self;
        let fast = fast.entry(id).or_insert_with(|| Fast {
            shared: Vec::new(),
            runs: Runs::of(state, places.iter().flatten().map(|(ping, _)| ping)),
        });
        if fast.runs.knows(&ping) {
            state.number_anyway(&mut ping);
            fast.runs.go_on(&ping);
            places.push(Some((ping, with)));
            return;
        }
        state.share(&mut ping);
        self.sharing += 1;
        fast.share(places, ping);
    }

    /// How many pings share rows.
    #[must_use]
    pub const fn sharing(&self) -> u64 {
        self.sharing
    }

    /// What is to be stored and then applied, in this order, numbered above `after`.
    pub fn rows(self, after: u64) -> impl Iterator<Item = (Ping, B)> {
        let rows = self.places.into_iter().flatten();
        rows.zip(after + 1..).map(|((mut ping, with), seq)| {
            ping.seq = seq;
            (ping, with)
        })
    }
}

impl Fast {
    fn share<B: Default>(&mut self, places: &mut Vec<Option<(Ping, B)>>, ping: Ping) {
        let end = places.len();
        let known = self.shared.iter_mut().find(|(n, _)| *n == ping.n);
        let Some((_, place)) = known else {
            self.shared.push((ping.n, end));
            places.push(Some((ping, B::default())));
            return;
        };
        let former = &mut places[*place];
        match former {
            // It was overtaken: of the two the former says what is.
            Some((former, _)) if former.at > ping.at => {
                (former.count, former.total) = (ping.count, ping.total);
            }
            Some((former, _)) if *place + 1 == end => *former = ping,
            _ => {
                *former = None;
                *place = end;
                places.push(Some((ping, B::default())));
            }
        }
    }
}

/// The runs of a heartbeat as they will be once what is in the group so far is applied.
#[derive(Debug)]
struct Runs {
    /// Their ids, and when they began; oldest first.
    open: Vec<(Option<Box<str>>, Time)>,
    newest: Time,
}

impl Runs {
    fn of<'a>(state: &HeartbeatState, group: impl Iterator<Item = &'a Ping>) -> Self {
        let mut runs = Self {
            open: state.running().collect(),
            newest: state.newest(),
        };
        let id = state.heartbeat().id;
        for ping in group.filter(|ping| ping.heartbeat == id && !ping.shared) {
            runs.go_on(ping);
        }
        runs
    }

    /// Whether a ping ends a run that is open, or begins one anew.
    fn knows(&self, ping: &Ping) -> bool {
        let known = self.open.iter().find(|(rid, _)| *rid == ping.rid);
        known.is_some_and(|(_, began)| match ping.signal {
            Signal::Log => false,
            Signal::Start => second(*began) < second(ping.at),
            Signal::Success | Signal::Fail | Signal::Exit(_) => *began <= ping.at,
        })
    }

    /// Takes note of a ping that is stored by itself.
    fn go_on(&mut self, ping: &Ping) {
        if ping.signal == Signal::Log {
            return;
        }
        let is_news = ping.at >= self.newest;
        self.newest = self.newest.max(ping.at);
        let known = self.open.iter().position(|(rid, _)| *rid == ping.rid);
        if ping.signal != Signal::Start {
            if let Some(at) = known.filter(|&at| self.open[at].1 <= ping.at) {
                self.open.remove(at);
            }
        } else if is_news {
            let given_up = known.or_else(|| (self.open.len() >= RUNS_MAX).then_some(0));
            if let Some(at) = given_up {
                self.open.remove(at);
            }
            self.open.push((ping.rid.clone(), ping.at));
        }
    }
}
