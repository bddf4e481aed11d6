//! Outbox rows as records.

use vigilmon_common::id::{ChannelId, IncidentId};
use vigilmon_common::notify::row::{Purpose, Row, RowState, RowSubject};

use super::pb::row::{Settled, Subject};
use super::{Invalid, Stored, id, millis, pb, raw, region, required, time};

impl Stored for Row {
    type Message = pb::Row;
    const NAME: &'static str = "outbox row";

    fn to_message(&self) -> pb::Row {
        let subject = match &self.subject {
            RowSubject::Incident(id) => Subject::Incident(raw(id.as_bytes())),
            RowSubject::Test(text) => Subject::Test(text.clone()),
        };
        let settled = match &self.state {
            RowState::Pending => None,
            RowState::Sent(at) => Some(Settled::SentMs(at.as_millis())),
            RowState::Suppressed(why) => Some(Settled::Suppressed(why.clone())),
            RowState::Superseded(by) => Some(Settled::Superseded(by.clone())),
            RowState::Dead(why) => Some(Settled::Dead(why.clone())),
        };
        let region_names = self.region_names.iter();
        pb::Row {
            id: self.id,
            key: self.key.clone(),
            subject: Some(subject),
            seq: self.seq,
            channel: raw(self.channel.as_bytes()),
            fallback_of: match self.purpose {
                Purpose::Notice | Purpose::Step => None,
                Purpose::Fallback(of) => Some(raw(of.as_bytes())),
            },
            step: self.purpose == Purpose::Step,
            event: self.event.clone(),
            body: self.body.clone(),
            region_names: region_names
                .map(|(region, name)| (region.to_string(), name.clone()))
                .collect(),
            created_ms: self.created_at.as_millis(),
            attempts: self.attempts,
            next_ms: self.next_at.as_millis(),
            settled,
            fallback: self.fallback.map(|c| raw(c.as_bytes())),
            fell_back: self.fell_back,
            first_failed_ms: millis(self.first_failed_at),
            last_error: self.last_error.clone(),
        }
    }

    fn from_message(m: pb::Row) -> Result<Self, Invalid> {
        let subject = match required(m.subject, "subject")? {
            Subject::Incident(bytes) => RowSubject::Incident(id(&bytes, IncidentId::from_bytes)?),
            Subject::Test(text) => RowSubject::Test(text),
        };
        let state = match m.settled {
            None => RowState::Pending,
            Some(Settled::SentMs(at)) => RowState::Sent(time(at)),
            Some(Settled::Suppressed(why)) => RowState::Suppressed(why),
            Some(Settled::Superseded(by)) => RowState::Superseded(by),
            Some(Settled::Dead(why)) => RowState::Dead(why),
        };
        let channel = |bytes: &bytes::Bytes| id(bytes, ChannelId::from_bytes);
        let fallback_of = m.fallback_of.as_ref().map(channel).transpose()?;
        let region_names = m.region_names.into_iter();
        Ok(Self {
            id: m.id,
            key: m.key,
            subject,
            seq: m.seq,
            channel: channel(&m.channel)?,
            purpose: match fallback_of {
                Some(of) => Purpose::Fallback(of),
                None if m.step => Purpose::Step,
                None => Purpose::Notice,
            },
            event: m.event,
            body: m.body,
            region_names: region_names
                .map(|(id, name)| Ok((region(&id)?, name)))
                .collect::<Result<_, Invalid>>()?,
            created_at: time(m.created_ms),
            attempts: m.attempts,
            next_at: time(m.next_ms),
            state,
            fallback: m.fallback.as_ref().map(channel).transpose()?,
            fell_back: m.fell_back,
            first_failed_at: m.first_failed_ms.map(time),
            last_error: m.last_error,
        })
    }
}
