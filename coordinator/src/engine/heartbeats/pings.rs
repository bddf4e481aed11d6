//! Pings: numbered, stored in one group, applied in their order.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bytes::Bytes;
use tokio::sync::oneshot;
use vigilmon_common::heartbeat::{Input, Ping, Signal};
use vigilmon_common::id::MonitorId;
use vigilmon_common::time::Time;
use vigilmon_runtime::fault;

use super::message::{Arrived, PingRefusal, Said};
use super::owner::Owner;
use super::readings::Reading;
use crate::engine::consequences::Consequences;
use crate::store::StoredPing;

/// Who waits for the answer to a ping.
type Waiting = oneshot::Sender<Result<(), PingRefusal>>;

/// Pings of one heartbeat that say the same.
type Same = (MonitorId, Signal, Option<Box<str>>);

/// Pings that are stored together.
#[derive(Default)]
struct Group {
    pings: Vec<StoredPing>,
    drop_bodies: Vec<u64>,
    waiting: Vec<Waiting>,
    readings: Vec<Reading>,
    /// Where those stand that count for others, which came faster than they are stored.
    folded: HashMap<Same, usize>,
}

impl Owner {
    /// Stores pings and puts them to the core; who waits for them is returned.
    pub(super) async fn pings(
        &mut self,
        arrived: Vec<Arrived>,
        out: &mut Consequences,
    ) -> anyhow::Result<Vec<Waiting>> {
        if arrived.is_empty() {
            return Ok(Vec::new());
        }
        let mut group = Group::default();
        for ping in arrived {
            self.enter(ping, &mut group);
        }
        let pings: Vec<Ping> = group
            .pings
            .iter()
            .map(|stored| stored.ping.clone())
            .collect();
        if !pings.is_empty() {
            let history = &self.env.stores.history;
            history.append_pings(group.pings, group.drop_bodies).await?;
            fault::point("after-pings");
        }
        let number = |of: usize| u64::try_from(of).unwrap_or(u64::MAX);
        let counters = &self.env.metrics.heartbeats.pings;
        counters.accepted.inc_by(number(pings.len()));
        let thinned = group.waiting.len().saturating_sub(pings.len());
        counters.thinned.inc_by(number(thinned));
        self.hear(&pings, out);
        // They are applied: deadlines need not wait for them any more.
        drop(group.readings);
        Ok(group.waiting)
    }

    /// Gives a ping its numbers, and a place in the group or in another one that says the same.
    fn enter(&mut self, arrived: Arrived, group: &mut Group) {
        let Arrived {
            reading,
            said,
            done,
        } = arrived;
        let id = reading.heartbeat();
        let Some(kept) = self.kept.get_mut(&id) else {
            let _ = done.send(Err(PingRefusal::Gone));
            return;
        };
        // The clock may have been set back since it was read, and all that is known with it.
        let at = reading.at().min(self.env.clock.now());
        let (mut ping, body) = ping((id, at), said, self.seq + 1);
        group.waiting.push(done);
        group.readings.push(reading);
        if !kept.state.number(&mut ping) {
            let same = (id, ping.signal, ping.rid.clone());
            match group.folded.entry(same) {
                Entry::Occupied(place) => {
                    let into = &mut group.pings[*place.get()].ping;
                    into.count += 1;
                    into.at = into.at.max(ping.at);
                    return;
                }
                Entry::Vacant(place) => {
                    place.insert(group.pings.len());
                    kept.state.number_anyway(&mut ping);
                }
            }
        }
        self.seq = ping.seq;
        for seq in kept.state.body_drops(&ping) {
            self.bodies.forget(seq);
            group.drop_bodies.push(seq);
        }
        if body.is_some() {
            self.keep_body(&ping, group);
        }
        group.pings.push(StoredPing { ping, body });
    }

    /// Makes room for a body among all that are kept.
    fn keep_body(&mut self, ping: &Ping, group: &mut Group) {
        for (id, seq) in self.bodies.keep(ping.seq, ping.heartbeat, ping.body_kept) {
            group.drop_bodies.push(seq);
            self.env.metrics.heartbeats.bodies_dropped.inc();
            if let Some(kept) = self.kept.get_mut(&id) {
                kept.state.body_dropped(seq);
            }
        }
    }

    /// Pings that are stored go through the core.
    pub(super) fn hear(&mut self, pings: &[Ping], out: &mut Consequences) {
        let now = self.env.clock.now();
        for ping in pings {
            self.seq = self.seq.max(ping.seq);
            let id = ping.heartbeat;
            let _ = self.decide(id, Input::Ping(ping), now, out);
            if let Some(kept) = self.kept.get_mut(&id)
                && !std::mem::replace(&mut kept.dirty, true)
            {
                self.checkpoint.dirty.push(id);
            }
        }
        self.checkpoint.pings += pings.len();
    }
}

/// A ping as its request says it, and what is kept of its body.
fn ping((heartbeat, at): (MonitorId, Time), said: Said, seq: u64) -> (Ping, Option<Bytes>) {
    let body = said.body.filter(|body| !body.is_empty());
    let kept = body.as_ref().map_or(0, Bytes::len);
    let ping = Ping {
        heartbeat,
        seq,
        n: 0,
        at,
        signal: said.signal,
        rid: said.rid,
        method: said.method,
        from: said.from,
        agent: said.agent,
        count: 1,
        body_kept: u32::try_from(kept).unwrap_or(u32::MAX),
        body_size: said.body_size,
    };
    (ping, body)
}
