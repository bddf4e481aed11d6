//! Budgets of checks outside the slots: token buckets per agent and per agent and target host.
//!
//! They bound what suspicion may cost the targets. Beyond them the slots decide: a refused
//! `CheckNow` is counted, not queued.

use std::collections::HashMap;
use std::time::Duration;

use crate::id::AgentId;

/// How much may be asked at once, and how fast the allowance grows again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Runs at once.
    pub burst: f64,
    /// Runs a second.
    pub per_second: f64,
}

/// Per agent, whatever the targets.
pub const PER_AGENT: Rate = Rate {
    burst: 50.0,
    per_second: 20.0,
};
/// Per agent and target host.
pub const PER_HOST: Rate = Rate {
    burst: 10.0,
    per_second: 2.0,
};
/// Most hosts remembered; when more are asked the full buckets are forgotten first.
pub const HOSTS_MAX: usize = 100_000;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Duration,
}

impl Bucket {
    const fn full(rate: Rate, at: Duration) -> Self {
        Self {
            left: rate.burst,
            at,
        }
    }

    fn refill(&mut self, rate: Rate, now: Duration) {
        let gained = now.saturating_sub(self.at).as_secs_f64() * rate.per_second;
        self.left = (self.left + gained).min(rate.burst);
        self.at = now;
    }
}

/// The buckets of all agents. Time is monotonic.
#[derive(Debug)]
pub struct Budgets {
    per_agent: Rate,
    per_host: Rate,
    agents: HashMap<AgentId, Bucket>,
    hosts: HashMap<(AgentId, Box<str>), Bucket>,
    refused: u64,
}

impl Default for Budgets {
    fn default() -> Self {
        Self::new(PER_AGENT, PER_HOST)
    }
}

impl Budgets {
    /// Full buckets of these rates.
    #[must_use]
    pub fn new(per_agent: Rate, per_host: Rate) -> Self {
        Self {
            per_agent,
            per_host,
            agents: HashMap::new(),
            hosts: HashMap::new(),
            refused: 0,
        }
    }

    /// Takes `runs` from both buckets, or nothing and counts a refusal.
    pub fn take(&mut self, agent: AgentId, host: &str, runs: u32, now: Duration) -> bool {
        let runs = f64::from(runs);
        self.make_room(now);
        let of_agent = self
            .agents
            .entry(agent)
            .or_insert_with(|| Bucket::full(self.per_agent, now));
        of_agent.refill(self.per_agent, now);
        let of_host = self
            .hosts
            .entry((agent, host.into()))
            .or_insert_with(|| Bucket::full(self.per_host, now));
        of_host.refill(self.per_host, now);
        if of_agent.left < runs || of_host.left < runs {
            self.refused += 1;
            return false;
        }
        of_agent.left -= runs;
        of_host.left -= runs;
        true
    }

    /// Refusals so far.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    fn make_room(&mut self, now: Duration) {
        if self.hosts.len() < HOSTS_MAX {
            return;
        }
        let rate = self.per_host;
        self.hosts.retain(|_, bucket| {
            bucket.refill(rate, now);
            bucket.left < rate.burst
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(n: u8) -> AgentId {
        AgentId::from_bytes([n; 16])
    }

    #[test]
    fn a_host_is_asked_ten_times_at_once_and_twice_a_second_then() {
        let mut budgets = Budgets::default();
        let granted = |b: &mut Budgets, now| {
            (0..30)
                .filter(|_| b.take(agent(1), "a.example", 1, now))
                .count()
        };
        assert_eq!(granted(&mut budgets, Duration::ZERO), 10);
        assert_eq!(granted(&mut budgets, Duration::from_secs(2)), 4);
        assert_eq!(budgets.refused(), 20 + 26);
    }

    #[test]
    fn an_agent_is_asked_fifty_times_at_once_over_all_hosts() {
        let mut budgets = Budgets::default();
        let granted = (0..200)
            .filter(|n| budgets.take(agent(1), &format!("h{n}"), 1, Duration::ZERO))
            .count();
        assert_eq!(granted, 50);
        assert!(
            budgets.take(agent(2), "h0", 1, Duration::ZERO),
            "another agent has its own"
        );
    }

    #[test]
    fn a_refusal_takes_nothing() {
        let mut budgets = Budgets::default();
        assert!(!budgets.take(agent(1), "a", 11, Duration::ZERO));
        assert!(budgets.take(agent(1), "a", 10, Duration::ZERO));
    }
}
