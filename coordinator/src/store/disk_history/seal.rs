//! Sealing: groups of results become blocks of one monitor, hour and agent.
//!
//! A pass takes groups from the oldest on, sorts them in parts that fit the memory, writes a block
//! for each monitor, hour and agent, and last takes the groups out of the log. Stopped in between
//! it has only written blocks that the next pass, which begins with the same group, writes again.

use std::ops::ControlFlow::{Break, Continue};

use vigilmon_common::time::Time;

use super::read::unreadable;
use super::{SEALED, key};
use crate::store::error::Cause;
use crate::store::fjall_tables::{Put, Table, Tables};
use crate::store::history::day_of;
use crate::store::record::results;
use crate::store::{HistoryNo, RegionResult, SEAL_AGE};

/// Most results of one pass.
const PASS_MAX: usize = 1_000_000;
/// About how many results are in memory at once.
const PART_MAX: usize = 100_000;

const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// The number up to which groups were sealed.
pub(super) fn sealed(tables: &Tables) -> Result<HistoryNo, Cause> {
    let value = tables.get(Table::Meta, SEALED)?;
    Ok(value.and_then(|no| key::chunk_no(&no)).unwrap_or_default())
}

/// Seals groups up to `applied` whose results are old enough; returns how many results.
pub(super) fn seal(tables: &Tables, applied: HistoryNo, now: Time) -> Result<usize, Cause> {
    let mut taken = 0;
    loop {
        let first = HistoryNo(sealed(tables)?.0 + 1);
        let pass = choose(tables, first, applied, now)?;
        let Some(last) = pass.last else {
            return Ok(taken);
        };
        let parts = pass.results.div_ceil(PART_MAX).clamp(1, 256);
        for part in 0..parts {
            write_blocks(tables, read_part(tables, first, last, part, parts)?, first)?;
        }
        let mut puts: Vec<Put> = Vec::with_capacity(pass.groups.len() + 1);
        puts.extend(pass.groups.into_iter().map(|key| (Table::Log, key, None)));
        puts.push((Table::Meta, SEALED.to_vec(), Some(key::chunk(last))));
        tables.write(puts, false)?;
        taken += pass.results;
    }
}

/// The groups of one pass.
#[derive(Default)]
struct Pass {
    groups: Vec<Vec<u8>>,
    last: Option<HistoryNo>,
    results: usize,
}

fn choose(tables: &Tables, first: HistoryNo, applied: HistoryNo, now: Time) -> Result<Pass, Cause> {
    let mut pass = Pass::default();
    let range = (
        &*key::chunk(first),
        &*key::chunk(HistoryNo(applied.0.saturating_add(1))),
    );
    tables.scan(Table::Log, range, false, |key, value| {
        let head = results::Head::read(value).map_err(unreadable("group of results"))?;
        if head.latest + SEAL_AGE > now || pass.results >= PASS_MAX {
            return Ok(Break(()));
        }
        pass.last = key::chunk_no(key);
        pass.groups.push(key.to_vec());
        pass.results += head.count;
        Ok(Continue(()))
    })?;
    Ok(pass)
}

/// The results of those monitors that belong to a part.
fn read_part(
    tables: &Tables,
    first: HistoryNo,
    last: HistoryNo,
    part: usize,
    parts: usize,
) -> Result<Vec<RegionResult>, Cause> {
    let mut all = Vec::new();
    let range = (
        &*key::chunk(first),
        &*key::chunk(HistoryNo(last.0.saturating_add(1))),
    );
    tables.scan(Table::Log, range, false, |_, value| {
        let own = results::decode_where(value, |monitor| {
            // The last byte of an id is random.
            usize::from(monitor.as_bytes()[15]) % parts == part
        });
        all.extend(own.map_err(unreadable("group of results"))?);
        Ok(Continue(()))
    })?;
    Ok(all)
}

fn write_blocks(
    tables: &Tables,
    mut all: Vec<RegionResult>,
    first: HistoryNo,
) -> Result<(), Cause> {
    let hour = |r: &RegionResult| r.result.started.as_millis().div_euclid(HOUR_MILLIS);
    let block = |r: &RegionResult| (hour(r), r.result.monitor, r.result.agent);
    all.sort_by_key(|r| (block(r), r.result.run, r.result.started));
    all.dedup_by_key(|r| r.natural_key());
    let mut puts: Vec<Put> = Vec::new();
    for same in all.chunk_by(|a, b| block(a) == block(b)) {
        let (hour, monitor, agent) = block(&same[0]);
        let of_day = u8::try_from(hour.rem_euclid(24)).unwrap_or(0);
        let day = Table::Day(day_of(same[0].result.started));
        let key = key::block(monitor, of_day, agent, first);
        puts.push((day, key, Some(results::encode(same.iter()))));
    }
    tables.write(puts, false)
}
