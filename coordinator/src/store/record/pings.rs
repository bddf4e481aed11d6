//! Pings as records, one by one and in groups.
//!
//! Storing pings is on the way of every answer to one, so each is encoded once: a group is made
//! of the bytes of its pings.

use std::net::IpAddr;

use bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint};
use vigilmon_common::heartbeat::{Method, Ping, Signal};

use super::{Invalid, Stored, VERSION, pb, time, unframe};

/// What an exit code is counted from.
const EXIT: u32 = 4;

/// The field of a group that its pings are in.
const PINGS: u32 = 1;

impl Stored for Ping {
    type Message = pb::Ping;
    const NAME: &'static str = "ping";

    fn to_message(&self) -> pb::Ping {
        let (heartbeat_high, heartbeat_low) = super::halves(self.heartbeat);
        pb::Ping {
            heartbeat_high,
            heartbeat_low,
            seq: self.seq,
            n: self.n,
            at_ms: self.at.as_millis(),
            signal: signal_code(self.signal),
            rid: self.rid.as_deref().unwrap_or_default().to_owned(),
            method: match self.method {
                Method::Get => 0,
                Method::Head => 1,
                Method::Post => 2,
                Method::Put => 3,
            },
            from: match self.from {
                None => Bytes::new(),
                Some(IpAddr::V4(at)) => at.octets().to_vec().into(),
                Some(IpAddr::V6(at)) => at.octets().to_vec().into(),
            },
            agent: self.agent.to_string(),
            count: self.count,
            body_kept: self.body_kept,
            body_size: self.body_size,
            total: self.total,
            shared: self.shared,
        }
    }

    fn from_message(m: pb::Ping) -> Result<Self, Invalid> {
        Ok(Self {
            heartbeat: super::of_halves(m.heartbeat_high, m.heartbeat_low),
            seq: m.seq,
            n: m.n,
            // Rows of before it was kept stand for one each.
            total: m.total.max(m.n),
            at: time(m.at_ms),
            signal: signal(m.signal)?,
            rid: (!m.rid.is_empty()).then(|| m.rid.into()),
            method: match m.method {
                0 => Method::Get,
                1 => Method::Head,
                2 => Method::Post,
                3 => Method::Put,
                other => return Err(Invalid(format!("{other} is no method"))),
            },
            from: address(&m.from)?,
            agent: m.agent.into(),
            count: m.count,
            shared: m.shared,
            body_kept: m.body_kept,
            body_size: m.body_size,
        })
    }
}

fn address(bytes: &[u8]) -> Result<Option<IpAddr>, Invalid> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let address = v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
    let address = address.map_err(|_| Invalid::new("an address has neither 4 nor 16 bytes"));
    address.map(Some)
}

/// A signal as a number.
pub(super) fn signal_code(signal: Signal) -> u32 {
    match signal {
        Signal::Success => 0,
        Signal::Start => 1,
        Signal::Fail => 2,
        Signal::Log => 3,
        Signal::Exit(code) => EXIT + u32::from(code),
    }
}

/// The signal of a number.
pub(super) fn signal(code: u32) -> Result<Signal, Invalid> {
    match code {
        0 => Ok(Signal::Success),
        1 => Ok(Signal::Start),
        2 => Ok(Signal::Fail),
        3 => Ok(Signal::Log),
        exit => {
            let code = u8::try_from(exit - EXIT);
            code.map(Signal::Exit)
                .map_err(|_| Invalid(format!("{exit} is no signal")))
        }
    }
}

/// A group of pings in the making.
pub(in crate::store) struct Group(Vec<u8>);

impl Group {
    /// An empty one, with room for so many pings.
    pub(in crate::store) fn with_capacity(pings: usize) -> Self {
        /// What a ping mostly takes.
        const USUAL: usize = 96;
        let mut bytes = Vec::with_capacity(1 + pings.saturating_mul(USUAL));
        bytes.push(VERSION);
        Self(bytes)
    }

    /// Adds a ping; returns the ping's own record.
    pub(in crate::store) fn push(&mut self, ping: &Ping) -> Vec<u8> {
        let record = super::encode(ping);
        let message = &record[1..];
        encode_key(PINGS, WireType::LengthDelimited, &mut self.0);
        encode_varint(message.len() as u64, &mut self.0);
        self.0.extend_from_slice(message);
        record
    }

    /// Its bytes.
    pub(in crate::store) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// A body as a record: there is nothing to say of it.
pub(in crate::store) fn encode_body(body: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(1 + body.len());
    record.push(VERSION);
    record.extend_from_slice(body);
    record
}

/// The body in a record.
pub(in crate::store) fn decode_body(record: Vec<u8>) -> Result<Bytes, Invalid> {
    super::versioned(&record)?;
    Ok(Bytes::from(record).split_off(1))
}

/// The pings in a group.
pub(in crate::store) fn decode(bytes: &[u8]) -> Result<Vec<Ping>, Invalid> {
    let group: pb::Pings = unframe(bytes)?;
    group.pings.into_iter().map(Ping::from_message).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_has_a_number_of_its_own() {
        let exits = (0..=u8::MAX).map(Signal::Exit);
        let words = [Signal::Success, Signal::Start, Signal::Fail, Signal::Log];
        for (code, expected) in (0..).zip(words.into_iter().chain(exits)) {
            assert_eq!(signal_code(expected), code);
            assert_eq!(signal(code).unwrap(), expected);
        }
        assert_eq!(signal(260).unwrap_err().to_string(), "260 is no signal");
        assert!(signal(u32::MAX).is_err());
    }
}
