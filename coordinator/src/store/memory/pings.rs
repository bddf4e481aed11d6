//! Pings in memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bytes::Bytes;
use vigilmon_common::heartbeat::Ping;
use vigilmon_common::id::MonitorId;

use crate::store::StoredPing;
use crate::store::history::ping_place;

/// Pings in memory.
#[derive(Default)]
pub(super) struct Pings {
    /// Groups by the number of their first ping.
    log: BTreeMap<u64, Vec<Ping>>,
    ring: BTreeMap<(MonitorId, u8), Ping>,
    bodies: BTreeMap<u64, Bytes>,
}

impl Pings {
    pub(super) fn append(&mut self, pings: Vec<StoredPing>, drop_bodies: &[u64]) {
        let mut group = Vec::with_capacity(pings.len());
        for StoredPing { ping, body } in pings {
            self.bodies.extend(body.map(|body| (ping.seq, body)));
            let place = (ping.heartbeat, ping_place(&ping));
            self.ring.insert(place, ping.clone());
            group.push(ping);
        }
        if let Some(first) = group.first() {
            self.log.insert(first.seq, group);
        }
        self.drop_bodies(drop_bodies);
    }

    pub(super) fn last(&self) -> u64 {
        let newest = self.log.last_key_value();
        newest
            .and_then(|(_, group)| group.last())
            .map_or(0, |p| p.seq)
    }

    pub(super) fn replay(&self, after: u64, limit: usize) -> Vec<Ping> {
        let logged = self.log.values().flatten().filter(|p| p.seq > after);
        logged.take(limit).cloned().collect()
    }

    pub(super) fn of(&self, heartbeat: MonitorId, limit: usize) -> Vec<Ping> {
        let own = self.ring.range((heartbeat, 0)..=(heartbeat, u8::MAX));
        let mut pings: Vec<_> = own.map(|(_, ping)| ping.clone()).collect();
        pings.sort_by_key(|ping| Reverse(ping.n));
        pings.truncate(limit);
        pings
    }

    pub(super) fn body(&self, seq: u64) -> Option<Bytes> {
        self.bodies.get(&seq).cloned()
    }

    pub(super) fn forget(&mut self, up_to: u64) {
        let last = self.last();
        self.log.retain(|_, group| {
            let newest = group.last().map_or(0, |p| p.seq);
            newest > up_to || newest == last
        });
    }

    pub(super) fn remove(&mut self, heartbeat: MonitorId, bodies: &[u64]) {
        self.ring.retain(|(of, _), _| *of != heartbeat);
        self.drop_bodies(bodies);
    }

    fn drop_bodies(&mut self, bodies: &[u64]) {
        for seq in bodies {
            self.bodies.remove(seq);
        }
    }
}
