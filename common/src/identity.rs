//! Identity: the numbers that both sides, every version and both ends of a crash must agree on.
//!
//! Everything here is a pure function of its arguments, built on `h(x)`: the first 8 bytes,
//! big-endian, of SHA-256. Golden values in the tests pin the results: a change of one is a change
//! of the protocol and of every store, and moves phases, ids and idempotency keys of installations
//! that already run.
//!
//! # What this module does not do
//! It makes no new ids (see [`crate::id`]) and no secrets; nothing here may stand in for randomness.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::id::{AgentId, ChannelId, Epoch, IncidentId, MonitorId, TokenId};
use crate::monitor::Meaning;
use crate::notify::row::{Purpose, RowSubject};
use crate::time::Time;

/// Into how many shards monitors are divided, whatever the number of their owners.
pub const MONITOR_SHARDS: u8 = 64;

/// `h(x)`: the first 8 bytes, big-endian, of SHA-256.
#[must_use]
pub fn h(bytes: &[u8]) -> u64 {
    first_u64(&Sha256::digest(bytes).into())
}

/// The shard of a monitor, below [`MONITOR_SHARDS`].
#[must_use]
pub fn shard(monitor: MonitorId) -> u8 {
    // The remainder is below 64, so nothing is cut off.
    (h(monitor.as_bytes()) % u64::from(MONITOR_SHARDS)) as u8
}

/// Where one agent stands among all that check a monitor: its region's place in the monitor's
/// sorted region list, and its own place among the region's agents.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Place {
    rank: u16,
    regions: u16,
    replica: u16,
    replicas: u16,
}

/// A place that cannot be: both numbers must lie below their totals.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "no such place: region {rank} of {regions}, replica {replica} of {replicas} (counted from 0)"
)]
pub struct InvalidPlace {
    rank: u16,
    regions: u16,
    replica: u16,
    replicas: u16,
}

impl Place {
    /// The only agent in the only region.
    pub const ALONE: Self = Self {
        rank: 0,
        regions: 1,
        replica: 0,
        replicas: 1,
    };

    /// The place of replica `replica` of `replicas` in region `rank` of `regions`, from 0.
    ///
    /// # Errors
    /// A number is not below its total.
    pub const fn new(
        rank: u16,
        regions: u16,
        replica: u16,
        replicas: u16,
    ) -> Result<Self, InvalidPlace> {
        if rank < regions && replica < replicas {
            Ok(Self {
                rank,
                regions,
                replica,
                replicas,
            })
        } else {
            Err(InvalidPlace {
                rank,
                regions,
                replica,
                replicas,
            })
        }
    }

    /// The place of the region in the monitor's sorted list.
    #[must_use]
    pub const fn rank(self) -> u16 {
        self.rank
    }

    /// How many regions the monitor has.
    #[must_use]
    pub const fn regions(self) -> u16 {
        self.regions
    }

    /// The place of the agent among its region's.
    #[must_use]
    pub const fn replica(self) -> u16 {
        self.replica
    }

    /// How many agents of the region check the monitor.
    #[must_use]
    pub const fn replicas(self) -> u16 {
        self.replicas
    }
}

/// The offset of a monitor's slots on the agent at `place`: below `interval`, in whole
/// milliseconds. It spreads monitors over the interval, a monitor's regions evenly over it, and a
/// region's replicas evenly between two regions. An interval below a millisecond has phase zero.
#[must_use]
pub fn phase(monitor: MonitorId, interval: Duration, place: Place) -> Duration {
    let interval = interval.as_millis();
    if interval == 0 {
        return Duration::ZERO;
    }
    let regions = u128::from(place.regions);
    let region = u128::from(place.rank) * interval / regions;
    let replica = u128::from(place.replica) * interval / (regions * u128::from(place.replicas));
    let offset = (u128::from(h(monitor.as_bytes())) + region + replica) % interval;
    Duration::from_millis(u64::try_from(offset).unwrap_or(u64::MAX))
}

/// The hash of one assignment, for the digest. The meaning stands for kind, target, request,
/// assertions and timeout; the rest is what moves slots.
#[must_use]
pub fn spec_hash(meaning: Meaning, interval: Duration, timeout: Duration, place: Place) -> u64 {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let hash = Hash::of("assignment")
        .number(meaning.0)
        .number(millis(interval))
        .number(millis(timeout));
    let place = [place.rank, place.regions, place.replica, place.replicas];
    let digest = place
        .into_iter()
        .fold(hash, |hash, part| hash.number(u64::from(part)))
        .end();
    first_u64(&digest)
}

/// The digest of an assignment: XOR over its monitors of `h(monitor id ‖ spec hash)`, so that a
/// change costs as much as itself and the order does not matter.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct AssignmentDigest(u64);

impl AssignmentDigest {
    /// Of an empty assignment.
    pub const EMPTY: Self = Self(0);

    /// As it came over the wire.
    #[must_use]
    pub const fn from_u64(value: u64) -> Self {
        Self(value)
    }

    /// As it goes over the wire.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Counts a monitor in.
    pub fn add(&mut self, monitor: MonitorId, spec_hash: u64) {
        self.0 ^= Self::item(monitor, spec_hash);
    }

    /// Counts a monitor out that was counted in with this hash.
    pub fn remove(&mut self, monitor: MonitorId, spec_hash: u64) {
        self.0 ^= Self::item(monitor, spec_hash);
    }

    fn item(monitor: MonitorId, spec_hash: u64) -> u64 {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(monitor.as_bytes());
        bytes[16..].copy_from_slice(&spec_hash.to_be_bytes());
        h(&bytes)
    }
}

impl fmt::Display for AssignmentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The id of the agent that calls itself `name` and shows the agent token `token`: a restart keeps
/// it, without a disk.
#[must_use]
pub fn agent_id(token: TokenId, name: &str) -> AgentId {
    let digest = Hash::of("agent").bytes(token.as_bytes()).text(name).end();
    AgentId::from_digest(first_16(&digest))
}

/// The id of a monitor's incident number `generation`. A re-evaluation after a crash comes to the
/// same one; another epoch never does.
#[must_use]
pub fn incident_id(epoch: Epoch, monitor: MonitorId, generation: u64) -> IncidentId {
    let digest = Hash::of("incident")
        .bytes(epoch.as_bytes())
        .bytes(monitor.as_bytes())
        .number(generation)
        .end();
    IncidentId::from_digest(first_16(&digest))
}

/// The id of incident number `generation` of a cause in Vigilmon itself, such as
/// `region_lost:us-east`.
#[must_use]
pub fn system_incident_id(epoch: Epoch, cause: &str, generation: u64) -> IncidentId {
    let digest = Hash::of("system incident")
        .bytes(epoch.as_bytes())
        .text(cause)
        .number(generation)
        .end();
    IncidentId::from_digest(first_16(&digest))
}

/// The nonce of a `CheckNow`: `counter` tells apart those of one monitor in one millisecond.
/// Derived, not random, so that the simulator repeats it; never zero, which the wire reads as none.
#[must_use]
pub fn nonce(monitor: MonitorId, now: Time, counter: u64) -> u64 {
    let digest = Hash::of("nonce")
        .bytes(monitor.as_bytes())
        .number(now.as_millis().cast_unsigned())
        .number(counter)
        .end();
    first_u64(&digest).max(1)
}

/// The idempotency key of a notification, as in `webhook-id`: the same on every attempt, never
/// shared by two rows. `n` tells apart repetitions such as reminders. After a restore an incident
/// goes on from an earlier transition: the store's epoch keeps what happens then from having the
/// key of what happened before.
#[must_use]
pub fn notification_key(
    epoch: Epoch,
    subject: &RowSubject,
    seq: u32,
    channel: ChannelId,
    purpose: Purpose,
    n: u32,
) -> String {
    let hash = match subject {
        RowSubject::Incident(id) => Hash::of("notification")
            .text("incident")
            .bytes(epoch.as_bytes())
            .bytes(id.as_bytes()),
        RowSubject::Test(text) => Hash::of("notification").text("test").text(text),
    };
    let hash = hash.number(u64::from(seq)).bytes(channel.as_bytes());
    let hash = match purpose {
        Purpose::Notice => hash.text("notice"),
        Purpose::Fallback(of) => hash.text("fallback").bytes(of.as_bytes()),
        Purpose::Step => hash.text("step"),
    };
    let digest = first_16(&hash.number(u64::from(n)).end());
    format!("msg_{:032x}", u128::from_be_bytes(digest))
}

/// The key of a fallback's copy of a row that another channel could not deliver.
#[must_use]
pub fn copy_key(row: &str, to: ChannelId) -> String {
    let digest = first_16(&Hash::of("copy").text(row).bytes(to.as_bytes()).end());
    format!("msg_{:032x}", u128::from_be_bytes(digest))
}

/// SHA-256 over parts that cannot run into each other: each is preceded by its length, the first
/// names the purpose.
struct Hash(Sha256);

impl Hash {
    fn of(purpose: &str) -> Self {
        Self(Sha256::new()).text(purpose)
    }

    fn bytes(mut self, part: &[u8]) -> Self {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    fn text(self, part: &str) -> Self {
        self.bytes(part.as_bytes())
    }

    fn number(self, part: u64) -> Self {
        self.bytes(&part.to_be_bytes())
    }

    fn end(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

fn first_u64(digest: &[u8; 32]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

fn first_16(digest: &[u8; 32]) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    first
}

#[cfg(test)]
mod tests;
