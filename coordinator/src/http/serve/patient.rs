//! A connection whose other end may go away while a ping of it is being taken, or fall silent.
//!
//! A server commonly drops what it does for a client that closes its side. A page nobody waits for
//! may be dropped; a ping that was sent is one, whether its client waits for the answer or not. So
//! while pings are under way the end of what comes is told to them alone, who then wait for no more
//! of a body. The connection hears of it when their answers are there: who closed only that half,
//! as old tools do, gets them.
//!
//! Who sends nothing and takes nothing for too long has a place that others wait for: reading and
//! writing then fail. Until the first request it may not even trickle.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};
use vigilmon_runtime::clock::by_timers;

use super::activity::Activity;
use super::{HEAD_WITHIN, IDLE_MAX};
use crate::metrics::HttpDoor;

/// The pings of a connection that are under way.
#[derive(Clone, Default)]
pub(in crate::http) struct UnderWay(Arc<Inner>);

#[derive(Default)]
struct Inner {
    pings: AtomicUsize,
    ended: Notify,
}

/// One ping that is under way, until it is dropped.
pub(in crate::http) struct Ping(UnderWay);

impl UnderWay {
    /// The head of a ping was read.
    pub(in crate::http) fn begin(&self) -> Ping {
        self.0.pings.fetch_add(1, Ordering::Relaxed);
        Ping(self.clone())
    }

    fn is_any(&self) -> bool {
        self.0.pings.load(Ordering::Relaxed) > 0
    }
}

impl Ping {
    /// Waits until nothing more comes over its connection.
    pub(in crate::http) async fn ended(&self) {
        self.0.0.ended.notified().await;
    }
}

impl Drop for Ping {
    fn drop(&mut self) {
        self.0.0.pings.fetch_sub(1, Ordering::Relaxed);
    }
}

/// See the module.
pub(super) struct Patient<S> {
    inner: S,
    under_way: UnderWay,
    activity: Activity,
    counters: Arc<HttpDoor>,
    /// When a byte last came or went.
    last: Instant,
    /// Wakes whoever waits here; never later than it is too late.
    alarm: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    pub(super) fn new(
        inner: S,
        under_way: UnderWay,
        (activity, counters): (Activity, Arc<HttpDoor>),
    ) -> Self {
        let accepted = activity.accepted();
        Self {
            inner,
            under_way,
            activity,
            counters,
            last: accepted,
            alarm: Box::pin(sleep_until(accepted + HEAD_WITHIN)),
        }
    }

    /// Waits beside the stream, until it is too late for it.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let (until, counter) = match self.activity.is_any() {
                true => (self.last + IDLE_MAX, &self.counters.silent),
                false => (self.activity.accepted() + HEAD_WITHIN, &self.counters.late),
            };
            if until <= by_timers() {
                counter.inc();
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            ready!(self.alarm.as_mut().poll(context));
            self.alarm.as_mut().reset(until);
        }
    }

    /// What became of writing, unless it waits for too long.
    fn in_time<T>(
        &mut self,
        done: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if done.is_pending() {
            return self.poll_late(context).map(Err);
        }
        done
    }

    /// The same, where bytes go.
    fn written(
        &mut self,
        done: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if matches!(done, Poll::Ready(Ok(1..))) {
            self.last = by_timers();
        }
        self.in_time(done, context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(context, into) else {
            return self.poll_late(context).map(Err);
        };
        if into.filled().len() > before {
            self.last = by_timers();
        }
        let ended = read.is_err() || (into.filled().len() == before && into.remaining() > 0);
        if ended && self.under_way.is_any() {
            self.under_way.0.ended.notify_one();
            // Who reads here makes the answer too: when that is there it is woken, and reads again.
            return Poll::Pending;
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.written(done, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_flush(context);
        self.in_time(done, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_shutdown(context);
        self.in_time(done, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write_vectored(context, parts);
        self.written(done, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn the_end_is_heard_when_no_ping_is_under_way() {
        let under_way = UnderWay::default();
        let patience = (Activity::new(), Arc::default());
        let mut connection = Patient::new(&b"ab"[..], under_way.clone(), patience);
        let mut two = [0; 2];
        let ping = under_way.begin();
        connection.read_exact(&mut two).await.unwrap();
        assert_eq!(&two, b"ab", "what comes is heard at once");
        let mut rest = Vec::new();
        {
            let mut end = std::pin::pin!(connection.read_to_end(&mut rest));
            assert!(poll!(&mut end).is_pending());
            ping.ended().await;
            drop(ping);
            assert_eq!(end.await.unwrap(), 0);
        }
    }
}
