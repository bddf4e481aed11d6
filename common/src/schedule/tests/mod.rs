//! The scheduler driven by a world with clocks of its own: checks last as long as the test says,
//! and every start is watched against the rules.

mod asked;
mod clocks;
mod load;
mod planned;
mod properties;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::id::MonitorId;
use crate::identity::{self, Place};
use crate::monitor::{HttpSpec, Kind, Meaning};
use crate::result::Run;
use crate::time::Time;

pub(super) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn id(n: u16) -> MonitorId {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    MonitorId::from_bytes(bytes)
}

pub(super) fn check(host: &str) -> Arc<CheckSpec> {
    let url = format!("http://{host}/health").parse().unwrap();
    Arc::new(CheckSpec {
        kind: Kind::Http(Box::new(HttpSpec::to(url))),
        timeout: secs(1),
    })
}

/// Monitor `n` on a host of its own.
pub(super) fn assignment(n: u16, interval: Duration) -> Assignment {
    on_host(n, interval, &format!("host-{n}.example.org"))
}

pub(super) fn on_host(n: u16, interval: Duration, host: &str) -> Assignment {
    Assignment {
        monitor: id(n),
        meaning: Meaning(1),
        spec_hash: 0,
        interval,
        place: Place::ALONE,
        check: check(host),
    }
}

pub(super) fn grid(n: u16, interval: Duration) -> Grid {
    Grid::new(interval, identity::phase(id(n), interval, Place::ALONE))
}

/// A start as the world saw it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Started {
    pub(super) monitor: MonitorId,
    pub(super) run: Run,
    pub(super) at: Duration,
    pub(super) wall: Time,
    pub(super) lateness: Duration,
    pub(super) meaning: Meaning,
}

pub(super) struct World {
    pub(super) scheduler: Scheduler,
    pub(super) now: Now,
    /// How long every check lasts.
    pub(super) lasts: Duration,
    pub(super) starts: Vec<Started>,
    pub(super) overloaded: Vec<DueRun>,
    pub(super) missed: Vec<(MonitorId, Time, Time, u64)>,
    pub(super) refused: Vec<(u64, Refusal)>,
    pub(super) peak: usize,
    /// The most checks of one monitor at once.
    pub(super) overlap: usize,
    running: BTreeMap<(Duration, u64), (Ticket, MonitorId)>,
    counter: u64,
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            scheduler: Scheduler::new(limits),
            now: Now {
                wall: Time::from_millis(1_772_359_323_004),
                monotonic: secs(100),
            },
            lasts: millis(50),
            starts: Vec::new(),
            overloaded: Vec::new(),
            missed: Vec::new(),
            refused: Vec::new(),
            peak: 0,
            overlap: 0,
            running: BTreeMap::new(),
            counter: 0,
        }
    }

    pub(super) fn on(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.scheduler.on(input, self.now, &mut effects);
        for effect in effects {
            match effect {
                Effect::Start(run, ticket) => self.start(&run, ticket),
                Effect::Overloaded(run) => self.overloaded.push(run),
                Effect::Missed {
                    monitor,
                    first,
                    last,
                    count,
                } => self.missed.push((monitor, first, last, count)),
                Effect::Refused { nonce, refusal, .. } => self.refused.push((nonce, refusal)),
            }
        }
    }

    fn start(&mut self, run: &DueRun, ticket: Ticket) {
        if let Run::Slot(slot) = run.run {
            assert!(slot <= self.now.wall, "slot {slot} lies in the future");
        }
        self.counter += 1;
        let end = (self.now.monotonic + self.lasts, self.counter);
        self.running.insert(end, (ticket, run.monitor));
        self.peak = self.peak.max(self.running.len());
        let of_monitor = self.running.values().filter(|(_, m)| *m == run.monitor);
        self.overlap = self.overlap.max(of_monitor.count());
        self.starts.push(Started {
            monitor: run.monitor,
            run: run.run,
            at: self.now.monotonic,
            wall: self.now.wall,
            lateness: run.lateness,
            meaning: run.meaning,
        });
    }

    /// Lets the process sleep: time passes and nothing is asked of the scheduler.
    pub(super) fn sleep(&mut self, span: Duration) {
        self.now.monotonic += span;
        self.now.wall = self.now.wall + span;
    }

    pub(super) fn step_wall(&mut self, millis: i64) {
        self.now.wall = Time::from_millis(self.now.wall.as_millis() + millis);
    }

    /// Lets `span` pass, with every timer and every end of a check served in time.
    pub(super) fn pass(&mut self, span: Duration) {
        let until = self.now.monotonic + span;
        loop {
            let ends = self.running.keys().next().map(|(end, _)| *end);
            let next = [ends, self.scheduler.next_wake()]
                .into_iter()
                .flatten()
                .min();
            let Some(next) = next.filter(|next| *next <= until) else {
                break;
            };
            // Like an operating system's timer, never early, and on whole milliseconds.
            let late = next.saturating_sub(self.now.monotonic);
            let whole = u64::try_from(late.as_micros().div_ceil(1000)).unwrap();
            self.sleep(millis(whole));
            let done = self.running.range(..=(self.now.monotonic, u64::MAX));
            let done: Vec<_> = done.map(|(key, _)| *key).collect();
            for key in done {
                let (ticket, _) = self.running.remove(&key).unwrap();
                self.on(Input::Finished(ticket));
            }
            self.on(Input::Tick);
        }
        let left = until.saturating_sub(self.now.monotonic);
        self.sleep(left);
    }

    pub(super) fn starts_of(&self, n: u16) -> Vec<Started> {
        let of = self.starts.iter().filter(|start| start.monitor == id(n));
        of.copied().collect()
    }

    /// Starts between two moments, the second excluded.
    pub(super) fn starts_between(&self, from: Duration, to: Duration) -> usize {
        let within = |start: &&Started| start.at >= from && start.at < to;
        self.starts.iter().filter(within).count()
    }

    pub(super) fn planned_slots(&self) -> HashMap<MonitorId, HashSet<Time>> {
        let mut slots: HashMap<_, HashSet<_>> = HashMap::new();
        for start in &self.starts {
            if let Run::Slot(slot) = start.run {
                slots.entry(start.monitor).or_default().insert(slot);
            }
        }
        slots
    }
}
