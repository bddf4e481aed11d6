use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use vigilmon_common::address::AddressPolicy;
use vigilmon_common::id::Epoch;
use vigilmon_common::notify::channel::ChannelKind;
use vigilmon_common::notify::row::RowState;
use vigilmon_runtime::clock::SystemClock;

use super::*;
use crate::notify::inbox::Inbox;
use crate::notify::mailbox::{Sender, channel};
use crate::notify::outbox::StoredOutbox;
use crate::notify::testkit::{self, Planned, Receiver, channel_id, key, row, wait_for};
use crate::store::{self, Change, DeliveryPlace, DeliveryResult, Stores};

/// Channels in memory, and what was reported of them.
#[derive(Default)]
struct Known {
    channels: Mutex<BTreeMap<ChannelId, Channel>>,
    reports: Mutex<Vec<String>>,
    next: AtomicU64,
}

#[async_trait]
impl Channels for Known {
    fn channel(&self, id: ChannelId) -> Option<Channel> {
        self.channels.lock().unwrap().get(&id).cloned()
    }

    fn next_row(&self) -> u64 {
        1_000 + self.next.fetch_add(1, Ordering::Relaxed)
    }

    async fn disable(&self, id: ChannelId, why: String) {
        if let Some(channel) = self.channels.lock().unwrap().get_mut(&id) {
            channel.disabled = Some(why);
        }
        self.reports.lock().unwrap().push("disable".to_owned());
    }

    async fn failing(&self, _: ChannelId, how: Option<String>) {
        self.reports.lock().unwrap().push(how.unwrap_or_default());
    }

    async fn step_due(&self, row: Row) {
        let name = format!("step {}", row.id);
        self.reports.lock().unwrap().push(name);
    }
}

/// A worker over a memory store.
struct Bench {
    stores: Stores,
    known: Arc<Known>,
    inbox: Inbox,
    sender: Sender,
    stop: CancellationToken,
    running: JoinSet<anyhow::Result<()>>,
}

impl Bench {
    async fn start(channels: Vec<Channel>, rows: Vec<Row>) -> Self {
        vigilmon_runtime::tls::install_provider();
        let stores = store::memory::stores(Epoch::from_bytes([1; 16]));
        let known = Arc::new(Known::default());
        known
            .channels
            .lock()
            .unwrap()
            .extend(channels.into_iter().map(|c| (c.id, c)));
        put(&stores, &rows).await;
        let mut bench = Self {
            stores,
            known,
            inbox: Inbox::default(),
            sender: channel().0,
            stop: CancellationToken::new(),
            running: JoinSet::new(),
        };
        bench.run();
        bench
    }

    /// Starts a worker on what is stored.
    fn run(&mut self) {
        let senders =
            Senders::new(key(), AddressPolicy::local(), None, self.inbox.clone()).unwrap();
        let known: Arc<Known> = Arc::clone(&self.known);
        let worker = Worker::new(Options {
            outbox: Arc::new(StoredOutbox::new(Arc::clone(&self.stores.state))),
            channels: known,
            senders,
            clock: SystemClock::shared(),
            metrics: Arc::new(Metrics::new()),
        });
        let (sender, mailbox) = channel();
        self.sender = sender;
        self.stop = CancellationToken::new();
        self.running.spawn(worker.run(mailbox, self.stop.clone()));
    }

    async fn add(&self, rows: Vec<Row>) {
        put(&self.stores, &rows).await;
        self.sender.added(rows);
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap().unwrap();
        }
    }

    /// What the delivery log says of a channel once its outbox is empty, oldest first.
    async fn log(&self, channel: u8) -> Vec<DeliveryRecord> {
        loop {
            let rows = self.stores.state.load().await.unwrap().rows;
            if rows.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.stores.settle().await.unwrap();
        let history = &self.stores.history;
        let records = history.deliveries(channel_id(channel), DeliveryPlace::END, 100);
        let mut records = records.await.unwrap();
        records.sort_by_key(|record| (record.at, record.row));
        records
    }

    fn reports(&self) -> Vec<String> {
        self.known.reports.lock().unwrap().clone()
    }
}

async fn put(stores: &Stores, rows: &[Row]) {
    let put = |row: &Row| Change::PutRow(Box::new(row.clone()));
    stores
        .state
        .commit(rows.iter().map(put).collect())
        .await
        .unwrap();
}

fn results(log: &[DeliveryRecord]) -> Vec<DeliveryResult> {
    log.iter().map(|record| record.result).collect()
}

#[tokio::test]
async fn a_committed_row_is_delivered_and_leaves_the_outbox() {
    let receiver = Receiver::start().await;
    let channel = testkit::webhook_channel(1, &receiver.url());
    let bench = Bench::start(vec![channel], Vec::new()).await;
    bench.add(vec![row(1, 1)]).await;
    let log = bench.log(1).await;
    assert_eq!(results(&log), [DeliveryResult::Sent]);
    assert_eq!(
        (log[0].attempt, log[0].detail.as_str()),
        (1, "204 No Content")
    );
    let got = receiver.received();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].body, row(1, 1).body);
}

#[tokio::test]
async fn rows_of_before_the_start_are_delivered() {
    let receiver = Receiver::start().await;
    let channel = testkit::webhook_channel(1, &receiver.url());
    let bench = Bench::start(vec![channel], vec![row(1, 1), row(2, 1)]).await;
    assert_eq!(bench.log(1).await.len(), 2);
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_failed_attempt_is_recorded_and_made_again_with_the_same_key_and_body() {
    let receiver = Receiver::start().await;
    receiver.plan([Planned::status(503)]);
    let channel = testkit::webhook_channel(1, &receiver.url());
    let bench = Bench::start(vec![channel.clone()], vec![row(1, 1)]).await;
    wait_for("the first attempt", || {
        (!receiver.received().is_empty()).then_some(())
    })
    .await;
    let log = bench.log(1).await;
    assert_eq!(
        results(&log),
        [DeliveryResult::Failed, DeliveryResult::Sent]
    );
    let got = receiver.received();
    assert_eq!(got[0].headers["webhook-id"], got[1].headers["webhook-id"]);
    assert_eq!(got[0].body, got[1].body);
    assert_eq!(bench.reports(), [""], "it works, told once");
}

#[tokio::test]
async fn a_stop_lets_the_attempt_under_way_end_and_nothing_is_sent_twice() {
    let receiver = Receiver::start().await;
    receiver.plan([Planned {
        after: Duration::from_millis(50),
        ..Planned::status(204)
    }]);
    let channel = testkit::webhook_channel(1, &receiver.url());
    let mut bench = Bench::start(vec![channel], vec![row(1, 1)]).await;
    wait_for("the attempt", || {
        (!receiver.received().is_empty()).then_some(())
    })
    .await;
    bench.stop().await;
    bench.run();
    bench.add(vec![row(2, 1)]).await;
    assert_eq!(bench.log(1).await.len(), 2);
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_only_its_own_messages() {
    let (slow, fast) = (Receiver::start().await, Receiver::start().await);
    let hang = Planned {
        after: Duration::from_secs(60),
        ..Planned::status(204)
    };
    slow.plan((0..20).map(|_| hang.clone()));
    let channels = vec![
        testkit::webhook_channel(1, &slow.url()),
        testkit::webhook_channel(2, &fast.url()),
    ];
    let bench = Bench::start(channels, (1..=20).map(|id| row(id, 1)).collect()).await;
    wait_for("hanging attempts", || {
        (slow.received().len() >= 8).then_some(())
    })
    .await;
    bench.add(vec![row(21, 2)]).await;
    wait_for("the message", || {
        (!fast.received().is_empty()).then_some(())
    })
    .await;
    let waiting = bench.sender.waiting(channel_id(1)).await.unwrap();
    let hanging = waiting.iter().filter(|row| row.in_flight).count();
    assert_eq!(hanging, Limits::default().per_channel);
}

#[tokio::test]
async fn a_receiver_that_is_gone_switches_its_channel_off_and_the_fallback_hears() {
    let receiver = Receiver::start().await;
    receiver.plan([Planned::status(410)]);
    let channels = vec![
        testkit::webhook_channel(1, &receiver.url()),
        testkit::channel(2, ChannelKind::Inbox),
    ];
    let bench = Bench::start(channels, Vec::new()).await;
    let with_fallback = |id| Row {
        fallback: Some(channel_id(2)),
        ..row(id, 1)
    };
    bench.add(vec![with_fallback(1)]).await;
    wait_for("the copy", || {
        (bench.inbox.messages().len() == 1).then_some(())
    })
    .await;
    wait_for("the report", || {
        bench
            .reports()
            .contains(&"disable".to_owned())
            .then_some(())
    })
    .await;
    bench.add(vec![with_fallback(2)]).await;
    wait_for("the second copy", || {
        (bench.inbox.messages().len() == 2).then_some(())
    })
    .await;
    assert_eq!(receiver.received().len(), 1, "nothing more is sent there");
    let copy = &bench.inbox.messages()[0];
    assert_eq!(copy.subject, "DOWN: api.example.com/health (api)");
    assert!(
        copy.text.contains("Copy: channel-1 could not deliver this"),
        "{}",
        copy.text
    );
}

#[tokio::test]
async fn a_row_to_a_removed_channel_is_suppressed_with_the_reason() {
    let bench = Bench::start(Vec::new(), vec![row(1, 1)]).await;
    let log = bench.log(1).await;
    assert_eq!(results(&log), [DeliveryResult::Suppressed]);
    assert_eq!(
        (log[0].attempt, log[0].detail.as_str()),
        (0, "the channel was removed")
    );
}

#[tokio::test]
async fn what_did_not_fit_into_the_mailbox_is_read_from_the_store() {
    let bench = Bench::start(vec![testkit::channel(1, ChannelKind::Inbox)], Vec::new()).await;
    put(&bench.stores, &[row(1, 1), row(2, 1)]).await;
    bench.sender.missed.note();
    assert_eq!(bench.log(1).await.len(), 2);
    assert_eq!(bench.inbox.messages().len(), 2);
}

#[tokio::test]
async fn a_secret_that_another_key_sealed_waits_for_the_right_key() {
    let mut channel = testkit::webhook_channel(1, "http://127.0.0.1:9/");
    let other = crate::secret::SecretKey::from_bytes(&[9; 32]);
    if let ChannelKind::Webhook { url, .. } = &mut channel.kind {
        url.0 = other.seal(b"http://127.0.0.1:9/");
    }
    let bench = Bench::start(vec![channel], vec![row(1, 1)]).await;
    let stored = loop {
        let rows = bench.stores.state.load().await.unwrap().rows;
        if rows[&1].attempts >= 1 {
            break rows[&1].clone();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(stored.state, RowState::Pending);
    assert!(
        stored.last_error.contains("another key"),
        "{}",
        stored.last_error
    );
}

#[tokio::test]
async fn a_store_that_fails_ends_the_worker() {
    let mut bench = Bench::start(vec![testkit::channel(1, ChannelKind::Inbox)], Vec::new()).await;
    bench.add(vec![row(1, 1)]).await;
    bench.log(1).await;
    bench.stores.state.close().await.unwrap();
    bench.sender.added(vec![row(2, 1)]);
    let ended = bench.running.join_next().await.unwrap().unwrap();
    assert!(ended.unwrap_err().to_string().contains("closed"));
}

#[tokio::test]
async fn what_waits_for_a_channel_is_told_the_first_due_in_front() {
    let receiver = Receiver::start().await;
    receiver.plan([Planned {
        after: Duration::from_secs(30),
        ..Planned::status(204)
    }]);
    let channels = vec![testkit::webhook_channel(1, &receiver.url())];
    let later = Row {
        next_at: testkit::now() + Duration::from_secs(3_600),
        ..row(2, 1)
    };
    let bench = Bench::start(channels, vec![later, row(1, 1)]).await;
    wait_for("the attempt", || {
        (!receiver.received().is_empty()).then_some(())
    })
    .await;
    let waiting = bench.sender.waiting(channel_id(1)).await.unwrap();
    let shown: Vec<_> = waiting.iter().map(|w| (w.row.id, w.in_flight)).collect();
    assert_eq!(shown, [(1, true), (2, false)]);
    assert!(waiting[0].subject.starts_with("DOWN: "), "{waiting:?}");
    assert!(
        bench
            .sender
            .waiting(channel_id(9))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_was_settled_is_kept_with_all_that_sending_it_again_takes() {
    let receiver = Receiver::start().await;
    receiver.plan([Planned::status(503)]);
    let channels = vec![testkit::webhook_channel(1, &receiver.url())];
    let long = Row {
        body: format!("{}{}", row(2, 1).body, " ".repeat(20_000)),
        ..row(2, 1)
    };
    let bench = Bench::start(channels, vec![row(1, 1)]).await;
    wait_for("the refusal", || {
        (!receiver.received().is_empty()).then_some(())
    })
    .await;
    bench.add(vec![long]).await;
    let log = bench.log(1).await;
    let kept = |id: u64| {
        log.iter()
            .filter(move |r| r.row == id)
            .map(|r| r.message.clone())
    };
    let first: Vec<_> = kept(1).collect();
    assert_eq!(first[0], None, "it was not settled yet");
    assert_eq!(first[1].as_ref().unwrap().body, row(1, 1).body);
    assert!(kept(2).all(|kept| kept.is_none()), "too long to keep");
    assert!(log.iter().all(|r| r.subject.starts_with("DOWN: ")));
}

#[tokio::test]
async fn a_step_that_is_due_is_asked_about_and_not_sent_by_itself() {
    let mut step = row(1, 1);
    step.purpose = Purpose::Step;
    let body = std::mem::take(&mut step.body);
    let inbox = testkit::channel(1, ChannelKind::Inbox);
    let mut bench = Bench::start(vec![inbox], vec![step.clone()]).await;
    let asked = || (bench.reports() == ["step 1"]).then_some(());
    wait_for("the question", asked).await;
    assert!(bench.inbox.messages().is_empty());

    step.body = body;
    bench.add(vec![step]).await;
    wait_for("the message", || bench.inbox.messages().pop()).await;
    bench.stop().await;
}
