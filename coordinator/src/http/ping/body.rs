//! What comes with a ping: its beginning is kept, the rest is read and let go.
//!
//! A ping counts whatever its body is, and whatever becomes of it: too long, too slow, cut off by a
//! client that went away. So nothing here fails; what was read is what there is.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::future::{Either, select};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::time::sleep;
use vigilmon_common::heartbeat::BODY_KEPT_MAX;

/// How long a body may take from the head of its request: so long a deadline may wait for a ping.
pub(super) const BODY_WITHIN: Duration = Duration::from_secs(5);
/// So much of a body is read, so that clients which send without looking get their answer; then
/// the connection ends.
pub(super) const BODY_READ_MAX: u64 = 16 << 20;

/// What came of a body.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Read {
    /// Its beginning.
    pub(super) kept: Bytes,
    /// How much of it was read.
    pub(super) size: u64,
    /// Whether that was all of it.
    pub(super) whole: bool,
}

/// Reads a body until its end or its bounds, or until no more of it is there and `ended` says that
/// none will be.
pub(super) async fn read<B>(body: B, ended: impl Future<Output = ()>) -> Read
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut kept = Vec::new();
    let keep = |data: &[u8]| {
        let room = BODY_KEPT_MAX - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
    };
    let (size, whole) = parts(body, ended, keep).await;
    Read {
        kept: kept.into(),
        size,
        whole,
    }
}

/// Reads a body as far, and keeps nothing; whether that was all of it.
pub(super) async fn let_go<B>(body: B, ended: impl Future<Output = ()>) -> bool
where
    B: Body<Data = Bytes> + Unpin,
{
    let (_, whole) = parts(body, ended, |_| {}).await;
    whole
}

/// Hands on what comes; how much that was, and whether it was all.
async fn parts<B>(
    mut body: B,
    ended: impl Future<Output = ()>,
    mut hand_on: impl FnMut(&[u8]),
) -> (u64, bool)
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.is_end_stream() {
        return (0, true);
    }
    let (ended, too_long) = (pin!(ended), pin!(sleep(BODY_WITHIN)));
    let mut enough = select(ended, too_long);
    let mut size = 0;
    let whole = loop {
        let Either::Left((next, _)) = select(body.frame(), &mut enough).await else {
            break false;
        };
        let frame = match next {
            Some(Ok(frame)) => frame,
            Some(Err(_)) => break false,
            None => break true,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        hand_on(&data);
        size += u64::try_from(data.remaining()).unwrap_or(u64::MAX);
        if size > BODY_READ_MAX {
            break false;
        }
    };
    (size, whole)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{pending, ready};

    use futures_util::FutureExt;
    use futures_util::stream::{self, StreamExt};
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use tokio::time::timeout;

    use super::*;

    fn frame(data: Vec<u8>) -> Result<Frame<Bytes>, &'static str> {
        Ok(Frame::data(data.into()))
    }

    #[tokio::test]
    async fn the_beginning_is_kept_and_all_of_it_counted() {
        let empty = http_body_util::Empty::<Bytes>::new();
        let nothing = read(empty, pending()).await;
        assert_eq!((nothing.size, nothing.whole), (0, true));
        let parts = stream::iter([frame(vec![1; 9_999]), frame(vec![2; 5_000])]);
        let long = read(StreamBody::new(parts), pending()).await;
        assert_eq!(
            (long.kept.len(), long.size, long.whole),
            (BODY_KEPT_MAX, 14_999, true)
        );
        assert_eq!(long.kept[9_998..], [1, 2]);
    }

    #[tokio::test]
    async fn one_without_end_is_let_go() {
        let parts =
            stream::repeat_with(|| Ok::<_, Infallible>(Frame::data(vec![0; 1 << 20].into())));
        let endless = read(StreamBody::new(parts.clone()), pending()).await;
        assert!(!endless.whole && endless.size <= BODY_READ_MAX + (1 << 20));
        assert!(!let_go(StreamBody::new(parts), pending()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_stops_in_the_middle_is_what_came() {
        let half = || stream::iter([frame(b"half".to_vec())]);
        let slow = || StreamBody::new(half().chain(stream::pending()));
        let early = timeout(
            BODY_WITHIN - Duration::from_millis(1),
            read(slow(), pending()),
        );
        assert!(early.await.is_err(), "more may come");
        let late = timeout(BODY_WITHIN * 2, read(slow(), pending())).await;
        let ended = read(slow(), ready(())).now_or_never();
        let cut = StreamBody::new(half().chain(stream::iter([Err("gone")])));
        let cut = read(cut, pending()).await;
        for read in [late.expect("in time"), ended.expect("at once"), cut] {
            assert_eq!(
                (&*read.kept, read.size, read.whole),
                (&b"half"[..], 4, false)
            );
        }
    }
}
