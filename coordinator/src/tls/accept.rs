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

use crate::doorway::{Doorway, Listener, heard};
use crate::engine::Knocks;

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

impl Listener for Secure {
    type Stream = TlsStream<TcpStream>;

    async fn accept(&mut self) -> io::Result<(Self::Stream, SocketAddr)> {
        match self.connections.recv().await {
            Some(accepted) => {
                let stream = accepted?;
                // A peer that is gone already is served nothing, whatever its address.
                let peer = stream.get_ref().0.peer_addr().unwrap_or(self.address);
                Ok((stream, peer))
            }
            // The accept loop has ended: so will the server.
            None => std::future::pending().await,
        }
    }
}

/// Accepts connections until `stop` and gives those whose handshake succeeded.
pub fn accept(
    mut listener: TcpListener,
    config: Arc<ServerConfig>,
    knocks: Knocks,
    tasks: &Supervisor,
    stop: CancellationToken,
) -> mpsc::Receiver<io::Result<TlsStream<TcpStream>>> {
    let (sender, receiver) = mpsc::channel(ACCEPTED_MAX);
    let acceptor = TlsAcceptor::from(config);
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let inner = tasks.clone();
    tasks.spawn("TLS accept", Policy::Critical, async move {
        let mut doorway = Doorway::new(knocks);
        loop {
            let next = async {
                let permit = Arc::clone(&handshakes).acquire_owned().await;
                (permit, doorway.next(&mut listener).await)
            };
            let Some((permit, (stream, _, knock))) = stop.run_until_cancelled(next).await else {
                return Ok(());
            };
            let (acceptor, sender) = (acceptor.clone(), sender.clone());
            inner.spawn("TLS handshake", Policy::BestEffort, async move {
                let _ = stream.set_nodelay(true);
                let shaken = tokio::time::timeout(HANDSHAKE_PATIENCE, acceptor.accept(stream));
                if let Ok(Ok(stream)) = heard(shaken, knock).await {
                    let _ = sender.send(Ok(stream)).await;
                }
                drop(permit);
                Ok(())
            });
        }
    });
    receiver
}
