//! Permits: how many checks run at once, in all and per destination, and who waits for one.
//!
//! A fifth of both bounds is kept for runs asked for: in a large outage the planned checks hang
//! until their timeouts and hold every permit, and just then the re-checks decide. A run that has
//! to wait goes into its destination's lane while that is full, else into the common queue; runs
//! asked for go first in both.
//!
//! # What this module does not do
//! It knows neither time nor monitors. Whether a waiting run is still wanted is known to the
//! scheduler alone, which drops stale ones as they come out.

use std::collections::{HashMap, VecDeque};

use super::timeline::Ref;

/// Bounds on checks that run at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// In all.
    pub checks: u32,
    /// On one destination host.
    pub per_destination: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            checks: 512,
            per_destination: 10,
        }
    }
}

/// A destination host, by its hash. Two that collide share a bound, which harms nobody.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Destination(pub(super) u64);

/// What share of a bound is kept for runs asked for.
const ASKED_SHARE: u32 = 5;

/// A run that waits.
type Waiting = (Ref, Destination);

#[derive(Debug, Default)]
struct Queue {
    asked: VecDeque<Waiting>,
    planned: VecDeque<Waiting>,
}

impl Queue {
    fn of(&mut self, asked: bool) -> &mut VecDeque<Waiting> {
        if asked {
            &mut self.asked
        } else {
            &mut self.planned
        }
    }

    fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.planned.is_empty()
    }
}

#[derive(Debug, Default)]
struct Lane {
    running: u32,
    waiting: Queue,
}

/// Who runs and who waits.
#[derive(Debug)]
pub(super) struct Permits {
    limits: Limits,
    running: u32,
    lanes: HashMap<Destination, Lane>,
    queue: Queue,
}

impl Permits {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits: Limits {
                checks: limits.checks.max(1),
                per_destination: limits.per_destination.max(1),
            },
            running: 0,
            lanes: HashMap::new(),
            queue: Queue::default(),
        }
    }

    pub(super) fn running(&self) -> u32 {
        self.running
    }

    /// Takes a permit, if one is free.
    pub(super) fn take(&mut self, destination: Destination, asked: bool) -> bool {
        if !has_room(self.running, self.limits.checks, asked) {
            return false;
        }
        let lane = self.lanes.entry(destination).or_default();
        if !has_room(lane.running, self.limits.per_destination, asked) {
            return false;
        }
        lane.running += 1;
        self.running += 1;
        true
    }

    /// Lets a run wait that got no permit.
    pub(super) fn wait(&mut self, run: Ref, destination: Destination) {
        let lane = self.lanes.entry(destination).or_default();
        let queue = if has_room(lane.running, self.limits.per_destination, run.asked) {
            &mut self.queue
        } else {
            &mut lane.waiting
        };
        queue.of(run.asked).push_back((run, destination));
    }

    /// Gives a permit back.
    pub(super) fn release(&mut self, destination: Destination) {
        self.running = self.running.saturating_sub(1);
        if let Some(lane) = self.lanes.get_mut(&destination) {
            lane.running = lane.running.saturating_sub(1);
        }
        self.offer(destination);
    }

    /// Lets the next run of a destination's lane compete for a permit, after one was given back or
    /// the one that was let out turned out to be stale.
    pub(super) fn offer(&mut self, destination: Destination) {
        let Some(lane) = self.lanes.get_mut(&destination) else {
            return;
        };
        for asked in [true, false] {
            if has_room(lane.running, self.limits.per_destination, asked)
                && let Some(next) = lane.waiting.of(asked).pop_front()
            {
                self.queue.of(asked).push_back(next);
                return;
            }
        }
        if lane.running == 0 && lane.waiting.is_empty() {
            self.lanes.remove(&destination);
        }
    }

    /// The next waiting run that may take a permit now.
    pub(super) fn next(&mut self) -> Option<Waiting> {
        for asked in [true, false] {
            if !has_room(self.running, self.limits.checks, asked) {
                continue;
            }
            while let Some((run, destination)) = self.queue.of(asked).pop_front() {
                let lane = self.lanes.entry(destination).or_default();
                if has_room(lane.running, self.limits.per_destination, asked) {
                    return Some((run, destination));
                }
                lane.waiting.of(asked).push_back((run, destination));
            }
        }
        None
    }
}

fn has_room(running: u32, limit: u32, asked: bool) -> bool {
    let kept = if asked { 0 } else { limit / ASKED_SHARE };
    running < limit - kept
}
