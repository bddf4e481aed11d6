//! The doorway: connections are accepted one by one, and until what had come of one is read, it may
//! be a ping that knocks.
//!
//! Whoever waits for a place waits in a queue of the system, which tells only whether it is empty.
//! So from the moment at which somebody is found in it until it is empty, somebody may wait there
//! who knocked at its beginning; unless so many were accepted since that those must be among them.
//! A connection that was accepted is heard once all that had come of it by then was read.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::unconstrained;
use tokio::time::sleep;

use crate::engine::{Knock, Knocks};

/// Connections that the system may hold until they are accepted: jobs of a whole site ping at the
/// full minute. The system may have a lower bound of its own (`net.core.somaxconn`).
pub(crate) const WAITING_MAX: u32 = 4096;
/// Out of descriptors, most likely: the next connection may find some after this.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Where connections come from.
pub trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next one, and who is at its other end. Waits only if there is none.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        Self::accept(self).await
    }
}

/// The way through a door: who knocks, and who may wait behind them.
pub(crate) struct Doorway {
    knocks: Knocks,
    /// While the queue is not known to be empty: who may have knocked first of those in it, and who
    /// may have when the present batch began.
    queue: Option<(Knock, Knock)>,
    /// How many were accepted of the batch.
    accepted: u32,
    /// Whether none could be accepted just now.
    is_failing: bool,
}

impl Doorway {
    /// Somebody may have knocked already.
    #[must_use]
    pub(crate) fn new(knocks: Knocks) -> Self {
        let queue = Some((knocks.begin(), knocks.begin()));
        Self {
            knocks,
            queue,
            accepted: 0,
            is_failing: false,
        }
    }

    /// The next connection, and the knock that it is. While this waits nobody else does.
    pub(crate) async fn next<L: Listener>(
        &mut self,
        listener: &mut L,
    ) -> (L::Stream, SocketAddr, Knock) {
        loop {
            let accepted = {
                let mut accept = pin!(listener.accept());
                // A runtime's budget must not make a queue look empty.
                let first = poll_fn(|context| Poll::Ready(accept.as_mut().poll(context)));
                match unconstrained(first).await {
                    Poll::Ready(accepted) => accepted,
                    Poll::Pending => {
                        self.queue = None;
                        accept.await
                    }
                }
            };
            match accepted {
                Ok((stream, peer)) => {
                    self.is_failing = false;
                    return (stream, peer, self.came());
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::error!(%error, "no connection can be accepted");
                    }
                    // Whoever waits there waits.
                    drop(self.came());
                    sleep(AGAIN_AFTER).await;
                }
            }
        }
    }

    fn came(&mut self) -> Knock {
        let (first, batch) = self.queue.get_or_insert_with(|| {
            self.accepted = 0;
            (self.knocks.begin(), self.knocks.begin())
        });
        let knock = first.another();
        self.accepted += 1;
        if self.accepted > WAITING_MAX {
            // No more than these had room in the queue when the batch began.
            self.accepted = 0;
            *first = std::mem::replace(batch, self.knocks.begin());
        }
        knock
    }
}

/// Whether another connection may well be accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Runs a future that reads what has come of a connection: when it waits for more, or is done, the
/// knock was heard.
pub(crate) async fn heard<F: Future>(reads: F, knock: Knock) -> F::Output {
    let mut reads = pin!(reads);
    let first = poll_fn(|context| Poll::Ready(reads.as_mut().poll(context)));
    let first = unconstrained(first).await;
    drop(knock);
    match first {
        Poll::Ready(done) => done,
        Poll::Pending => reads.await,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;
    use tokio::io::{DuplexStream, duplex};
    use tokio::sync::mpsc;
    use vigilmon_runtime::clock::{SharedClock, SystemClock};

    use super::*;
    use crate::engine::Hearing;

    /// A queue that a test fills.
    struct Queue(mpsc::UnboundedReceiver<DuplexStream>);

    impl Listener for Queue {
        type Stream = DuplexStream;

        async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
            match self.0.recv().await {
                Some(stream) => Ok((stream, ([127, 0, 0, 1], 9).into())),
                None => std::future::pending().await,
            }
        }
    }

    fn door() -> (Hearing, SharedClock, Doorway) {
        let (hearing, clock) = (Hearing::default(), SystemClock::shared());
        let knocks = Knocks::new(hearing.clone(), clock.clone());
        (hearing, clock, Doorway::new(knocks))
    }

    fn knock(at: &mpsc::UnboundedSender<DuplexStream>) {
        at.send(duplex(1).0).unwrap();
    }

    #[tokio::test]
    async fn somebody_may_wait_until_the_queue_is_seen_empty_and_who_came_is_heard() {
        let (hearing, _, mut doorway) = door();
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut queue = Queue(receiver);
        assert!(hearing.waits_since().is_some(), "nobody has looked yet");
        knock(&sender);
        let (_, _, first) = doorway.next(&mut queue).await;
        drop(first);
        assert!(hearing.waits_since().is_some(), "others may be behind it");
        let second = {
            let mut next = pin!(doorway.next(&mut queue));
            assert!(poll!(&mut next).is_pending());
            assert_eq!(hearing.waits_since(), None);
            knock(&sender);
            next.await.2
        };
        drop(doorway);
        assert!(hearing.waits_since().is_some(), "it is not read yet");
        let (reads, ends) = tokio::sync::oneshot::channel::<()>();
        let mut read = pin!(heard(ends, second));
        assert!(poll!(&mut read).is_pending());
        assert_eq!(hearing.waits_since(), None, "all that had come was read");
        drop(reads);
    }

    #[tokio::test]
    async fn of_a_queue_that_is_never_empty_those_are_heard_who_were_in_it_long_ago() {
        let (hearing, clock, mut doorway) = door();
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut queue = Queue(receiver);
        let mut accept = async || {
            knock(&sender);
            knock(&sender);
            drop(doorway.next(&mut queue).await);
        };
        let begun = clock.monotonic();
        for _ in 0..=WAITING_MAX {
            accept().await;
        }
        let (since, later) = (hearing.waits_since().unwrap(), clock.monotonic());
        assert!(since <= begun, "{since:?}");
        for _ in 0..=WAITING_MAX {
            accept().await;
        }
        let since = hearing.waits_since().unwrap();
        assert!(since > begun && since <= later, "{since:?}");
    }
}
