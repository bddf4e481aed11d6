//! The sockets of the doors, with room for many that knock at once.

use std::io;
use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpSocket};

use crate::doorway::WAITING_MAX;
use crate::options::Options;

pub(super) struct Listeners {
    pub(super) http: TcpListener,
    pub(super) grpc: TcpListener,
    pub(super) metrics: Option<TcpListener>,
}

/// Before anything else is touched: a port in use is the commonest trouble.
pub(super) fn listen(options: &Options) -> anyhow::Result<Listeners> {
    let bind = |flag: &str, address: SocketAddr| {
        bind(address).with_context(|| {
            format!("cannot listen on {address}; stop what listens there, or set {flag}")
        })
    };
    Ok(Listeners {
        http: bind("--http", options.http)?,
        grpc: bind("--grpc", options.grpc)?,
        metrics: match options.metrics {
            Some(address) => Some(bind("--metrics", address)?),
            None => None,
        },
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart need not wait for the connections of the former run to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_crowd_gets_in_before_anybody_is_accepted() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn");
        let most = most.ok().and_then(|text| text.trim().parse().ok());
        let crowd: usize = most.unwrap_or(300).min(300);
        let mut waiting = Vec::new();
        for n in 0..crowd {
            // One for whom there is no room tries again after a second.
            let knock =
                tokio::time::timeout(Duration::from_millis(900), TcpStream::connect(address));
            let stream = knock.await.unwrap_or_else(|_| panic!("no room for {n}"));
            waiting.push(stream.unwrap());
        }
        assert_eq!(waiting.len(), crowd);
    }

    #[tokio::test]
    async fn a_port_in_use_is_refused() {
        let first = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let second = bind(first.local_addr().unwrap());
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
