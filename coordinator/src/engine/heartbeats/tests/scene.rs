//! An engine with a clock set by hand, channels that keep what they are told, and stores that can
//! end as a killed process does.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use vigilmon_common::heartbeat::{
    BODIES_TOTAL_MAX, HEARD_OUT, HeartbeatDraft, HeartbeatStatus, Method, PingToken, Signal,
};
use vigilmon_common::id::{ChannelId, Epoch, MonitorId};
use vigilmon_common::incident::Incident;
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::{Channel, ChannelKind};
use vigilmon_common::notify::row::Row;
use vigilmon_common::time::Time;
use vigilmon_runtime::clock::Clock;
use vigilmon_runtime::supervisor::Supervisor;

use crate::engine::{
    self, Actor, CommandError, Handle, Hearing, Notifier, PingRefusal, Reading, Said, Waiting,
};
use crate::metrics::Metrics;
use crate::store::{
    Change, CommitNo, DataDir, Entry, Health, PendingRecord, Plain, State, StateStore, StoreError,
    Stores, memory, open,
};
use crate::token;

const MILLI: Duration = Duration::from_millis(1);
/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A heartbeat that is to be pinged every so many seconds.
pub(super) fn every(n: u64) -> HeartbeatDraft {
    HeartbeatDraft {
        every: Some(secs(n)),
        ..HeartbeatDraft::default()
    }
}

/// Both clocks, set by hand.
pub(super) struct TestClock {
    wall: AtomicI64,
    monotonic: AtomicI64,
}

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            wall: AtomicI64::new(1_780_000_000_000),
            monotonic: AtomicI64::new(0),
        })
    }

    /// Time passes.
    pub(super) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        self.wall.fetch_add(by, Ordering::SeqCst);
        self.monotonic.fetch_add(by, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock.
    pub(super) fn step(&self, by_millis: i64) {
        self.wall.fetch_add(by_millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Time {
        Time::from_millis(self.wall.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        let millis = self.monotonic.load(Ordering::SeqCst);
        Duration::from_millis(millis.unsigned_abs())
    }
}

/// Keeps what it is told to send.
#[derive(Default)]
pub(super) struct Told(Mutex<Vec<Row>>);

#[async_trait]
impl Notifier for Told {
    fn added(&self, rows: Vec<Row>) {
        self.0.lock().unwrap().extend(rows);
    }

    fn channel_changed(&self, _channel: &Channel) {}

    async fn waiting(&self, _channel: ChannelId) -> Option<Vec<Waiting>> {
        Some(Vec::new())
    }
}

/// When the state ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ends {
    /// Not yet.
    Not = 0,
    /// With the next commit of an incident, before it is on the disk.
    BeforeCommit = 1,
    /// With the next commit of an incident, right after it is on the disk.
    AfterCommit = 2,
    /// Now.
    Now = 3,
}

/// A state that can end as that of a killed process does: what comes later never happens.
pub(super) struct Mortal {
    inner: Arc<dyn StateStore>,
    ends: AtomicU8,
    clock: Arc<TestClock>,
    commit_takes: AtomicU64,
    commits: AtomicU64,
}

impl Mortal {
    pub(super) fn ends(&self, when: Ends) {
        self.ends.store(when as u8, Ordering::SeqCst);
    }

    /// How long each commit takes from now on.
    pub(super) fn commit_takes(&self, seconds: u64) {
        self.commit_takes.store(seconds, Ordering::SeqCst);
    }

    /// How many commits there were since the start.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    fn is(&self, when: Ends) -> bool {
        self.ends.load(Ordering::SeqCst) == when as u8
    }

    fn killed() -> StoreError {
        StoreError::Closed { store: "state" }
    }
}

#[async_trait]
impl StateStore for Mortal {
    async fn load(&self) -> Result<State, StoreError> {
        self.inner.load().await
    }

    async fn export(&self) -> Result<Vec<Entry>, StoreError> {
        self.inner.export().await
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<CommitNo, StoreError> {
        let is_news = changes.iter().any(|c| matches!(c, Change::PutIncident(_)));
        if self.is(Ends::Now) {
            return Err(Self::killed());
        }
        if is_news && self.is(Ends::BeforeCommit) {
            self.ends(Ends::Now);
            return Err(Self::killed());
        }
        let done = self.inner.commit(changes).await;
        self.commits.fetch_add(1, Ordering::SeqCst);
        self.clock
            .advance(secs(self.commit_takes.load(Ordering::SeqCst)));
        if is_news && self.is(Ends::AfterCommit) {
            self.ends(Ends::Now);
            return Err(Self::killed());
        }
        done
    }

    async fn pending(&self, limit: usize) -> Result<Vec<PendingRecord>, StoreError> {
        self.inner.pending(limit).await
    }

    async fn size(&self) -> Result<u64, StoreError> {
        self.inner.size().await
    }

    fn health(&self) -> &Health {
        self.inner.health()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

pub(super) struct Scene {
    pub(super) engine: Handle,
    pub(super) clock: Arc<TestClock>,
    /// What outlives the process.
    pub(super) stores: Stores,
    pub(super) state: Arc<Mortal>,
    told: Arc<Told>,
    bodies_max: u64,
    tasks: Supervisor,
}

const EPOCH: Epoch = Epoch::from_bytes([1; 16]);

/// The stores of a folder.
async fn on_disk(data: &DataDir) -> Stores {
    let opened = open(data, EPOCH, Arc::new(Plain)).await;
    opened.unwrap().stores
}

impl Scene {
    pub(super) async fn start() -> Self {
        Self::start_with(memory::stores(EPOCH), BODIES_TOTAL_MAX).await
    }

    /// Starts on the disk.
    pub(super) async fn start_on(data: &DataDir) -> Self {
        Self::start_with(on_disk(data).await, BODIES_TOTAL_MAX).await
    }

    /// Starts where all bodies together have so little room.
    pub(super) async fn start_with_room(bodies_max: u64) -> Self {
        Self::start_with(memory::stores(EPOCH), bodies_max).await
    }

    async fn start_with(stores: Stores, bodies_max: u64) -> Self {
        let lasting = (TestClock::new(), Arc::default(), bodies_max);
        Self::on(stores, lasting, Hearing::default()).await
    }

    async fn on(
        stores: Stores,
        (clock, told, bodies_max): (Arc<TestClock>, Arc<Told>, u64),
        hearing: Hearing,
    ) -> Self {
        let tasks = Supervisor::new(CancellationToken::new());
        let state = Arc::new(Mortal {
            inner: Arc::clone(&stores.state),
            ends: AtomicU8::new(Ends::Not as u8),
            clock: Arc::clone(&clock),
            commit_takes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        });
        let options = engine::Options {
            stores: Stores::new(state.clone(), Arc::clone(&stores.history)),
            clock: clock.clone(),
            notifier: told.clone(),
            metrics: Arc::new(Metrics::new()),
            owners: 1,
            public_url: "http://127.0.0.1:8440".to_owned(),
            probe_addresses: None,
            hearing,
            bodies_max,
        };
        let engine = engine::start(options, &tasks).await.unwrap();
        let scene = Self {
            engine,
            clock,
            stores,
            state,
            told,
            bodies_max,
            tasks,
        };
        scene.settle().await;
        scene
    }

    /// An orderly stop, `down`, and a start.
    pub(super) async fn again(self, down: Duration) -> Self {
        self.again_with(down, Hearing::default()).await
    }

    /// The same, and its doors are not open yet.
    pub(super) async fn again_closed(self, down: Duration) -> Self {
        self.again_with(down, Hearing::not_yet()).await
    }

    async fn again_with(self, down: Duration, hearing: Hearing) -> Self {
        let (stores, lasting) = (self.stores.clone(), self.lasting());
        self.stop().await;
        lasting.0.advance(down);
        Self::on(stores, lasting, hearing).await
    }

    /// The process is killed, or was; `down` later it starts.
    pub(super) async fn killed(self, down: Duration) -> Self {
        self.state.ends(Ends::Now);
        self.tasks.shut_down(PATIENCE).await;
        self.clock.advance(down);
        let lasting = self.lasting();
        Self::on(self.stores, lasting, Hearing::default()).await
    }

    /// The process is killed, and at once another one opens what is on the disk.
    pub(super) async fn killed_on(self, data: &DataDir) -> Self {
        self.state.ends(Ends::Now);
        self.tasks.shut_down(PATIENCE).await;
        self.stores.close().await.unwrap();
        let lasting = self.lasting();
        Self::on(on_disk(data).await, lasting, Hearing::default()).await
    }

    fn lasting(&self) -> (Arc<TestClock>, Arc<Told>, u64) {
        (self.clock.clone(), self.told.clone(), self.bodies_max)
    }

    pub(super) async fn stop(self) {
        assert!(self.tasks.shut_down(PATIENCE).await, "everything ends");
        assert!(!self.tasks.has_failed());
    }

    /// Whether a part has failed that the others cannot do without.
    pub(super) fn has_failed(&self) -> bool {
        self.tasks.has_failed()
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Lets the owner look at the clock, and carry out what is due.
    pub(super) async fn settle(&self) {
        // What follows from one look is told to others behind its answer.
        for _ in 0..2 {
            let _ = self.engine.heartbeat_views(Some(Vec::new())).await;
        }
    }

    /// A deadline is over by a millisecond, and time passes until what had knocked is heard.
    pub(super) async fn run_out(&self) {
        self.pass(MILLI).await;
        self.pass(HEARD_OUT + MILLI).await;
    }

    /// Time passes; the owner looks at it as often as deadlines want.
    pub(super) async fn pass(&self, span: Duration) {
        let mut left = span;
        while !left.is_zero() {
            let step = left.min(HEARD_OUT + MILLI);
            left -= step;
            self.clock.advance(step);
            self.settle().await;
        }
    }

    /// Waits until something holds.
    pub(super) async fn until(&self, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..1000 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{what}: it never was");
    }

    pub(super) async fn channel(&self, name: &str) -> Channel {
        let kind = ChannelKind::Email {
            to: vec!["ops@example.com".to_owned()],
        };
        let name = Name::parse(name).unwrap();
        let made = self.engine.create_channel(by(), name, kind, None).await;
        made.unwrap()
    }

    pub(super) async fn try_create(
        &self,
        name: &str,
        draft: HeartbeatDraft,
    ) -> Result<MonitorId, CommandError> {
        let draft = HeartbeatDraft {
            name: Some(name.to_owned()),
            ..draft
        };
        let made = self
            .engine
            .create_heartbeat(by(), draft, token_of(name))
            .await;
        made.map(|heartbeat| heartbeat.id)
    }

    pub(super) async fn create(&self, name: &str, draft: HeartbeatDraft) -> MonitorId {
        self.try_create(name, draft).await.unwrap()
    }

    pub(super) async fn ping(&self, id: MonitorId, signal: Signal) {
        let reading = self.engine.begin_ping(id);
        self.finish(reading, signal).await.unwrap();
    }

    pub(super) async fn finish(&self, reading: Reading, signal: Signal) -> Result<(), PingRefusal> {
        self.engine.ping(reading, said(signal)).await
    }

    pub(super) async fn status(&self, id: MonitorId) -> HeartbeatStatus {
        self.engine.heartbeat_views(Some(vec![id])).await.unwrap()[&id].status
    }

    /// Events of the rows that were made, in their order.
    pub(super) fn told(&self) -> Vec<String> {
        let told = self.told.0.lock().unwrap();
        told.iter().map(|row| row.event.clone()).collect()
    }

    pub(super) fn rows(&self) -> Vec<Row> {
        self.told.0.lock().unwrap().clone()
    }

    /// The only incident, open or closed.
    pub(super) fn only_incident(&self) -> Arc<Incident> {
        let mut all = self.engine.incidents(false);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    /// How many commits there were.
    pub(super) async fn commits(&self) -> u64 {
        self.stores.state.load().await.unwrap().commit.0
    }
}

pub(super) fn by() -> Actor {
    Actor {
        name: "tester".to_owned(),
    }
}

pub(super) fn token_of(text: &str) -> PingToken {
    PingToken {
        digest: token::digest(text),
        sealed: text.as_bytes().to_vec(),
        until: None,
    }
}

pub(super) fn said(signal: Signal) -> Said {
    Said {
        signal,
        rid: None,
        method: Method::Get,
        from: None,
        agent: "test".into(),
        body: None,
        body_size: 0,
    }
}
