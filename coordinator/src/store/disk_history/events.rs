//! Events on disk: by their cursors, until they are old.

use std::ops::ControlFlow::{Break, Continue};

use vigilmon_common::time::Time;

use super::key;
use super::read::unreadable;
use crate::store::error::Cause;
use crate::store::fjall_tables::{Put, Table, Tables};
use crate::store::record::{self, Stored};
use crate::store::{EventRecord, PendingId};

/// The cursor of the newest event that was dropped.
const DROPPED: &[u8] = b"events-dropped";
/// Most events that are dropped at once.
const DROP_MAX: usize = 1000;

/// Events behind a cursor, oldest first.
pub(super) fn after(
    tables: &Tables,
    after: PendingId,
    limit: usize,
) -> Result<Vec<EventRecord>, Cause> {
    let mut from = key::event(after);
    from.push(0);
    let mut found = Vec::new();
    tables.scan(Table::Events, (&from, key::END), false, |_, value| {
        if found.len() == limit {
            return Ok(Break(()));
        }
        found.push(read(value)?);
        Ok(Continue(()))
    })?;
    Ok(found)
}

/// Up to which cursor events were dropped.
pub(super) fn dropped(tables: &Tables) -> Result<PendingId, Cause> {
    match tables.get(Table::Meta, DROPPED)? {
        Some(value) => Ok(read(&value)?.cursor),
        None => Ok(PendingId::START),
    }
}

/// Drops the events of before a time; one that is younger ends it.
pub(super) fn drop_before(tables: &Tables, time: Time) -> Result<(), Cause> {
    loop {
        let mut puts: Vec<Put> = Vec::new();
        let mut newest = None;
        tables.scan(Table::Events, (&[], key::END), false, |key, value| {
            if puts.len() == DROP_MAX || read(value)?.at >= time {
                return Ok(Break(()));
            }
            puts.push((Table::Events, key.to_vec(), None));
            newest = Some(value.to_vec());
            Ok(Continue(()))
        })?;
        let Some(newest) = newest else { return Ok(()) };
        puts.push((Table::Meta, DROPPED.to_vec(), Some(newest)));
        tables.write(puts, true)?;
    }
}

fn read(value: &[u8]) -> Result<EventRecord, Cause> {
    record::decode(value).map_err(unreadable(EventRecord::NAME))
}
