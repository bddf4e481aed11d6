//! Reading the history: the log first, then what was sealed.

use std::collections::HashSet;
use std::ops::ControlFlow::{self, Break, Continue};

use vigilmon_common::id::{ChannelId, MonitorId};
use vigilmon_common::incident::Incident;
use vigilmon_common::time::Time;

use super::key;
use crate::store::error::Cause;
use crate::store::fjall_tables::{Table, Tables};
use crate::store::history::day_of;
use crate::store::record::{self, Invalid, Stored, results};
use crate::store::{
    AssignmentSpan, AuditEntry, Chunk, DeliveryPlace, DeliveryRecord, HistoryNo, PendingId,
    RegionResult, ResultQuery,
};

const HOUR_MILLIS: i64 = 60 * 60 * 1000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// What errors say about bytes that are no record.
pub(super) fn unreadable(what: &'static str) -> impl Fn(Invalid) -> Cause {
    move |e| Cause::new(format!("a {what} cannot be read: {}", e.0))
}

pub(super) fn replay(tables: &Tables, after: HistoryNo, limit: usize) -> Result<Vec<Chunk>, Cause> {
    let from = key::chunk(HistoryNo(after.0.saturating_add(1)));
    let mut chunks = Vec::new();
    tables.scan(Table::Log, (&from, key::END), false, |key, value| {
        if chunks.len() == limit {
            return Ok(Break(()));
        }
        let no = key::chunk_no(key).ok_or_else(|| Cause::new("a group has no number"))?;
        let head = results::Head::read(value).map_err(unreadable("group of results"))?;
        let results = results::decode(value).map_err(unreadable("group of results"))?;
        chunks.push(Chunk {
            no,
            back_filled: head.back_filled,
            results,
        });
        Ok(Continue(()))
    })?;
    Ok(chunks)
}

pub(super) fn results(tables: &Tables, query: &ResultQuery) -> Result<Vec<RegionResult>, Cause> {
    // The log before the blocks: what is sealed meanwhile is met twice rather than never.
    let mut found = logged(tables, query)?;
    let mut days = tables.days();
    days.retain(|day| (day_of(query.from)..=day_of(query.to)).contains(day));
    for day in days.into_iter().rev() {
        if sealed(tables, query, day, &mut found)?.is_break() {
            break;
        }
    }
    Ok(query.select(found))
}

fn logged(tables: &Tables, query: &ResultQuery) -> Result<Vec<RegionResult>, Cause> {
    let mut found = Vec::new();
    tables.scan(Table::Log, (&[], key::END), false, |_, value| {
        let head = results::Head::read(value).map_err(unreadable("group of results"))?;
        if head.earliest < query.to && head.latest >= query.from && head.names(query.monitor) {
            take(value, query, &mut found)?;
        }
        Ok(Continue(()))
    })?;
    Ok(found)
}

fn take(value: &[u8], query: &ResultQuery, found: &mut Vec<RegionResult>) -> Result<(), Cause> {
    let results = results::decode_where(value, |monitor| monitor == query.monitor);
    let results = results.map_err(unreadable("group of results"))?;
    found.extend(results.into_iter().filter(|r| query.takes(r)));
    Ok(())
}

/// Adds a day's results from its last hour back, until there are enough.
fn sealed(
    tables: &Tables,
    query: &ResultQuery,
    day: i64,
    found: &mut Vec<RegionResult>,
) -> Result<ControlFlow<()>, Cause> {
    let prefix = key::blocks(query.monitor);
    let range = (prefix.as_slice(), &*key::behind(&prefix));
    let mut newer = None;
    let mut verdict = Continue(());
    tables.scan(Table::Day(day), range, true, |key, value| {
        let hour = key::block_hour(key).ok_or_else(|| Cause::new("a block has no hour"))?;
        if newer.is_some_and(|newer| newer != hour) {
            // All of the hours after this one has been seen.
            let seen_from = day * DAY_MILLIS + i64::from(hour + 1) * HOUR_MILLIS;
            if has_enough(query, found, Time::from_millis(seen_from)) {
                verdict = Break(());
                return Ok(verdict);
            }
        }
        newer = Some(hour);
        take(value, query, found)?;
        Ok(Continue(()))
    })?;
    if verdict.is_continue() && has_enough(query, found, Time::from_millis(day * DAY_MILLIS)) {
        verdict = Break(());
    }
    Ok(verdict)
}

/// Whether the results from `seen_from` on, of which none is missing, are as many as wanted.
fn has_enough(query: &ResultQuery, found: &[RegionResult], seen_from: Time) -> bool {
    if found.len() < query.limit {
        return false;
    }
    let newer = found.iter().filter(|r| r.result.started >= seen_from);
    let distinct: HashSet<_> = newer.map(RegionResult::natural_key).collect();
    distinct.len() >= query.limit
}

/// Records of a table from `to` back.
fn newest_first<T: Stored>(
    tables: &Tables,
    table: Table,
    (from, to): (&[u8], &[u8]),
    limit: usize,
) -> Result<Vec<T>, Cause> {
    let mut found = Vec::new();
    tables.scan(table, (from, to), true, |_, value| {
        if found.len() == limit {
            return Ok(Break(()));
        }
        found.push(record::decode(value).map_err(unreadable(T::NAME))?);
        Ok(Continue(()))
    })?;
    Ok(found)
}

pub(super) fn incidents(
    tables: &Tables,
    monitor: Option<MonitorId>,
    before: Time,
    limit: usize,
) -> Result<Vec<Incident>, Cause> {
    let Some(monitor) = monitor else {
        let range = (&[][..], &*key::incidents(before));
        return newest_first(tables, Table::Incidents, range, limit);
    };
    let first = key::incidents_of(monitor, Time::from_millis(i64::MIN));
    let range = (&*first, &*key::incidents_of(monitor, before));
    let mut found = Vec::new();
    tables.scan(Table::IncidentsOf, range, true, |key, _| {
        if found.len() == limit {
            return Ok(Break(()));
        }
        // Behind shard and monitor stands the key of the incident itself.
        let of = key
            .get(17..)
            .ok_or_else(|| Cause::new("an incident has no key"))?;
        let value = tables.get(Table::Incidents, of)?;
        let value = value.ok_or_else(|| Cause::new("an incident of a monitor is gone"))?;
        found.push(record::decode(&value).map_err(unreadable(Incident::NAME))?);
        Ok(Continue(()))
    })?;
    Ok(found)
}

pub(super) fn audit(
    tables: &Tables,
    (at, place): (Time, PendingId),
    limit: usize,
) -> Result<Vec<AuditEntry>, Cause> {
    let range = (&[][..], &*key::audit(at, place));
    newest_first(tables, Table::Audit, range, limit)
}

pub(super) fn deliveries(
    tables: &Tables,
    channel: ChannelId,
    before: DeliveryPlace,
    limit: usize,
) -> Result<Vec<DeliveryRecord>, Cause> {
    let first = key::deliveries(channel, Time::from_millis(i64::MIN));
    let end = key::delivery(channel, before);
    let range = (&*first, &*end);
    newest_first(tables, Table::Deliveries, range, limit)
}

pub(super) fn spans(
    tables: &Tables,
    monitor: MonitorId,
    from: Time,
    to: Time,
) -> Result<Vec<AssignmentSpan>, Cause> {
    let prefix = key::spans(monitor);
    let range = (prefix.as_slice(), &*key::behind(&prefix));
    let mut found = Vec::new();
    tables.scan(Table::Spans, range, false, |_, value| {
        let span: AssignmentSpan =
            record::decode(value).map_err(unreadable(AssignmentSpan::NAME))?;
        found.extend(span.touches(from, to).then_some(span));
        Ok(Continue(()))
    })?;
    Ok(found)
}
