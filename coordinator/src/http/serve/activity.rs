//! What goes on over a connection: when a request last began, or a part of an answer was taken.
//!
//! Bytes alone do not show it: an HTTP/2 client that asks for nothing, or takes no answer, may
//! still say every so often that it is there.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};
use vigilmon_runtime::clock::by_timers;

/// The steps of a connection: requests that began, parts of answers that were taken, and their ends.
#[derive(Clone)]
pub(super) struct Activity(Arc<Inner>);

struct Inner {
    accepted: Instant,
    /// In milliseconds from then on; zero before the first step.
    last: AtomicU64,
}

impl Activity {
    /// A connection was accepted.
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner {
            accepted: by_timers(),
            last: AtomicU64::new(0),
        }))
    }

    /// There was a step now.
    pub(super) fn step(&self) {
        let after = self.0.accepted.elapsed().as_millis();
        let after = u64::try_from(after).unwrap_or(u64::MAX).max(1);
        self.0.last.store(after, Ordering::Relaxed);
    }

    /// When it was accepted.
    pub(super) fn accepted(&self) -> Instant {
        self.0.accepted
    }

    /// Whether a request has begun.
    pub(super) fn is_any(&self) -> bool {
        self.0.last.load(Ordering::Relaxed) > 0
    }

    /// Waits until there was no step for so long.
    pub(super) async fn quiet(&self, long: Duration) {
        loop {
            let last = Duration::from_millis(self.0.last.load(Ordering::Relaxed));
            let until = self.0.accepted + last + long;
            if until <= by_timers() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

/// The body of an answer, whose parts are steps.
pub(super) struct Watched<B> {
    inner: B,
    activity: Activity,
}

impl<B> Watched<B> {
    pub(super) const fn new(inner: B, activity: Activity) -> Self {
        Self { inner, activity }
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        self.activity.step();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.activity.step();
    }
}
