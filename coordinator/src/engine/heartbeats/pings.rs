//! Pings: numbered, stored in one group, applied in their order.

use bytes::Bytes;
use tokio::sync::oneshot;
use vigilmon_common::heartbeat::{Input, Ping, PingGroup};
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

/// Pings that are stored together, and who waits for them.
#[derive(Default)]
struct Entered {
    group: PingGroup<Option<Bytes>>,
    waiting: Vec<Waiting>,
    readings: Vec<Reading>,
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
        let mut entered = Entered::default();
        for ping in arrived {
            self.enter(ping, &mut entered);
        }
        let Entered {
            group,
            waiting,
            readings,
        } = entered;
        let thinned = group.sharing();
        let mut stored = Vec::new();
        let mut drop_bodies = Vec::new();
        for (ping, body) in group.rows(self.seq) {
            self.place(&ping, &mut drop_bodies);
            stored.push(StoredPing { ping, body });
        }
        let pings: Vec<Ping> = stored.iter().map(|stored| stored.ping.clone()).collect();
        if !pings.is_empty() {
            let history = &self.env.stores.history;
            history.append_pings(stored, drop_bodies).await?;
            fault::point("after-pings");
        }
        let answered = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
        let counters = &self.env.metrics.heartbeats.pings;
        counters.accepted.inc_by(answered.saturating_sub(thinned));
        counters.thinned.inc_by(thinned);
        self.hear(&pings, out);
        // They are applied: deadlines need not wait for them any more.
        drop(readings);
        Ok(waiting)
    }

    /// Puts a ping into the group.
    fn enter(&mut self, arrived: Arrived, entered: &mut Entered) {
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
        let (ping, body) = ping((id, at), said);
        entered.waiting.push(done);
        entered.readings.push(reading);
        entered.group.enter(&mut kept.state, ping, body);
    }

    /// Takes note of a row that is about to be stored, and of the bodies that go for its own.
    fn place(&mut self, ping: &Ping, drop_bodies: &mut Vec<u64>) {
        self.seq = ping.seq;
        if let Some(kept) = self.kept.get_mut(&ping.heartbeat) {
            for seq in kept.state.body_drops(ping) {
                self.bodies.forget(seq);
                drop_bodies.push(seq);
            }
        }
        if ping.body_kept > 0 {
            self.keep_body(ping, drop_bodies);
        }
    }

    /// Makes room for a body among all that are kept.
    fn keep_body(&mut self, ping: &Ping, drop_bodies: &mut Vec<u64>) {
        for (id, seq) in self.bodies.keep(ping.seq, ping.heartbeat, ping.body_kept) {
            drop_bodies.push(seq);
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

/// A ping as its request says it, without numbers, and what is kept of its body.
fn ping((heartbeat, at): (MonitorId, Time), said: Said) -> (Ping, Option<Bytes>) {
    let body = said.body.filter(|body| !body.is_empty());
    let kept = body.as_ref().map_or(0, Bytes::len);
    let ping = Ping {
        heartbeat,
        seq: 0,
        n: 0,
        total: 0,
        at,
        signal: said.signal,
        rid: said.rid,
        method: said.method,
        from: said.from,
        agent: said.agent,
        count: 1,
        shared: false,
        body_kept: u32::try_from(kept).unwrap_or(u32::MAX),
        body_size: said.body_size,
    };
    (ping, body)
}
