//! Pings on disk.
//!
//! A group of pings is one value in the log, under its first and last number: what must be
//! applied again after a crash. Beside it each ping lies in its heartbeat's ring, where the newest
//! takes the place of the oldest, and bodies lie by the numbers of their pings. All of a group is
//! one batch. Nothing is looked up to append or to forget: which groups the log has is known.

use std::cmp::Reverse;
use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow::{Break, Continue};

use bytes::Bytes;
use vigilmon_common::heartbeat::{PINGS_KEPT, Ping};
use vigilmon_common::id::MonitorId;

use super::key;
use super::read::unreadable;
use crate::store::StoredPing;
use crate::store::error::Cause;
use crate::store::fjall_tables::{Put, Table, Tables};
use crate::store::history::ping_place;
use crate::store::record::{self, Stored, pings};

/// The numbers of a group's first and last ping.
pub(super) type Span = (u64, u64);

/// The groups of the log, oldest first.
#[derive(Default)]
pub(super) struct Groups(VecDeque<Span>);

impl Groups {
    /// Those that are stored.
    pub(super) fn load(tables: &Tables) -> Result<Self, Cause> {
        let mut groups = VecDeque::new();
        tables.scan(Table::PingLog, (&[], key::END), false, |key, _| {
            groups.push_back(span(key)?);
            Ok(Continue(()))
        })?;
        Ok(Self(groups))
    }

    /// The number of the newest ping.
    pub(super) fn last(&self) -> u64 {
        self.0.back().map_or(0, |(_, last)| *last)
    }

    /// A group was appended.
    pub(super) fn push(&mut self, group: Span) {
        self.0.push_back(group);
    }

    /// Takes out the groups that hold nothing above `up_to`, save the newest; what removes them.
    pub(super) fn forget(&mut self, up_to: u64) -> Vec<Put> {
        let mut puts = Vec::new();
        while let Some(oldest) = self.0.front()
            && oldest.1 <= up_to
            && self.0.len() > 1
        {
            puts.push((Table::PingLog, key::ping_group(*oldest), None));
            self.0.pop_front();
        }
        puts
    }
}

fn span(key: &[u8]) -> Result<Span, Cause> {
    key::ping_span(key).ok_or_else(|| Cause::new("a group of pings has no numbers"))
}

/// What stores a group, and which numbers it has; `None` without a ping.
pub(super) fn appended(all: &[StoredPing], drop_bodies: Vec<u64>) -> (Vec<Put>, Option<Span>) {
    let mut puts = Vec::with_capacity(all.len() + drop_bodies.len() + 1);
    let dropped: HashSet<u64> = drop_bodies.iter().copied().collect();
    let mut group = pings::Group::with_capacity(all.len());
    for StoredPing { ping, body } in all {
        let record = group.push(ping);
        let place = key::ping(ping.heartbeat, ping_place(ping));
        puts.push((Table::Pings, place, Some(record)));
        // One that goes with the same call need not come first.
        if let Some(body) = body.as_ref().filter(|_| !dropped.contains(&ping.seq)) {
            let value = pings::encode_body(body);
            puts.push((Table::PingBodies, key::ping_body(ping.seq), Some(value)));
        }
    }
    puts.extend(bodies_dropped(drop_bodies));
    let (Some(first), Some(last)) = (all.first(), all.last()) else {
        return (puts, None);
    };
    let numbers = (first.ping.seq, last.ping.seq);
    puts.push((Table::PingLog, key::ping_group(numbers), Some(group.done())));
    (puts, Some(numbers))
}

fn bodies_dropped(bodies: Vec<u64>) -> impl Iterator<Item = Put> {
    let body = |seq| (Table::PingBodies, key::ping_body(seq), None);
    bodies.into_iter().map(body)
}

/// What removes a heartbeat's pings.
pub(super) fn removed(
    tables: &Tables,
    heartbeat: MonitorId,
    bodies: Vec<u64>,
) -> Result<Vec<Put>, Cause> {
    let mut puts: Vec<Put> = bodies_dropped(bodies).collect();
    let prefix = key::pings(heartbeat);
    let range = (prefix.as_slice(), &*key::behind(&prefix));
    tables.scan(Table::Pings, range, false, |key, _| {
        puts.push((Table::Pings, key.to_vec(), None));
        Ok(Continue(()))
    })?;
    Ok(puts)
}

/// Pings of the log above a number.
pub(super) fn replay(tables: &Tables, after: u64, limit: usize) -> Result<Vec<Ping>, Cause> {
    let first = after.saturating_add(1);
    // The group that holds it may have begun before it.
    let mut from = key::ping_group((first, 0));
    let before = (&[][..], &*key::ping_group((first, u64::MAX)));
    tables.scan(Table::PingLog, before, true, |key, _| {
        from = key.to_vec();
        Ok(Break(()))
    })?;
    let mut found = Vec::new();
    tables.scan(Table::PingLog, (&from, key::END), false, |_, value| {
        if found.len() >= limit {
            return Ok(Break(()));
        }
        let group = pings::decode(value).map_err(unreadable("group of pings"))?;
        found.extend(group.into_iter().filter(|ping| ping.seq > after));
        Ok(Continue(()))
    })?;
    found.truncate(limit);
    Ok(found)
}

/// A heartbeat's last pings, newest first.
pub(super) fn of(tables: &Tables, heartbeat: MonitorId, limit: usize) -> Result<Vec<Ping>, Cause> {
    let mut found: Vec<Ping> = Vec::with_capacity(PINGS_KEPT);
    let prefix = key::pings(heartbeat);
    let range = (prefix.as_slice(), &*key::behind(&prefix));
    tables.scan(Table::Pings, range, false, |_, value| {
        found.push(record::decode(value).map_err(unreadable(Ping::NAME))?);
        Ok(Continue(()))
    })?;
    found.sort_by_key(|ping| Reverse(ping.n));
    found.truncate(limit);
    Ok(found)
}

/// What is kept of a ping's body.
pub(super) fn body(tables: &Tables, seq: u64) -> Result<Option<Bytes>, Cause> {
    let value = tables.get(Table::PingBodies, &key::ping_body(seq))?;
    let body = value.map(pings::decode_body).transpose();
    body.map_err(unreadable("ping's body"))
}
