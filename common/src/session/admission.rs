//! Who may open a session: the token's region, a common protocol version, and no process that a
//! newer one of the same agent has replaced.
//!
//! The door has found the token by then; a token that is unknown or revoked never comes here.

use std::collections::{BTreeMap, VecDeque};

use crate::id::{AgentId, BootId};
use crate::name::Region;
use crate::session::messages::{Hello, PROTOCOLS};

/// Replaced processes that are remembered for each agent.
pub const FENCED_MAX: usize = 8;

/// Why a session was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The token is for another region.
    #[error(
        "the token is for region {token}, the agent says {agent}; use a token of {agent}, or \
         start the agent with --region {token}"
    )]
    WrongRegion {
        /// The token's.
        token: Region,
        /// The agent's.
        agent: Region,
    },
    /// There is no version that both speak.
    #[error(
        "the agent speaks protocol {theirs_oldest} to {theirs_newest}, the coordinator {} to {}; \
         update the older of them",
        PROTOCOLS.oldest,
        PROTOCOLS.newest
    )]
    NoCommonProtocol {
        /// The oldest that the agent speaks.
        theirs_oldest: u32,
        /// The newest.
        theirs_newest: u32,
    },
    /// A newer process of the same agent has connected since.
    #[error(
        "a newer process runs under this agent's name and token; give each agent a name of its own"
    )]
    Replaced,
}

/// The protocol version of a session that may stand.
///
/// # Errors
/// The token is for another region, or there is no common version.
pub fn check(hello: &Hello, token_region: &Region) -> Result<u32, Refusal> {
    if hello.region != *token_region {
        return Err(Refusal::WrongRegion {
            token: token_region.clone(),
            agent: hello.region.clone(),
        });
    }
    PROTOCOLS
        .common(hello.protocols)
        .ok_or(Refusal::NoCommonProtocol {
            theirs_oldest: hello.protocols.oldest,
            theirs_newest: hello.protocols.newest,
        })
}

/// Which process of each agent is the newest, and which it replaced.
#[derive(Debug, Default)]
pub struct Fences {
    agents: BTreeMap<AgentId, Fence>,
}

#[derive(Debug)]
struct Fence {
    newest: BootId,
    replaced: VecDeque<BootId>,
}

impl Fences {
    /// Lets a process in; one that it replaces may not come back.
    ///
    /// # Errors
    /// The process itself was replaced.
    pub fn admit(&mut self, agent: AgentId, boot: BootId) -> Result<(), Refusal> {
        let fence = self.agents.entry(agent).or_insert_with(|| Fence {
            newest: boot,
            replaced: VecDeque::new(),
        });
        if fence.replaced.contains(&boot) {
            return Err(Refusal::Replaced);
        }
        if fence.newest != boot {
            fence.replaced.push_back(fence.newest);
            fence.newest = boot;
            if fence.replaced.len() > FENCED_MAX {
                fence.replaced.pop_front();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_was_replaced_may_not_come_back() {
        let agent = AgentId::from_bytes([1; 16]);
        let (old, new) = (BootId::from_bytes([1; 16]), BootId::from_bytes([2; 16]));
        let mut fences = Fences::default();
        assert_eq!(fences.admit(agent, old), Ok(()));
        assert_eq!(
            fences.admit(agent, old),
            Ok(()),
            "a reconnect is no replacement"
        );
        assert_eq!(fences.admit(agent, new), Ok(()));
        assert_eq!(fences.admit(agent, old), Err(Refusal::Replaced));
        assert_eq!(fences.admit(agent, new), Ok(()));
    }
}
