//! How the engine wakes the worker: without ever waiting for it.
//!
//! What does not fit into the mailbox is not lost: it was committed before it was handed over, and
//! the worker reads the outbox from the store instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use vigilmon_common::id::ChannelId;
use vigilmon_common::notify::row::Row;

/// Commits of the engine that may wait for the worker.
const MAILBOX_MAX: usize = 1024;
/// How long the worker may take to say what waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Wakes the worker; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sender {
    events: mpsc::Sender<Event>,
    pub(super) missed: Arc<Missed>,
}

/// What the worker is woken by.
#[derive(Debug)]
pub struct Mailbox {
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) missed: Arc<Missed>,
}

#[derive(Debug)]
pub(super) enum Event {
    Added(Vec<Row>),
    ChannelSaved(ChannelId),
    /// Somebody asks what waits for a channel.
    Waiting(ChannelId, oneshot::Sender<Vec<Waiting>>),
}

/// A row that is not settled yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// The row as it was last saved.
    pub row: Row,
    /// What its message says first.
    pub subject: String,
    /// Whether it is being tried right now.
    pub in_flight: bool,
}

/// That something did not fit into the mailbox.
#[derive(Debug, Default)]
pub(super) struct Missed {
    any: AtomicBool,
    wake: Notify,
}

/// A way to wake a worker, and the worker's end of it.
#[must_use]
pub fn channel() -> (Sender, Mailbox) {
    let (sender, receiver) = mpsc::channel(MAILBOX_MAX);
    let missed = Arc::new(Missed::default());
    let mailbox = Mailbox {
        events: receiver,
        missed: Arc::clone(&missed),
    };
    let events = sender;
    (Sender { events, missed }, mailbox)
}

impl Sender {
    /// These rows were committed. After some did not fit none goes through until the worker has
    /// read the store: what comes later must not overtake them.
    pub fn added(&self, rows: Vec<Row>) {
        if !self.missed.any.load(Ordering::Acquire) {
            self.send(Event::Added(rows));
        }
    }

    /// This channel was saved.
    pub fn channel_saved(&self, id: ChannelId) {
        self.send(Event::ChannelSaved(id));
    }

    /// What waits for a channel, the row that is due first in front; `None` when the worker does
    /// not answer.
    pub async fn waiting(&self, channel: ChannelId) -> Option<Vec<Waiting>> {
        let (reply, answer) = oneshot::channel();
        let ask = self.events.send(Event::Waiting(channel, reply));
        tokio::time::timeout(ANSWER_WITHIN, async {
            ask.await.ok()?;
            answer.await.ok()
        })
        .await
        .ok()?
    }

    fn send(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.missed.note();
        }
    }
}

impl Missed {
    /// Waits until something did not fit.
    pub(super) async fn wait(&self) {
        while !self.any.swap(false, Ordering::AcqRel) {
            self.wake.notified().await;
        }
    }

    pub(super) fn note(&self) {
        self.any.store(true, Ordering::Release);
        self.wake.notify_one();
    }
}
