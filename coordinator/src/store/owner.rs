//! Who owns an engine on disk: one thread that alone writes, in groups.
//!
//! Requests that arrive while the disk is busy wait in a bounded queue and become the next
//! group: one write and one `fsync` for all of them. An engine that panics is treated like one
//! that failed. The thread ends when the store is closed or the last handle is gone.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::error::Cause;
use super::{Health, StoreError};

/// Most requests that wait for the owner; more wait in their callers.
const QUEUE_MAX: usize = 1024;
/// Most requests of one group.
const GROUP_MAX: usize = 512;

/// An engine as its owner thread sees it.
pub(super) trait Engine: Send + 'static {
    /// What is asked of it.
    type Request: Send + 'static;

    /// Answers a group of requests. An error fails the store.
    fn serve(&mut self, group: &mut [Self::Request]) -> Result<(), Cause>;

    /// Tells a request that was not answered yet that the store has failed.
    fn refuse(request: &mut Self::Request, error: StoreError);

    /// Writes out everything; the engine is dropped after it.
    fn close(&mut self) -> Result<(), Cause>;
}

/// Where the answer to a request goes, once.
pub(super) struct Reply<T>(Option<oneshot::Sender<Result<T, StoreError>>>);

impl<T> Reply<T> {
    /// Of a request whose answer nobody waits for.
    #[cfg(test)]
    pub(super) fn unheard() -> Self {
        Self(None)
    }

    /// Answers, unless that was done before. Nobody may be waiting any more.
    pub(super) fn answer(&mut self, answer: Result<T, StoreError>) {
        if let Some(waiting) = self.0.take() {
            let _ = waiting.send(answer);
        }
    }
}

enum Message<R> {
    Request(R),
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// The handle of an owner thread.
pub(super) struct Owner<E: Engine> {
    queue: mpsc::Sender<Message<E::Request>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    failure: Failure,
}

/// How a store fails: where it is, and the first error.
#[derive(Clone)]
pub(super) struct Failure {
    store: &'static str,
    folder: String,
    health: Arc<Health>,
}

impl Failure {
    pub(super) fn of(store: &'static str, folder: &Path) -> Self {
        Self {
            store,
            folder: folder.display().to_string(),
            health: Arc::default(),
        }
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// Notes a failure; answers with the first one.
    pub(super) fn note(&self, cause: impl fmt::Display) -> StoreError {
        let error = StoreError::Failed {
            store: self.store,
            folder: self.folder.clone(),
            cause: cause.to_string(),
        };
        if self.health.failure().is_none() {
            tracing::error!(store = self.store, folder = %self.folder, %cause,
                "store failed");
        }
        self.health.fail(error)
    }

    fn closed(&self) -> StoreError {
        let closed = StoreError::Closed { store: self.store };
        self.health.failure().unwrap_or(closed)
    }
}

impl<E: Engine> Owner<E> {
    /// Starts the thread.
    pub(super) fn start(name: &str, engine: E, failure: Failure) -> std::io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        let own = failure.clone();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(engine, requests, &own))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
            failure,
        })
    }

    /// Asks the engine for something and waits for the answer.
    pub(super) async fn ask<T>(
        &self,
        request: impl FnOnce(Reply<T>) -> E::Request,
    ) -> Result<T, StoreError> {
        self.failure.health.check()?;
        let (reply, answer) = oneshot::channel();
        let request = Message::Request(request(Reply(Some(reply))));
        let sent = self.queue.send(request).await;
        sent.map_err(|_| self.failure.closed())?;
        answer.await.unwrap_or_else(|_| Err(self.failure.closed()))
    }

    pub(super) fn failure(&self) -> &Failure {
        &self.failure
    }

    /// Serves what was asked before, closes the engine and ends the thread.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_err() {
            return Ok(());
        }
        let closed = answer.await.unwrap_or_else(|_| Err(self.failure.closed()));
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // The thread has answered and only drops the engine now.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        closed
    }
}

fn run<E: Engine>(engine: E, mut requests: mpsc::Receiver<Message<E::Request>>, failure: &Failure) {
    let mut engine = Some(engine);
    let mut group = Vec::new();
    let mut next = requests.blocking_recv();
    while let Some(message) = next.take() {
        let mut closing = None;
        match message {
            Message::Request(request) => group.push(request),
            Message::Close(reply) => closing = Some(reply),
        }
        while group.len() < GROUP_MAX && closing.is_none() {
            match requests.try_recv() {
                Ok(Message::Request(request)) => group.push(request),
                Ok(Message::Close(reply)) => closing = Some(reply),
                Err(_) => break,
            }
        }
        serve(&mut engine, &mut group, failure);
        if let Some(reply) = closing {
            let closed = close(engine, failure);
            let _ = reply.send(closed);
            return;
        }
        next = requests.blocking_recv();
    }
    let _ = close(engine, failure);
}

/// Serves a group. An engine that fails is dropped: nothing it holds can be trusted any more.
fn serve<E: Engine>(engine: &mut Option<E>, group: &mut Vec<E::Request>, failure: &Failure) {
    if let Some(alive) = engine.as_mut().filter(|_| !group.is_empty()) {
        let served = caught(|| alive.serve(group));
        if let Err(cause) = served {
            failure.note(cause);
            if let Some(failed) = engine.take() {
                let _ = caught(move || {
                    drop(failed);
                    Ok(())
                });
            }
        }
    }
    for request in group.iter_mut() {
        E::refuse(request, failure.closed());
    }
    group.clear();
}

fn close<E: Engine>(engine: Option<E>, failure: &Failure) -> Result<(), StoreError> {
    if let Some(mut engine) = engine {
        let closed = caught(move || engine.close());
        closed.map_err(|cause| failure.note(cause))?;
    }
    failure.health.check()?;
    Ok(())
}

thread_local! {
    /// Whether a panic on this thread is an engine's, caught and reported as an error.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs a piece of an engine; a panic in it is an error like any other.
pub(super) fn caught<T>(run: impl FnOnce() -> Result<T, Cause>) -> Result<T, Cause> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_CAUGHT.get() {
                loud(panic);
            }
        }));
    });
    let before = IS_CAUGHT.replace(true);
    let ran = catch_unwind(AssertUnwindSafe(run));
    IS_CAUGHT.set(before);
    ran.unwrap_or_else(|panic| Err(panicked(&*panic)))
}

fn panicked(panic: &(dyn Any + Send)) -> Cause {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    Cause::new(format!("the engine panicked: {text}"))
}
