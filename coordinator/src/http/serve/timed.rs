//! The body of a request, which has only so much time: who sends a byte now and again is not silent,
//! and would hold its place for as long as it likes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, Sleep, sleep_until};
use vigilmon_runtime::clock::by_timers;

use super::BODY_WITHIN;

/// See the module.
pub(super) struct Timed {
    inner: Incoming,
    until: Instant,
    /// Made when the body is waited for; most are there at once.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Those that were cut off.
    late: Counter,
}

impl Timed {
    /// Of a request whose head was just read.
    pub(super) fn new(inner: Incoming, late: Counter) -> Self {
        Self {
            inner,
            until: by_timers() + BODY_WITHIN,
            alarm: None,
            late,
        }
    }

    fn cut_off(&self) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.late.inc();
        Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())))
    }
}

impl Body for Timed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if by_timers() >= self.until {
            return self.cut_off();
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        let until = self.until;
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        ready!(alarm.as_mut().poll(context));
        self.cut_off()
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
