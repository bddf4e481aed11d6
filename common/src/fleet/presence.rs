//! Regions without agents: a region with assigned monitors and no agent for [`LOST_AFTER`] is one
//! system incident, whether or not a monitor fell below its floor.
//!
//! After a start of the coordinator agents need a moment to come back, so nothing is said for the
//! first [`WARM_UP`].

use std::collections::BTreeMap;
use std::time::Duration;

use crate::name::Region;
use crate::time::Time;

/// How long a region may be without an agent before that is an incident.
pub const LOST_AFTER: Duration = Duration::from_secs(60);
/// How long after a start nothing is said.
pub const WARM_UP: Duration = Duration::from_secs(90);

/// What happened in a region.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// This many agents have a session now.
    Agents(u32),
    /// This many monitors that are not paused are assigned now.
    Monitors(u32),
}

/// What must follow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// The region is lost: open its incident.
    Lost {
        /// Which.
        region: Region,
        /// Since when no agent has had a session.
        since: Time,
    },
    /// An agent is back, or nothing is assigned any more: close it.
    Back {
        /// Which.
        region: Region,
    },
}

#[derive(Debug, Default)]
struct Seen {
    agents: u32,
    monitors: u32,
    empty_since: Option<Time>,
    said: bool,
}

/// Which regions have agents.
#[derive(Debug)]
pub struct Presence {
    quiet_until: Time,
    regions: BTreeMap<Region, Seen>,
}

impl Presence {
    /// Starts at `now`; `said` are the regions whose incident is open from before.
    #[must_use]
    pub fn new(now: Time, said: impl IntoIterator<Item = Region>) -> Self {
        let known = |region| {
            (
                region,
                Seen {
                    empty_since: Some(now),
                    said: true,
                    ..Seen::default()
                },
            )
        };
        Self {
            quiet_until: now + WARM_UP,
            regions: said.into_iter().map(known).collect(),
        }
    }

    /// Takes what happened in a region.
    pub fn on(&mut self, region: &Region, input: Input, now: Time) -> Vec<Effect> {
        let seen = self.regions.entry(region.clone()).or_default();
        match input {
            Input::Agents(count) => seen.agents = count,
            Input::Monitors(count) => seen.monitors = count,
        }
        if seen.agents > 0 {
            seen.empty_since = None;
        } else if seen.empty_since.is_none() {
            seen.empty_since = Some(now);
        }
        self.due(now)
    }

    /// What time alone brings.
    pub fn due(&mut self, now: Time) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (region, seen) in &mut self.regions {
            let quiet = now < self.quiet_until;
            let since = seen.empty_since.filter(|_| seen.monitors > 0);
            match since {
                Some(since) if !seen.said && !quiet && now.since(since) >= LOST_AFTER => {
                    seen.said = true;
                    effects.push(Effect::Lost {
                        region: region.clone(),
                        since,
                    });
                }
                None if seen.said && (seen.agents > 0 || !quiet) => {
                    seen.said = false;
                    effects.push(Effect::Back {
                        region: region.clone(),
                    });
                }
                _ => {}
            }
        }
        effects
    }

    /// When time alone may bring something.
    #[must_use]
    pub fn next_wake(&self) -> Option<Time> {
        let waits = |seen: &Seen| {
            let since = seen
                .empty_since
                .filter(|_| seen.monitors > 0 && !seen.said)?;
            Some((since + LOST_AFTER).max(self.quiet_until))
        };
        self.regions.values().filter_map(waits).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn east() -> Region {
        Region::parse("us-east").unwrap()
    }

    fn at(secs: i64) -> Time {
        Time::from_secs(secs)
    }

    fn running() -> Presence {
        let mut presence = Presence::new(at(0), []);
        assert!(presence.on(&east(), Input::Agents(1), at(1)).is_empty());
        assert!(presence.on(&east(), Input::Monitors(5), at(1)).is_empty());
        presence
    }

    #[test]
    fn a_region_without_agents_for_a_minute_is_lost_once() {
        let mut presence = running();
        assert!(presence.on(&east(), Input::Agents(0), at(1000)).is_empty());
        assert_eq!(presence.next_wake(), Some(at(1060)));
        assert!(presence.due(at(1059)).is_empty());
        let lost = Effect::Lost {
            region: east(),
            since: at(1000),
        };
        assert_eq!(presence.due(at(1060)), [lost]);
        assert!(presence.due(at(5000)).is_empty());
        assert_eq!(presence.next_wake(), None);
        let back = Effect::Back { region: east() };
        assert_eq!(presence.on(&east(), Input::Agents(1), at(5001)), [back]);
    }

    #[test]
    fn a_short_reconnect_says_nothing() {
        let mut presence = running();
        presence.on(&east(), Input::Agents(0), at(1000));
        assert!(presence.on(&east(), Input::Agents(1), at(1050)).is_empty());
        assert!(presence.due(at(2000)).is_empty());
    }

    #[test]
    fn a_region_without_monitors_is_not_missed() {
        let mut presence = Presence::new(at(0), []);
        presence.on(&east(), Input::Agents(0), at(1));
        assert!(presence.due(at(1000)).is_empty());
    }

    #[test]
    fn a_start_waits_for_the_agents_before_it_speaks() {
        let mut presence = Presence::new(at(0), []);
        presence.on(&east(), Input::Monitors(5), at(0));
        assert!(presence.due(at(89)).is_empty());
        assert_eq!(presence.due(at(90)).len(), 1);
    }

    #[test]
    fn an_incident_from_before_a_restart_is_not_told_twice() {
        let mut presence = Presence::new(at(0), [east()]);
        presence.on(&east(), Input::Monitors(5), at(0));
        assert!(presence.due(at(1000)).is_empty());
        assert_eq!(presence.on(&east(), Input::Agents(1), at(1001)).len(), 1);
    }
}
