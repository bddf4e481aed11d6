//! Monitors as records. The specification is sealed, for it may carry credentials of the target.

use std::time::Duration;

use vigilmon_common::decide::Durable;
use vigilmon_common::id::{ChannelId, IncidentId, MonitorId};
use vigilmon_common::monitor::draft::{Known, MonitorDraft};
use vigilmon_common::monitor::{Kind, Monitor, MonitorSpec};
use vigilmon_common::problem::Problems;
use vigilmon_proto::convert::spec::{http_draft_from_wire, http_to_wire};

use super::pb::spec::Kind as KindMessage;
use super::{Invalid, frame, id, pb, raw, region, required, time, unframe};

/// Seals what must not be read from the disk, and opens it again.
pub trait Seal: Send + Sync {
    /// The sealed form of `plain`.
    fn seal(&self, plain: &[u8]) -> Vec<u8>;

    /// What was sealed.
    ///
    /// # Errors
    /// It was sealed by another key, or changed.
    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError>;
}

/// Why a sealed secret cannot be opened, in one line that names the remedy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct SealError(pub String);

/// Seals nothing: for tests and the simulator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Seal for Plain {
    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        plain.to_vec()
    }

    fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(sealed.to_vec())
    }
}

/// A monitor's bytes.
pub(super) fn encode(monitor: &Monitor, seal: &dyn Seal) -> Vec<u8> {
    let spec = frame(&spec_message(&monitor.spec));
    frame(&pb::Monitor {
        id: raw(monitor.id.as_bytes()),
        name: monitor.spec.name.to_string(),
        sealed_spec: seal.seal(&spec).into(),
        paused: monitor.paused,
        created_ms: monitor.created_at.as_millis(),
        updated_ms: monitor.updated_at.as_millis(),
        version: monitor.version,
    })
}

/// A monitor from its bytes.
pub(super) fn decode(bytes: &[u8], seal: &dyn Seal) -> Result<Monitor, Invalid> {
    let m: pb::Monitor = unframe(bytes)?;
    let of = |e: &dyn std::fmt::Display| Invalid(format!("monitor `{}`: {e}", m.name));
    let spec = seal.open(&m.sealed_spec).map_err(|e| of(&e))?;
    let spec = unframe(&spec).and_then(|spec| read_spec(&m.name, spec));
    Ok(Monitor {
        id: id(&m.id, MonitorId::from_bytes)?,
        spec: spec.map_err(|e| of(&e))?,
        paused: m.paused,
        created_at: time(m.created_ms),
        updated_at: time(m.updated_ms),
        version: m.version,
    })
}

fn spec_message(spec: &MonitorSpec) -> pb::Spec {
    let Kind::Http(http) = &spec.kind;
    pb::Spec {
        interval_ms: millis(spec.interval),
        timeout_ms: millis(spec.timeout),
        regions: spec.regions.iter().map(ToString::to_string).collect(),
        quorum: spec.quorum.to_string(),
        failures: spec.failures.get().into(),
        successes: spec.successes.get().into(),
        regional_after_ms: millis(spec.regional_after),
        severity: spec.severity.to_string(),
        labels: spec.labels.clone().into_iter().collect(),
        notify: spec.notify.iter().map(|c| raw(c.as_bytes())).collect(),
        kind: Some(KindMessage::Http(http_to_wire(http))),
    }
}

/// What was stored passes the same door as what users give; only references are taken as they
/// are, since what they name may be gone by now.
fn read_spec(name: &str, m: pb::Spec) -> Result<MonitorSpec, Invalid> {
    let mut problems = Problems::none();
    let KindMessage::Http(http) = required(m.kind, "kind that this version knows")?;
    let channel = |c: &bytes::Bytes| Ok(id(c, ChannelId::from_bytes)?.to_string());
    let draft = MonitorDraft {
        name: Some(name.to_owned()),
        http: Some(http_draft_from_wire(&http, &mut problems)),
        every: Some(Duration::from_millis(m.interval_ms)),
        timeout: Some(Duration::from_millis(m.timeout_ms)),
        regions: Some(m.regions),
        quorum: Some(m.quorum),
        failures: Some(m.failures),
        successes: Some(m.successes),
        regional_after: Some(Duration::from_millis(m.regional_after_ms)),
        severity: Some(m.severity),
        labels: Some(m.labels.into_iter().collect()),
        notify: Some(
            m.notify
                .iter()
                .map(channel)
                .collect::<Result<_, Invalid>>()?,
        ),
    };
    let problems = problems
        .or(())
        .and_then(|()| draft.check(&Known::default()));
    problems.map_err(|problems| Invalid(problems.to_string().replace('\n', "; ")))
}

/// What decides on a monitor, as a message: of the open incident only the id.
pub(super) fn durable_message(durable: &Durable) -> pb::Durable {
    let open = durable.incident.as_ref();
    pb::Durable {
        generation: durable.generation,
        open_incident: open.map(|i| raw(i.id.as_bytes())).unwrap_or_default(),
        last_ended_ms: super::millis(durable.last_ended_at),
        muted_until_not_down: durable.muted_until_not_down,
        muted_regions: durable
            .muted_regions
            .iter()
            .map(ToString::to_string)
            .collect(),
    }
}

/// What decides on the monitor with this key, and the id of its open incident.
pub(super) fn durable(
    key: &[u8],
    value: &[u8],
) -> Result<(MonitorId, Durable, Option<IncidentId>), Invalid> {
    let m: pb::Durable = unframe(value)?;
    let open = match m.open_incident.is_empty() {
        true => None,
        false => Some(id(&m.open_incident, IncidentId::from_bytes)?),
    };
    let muted = m.muted_regions.iter().map(|r| region(r));
    let durable = Durable {
        generation: m.generation,
        incident: None,
        last_ended_at: m.last_ended_ms.map(time),
        muted_until_not_down: m.muted_until_not_down,
        muted_regions: muted.collect::<Result<_, _>>()?,
    };
    Ok((id(key, MonitorId::from_bytes)?, durable, open))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
