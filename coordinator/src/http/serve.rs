//! Connections of the HTTP door, each within bounds: the head of a request comes in time or the
//! connection ends, and there is a place for so many of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::serve::Listener;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Layer;

use super::Peer;

/// How long the head of a request may take, also of the first and of one that is waited for.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How often an HTTP/2 connection is asked whether it is still there, and how long it has to answer.
const ALIVE_EVERY: Duration = Duration::from_secs(20);
const ALIVE_WITHIN: Duration = Duration::from_secs(10);
/// Most connections at once: fewer than the 1024 descriptors that a process commonly has, so that
/// stores and agents have theirs. Further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 512;

/// Serves until `stop`, then lets requests under way end.
///
/// # Errors
/// None; the type is that of every task.
pub async fn serve<L>(
    mut listener: L,
    router: Router,
    stop: CancellationToken,
) -> anyhow::Result<()>
where
    L: Listener<Addr = SocketAddr>,
{
    let builder = builder();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let ending = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        if places.available_permits() == 0 {
            tracing::warn!(connections = CONNECTIONS_MAX, "every place is taken");
        }
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let Some((place, (stream, peer))) = stop.run_until_cancelled(next).await else {
            break;
        };
        let from = Extension(ConnectInfo(Peer(peer.ip().to_canonical())));
        let service = TowerToHyperService::new(from.layer(router.clone()));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
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
        tokio::task::spawn_local(async move { serve(listener, router, stop).await });
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
