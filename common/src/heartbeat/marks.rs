//! Marks: which ping ended which run, and which began one that was given up, for a line of marks.

use std::time::Duration;

use super::{Ping, Signal};

/// What is known of a ping by those around it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mark {
    /// Of the end of a run: how long it took.
    pub run: Option<Duration>,
    /// Of a start: its run was given up.
    pub never_finished: bool,
}

/// The mark of each of a heartbeat's pings, given newest first. `given_up` are the numbers of the
/// starts whose runs were given up; another one whose end is not among the pings is still running
/// as far as this goes.
#[must_use]
pub fn marks(pings: &[Ping], given_up: &[u64]) -> Vec<Mark> {
    let mut marks = vec![Mark::default(); pings.len()];
    // Starts without an end so far; at most a hundred pings, so a list will do.
    let mut open: Vec<usize> = Vec::new();
    for (place, ping) in pings.iter().enumerate().rev() {
        if ping.shared {
            continue;
        }
        let known = open.iter().position(|&start| pings[start].rid == ping.rid);
        match ping.signal {
            Signal::Log => {}
            Signal::Start => {
                known.map(|known| open.swap_remove(known));
                marks[place].never_finished = given_up.contains(&ping.n);
                if !marks[place].never_finished {
                    open.push(place);
                }
            }
            Signal::Success | Signal::Fail | Signal::Exit(_) => {
                // The end of the run before may have been overtaken by a start.
                let known = known.filter(|&known| pings[open[known]].at <= ping.at);
                let start = known.map(|known| open.swap_remove(known));
                marks[place].run = start.map(|start| ping.at.since(pings[start].at));
            }
        }
    }
    marks
}
