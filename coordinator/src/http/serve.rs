//! Connections of the HTTP door, each within bounds of time and memory: the head of a request comes
//! in time, something goes on, or the connection ends; there is a place for so many of them.
//!
//! While every place is taken, pings wait where nobody hears them: the doorway says so, and nobody
//! is alarmed of a ping that may be among them.

use std::convert::Infallible;
use std::error::Error;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use futures_util::TryFutureExt;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Peer;
use super::ping::Pings;
use crate::doorway::{Doorway, Listener, heard};
use crate::engine::Knocks;
use crate::metrics::HttpDoor;

mod activity;
mod patient;
mod timed;

use activity::{Activity, Watched};
use patient::{Patient, UnderWay};
use timed::Timed;

/// How long the head of a request may take, also of the first and of one that is waited for.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long the body of a request to the pages may take, however it trickles; pings have a shorter
/// bound of their own.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// How long no byte may come or go. A ping is answered sooner, and a page that is open hears more often.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// How long no request may begin and no part of an answer be taken. Then a connection ends as soon
/// as nothing is under way, and at the latest as long after.
const QUIET_MAX: Duration = Duration::from_secs(180);
/// How often an HTTP/2 connection is asked whether it is still there, and how long it has to answer.
const ALIVE_EVERY: Duration = Duration::from_secs(20);
const ALIVE_WITHIN: Duration = Duration::from_secs(10);
/// What of an HTTP/1 connection is kept on its way in and on its way out, so also the longest head
/// of a request; and what of an answer is kept of an HTTP/2 stream.
const BUFFER_MAX: usize = 64 << 10;
/// What the client of an HTTP/2 connection may send before it is read, of one request and of all.
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 256 << 10;
/// Most requests at once over an HTTP/2 connection, and the longest head of each.
const STREAMS_MAX: u32 = 64;
const STREAM_HEAD_MAX: u32 = 16 << 10;
/// Most connections at once, however many descriptors there are; further ones wait to be accepted.
const CONNECTIONS_MAX: u64 = 4096;
/// Of the process's descriptors one in so many is for connections: stores, agents and notifications
/// have the others.
const DESCRIPTORS_SHARE: u64 = 2;

/// What is behind a listener.
pub struct Door {
    /// The pages.
    pub pages: Router,
    /// Takes requests at ping URLs, past the pages and their layers.
    pub pings: Option<Pings>,
    /// Most connections at once.
    pub places: usize,
    pub(super) knocks: Knocks,
    pub(super) counters: Arc<HttpDoor>,
}

impl Door {
    /// What is behind a listener of a process that may have so many descriptors open.
    #[must_use]
    pub fn new(pages: Router, pings: Option<Pings>, descriptors: u64) -> Self {
        let places = (descriptors / DESCRIPTORS_SHARE).clamp(1, CONNECTIONS_MAX);
        let of_pings = pings.as_ref();
        Self {
            knocks: of_pings.map_or_else(Knocks::unheeded, Pings::knocks),
            counters: of_pings.map(Pings::counters).unwrap_or_default(),
            pages,
            pings,
            places: usize::try_from(places).unwrap_or(1),
        }
    }
}

/// Serves until `stop`, then lets requests under way end.
///
/// # Errors
/// None; the type is that of every task.
pub async fn serve<L>(mut listener: L, door: Door, stop: CancellationToken) -> anyhow::Result<()>
where
    L: Listener,
{
    let builder = Arc::new(builder());
    let places = Arc::new(Semaphore::new(door.places));
    let mut doorway = Doorway::new(door.knocks.clone());
    let mut connections = JoinSet::new();
    let mut was_full = false;
    loop {
        let is_full = places.available_permits() == 0;
        if is_full && !was_full {
            door.counters.full.inc();
            tracing::warn!(connections = door.places, "every place is taken");
        }
        was_full = is_full;
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, doorway.next(&mut listener).await)
        };
        let Some((place, (stream, peer, knock))) = stop.run_until_cancelled(next).await else {
            break;
        };
        let visit = Visit {
            pages: door.pages.clone(),
            pings: door.pings.clone(),
            peer: peer.ip().to_canonical(),
            under_way: UnderWay::default(),
            activity: Activity::new(),
            knocks: door.knocks.clone(),
            counters: Arc::clone(&door.counters),
        };
        let counters = Arc::clone(&door.counters);
        let attended = attend(Arc::clone(&builder), stream, visit, stop.clone());
        connections.spawn(async move {
            counters.connections.inc();
            if let Err(error) = heard(attended, knock).await {
                if is_late(&*error) {
                    counters.late.inc();
                }
                tracing::debug!(%peer, error, "a connection ended badly");
            }
            counters.connections.dec();
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Serves one connection until its end: the client's, `stop`, or that nothing goes on.
async fn attend<S>(
    builder: Arc<Builder<TokioExecutor>>,
    stream: S,
    visit: Visit,
    stop: CancellationToken,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let activity = visit.activity.clone();
    let counters = Arc::clone(&visit.counters);
    let patience = (activity.clone(), Arc::clone(&counters));
    let stream = Patient::new(stream, visit.under_way.clone(), patience);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), visit));
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = activity.quiet(QUIET_MAX) => {
            counters.quiet.inc();
            connection.as_mut().graceful_shutdown();
            timeout(QUIET_MAX, connection).await?
        }
    }
}

/// Whether the head of a request, or a sign that the client is still there, did not come in time.
fn is_late(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    let known = error.downcast_ref::<hyper::Error>();
    known.is_some_and(hyper::Error::is_timeout)
}

/// What one connection reaches.
struct Visit {
    pages: Router,
    pings: Option<Pings>,
    peer: IpAddr,
    under_way: UnderWay,
    activity: Activity,
    knocks: Knocks,
    counters: Arc<HttpDoor>,
}

impl hyper::service::Service<Request<Incoming>> for Visit {
    type Response = Response<Watched<Either<Full<Bytes>, Body>>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.activity.step();
        let activity = self.activity.clone();
        if let Some(pings) = &self.pings
            && Pings::take(request.uri().path())
        {
            let (pings, peer) = (pings.clone(), self.peer);
            let under_way = self.under_way.begin();
            let knock = self.knocks.begin();
            return Box::pin(async move {
                let answer = pings.answer(request, peer, under_way.ended());
                let answer = heard(answer, knock).await;
                drop(under_way);
                Ok(answer.map(|text| Watched::new(Either::Left(text), activity)))
            });
        }
        request
            .extensions_mut()
            .insert(ConnectInfo(Peer(self.peer)));
        let late = self.counters.late_bodies.clone();
        let request = request.map(|body| Timed::new(body, late));
        let answer = self.pages.clone().oneshot(request);
        let watched = |body| Watched::new(Either::Right(body), activity);
        Box::pin(answer.map_ok(|page| page.map(watched)))
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(BUFFER_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(ALIVE_EVERY)
        .keep_alive_timeout(ALIVE_WITHIN)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(STREAM_HEAD_MAX)
        .max_send_buf_size(BUFFER_MAX);
    builder
}

#[cfg(test)]
mod tests;
