//! Audit entries, deliveries, assignment spans and events as records.

use std::time::Duration;

use vigilmon_common::id::{AgentId, ChannelId, IncidentId, MonitorId};

use super::pb::record::Record;
use super::{Invalid, Stored, id, millis, pb, raw, region, required, time};
use crate::store::{
    AssignmentSpan, AuditEntry, CommitNo, DeliveryRecord, DeliveryResult, EventRecord,
    HistoryRecord, KeptMessage, PendingId,
};

impl Stored for HistoryRecord {
    type Message = pb::Record;
    const NAME: &'static str = "record for the history";

    fn to_message(&self) -> pb::Record {
        let record = match self {
            Self::Audit(entry) => Record::Audit(entry.to_message()),
            Self::Delivery(delivery) => Record::Delivery(delivery.to_message()),
            Self::Span(span) => Record::Span(span.to_message()),
            Self::Incident(incident) => Record::Incident(incident.to_message()),
            Self::Event(event) => Record::Event(event.to_message()),
        };
        pb::Record {
            record: Some(record),
        }
    }

    fn from_message(m: pb::Record) -> Result<Self, Invalid> {
        Ok(match required(m.record, "kind that this version knows")? {
            Record::Audit(m) => Self::Audit(AuditEntry::from_message(m)?),
            Record::Delivery(m) => Self::Delivery(DeliveryRecord::from_message(m)?),
            Record::Span(m) => Self::Span(AssignmentSpan::from_message(m)?),
            Record::Incident(m) => Self::Incident(Box::new(Stored::from_message(m)?)),
            Record::Event(m) => Self::Event(EventRecord::from_message(m)?),
        })
    }
}

impl Stored for AuditEntry {
    type Message = pb::Audit;
    const NAME: &'static str = "audit entry";

    fn to_message(&self) -> pb::Audit {
        pb::Audit {
            id: 0,
            commit: self.place.commit.0,
            place: self.place.place,
            at_ms: self.at.as_millis(),
            actor: self.actor.clone(),
            action: self.action.clone(),
            object: self.object.clone(),
            name: self.name.clone(),
            detail: self.detail.clone(),
        }
    }

    fn from_message(m: pb::Audit) -> Result<Self, Invalid> {
        Ok(Self {
            place: PendingId {
                commit: CommitNo(if m.commit == 0 { m.id } else { m.commit }),
                place: m.place,
            },
            at: time(m.at_ms),
            actor: m.actor,
            action: m.action,
            object: m.object,
            name: m.name,
            detail: m.detail,
        })
    }
}

impl Stored for EventRecord {
    type Message = pb::Event;
    const NAME: &'static str = "event";

    fn to_message(&self) -> pb::Event {
        pb::Event {
            commit: self.cursor.commit.0,
            place: self.cursor.place,
            at_ms: self.at.as_millis(),
            event: self.event.clone(),
            data: self.data.clone(),
        }
    }

    fn from_message(m: pb::Event) -> Result<Self, Invalid> {
        Ok(Self {
            cursor: PendingId {
                commit: CommitNo(m.commit),
                place: m.place,
            },
            at: time(m.at_ms),
            event: m.event,
            data: m.data,
        })
    }
}

impl Stored for DeliveryRecord {
    type Message = pb::Delivery;
    const NAME: &'static str = "delivery";

    fn to_message(&self) -> pb::Delivery {
        pb::Delivery {
            row: self.row,
            key: self.key.clone(),
            channel: raw(self.channel.as_bytes()),
            incident: self.incident.map(|i| raw(i.as_bytes())),
            event: self.event.clone(),
            attempt: self.attempt,
            at_ms: self.at.as_millis(),
            took_us: u64::try_from(self.took.as_micros()).unwrap_or(u64::MAX),
            result: self.result.as_str().to_owned(),
            detail: self.detail.clone(),
            subject: self.subject.clone(),
            message: self.message.as_ref().map(kept_to_message),
        }
    }

    fn from_message(m: pb::Delivery) -> Result<Self, Invalid> {
        let mut results = DeliveryResult::ALL.into_iter();
        let result = results.find(|r| r.as_str() == m.result);
        let incident = m.incident.map(|i| id(&i, IncidentId::from_bytes));
        Ok(Self {
            row: m.row,
            key: m.key,
            channel: id(&m.channel, ChannelId::from_bytes)?,
            incident: incident.transpose()?,
            event: m.event,
            attempt: m.attempt,
            at: time(m.at_ms),
            took: Duration::from_micros(m.took_us),
            result: result.ok_or_else(|| Invalid(format!("`{}` is no result", m.result)))?,
            detail: m.detail,
            subject: m.subject,
            message: m.message.map(kept_from_message).transpose()?,
        })
    }
}

fn kept_to_message(kept: &KeptMessage) -> pb::KeptMessage {
    let names = kept.region_names.iter();
    pb::KeptMessage {
        seq: kept.seq,
        copy_of: kept.copy_of.map(|c| raw(c.as_bytes())),
        body: kept.body.clone(),
        region_names: names
            .map(|(r, name)| (r.to_string(), name.clone()))
            .collect(),
    }
}

fn kept_from_message(m: pb::KeptMessage) -> Result<KeptMessage, Invalid> {
    let copy_of = m.copy_of.map(|c| id(&c, ChannelId::from_bytes));
    let names = m.region_names.into_iter();
    let names = names.map(|(id, name)| Ok((region(&id)?, name)));
    Ok(KeptMessage {
        seq: m.seq,
        copy_of: copy_of.transpose()?,
        body: m.body,
        region_names: names.collect::<Result<_, Invalid>>()?,
    })
}

impl Stored for AssignmentSpan {
    type Message = pb::Span;
    const NAME: &'static str = "assignment span";

    fn to_message(&self) -> pb::Span {
        pb::Span {
            monitor: raw(self.monitor.as_bytes()),
            agent: raw(self.agent.as_bytes()),
            region: self.region.to_string(),
            interval_ms: u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX),
            from_ms: self.from.as_millis(),
            until_ms: millis(self.until),
        }
    }

    fn from_message(m: pb::Span) -> Result<Self, Invalid> {
        Ok(Self {
            monitor: id(&m.monitor, MonitorId::from_bytes)?,
            agent: id(&m.agent, AgentId::from_bytes)?,
            region: region(&m.region)?,
            interval: Duration::from_millis(m.interval_ms),
            from: time(m.from_ms),
            until: m.until_ms.map(time),
        })
    }
}
