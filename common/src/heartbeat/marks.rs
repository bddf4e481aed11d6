//! Marks: which ping ended which run, for a line of marks.

use std::time::Duration;

use super::{Ping, Signal};

/// What is known of a ping by those around it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mark {
    /// Of the end of a run: how long it took.
    pub run: Option<Duration>,
    /// Of a start: another one of the same run id came before an end.
    pub never_finished: bool,
}

/// The mark of each of a heartbeat's pings, given newest first. A start whose end is not among
/// them, and after which none of its run id began, is still running as far as this goes.
#[must_use]
pub fn marks(pings: &[Ping]) -> Vec<Mark> {
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
                if let Some(known) = known {
                    marks[open.swap_remove(known)].never_finished = true;
                }
                open.push(place);
            }
            Signal::Success | Signal::Fail | Signal::Exit(_) => {
                if let Some(known) = known {
                    let start = open.swap_remove(known);
                    marks[place].run = Some(ping.at.since(pings[start].at));
                }
            }
        }
    }
    marks
}
