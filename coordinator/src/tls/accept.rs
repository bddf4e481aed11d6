//! The accept loop of the doors that speak TLS: handshakes beside each other, bounded in number and
//! time, so that one slow client keeps nobody waiting.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use vigilmon_runtime::supervisor::{Policy, Supervisor};

/// Connections at once whose handshake is under way, or for which the server has no place yet;
/// further ones wait in the listener's queue.
const HANDSHAKES_MAX: usize = 256;
/// How long a handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Connections that may wait for the server.
const ACCEPTED_MAX: usize = 64;

/// What [`accept`] gives, as a listener of the HTTP server.
pub struct Secure {
    /// Where it listens.
    pub address: SocketAddr,
    /// What was accepted.
    pub connections: mpsc::Receiver<io::Result<TlsStream<TcpStream>>>,
}

impl axum::serve::Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            match self.connections.recv().await {
                Some(Ok(stream)) => {
                    // A peer that is gone already is served nothing, whatever its address.
                    let peer = stream.get_ref().0.peer_addr().unwrap_or(self.address);
                    return (stream, peer);
                }
                Some(Err(_)) => {}
                // The accept loop has ended: so will the server.
                None => std::future::pending().await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Accepts connections until `stop` and gives those whose handshake succeeded.
pub fn accept(
    listener: TcpListener,
    config: Arc<ServerConfig>,
    tasks: &Supervisor,
    stop: CancellationToken,
) -> mpsc::Receiver<io::Result<TlsStream<TcpStream>>> {
    let (sender, receiver) = mpsc::channel(ACCEPTED_MAX);
    let acceptor = TlsAcceptor::from(config);
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let inner = tasks.clone();
    tasks.spawn("TLS accept", Policy::Critical, async move {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else {
                // Out of descriptors, most likely: the next connection may find some.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else {
                return Ok(());
            };
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            inner.spawn("TLS handshake", Policy::BestEffort, async move {
                let _ = stream.set_nodelay(true);
                let shaken = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream));
                if let Ok(Ok(stream)) = shaken.await {
                    let _ = sender.send(Ok(stream)).await;
                }
                drop(permit);
                Ok(())
            });
        }
    });
    receiver
}
