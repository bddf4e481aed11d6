//! Who checks what: up to [`REPLICAS`] agents of each assigned region, chosen by rendezvous
//! hashing, so that an agent that comes or goes moves only its own share.

use crate::id::{AgentId, MonitorId};
use crate::identity::h;
use crate::time::Time;
use std::time::Duration;

/// How many agents of a region check one monitor, where the region has as many: with two, the
/// loss of one leaves no gap, and the targets see no more than twice the checks.
pub const REPLICAS: usize = 2;

/// How long a lost agent keeps its share: as long as its votes may count.
pub const KEEPS_SHARE: Duration = Duration::from_secs(60);

/// An agent as far as the choice cares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// Its id.
    pub agent: AgentId,
    /// Since when it has had no session; `None` while it has one.
    pub lost_since: Option<Time>,
}

/// The agents of one region that may be chosen: those with a session or without one for less than
/// [`KEEPS_SHARE`]; where there is none such, those seen last, so that somebody holds the monitors
/// when they come back.
#[must_use]
pub fn eligible(candidates: &[Candidate], now: Time) -> Vec<AgentId> {
    let present = |c: &&Candidate| c.lost_since.is_none_or(|at| now.since(at) < KEEPS_SHARE);
    let mut chosen: Vec<AgentId> = candidates.iter().filter(present).map(|c| c.agent).collect();
    if chosen.is_empty() {
        let mut lost: Vec<_> = candidates.iter().collect();
        lost.sort_by_key(|c| (std::cmp::Reverse(c.lost_since), c.agent));
        chosen = lost.iter().take(REPLICAS).map(|c| c.agent).collect();
    }
    chosen.sort_unstable();
    chosen
}

/// The agents, of those eligible in one region, that check `monitor`; sorted.
#[must_use]
pub fn choose(monitor: MonitorId, eligible: &[AgentId]) -> Vec<AgentId> {
    if eligible.len() <= REPLICAS {
        return eligible.to_vec();
    }
    let mut scored: Vec<(u64, AgentId)> = eligible
        .iter()
        .map(|&agent| (score(monitor, agent), agent))
        .collect();
    scored.sort_unstable_by(|a, b| b.cmp(a));
    let mut chosen: Vec<AgentId> = scored[..REPLICAS].iter().map(|&(_, agent)| agent).collect();
    chosen.sort_unstable();
    chosen
}

fn score(monitor: MonitorId, agent: AgentId) -> u64 {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(monitor.as_bytes());
    bytes[16..].copy_from_slice(agent.as_bytes());
    h(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(n: u8) -> AgentId {
        AgentId::from_bytes([n; 16])
    }

    fn monitor(n: u8) -> MonitorId {
        MonitorId::from_bytes([n; 16])
    }

    #[test]
    fn an_agent_that_leaves_moves_only_its_own_share() {
        let all: Vec<_> = (1..=5).map(agent).collect();
        let left: Vec<_> = all.iter().copied().filter(|&a| a != agent(3)).collect();
        for n in 0..=255 {
            let before = choose(monitor(n), &all);
            let after = choose(monitor(n), &left);
            if !before.contains(&agent(3)) {
                assert_eq!(before, after);
            }
            assert_eq!(after.len(), REPLICAS);
        }
    }

    #[test]
    fn a_lost_agent_keeps_its_share_for_a_minute() {
        let now = Time::from_secs(1000);
        let lost = |secs| Candidate {
            agent: agent(1),
            lost_since: Some(now - Duration::from_secs(secs)),
        };
        let here = Candidate {
            agent: agent(2),
            lost_since: None,
        };
        assert_eq!(eligible(&[lost(59), here], now), [agent(1), agent(2)]);
        assert_eq!(eligible(&[lost(60), here], now), [agent(2)]);
    }

    #[test]
    fn where_all_are_lost_the_last_seen_hold_the_monitors() {
        let now = Time::from_secs(1000);
        let lost = |n, secs| Candidate {
            agent: agent(n),
            lost_since: Some(now - Duration::from_secs(secs)),
        };
        assert_eq!(
            eligible(&[lost(1, 900), lost(2, 300), lost(3, 100)], now),
            [agent(2), agent(3)]
        );
    }
}
