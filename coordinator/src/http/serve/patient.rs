//! A connection whose other end may go away while a ping of it is being taken.
//!
//! A server commonly drops what it does for a client that closes its side. A page nobody waits for
//! may be dropped; a ping that was sent is one, whether its client waits for the answer or not. So
//! while pings are under way the end of what comes is told to them alone, who then wait for no more
//! of a body. The connection hears of it when their answers are there: who closed only that half,
//! as old tools do, gets them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

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
}

impl<S> Patient<S> {
    pub(super) const fn new(inner: S, under_way: UnderWay) -> Self {
        Self { inner, under_way }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = ready!(Pin::new(&mut self.inner).poll_read(context, into));
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
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, parts)
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
        let mut connection = Patient::new(&b"ab"[..], under_way.clone());
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
