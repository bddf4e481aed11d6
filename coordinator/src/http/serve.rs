//! Connections of the HTTP door, each within bounds: the head of a request comes in time or the
//! connection ends, and there is a place for so many of them.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::Listener;
use bytes::Bytes;
use futures_util::TryFutureExt;
use http::{Request, Response};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::Peer;
use super::ping::Pings;

mod patient;

use patient::{Patient, UnderWay};

/// How long the head of a request may take, also of the first and of one that is waited for.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How often an HTTP/2 connection is asked whether it is still there, and how long it has to answer.
const ALIVE_EVERY: Duration = Duration::from_secs(20);
const ALIVE_WITHIN: Duration = Duration::from_secs(10);
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
}

impl Door {
    /// What is behind a listener of a process that may have so many descriptors open.
    #[must_use]
    pub fn new(pages: Router, pings: Option<Pings>, descriptors: u64) -> Self {
        let places = (descriptors / DESCRIPTORS_SHARE).clamp(1, CONNECTIONS_MAX);
        Self {
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
    L: Listener<Addr = SocketAddr>,
{
    let builder = builder();
    let places = Arc::new(Semaphore::new(door.places));
    let ending = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut was_full = false;
    loop {
        let is_full = places.available_permits() == 0;
        if is_full && !was_full {
            tracing::warn!(connections = door.places, "every place is taken");
        }
        was_full = is_full;
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let Some((place, (stream, peer))) = stop.run_until_cancelled(next).await else {
            break;
        };
        let under_way = UnderWay::default();
        let stream = Patient::new(stream, under_way.clone());
        let visit = Visit {
            pages: door.pages.clone(),
            pings: door.pings.clone(),
            peer: peer.ip().to_canonical(),
            under_way,
        };
        let connection = builder.serve_connection(TokioIo::new(stream), visit);
        let connection = ending.watch(connection.into_owned());
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, error, "a connection ended badly");
            }
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    ending.shutdown().await;
    Ok(())
}

/// What one connection reaches.
struct Visit {
    pages: Router,
    pings: Option<Pings>,
    peer: IpAddr,
    under_way: UnderWay,
}

impl hyper::service::Service<Request<Incoming>> for Visit {
    type Response = Response<Either<Full<Bytes>, Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Some(pings) = &self.pings
            && Pings::take(request.uri().path())
        {
            let (pings, peer) = (pings.clone(), self.peer);
            let under_way = self.under_way.begin();
            return Box::pin(async move {
                let answer = pings.answer(request, peer, under_way.ended()).await;
                drop(under_way);
                Ok(answer.map(Either::Left))
            });
        }
        request
            .extensions_mut()
            .insert(ConnectInfo(Peer(self.peer)));
        let answer = self.pages.clone().oneshot(request);
        Box::pin(answer.map_ok(|page| page.map(Either::Right)))
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(ALIVE_EVERY)
        .keep_alive_timeout(ALIVE_WITHIN);
    builder
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn start(stop: &CancellationToken) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hello = |ConnectInfo(Peer(peer)): ConnectInfo<Peer>| async move { peer.to_string() };
        let router = Router::new().route("/", get(hello));
        let stop = stop.clone();
        tokio::task::spawn_local(async move {
            serve(listener, Door::new(router, None, 64), stop).await
        });
        address
    }

    #[tokio::test]
    async fn a_request_is_answered_and_its_peer_is_known() {
        let stop = CancellationToken::new();
        let local = tokio::task::LocalSet::new();
        let answer = local.run_until(async {
            let mut stream = TcpStream::connect(start(&stop).await).await.unwrap();
            let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        });
        let answer = answer.await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.ends_with("127.0.0.1"), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_nothing_comes_ends() {
        let stop = CancellationToken::new();
        let local = tokio::task::LocalSet::new();
        let ended = local.run_until(async {
            let mut stream = TcpStream::connect(start(&stop).await).await.unwrap();
            stream.write_all(b"GET / HT").await.unwrap();
            let mut rest = Vec::new();
            let read = stream.read_to_end(&mut rest);
            tokio::time::timeout(HEAD_WITHIN * 2, read).await.is_ok()
        });
        assert!(ended.await);
    }
}
