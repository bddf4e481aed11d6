//! Keys of the history: big-endian tuples, so that the bytes sort as their parts do.

use vigilmon_common::id::{AgentId, ChannelId, IncidentId, MonitorId};
use vigilmon_common::identity;
use vigilmon_common::time::Time;

use crate::store::{DeliveryPlace, HistoryNo, PendingId};

/// Collects the parts of a key.
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(48))
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub(super) fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Times before the epoch sort before those after it.
    pub(super) fn time(self, time: Time) -> Self {
        self.number(time.as_millis().cast_unsigned() ^ 1 << 63)
    }

    /// A monitor behind its shard.
    pub(super) fn monitor(self, monitor: MonitorId) -> Self {
        let shard = identity::shard(monitor);
        self.bytes(&[shard]).bytes(monitor.as_bytes())
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// The first key behind all that begin with `prefix`.
pub(super) fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while end.pop_if(|byte| *byte == u8::MAX).is_some() {}
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

/// Behind every key.
pub(super) const END: &[u8] = &[u8::MAX; 64];

pub(super) fn chunk(no: HistoryNo) -> Vec<u8> {
    Key::new().number(no.0).done()
}

pub(super) fn chunk_no(key: &[u8]) -> Option<HistoryNo> {
    Some(HistoryNo(u64::from_be_bytes(key.try_into().ok()?)))
}

/// What all keys of a monitor's blocks of a day begin with.
pub(super) fn blocks(monitor: MonitorId) -> Vec<u8> {
    Key::new().monitor(monitor).done()
}

/// A block: what an agent saw of a monitor in an hour of the day, as far as one sealing took it.
pub(super) fn block(monitor: MonitorId, hour: u8, agent: AgentId, first: HistoryNo) -> Vec<u8> {
    let hour_of = Key::new().monitor(monitor).bytes(&[hour]);
    hour_of.bytes(agent.as_bytes()).number(first.0).done()
}

/// The hour in a block's key.
pub(super) fn block_hour(key: &[u8]) -> Option<u8> {
    key.get(17).copied()
}

pub(super) fn audit(at: Time, place: PendingId) -> Vec<u8> {
    Key::new().time(at).bytes(&event(place)).done()
}

pub(super) fn deliveries(channel: ChannelId, at: Time) -> Vec<u8> {
    Key::new().bytes(channel.as_bytes()).time(at).done()
}

pub(super) fn delivery(channel: ChannelId, place: DeliveryPlace) -> Vec<u8> {
    let of_row = Key::new().bytes(&deliveries(channel, place.at));
    let attempt = place.attempt.to_be_bytes();
    of_row.number(place.row).bytes(&attempt).done()
}

pub(super) fn spans(monitor: MonitorId) -> Vec<u8> {
    Key::new().monitor(monitor).done()
}

pub(super) fn span(monitor: MonitorId, from: Time, agent: AgentId) -> Vec<u8> {
    let from = Key::new().monitor(monitor).time(from);
    from.bytes(agent.as_bytes()).done()
}

/// What all keys of a heartbeat's pings begin with.
pub(super) fn pings(heartbeat: MonitorId) -> Vec<u8> {
    Key::new().monitor(heartbeat).done()
}

/// A ping by its place in its heartbeat's ring.
pub(super) fn ping(heartbeat: MonitorId, place: u8) -> Vec<u8> {
    Key::new().monitor(heartbeat).bytes(&[place]).done()
}

/// A group of pings by the numbers of its first and last.
pub(super) fn ping_group((first, last): (u64, u64)) -> Vec<u8> {
    Key::new().number(first).number(last).done()
}

/// The numbers in a group's key.
pub(super) fn ping_span(key: &[u8]) -> Option<(u64, u64)> {
    let (first, last) = key.split_at_checked(8)?;
    let number = |bytes: &[u8]| Some(u64::from_be_bytes(bytes.try_into().ok()?));
    Some((number(first)?, number(last)?))
}

pub(super) fn ping_body(seq: u64) -> Vec<u8> {
    Key::new().number(seq).done()
}

pub(super) fn event(cursor: PendingId) -> Vec<u8> {
    let of_commit = Key::new().number(cursor.commit.0);
    of_commit.bytes(&cursor.place.to_be_bytes()).done()
}

pub(super) fn incidents(at: Time) -> Vec<u8> {
    Key::new().time(at).done()
}

pub(super) fn incident(at: Time, id: IncidentId) -> Vec<u8> {
    Key::new().time(at).bytes(id.as_bytes()).done()
}

pub(super) fn incidents_of(monitor: MonitorId, at: Time) -> Vec<u8> {
    Key::new().monitor(monitor).time(at).done()
}

pub(super) fn incident_of(monitor: MonitorId, at: Time, id: IncidentId) -> Vec<u8> {
    let of_monitor = Key::new().bytes(&incidents_of(monitor, at));
    of_monitor.bytes(id.as_bytes()).done()
}
