//! Ordered tables on disk in fjall 3: the only file that names it.
//!
//! An LSM tree suits what only grows: it writes in order, compresses, and gives space back for
//! whole keyspaces, so each day's results have one of their own and are dropped with it. A batch
//! is atomic over all tables. Memory is bounded by the cache and by small write buffers.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fjall::config::FilterPolicy;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use vigilmon_common::time::Time;

use super::error::Cause;

const CACHE_BYTES: u64 = 16 * 1024 * 1024;
/// How much is written before the log is cut: the smallest that fjall takes. A start reads it.
const JOURNAL_BYTES: u64 = 64 * 1024 * 1024;
/// Write buffer of tables that every result or ping goes through.
const BUSY_BUFFER_BYTES: u64 = 16 * 1024 * 1024;
/// Write buffer of the others.
const QUIET_BUFFER_BYTES: u64 = 2 * 1024 * 1024;
const WORKERS: usize = 2;

/// A table.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Table {
    /// Single values.
    Meta,
    /// Groups of results by number, until they are sealed.
    Log,
    /// Audit entries.
    Audit,
    /// Deliveries.
    Deliveries,
    /// Assignment spans.
    Spans,
    /// Incidents.
    Incidents,
    /// Which incidents a monitor had.
    IncidentsOf,
    /// Events.
    Events,
    /// The last pings of heartbeats.
    Pings,
    /// Groups of pings by number, until all heartbeats are stored as of them.
    PingLog,
    /// Kept bodies of pings.
    PingBodies,
    /// Blocks of results that started on this day since the Unix epoch.
    Day(i64),
}

impl Table {
    const FIXED: [(Self, &'static str); 11] = [
        (Self::Meta, "meta"),
        (Self::Log, "log"),
        (Self::Audit, "audit"),
        (Self::Deliveries, "deliveries"),
        (Self::Spans, "spans"),
        (Self::Incidents, "incidents"),
        (Self::IncidentsOf, "incidents-of"),
        (Self::Events, "events"),
        (Self::Pings, "pings"),
        (Self::PingLog, "ping-log"),
        (Self::PingBodies, "ping-bodies"),
    ];

    fn name(self) -> String {
        match self {
            Self::Day(day) => {
                let date = Time::from_secs(day.saturating_mul(86_400)).to_rfc3339();
                format!("{DAY_PREFIX}{}", date.split('T').next().unwrap_or_default())
            }
            fixed => {
                let known = Self::FIXED.iter().find(|(table, _)| *table == fixed);
                known
                    .map(|(_, name)| (*name).to_owned())
                    .unwrap_or_default()
            }
        }
    }

    fn named(name: &str) -> Option<Self> {
        if let Some(date) = name.strip_prefix(DAY_PREFIX) {
            let midnight = Time::parse_rfc3339(&format!("{date}T00:00:00Z")).ok()?;
            return Some(Self::Day(super::history::day_of(midnight)));
        }
        let known = Self::FIXED.iter().find(|(_, known)| *known == name);
        known.map(|(table, _)| *table)
    }

    fn options(self) -> KeyspaceCreateOptions {
        let buffer = match self {
            Self::Log | Self::Day(_) | Self::Pings | Self::PingLog | Self::PingBodies => {
                BUSY_BUFFER_BYTES
            }
            _ => QUIET_BUFFER_BYTES,
        };
        // All reads are ranges, so filters for single keys would only cost.
        KeyspaceCreateOptions::default()
            .max_memtable_size(buffer)
            .filter_policy(FilterPolicy::disabled())
    }
}

const DAY_PREFIX: &str = "results-";

/// One write of a batch: a key, and its value or that it goes away.
pub(super) type Put = (Table, Vec<u8>, Option<Vec<u8>>);

/// The tables.
pub(super) struct Tables {
    db: Database,
    open: Mutex<BTreeMap<Table, Keyspace>>,
}

fn text(error: fjall::Error) -> Cause {
    match error {
        fjall::Error::Io(e) | fjall::Error::Storage(fjall::LsmError::Io(e)) => e.into(),
        fjall::Error::Storage(e) => Cause::new(format!("{e:?}")),
        other => Cause::new(format!("{other:?}")),
    }
}

impl Tables {
    /// Opens the tables in a folder, or makes them.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn open(folder: &Path) -> Result<Self, Cause> {
        let db = Database::builder(folder)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            // Tables compress what they keep; the journal is short-lived.
            .journal_compression(CompressionType::None)
            .worker_threads(WORKERS)
            .open()
            .map_err(text)?;
        let tables = Self {
            db,
            open: Mutex::default(),
        };
        for (table, _) in Table::FIXED {
            tables.table(table)?;
        }
        let names = tables.db.list_keyspace_names();
        for table in names.iter().filter_map(|name| Table::named(name)) {
            tables.table(table)?;
        }
        Ok(tables)
    }

    /// Writes all or nothing; with `is_synced` it is on the disk afterwards.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn write(&self, puts: Vec<Put>, is_synced: bool) -> Result<(), Cause> {
        let mode = if is_synced {
            PersistMode::SyncAll
        } else {
            PersistMode::Buffer
        };
        let mut batch = self.db.batch().durability(Some(mode));
        let mut last: Option<(Table, Keyspace)> = None;
        for (table, key, value) in puts {
            let keyspace = match last.take() {
                Some((of, keyspace)) if of == table => keyspace,
                _ => self.table(table)?,
            };
            match value {
                Some(value) => batch.insert(&keyspace, key, value),
                None => batch.remove(&keyspace, key),
            }
            last = Some((table, keyspace));
        }
        batch.commit().map_err(text)
    }

    /// A single value.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Cause> {
        let value = self.table(table)?.get(key).map_err(text)?;
        Ok(value.map(|v| v.to_vec()))
    }

    /// Shows keys and values from `from` up to, but not with, `to`, until told to stop.
    ///
    /// # Errors
    /// What went wrong; also what `show` says went wrong.
    pub(super) fn scan(
        &self,
        table: Table,
        (from, to): (&[u8], &[u8]),
        is_reverse: bool,
        mut show: impl FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Cause>,
    ) -> Result<(), Cause> {
        if from >= to {
            return Ok(());
        }
        let bounds = (Bound::Included(from), Bound::Excluded(to));
        let mut entries = self.table(table)?.range::<&[u8], _>(bounds);
        loop {
            let entry = match is_reverse {
                true => entries.next_back(),
                false => entries.next(),
            };
            let Some(entry) = entry else { return Ok(()) };
            let (key, value) = entry.into_inner().map_err(text)?;
            if show(&key, &value)?.is_break() {
                return Ok(());
            }
        }
    }

    /// The newest key of a table.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn last_key(&self, table: Table) -> Result<Option<Vec<u8>>, Cause> {
        let last = self.table(table)?.last_key_value();
        let key = last.map(|entry| entry.key()).transpose().map_err(text)?;
        Ok(key.map(|key| key.to_vec()))
    }

    /// The days that have a table, oldest first.
    pub(super) fn days(&self) -> Vec<i64> {
        let day = |table: &Table| match table {
            Table::Day(day) => Some(*day),
            _ => None,
        };
        self.handles().keys().filter_map(day).collect()
    }

    /// Drops a day's table; its space is free at once.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn drop_day(&self, day: i64) -> Result<(), Cause> {
        match self.handles().remove(&Table::Day(day)) {
            Some(keyspace) => self.db.delete_keyspace(keyspace).map_err(text),
            None => Ok(()),
        }
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn size(&self) -> Result<u64, Cause> {
        self.db.disk_space().map_err(text)
    }

    fn handles(&self) -> MutexGuard<'_, BTreeMap<Table, Keyspace>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn table(&self, table: Table) -> Result<Keyspace, Cause> {
        let mut open = self.handles();
        if let Some(keyspace) = open.get(&table) {
            return Ok(keyspace.clone());
        }
        let keyspace = self.db.keyspace(&table.name(), || table.options());
        let keyspace = keyspace.map_err(text)?;
        open.insert(table, keyspace.clone());
        Ok(keyspace)
    }
}
