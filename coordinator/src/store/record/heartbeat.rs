//! Heartbeats as records, and what decides on them. Nothing of a specification is secret; its
//! tokens come sealed.

use std::time::Duration;

use vigilmon_common::heartbeat::{
    Durable, Heartbeat, HeartbeatDraft, HeartbeatSpec, KeptBody, LastPing, OpenRun, PingToken,
    Schedule, Spell, Unobserved,
};
use vigilmon_common::id::{ChannelId, IncidentId, MonitorId};
use vigilmon_common::monitor::draft::Known;

use super::pings::{signal, signal_code};
use super::{Invalid, Stored, digest, frame, id, millis, pb, raw, required, time, unframe};
use crate::store::PingKeyRecord;

impl Stored for Heartbeat {
    type Message = pb::Heartbeat;
    const NAME: &'static str = "heartbeat";

    fn to_message(&self) -> pb::Heartbeat {
        let spec = &self.spec;
        let (every, cron) = match &spec.schedule {
            Schedule::Every(every) => (Some(*every), None),
            Schedule::Cron(cron) => (None, Some(cron)),
        };
        pb::Heartbeat {
            id: raw(self.id.as_bytes()),
            name: spec.name.to_string(),
            every_ms: every.map(span),
            cron: cron.map_or_else(String::new, |c| c.expression().to_owned()),
            time_zone: cron.map_or_else(String::new, |c| c.time_zone().to_owned()),
            grace_ms: span(spec.grace),
            max_run_ms: spec.max_run.map(span),
            alarm_before_first_ping: spec.alarm_before_first_ping,
            post_only: spec.post_only,
            severity: spec.severity.to_string(),
            labels: spec.labels.clone().into_iter().collect(),
            notify: spec.notify.iter().map(|c| raw(c.as_bytes())).collect(),
            paused: self.paused,
            created_ms: self.created_at.as_millis(),
            updated_ms: self.updated_at.as_millis(),
            version: self.version,
            tokens: self.tokens.iter().map(token_message).collect(),
        }
    }

    fn from_message(m: pb::Heartbeat) -> Result<Self, Invalid> {
        let tokens = m.tokens.iter().map(token);
        Ok(Self {
            id: id(&m.id, MonitorId::from_bytes)?,
            paused: m.paused,
            created_at: time(m.created_ms),
            updated_at: time(m.updated_ms),
            version: m.version,
            tokens: tokens.collect::<Result<_, _>>()?,
            spec: spec(m)?,
        })
    }
}

/// What was stored passes the same door as what users give; only references are taken as they
/// are, since what they name may be gone by now.
fn spec(m: pb::Heartbeat) -> Result<HeartbeatSpec, Invalid> {
    let is_cron = m.every_ms.is_none();
    let channel = |c: &bytes::Bytes| Ok(id(c, ChannelId::from_bytes)?.to_string());
    let notify = m.notify.iter().map(channel);
    let draft = HeartbeatDraft {
        every: m.every_ms.map(Duration::from_millis),
        cron: is_cron.then_some(m.cron),
        tz: is_cron.then_some(m.time_zone),
        grace: Some(Duration::from_millis(m.grace_ms)),
        max_run: Some(Duration::from_millis(m.max_run_ms.unwrap_or_default())),
        alarm_before_first_ping: Some(m.alarm_before_first_ping),
        post_only: Some(m.post_only),
        severity: Some(m.severity),
        labels: Some(m.labels.into_iter().collect()),
        notify: Some(notify.collect::<Result<_, Invalid>>()?),
        name: Some(m.name.clone()),
    };
    draft.check(&Known::default()).map_err(|problems| {
        let problems = problems.to_string().replace('\n', "; ");
        Invalid(format!("heartbeat `{}`: {problems}", m.name))
    })
}

fn token_message(token: &PingToken) -> pb::PingToken {
    pb::PingToken {
        digest: token.digest.to_vec().into(),
        sealed: token.sealed.clone().into(),
        until_ms: millis(token.until),
    }
}

fn token(m: &pb::PingToken) -> Result<PingToken, Invalid> {
    Ok(PingToken {
        digest: digest(&m.digest)?,
        sealed: m.sealed.to_vec(),
        until: m.until_ms.map(time),
    })
}

impl Stored for PingKeyRecord {
    type Message = pb::PingKey;
    const NAME: &'static str = "ping key";

    fn to_message(&self) -> pb::PingKey {
        pb::PingKey {
            digest: self.digest.to_vec().into(),
            sealed: self.sealed.clone().into(),
        }
    }

    fn from_message(m: pb::PingKey) -> Result<Self, Invalid> {
        Ok(Self {
            digest: digest(&m.digest)?,
            sealed: m.sealed.to_vec(),
        })
    }
}

/// What decides on a heartbeat, as a message: of the open incident only the id.
pub(super) fn durable_message(durable: &Durable) -> pb::HeartbeatDurable {
    let open = durable.incident.as_ref();
    let last_signal = durable.last_ping.map(|last| signal_code(last.signal));
    let body = |body: &KeptBody| pb::KeptBody {
        seq: body.seq,
        n: body.n,
        size: body.size,
    };
    pb::HeartbeatDurable {
        generation: durable.generation,
        open_incident: open.map(|i| raw(i.id.as_bytes())).unwrap_or_default(),
        last_ended_ms: millis(durable.last_ended_at),
        seq: durable.seq,
        n: durable.n,
        pings: durable.pings,
        last_ping_ms: millis(durable.last_ping.map(|last| last.at)),
        last_signal: last_signal.unwrap_or_default(),
        last_success_ms: millis(durable.last_success),
        since_ms: millis(durable.since),
        anchor_ms: millis(durable.anchor),
        moved_ms: span(durable.moved),
        spell: durable.spell.map(spell_message),
        unobserved: durable.unobserved.map(|u| pb::Unobserved {
            due_ms: u.due.as_millis(),
            spell: Some(spell_message(u.spell)),
        }),
        runs: durable.runs.iter().map(run_message).collect(),
        last_run_ms: durable.last_run.map(span),
        never_finished: durable.never_finished,
        given_up: durable.given_up.clone(),
        last_verdict_ms: millis(durable.last_verdict),
        version: durable.version,
        muted: durable.muted,
        bodies: durable.bodies.iter().map(body).collect(),
    }
}

/// What decides on the heartbeat with this key, and the id of its open incident.
pub(super) fn durable(
    key: &[u8],
    value: &[u8],
) -> Result<(MonitorId, Durable, Option<IncidentId>), Invalid> {
    let m: pb::HeartbeatDurable = unframe(value)?;
    let open = match m.open_incident.is_empty() {
        true => None,
        false => Some(id(&m.open_incident, IncidentId::from_bytes)?),
    };
    let body = |body: pb::KeptBody| KeptBody {
        seq: body.seq,
        n: body.n,
        size: body.size,
    };
    let last_ping = m.last_ping_ms.map(|at| {
        let signal = signal(m.last_signal)?;
        let at = time(at);
        Ok(LastPing { at, signal })
    });
    let durable = Durable {
        generation: m.generation,
        incident: None,
        last_ended_at: m.last_ended_ms.map(time),
        seq: m.seq,
        n: m.n,
        pings: m.pings.max(m.n),
        last_ping: last_ping.transpose()?,
        last_success: m.last_success_ms.map(time),
        since: m.since_ms.map(time),
        anchor: m.anchor_ms.map(time),
        moved: Duration::from_millis(m.moved_ms),
        spell: m.spell.map(spell),
        unobserved: m.unobserved.map(unobserved).transpose()?,
        runs: m.runs.into_iter().map(run).collect(),
        last_run: m.last_run_ms.map(Duration::from_millis),
        never_finished: m.never_finished,
        given_up: m.given_up,
        last_verdict: m.last_verdict_ms.map(time),
        version: m.version,
        muted: m.muted,
        bodies: m.bodies.into_iter().map(body).collect(),
    };
    Ok((id(key, MonitorId::from_bytes)?, durable, open))
}

/// What decides on a heartbeat in a store that has none of the pings of before.
pub(super) fn without_pings(value: &[u8]) -> Option<Vec<u8>> {
    let mut m: pb::HeartbeatDurable = unframe(value).ok()?;
    m.seq = 0;
    m.bodies.clear();
    Some(frame(&m))
}

fn spell_message(spell: Spell) -> pb::Spell {
    pb::Spell {
        from_ms: spell.from.as_millis(),
        to_ms: spell.to.as_millis(),
    }
}

fn spell(m: pb::Spell) -> Spell {
    Spell {
        from: time(m.from_ms),
        to: time(m.to_ms),
        stepped: Duration::ZERO,
    }
}

fn unobserved(m: pb::Unobserved) -> Result<Unobserved, Invalid> {
    Ok(Unobserved {
        due: time(m.due_ms),
        spell: spell(required(m.spell, "spell")?),
    })
}

fn run_message(run: &OpenRun) -> pb::OpenRun {
    pb::OpenRun {
        rid: run.rid.as_deref().unwrap_or_default().to_owned(),
        started_ms: run.started.as_millis(),
        overrun: run.overrun,
        spared_ms: span(run.spared),
        n: run.n,
        unheard: run.unheard,
        told: run.told,
    }
}

fn run(m: pb::OpenRun) -> OpenRun {
    OpenRun {
        rid: (!m.rid.is_empty()).then(|| m.rid.into()),
        n: m.n,
        unheard: m.unheard,
        told: m.told,
        started: time(m.started_ms),
        overrun: m.overrun,
        spared: Duration::from_millis(m.spared_ms),
    }
}

fn span(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
