//! Results as records: by columns, since most of them are alike.
//!
//! A column whose values are all the same is stored as one. Appending is on the way of every
//! acknowledgement, so encoding goes once over the results and allocates by the column only.

use std::time::Duration;

use vigilmon_common::id::{AgentId, MonitorId};
use vigilmon_common::monitor::Meaning;
use vigilmon_common::name::Region;
use vigilmon_common::outcome::{Outcome, Reason};
use vigilmon_common::result::{CheckResult, Observation, Phases, Run};
use vigilmon_common::time::Time;

use super::incident::{reason, reason_message, status};
use super::{
    Invalid, frame, halves, id, millis, of_halves, pb, raw, region, required, time, unframe,
};
use crate::store::RegionResult;

/// A group of results, or a block, as bytes.
pub(in crate::store) fn encode<'a>(
    results: impl ExactSizeIterator<Item = &'a RegionResult> + Clone,
) -> Vec<u8> {
    frame(&to_columns(results))
}

/// A group that came by a Backfill, as bytes.
pub(in crate::store) fn encode_back_filled<'a>(
    results: impl ExactSizeIterator<Item = &'a RegionResult> + Clone,
) -> Vec<u8> {
    let mut columns = to_columns(results);
    columns.back_filled = true;
    frame(&columns)
}

/// The results in a group or a block.
pub(in crate::store) fn decode(bytes: &[u8]) -> Result<Vec<RegionResult>, Invalid> {
    decode_where(bytes, |_| true)
}

/// Those of the results in a group or a block whose monitor is wanted.
pub(in crate::store) fn decode_where(
    bytes: &[u8],
    is_wanted: impl Fn(MonitorId) -> bool,
) -> Result<Vec<RegionResult>, Invalid> {
    from_columns(unframe(bytes)?, is_wanted)
}

/// What a group is about, read without the rest of it.
pub(in crate::store) struct Head {
    /// The earliest start.
    pub(in crate::store) earliest: Time,
    /// The latest start.
    pub(in crate::store) latest: Time,
    /// How many results there are.
    pub(in crate::store) count: usize,
    /// Whether the group came by a Backfill.
    pub(in crate::store) back_filled: bool,
    columns: pb::ResultsHead,
}

impl Head {
    /// The head of a group.
    pub(in crate::store) fn read(bytes: &[u8]) -> Result<Self, Invalid> {
        let columns: pb::ResultsHead = unframe(bytes)?;
        Ok(Self {
            earliest: time(columns.earliest_ms),
            latest: time(columns.latest_ms),
            count: columns.count as usize,
            back_filled: columns.back_filled,
            columns,
        })
    }

    /// Whether there is a result of this monitor.
    pub(in crate::store) fn names(&self, monitor: MonitorId) -> bool {
        let (high, low) = halves(monitor);
        let (highs, lows) = (&self.columns.monitor_high, &self.columns.monitor_low);
        match (highs.as_slice(), lows.as_slice()) {
            ([one], lows) => *one == high && lows.contains(&low),
            (highs, [one]) => *one == low && highs.contains(&high),
            (highs, lows) => highs.iter().zip(lows).any(|(h, l)| *l == low && *h == high),
        }
    }
}

fn to_columns<'a>(results: impl ExactSizeIterator<Item = &'a RegionResult> + Clone) -> pb::Results {
    let starts = results.clone().map(|r| r.result.started);
    let earliest = starts.clone().min().unwrap_or(Time::EPOCH);
    let latest = starts.max().unwrap_or(Time::EPOCH);
    let mut columns = with_capacity(results.len());
    columns.count = u32::try_from(results.len()).expect("a group has less than 2^32 results");
    columns.earliest_ms = earliest.as_millis();
    columns.latest_ms = latest.as_millis();
    let mut sources: Vec<(AgentId, &Region)> = Vec::new();
    for (index, RegionResult { region, result }) in (0..).zip(results) {
        let source = (result.agent, region);
        // A group comes from few agents, mostly from one.
        let known = sources.iter().position(|s| *s == source);
        let place = known.unwrap_or_else(|| {
            sources.push(source);
            sources.len() - 1
        });
        columns
            .source
            .push(u32::try_from(place).unwrap_or(u32::MAX));
        push(&mut columns, index, result);
    }
    let source = |(agent, region): (AgentId, &Region)| pb::Source {
        agent: raw(agent.as_bytes()),
        region: region.to_string(),
    };
    columns.sources = sources.into_iter().map(source).collect();
    squeeze_all(&mut columns);
    columns
}

fn with_capacity(n: usize) -> pb::Results {
    pb::Results {
        monitor_high: Vec::with_capacity(n),
        monitor_low: Vec::with_capacity(n),
        source: Vec::with_capacity(n),
        meaning: Vec::with_capacity(n),
        started_after_ms: Vec::with_capacity(n),
        slot_before_ms: Vec::with_capacity(n),
        took_us: Vec::with_capacity(n),
        late_us: Vec::with_capacity(n),
        outcome: Vec::with_capacity(n),
        dns_us1: Vec::with_capacity(n),
        connect_us1: Vec::with_capacity(n),
        tls_us1: Vec::with_capacity(n),
        first_byte_us1: Vec::with_capacity(n),
        transfer_us1: Vec::with_capacity(n),
        ..pb::Results::default()
    }
}

fn push(columns: &mut pb::Results, index: u32, result: &CheckResult) {
    let (high, low) = halves(result.monitor);
    columns.monitor_high.push(high);
    columns.monitor_low.push(low);
    columns.meaning.push(result.meaning.0);
    let started = result.started.as_millis();
    let after = started.wrapping_sub(columns.earliest_ms);
    columns.started_after_ms.push(after.cast_unsigned());
    columns.slot_before_ms.push(match result.run {
        Run::Slot(slot) => started.wrapping_sub(slot.as_millis()),
        Run::Asked { nonce, n } => {
            columns.asked.push(pb::Asked { index, nonce, n });
            0
        }
    });
    columns.took_us.push(micros(result.took));
    columns.late_us.push(micros(result.lateness));
    columns.outcome.push(match result.outcome {
        Outcome::Up => 0,
        Outcome::Degraded(_) => 1,
        Outcome::Down(_) => 2,
        Outcome::Inconclusive(_) => 3,
    });
    let phases = &result.phases;
    columns.dns_us1.push(phase(phases.dns));
    columns.connect_us1.push(phase(phases.connect));
    columns.tls_us1.push(phase(phases.tls));
    columns.first_byte_us1.push(phase(phases.first_byte));
    columns.transfer_us1.push(phase(phases.transfer));
    let reason = result.outcome.reason().map(reason_message);
    let observation = result.observation.as_deref().map(observation_message);
    if reason.is_some() || observation.is_some() {
        columns.details.push(pb::Detail {
            index,
            reason,
            observation,
        });
    }
}

fn squeeze_all(columns: &mut pb::Results) {
    fn squeeze<T: Copy + PartialEq>(column: &mut Vec<T>) {
        if let Some((first, rest)) = column.split_first()
            && rest.iter().all(|value| value == first)
        {
            column.truncate(1);
        }
    }
    squeeze(&mut columns.monitor_high);
    squeeze(&mut columns.monitor_low);
    squeeze(&mut columns.source);
    squeeze(&mut columns.meaning);
    squeeze(&mut columns.started_after_ms);
    squeeze(&mut columns.slot_before_ms);
    squeeze(&mut columns.took_us);
    squeeze(&mut columns.late_us);
    squeeze(&mut columns.outcome);
    squeeze(&mut columns.dns_us1);
    squeeze(&mut columns.connect_us1);
    squeeze(&mut columns.tls_us1);
    squeeze(&mut columns.first_byte_us1);
    squeeze(&mut columns.transfer_us1);
}

/// A column as read back: a value for each result, or one for all.
struct Column<'a, T>(&'a [T]);

impl<'a, T: Copy> Column<'a, T> {
    fn new(values: &'a [T], count: usize) -> Result<Self, Invalid> {
        if values.len() == count || values.len() == 1 {
            Ok(Self(values))
        } else {
            let len = values.len();
            Err(Invalid(format!(
                "a column of {count} results has {len} values"
            )))
        }
    }

    fn at(&self, index: usize) -> T {
        match self.0 {
            [one] => *one,
            all => all[index],
        }
    }
}

fn from_columns(
    mut m: pb::Results,
    is_wanted: impl Fn(MonitorId) -> bool,
) -> Result<Vec<RegionResult>, Invalid> {
    let count = m.count as usize;
    if count == 0 {
        return Ok(Vec::new());
    }
    let sources = sources(&m.sources)?;
    let mut details = std::mem::take(&mut m.details).into_iter().peekable();
    let mut asked = std::mem::take(&mut m.asked).into_iter().peekable();
    let rows = Rows::new(&m, count)?;
    let mut results = Vec::new();
    for (number, index) in (0..m.count).zip(0..count) {
        let detail = details.next_if(|d| d.index == number);
        let asked = asked.next_if(|a| a.index == number);
        let monitor = rows.monitor(index);
        if !is_wanted(monitor) {
            continue;
        }
        let (agent, region) = sources
            .get(rows.source.at(index) as usize)
            .ok_or_else(|| Invalid::new("a result has no source"))?;
        let result = rows.result(index, monitor, *agent, asked, detail)?;
        let region = region.clone();
        results.push(RegionResult { region, result });
    }
    Ok(results)
}

fn sources(messages: &[pb::Source]) -> Result<Vec<(AgentId, Region)>, Invalid> {
    let source = |s: &pb::Source| Ok((id(&s.agent, AgentId::from_bytes)?, region(&s.region)?));
    messages.iter().map(source).collect()
}

/// The columns of a message, each of the right length.
struct Rows<'a> {
    earliest_ms: i64,
    monitor_high: Column<'a, u64>,
    monitor_low: Column<'a, u64>,
    source: Column<'a, u32>,
    meaning: Column<'a, u64>,
    started_after: Column<'a, u64>,
    slot_before: Column<'a, i64>,
    took: Column<'a, u64>,
    late: Column<'a, u64>,
    outcome: Column<'a, u32>,
    phases: [Column<'a, u64>; 5],
}

impl<'a> Rows<'a> {
    fn new(m: &'a pb::Results, count: usize) -> Result<Self, Invalid> {
        Ok(Self {
            earliest_ms: m.earliest_ms,
            monitor_high: Column::new(&m.monitor_high, count)?,
            monitor_low: Column::new(&m.monitor_low, count)?,
            source: Column::new(&m.source, count)?,
            meaning: Column::new(&m.meaning, count)?,
            started_after: Column::new(&m.started_after_ms, count)?,
            slot_before: Column::new(&m.slot_before_ms, count)?,
            took: Column::new(&m.took_us, count)?,
            late: Column::new(&m.late_us, count)?,
            outcome: Column::new(&m.outcome, count)?,
            phases: [
                Column::new(&m.dns_us1, count)?,
                Column::new(&m.connect_us1, count)?,
                Column::new(&m.tls_us1, count)?,
                Column::new(&m.first_byte_us1, count)?,
                Column::new(&m.transfer_us1, count)?,
            ],
        })
    }

    fn monitor(&self, index: usize) -> MonitorId {
        of_halves(self.monitor_high.at(index), self.monitor_low.at(index))
    }

    fn result(
        &self,
        index: usize,
        monitor: MonitorId,
        agent: AgentId,
        asked: Option<pb::Asked>,
        detail: Option<pb::Detail>,
    ) -> Result<CheckResult, Invalid> {
        let after = self.started_after.at(index).cast_signed();
        let started = self.earliest_ms.wrapping_add(after);
        let slot = started.wrapping_sub(self.slot_before.at(index));
        let [dns, connect, tls, first_byte, transfer] =
            std::array::from_fn(|i| self.phases[i].at(index).checked_sub(1)).map(span);
        let detail = detail.unwrap_or_default();
        let observed = detail.observation.map(observation).transpose()?;
        Ok(CheckResult {
            monitor,
            agent,
            run: match asked {
                Some(pb::Asked { nonce, n, .. }) => Run::Asked { nonce, n },
                None => Run::Slot(time(slot)),
            },
            meaning: Meaning(self.meaning.at(index)),
            started: time(started),
            took: Duration::from_micros(self.took.at(index)),
            lateness: Duration::from_micros(self.late.at(index)),
            outcome: outcome(self.outcome.at(index), detail.reason)?,
            phases: Phases {
                dns,
                connect,
                tls,
                first_byte,
                transfer,
            },
            observation: observed.map(Box::new),
        })
    }
}

fn outcome(code: u32, because: Option<pb::Reason>) -> Result<Outcome, Invalid> {
    let because = || -> Result<Reason, Invalid> { reason(required(because, "reason")?) };
    match code {
        0 => Ok(Outcome::Up),
        1 => Ok(Outcome::Degraded(because()?)),
        2 => Ok(Outcome::Down(because()?)),
        3 => Ok(Outcome::Inconclusive(because()?)),
        _ => Err(Invalid(format!("{code} is no outcome"))),
    }
}

fn observation_message(o: &Observation) -> pb::Observation {
    pb::Observation {
        status_code: o.status_code.map(u32::from),
        address: o.address.clone(),
        body_excerpt: o.body_excerpt.clone(),
        assertions: o.assertions.clone(),
        redirects: o.redirects.clone(),
        certificate_not_after_ms: millis(o.certificate_not_after),
        hint: o.hint.clone(),
    }
}

fn observation(m: pb::Observation) -> Result<Observation, Invalid> {
    Ok(Observation {
        status_code: m.status_code.map(status).transpose()?,
        address: m.address,
        body_excerpt: m.body_excerpt,
        assertions: m.assertions,
        redirects: m.redirects,
        certificate_not_after: m.certificate_not_after_ms.map(time),
        hint: m.hint,
    })
}

/// Whole microseconds: as fine as agents report.
fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

fn phase(span: Option<Duration>) -> u64 {
    span.map_or(0, |span| micros(span).saturating_add(1))
}

fn span(micros: Option<u64>) -> Option<Duration> {
    micros.map(Duration::from_micros)
}
