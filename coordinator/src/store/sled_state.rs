//! The state in sled 0.34: the only file that names it.
//!
//! # Rules of its use, each with its reason
//! - One thread owns the database, everything is in one tree, a group of commits is one batch:
//!   sled's batches are atomic within a tree only.
//! - Its `flush` is `sync_file_range` on Linux, which is no `fsync`: the log file is synced by a
//!   handle of our own before anything is acknowledged.
//! - Values stay below 32 KiB, for larger ones go to files that this sync would miss; a larger
//!   record is written in parts, in the same batch.
//! - `open` may panic on a damaged file; so may anything after it. Both are errors here.
//! - The cache is bounded explicitly, for its default is 1 GiB.
//!
//! No transactions, merge operators, `len` or compression: they deadlock, are slow, or clash.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use vigilmon_common::id::Epoch;
use vigilmon_runtime::fault;

use super::error::Cause;
use super::owner::{Engine, Failure, Owner, Reply, caught};
use super::record::Seal;
use super::record::state::{
    Write, Writes, commit_key, first_write, is_pending, pending, pending_prefix, read, read_number,
};
use super::{Change, CommitNo, Entry, Health, PendingRecord, State, StateStore, StoreError};

const CACHE_BYTES: u64 = 64 * 1024 * 1024;
const FLUSH_EVERY_MS: u64 = 200;
/// Largest stored value. With its key and sled's own bytes it stays well below 32 KiB.
const VALUE_MAX: usize = 16 * 1024;
/// What keys of further parts begin with; no shard has this number.
const PARTS: u8 = 0xff;

/// The state in sled.
pub struct SledState {
    owner: Owner<Sled>,
    seal: Arc<dyn Seal>,
    syncs: Arc<AtomicU64>,
    committed: Arc<AtomicU64>,
}

type Entries = Vec<Entry>;

enum Request {
    Load(Reply<Entries>),
    /// The writes are taken when they are made.
    Commit(Option<Writes>, Reply<CommitNo>),
    Pending(usize, Reply<Vec<PendingRecord>>),
    Size(Reply<u64>),
}

/// The database in the hands of its owner thread.
struct Sled {
    db: sled::Db,
    /// The file that all is logged to, to sync it.
    log: File,
    syncs: Arc<AtomicU64>,
    commit: CommitNo,
    /// The newest commit, for whoever asks.
    committed: Arc<AtomicU64>,
    /// How many further parts the records have that do not fit one value.
    parts: HashMap<Vec<u8>, u16>,
}

impl SledState {
    /// Makes an empty store.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn create(folder: &Path, epoch: Epoch) -> Result<(), Cause> {
        Self::create_of(folder, vec![first_write(epoch)])
    }

    /// Makes a store of what another one held.
    ///
    /// # Errors
    /// What went wrong.
    pub(super) fn create_of(folder: &Path, writes: Vec<Write>) -> Result<(), Cause> {
        let mut sled = Sled::open(folder)?;
        sled.write(writes)?;
        sled.close()
    }

    /// Opens a store that was made before.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn open(folder: &Path, seal: Arc<dyn Seal>) -> Result<Self, Cause> {
        if !folder.join(LOG).exists() {
            return Err(Cause::new(format!("its file `{LOG}` is gone")));
        }
        let sled = caught(|| Sled::open(folder))?;
        if sled
            .get(&first_write(Epoch::from_bytes([0; 16])).0)?
            .is_none()
        {
            return Err(Cause::new("it has lost its records"));
        }
        let syncs = Arc::clone(&sled.syncs);
        let committed = Arc::clone(&sled.committed);
        let failure = Failure::of("state", folder);
        let owner = Owner::start("state-store", sled, failure)?;
        Ok(Self {
            owner,
            seal,
            syncs,
            committed,
        })
    }

    /// The newest acknowledged commit, as it grows.
    pub(super) fn committed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.committed)
    }

    /// How often the log file was synced.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Acquire)
    }
}

#[async_trait]
impl StateStore for SledState {
    async fn load(&self) -> Result<State, StoreError> {
        let entries = self.owner.ask(Request::Load).await?;
        let seal = Arc::clone(&self.seal);
        let read = move || read(entries.into_iter(), &*seal);
        let state = tokio::task::spawn_blocking(read).await;
        let state = state.map_err(|e| self.owner.failure().note(e))??;
        state.ok_or_else(|| self.owner.failure().note("it has lost its records"))
    }

    async fn export(&self) -> Result<Vec<Entry>, StoreError> {
        let mut entries = self.owner.ask(Request::Load).await?;
        entries.retain(|(key, _)| !is_pending(key));
        Ok(entries)
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<CommitNo, StoreError> {
        let writes = Writes::of(changes, &*self.seal);
        self.owner
            .ask(|reply| Request::Commit(Some(writes), reply))
            .await
    }

    async fn pending(&self, limit: usize) -> Result<Vec<PendingRecord>, StoreError> {
        self.owner.ask(|reply| Request::Pending(limit, reply)).await
    }

    async fn size(&self) -> Result<u64, StoreError> {
        self.owner.ask(Request::Size).await
    }

    fn health(&self) -> &Health {
        self.owner.failure().health()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.owner.close().await
    }
}

impl Engine for Sled {
    type Request = Request;

    fn serve(&mut self, group: &mut [Request]) -> Result<(), Cause> {
        self.commit_all(group)?;
        for request in group {
            match request {
                Request::Commit(..) => {}
                Request::Load(reply) => reply.answer(Ok(self.entries()?)),
                Request::Pending(limit, reply) => reply.answer(self.pending(*limit)?),
                Request::Size(reply) => {
                    let size = self.db.size_on_disk().map_err(cause)?;
                    reply.answer(Ok(size));
                }
            }
        }
        Ok(())
    }

    fn refuse(request: &mut Request, error: StoreError) {
        match request {
            Request::Load(reply) => reply.answer(Err(error)),
            Request::Commit(_, reply) => reply.answer(Err(error)),
            Request::Pending(_, reply) => reply.answer(Err(error)),
            Request::Size(reply) => reply.answer(Err(error)),
        }
    }

    fn close(&mut self) -> Result<(), Cause> {
        self.sync()
    }
}

/// The name that sled gives its log file.
const LOG: &str = "db";
/// How often an open is tried while sled's own threads let a former handle go, and how long
/// between. Other processes are kept out by the data folder's lock, so it is one of ours.
const OPEN_TRIES: u32 = 100;
const OPEN_PAUSE: Duration = Duration::from_millis(50);

/// Opens, and waits for a former handle of this process that is still being closed: sled lets go
/// of its lock on a thread of its own, some time after the last handle is dropped.
fn open_unlocked(config: &sled::Config) -> sled::Result<sled::Db> {
    for _ in 1..OPEN_TRIES {
        match config.open() {
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::sleep(OPEN_PAUSE);
            }
            other => return other,
        }
    }
    config.open()
}

impl Sled {
    fn open(folder: &Path) -> Result<Self, Cause> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(Some(FLUSH_EVERY_MS))
            .print_profile_on_drop(false);
        let db = open_unlocked(&config).map_err(cause)?;
        let log = File::open(folder.join(LOG))?;
        let mut sled = Self {
            db,
            log,
            syncs: Arc::default(),
            commit: CommitNo::default(),
            committed: Arc::default(),
            parts: HashMap::new(),
        };
        if let Some(commit) = sled.get(&commit_key())? {
            sled.commit = CommitNo(read_number(&commit).map_err(Cause::new)?);
            sled.committed.store(sled.commit.0, Ordering::Release);
        }
        for key in sled.db.scan_prefix([PARTS]).keys() {
            let key = key.map_err(cause)?;
            if let Some(record) = key.get(1..key.len().saturating_sub(2)) {
                *sled.parts.entry(record.to_vec()).or_default() += 1;
            }
        }
        Ok(sled)
    }

    /// Commits all that the group wants committed, at once, and answers those requests.
    fn commit_all(&mut self, group: &mut [Request]) -> Result<(), Cause> {
        let mut writes = Vec::new();
        let mut last = self.commit;
        for request in group.iter_mut() {
            if let Request::Commit(own, _) = request {
                last = CommitNo(last.0 + 1);
                writes.extend(own.take().into_iter().flat_map(|own| own.numbered(last)));
            }
        }
        if last == self.commit {
            return Ok(());
        }
        fault::point("state-before-commit");
        self.write(writes)?;
        self.committed.store(last.0, Ordering::Release);
        fault::point("state-after-commit");
        for request in group {
            if let Request::Commit(_, reply) = request {
                self.commit = CommitNo(self.commit.0 + 1);
                reply.answer(Ok(self.commit));
            }
        }
        Ok(())
    }

    fn write(&mut self, writes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), Cause> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            self.put(&mut batch, key, value.as_deref());
        }
        self.db.apply_batch(batch).map_err(cause)?;
        self.sync()
    }

    /// Puts a record into the batch, in parts where it does not fit one value: the first begins
    /// with the number of the others.
    fn put(&mut self, batch: &mut sled::Batch, key: Vec<u8>, value: Option<&[u8]>) {
        let had = self.parts.remove(&key).unwrap_or(0);
        let Some(value) = value else {
            (0..had).for_each(|n| batch.remove(part_key(&key, n)));
            batch.remove(key);
            return;
        };
        let mut chunks = value.chunks(VALUE_MAX);
        let first = chunks.next().unwrap_or_default();
        let mut has = 0_u16;
        for part in chunks {
            batch.insert(part_key(&key, has), part);
            has += 1;
        }
        (has..had).for_each(|n| batch.remove(part_key(&key, n)));
        let mut head = has.to_be_bytes().to_vec();
        head.extend(first);
        if has > 0 {
            self.parts.insert(key.clone(), has);
        }
        batch.insert(key, head);
    }

    /// Makes all that was written last.
    fn sync(&self) -> Result<(), Cause> {
        self.db.flush().map_err(cause)?;
        self.log.sync_data()?;
        self.syncs.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Cause> {
        let head = self.db.get(key).map_err(cause)?;
        head.map(|head| self.join(key, &head)).transpose()
    }

    /// A record from its first part.
    fn join(&self, key: &[u8], head: &[u8]) -> Result<Vec<u8>, Cause> {
        let cut = || Cause::new("a record lacks a part");
        let (count, first) = head.split_first_chunk::<2>().ok_or_else(cut)?;
        let mut value = first.to_vec();
        for n in 0..u16::from_be_bytes(*count) {
            let part = self.db.get(part_key(key, n)).map_err(cause)?;
            value.extend_from_slice(&part.ok_or_else(cut)?);
        }
        Ok(value)
    }

    fn entries(&self) -> Result<Entries, Cause> {
        let mut entries = Vec::new();
        for entry in self.db.range(..[PARTS]) {
            let (key, head) = entry.map_err(cause)?;
            entries.push((key.to_vec(), self.join(&key, &head)?));
        }
        Ok(entries)
    }

    fn pending(&self, limit: usize) -> Result<Result<Vec<PendingRecord>, StoreError>, Cause> {
        let mut records = Vec::new();
        for entry in self.db.scan_prefix(pending_prefix()).take(limit) {
            let (key, head) = entry.map_err(cause)?;
            match pending(&key, &self.join(&key, &head)?) {
                Ok((id, record)) => records.push(PendingRecord { id, record }),
                Err(unreadable) => return Ok(Err(unreadable)),
            }
        }
        Ok(Ok(records))
    }
}

fn part_key(key: &[u8], n: u16) -> Vec<u8> {
    let mut part = Vec::with_capacity(key.len() + 3);
    part.push(PARTS);
    part.extend(key);
    part.extend(n.to_be_bytes());
    part
}

fn cause(error: sled::Error) -> Cause {
    match error {
        sled::Error::Io(error) => error.into(),
        other => Cause::new(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Plain;

    #[test]
    fn a_group_of_commits_costs_one_sync() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("state");
        SledState::create(&folder, Epoch::from_bytes([1; 16])).unwrap();
        let mut sled = Sled::open(&folder).unwrap();
        for expected in 1..=3 {
            let commit = |n| {
                let changes = vec![Change::SetRevision(n)];
                Request::Commit(Some(Writes::of(changes, &Plain)), Reply::unheard())
            };
            let mut group: Vec<_> = (0..100).map(commit).collect();
            sled.serve(&mut group).unwrap();
            assert_eq!(sled.syncs.load(Ordering::Acquire), expected);
            assert_eq!(sled.commit, CommitNo(expected * 100));
        }
        sled.serve(&mut [Request::Size(Reply::unheard())]).unwrap();
        assert_eq!(sled.syncs.load(Ordering::Acquire), 3, "reading needs none");
    }
}
