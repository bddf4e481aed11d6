//! A burst of pings, as jobs send them: each by a connection of its own, once, and all of them at
//! the same full minute.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections at once: what a process may have open by default leaves room for as many.
const AT_ONCE: usize = 800;
/// So many addresses ping, for one has too few ports.
const ADDRESSES: u64 = 100;
/// A job gives up then.
const PING_WITHIN: Duration = Duration::from_secs(30);

/// What became of a burst.
pub(crate) struct Burst {
    /// How many were answered well.
    pub(crate) answered: usize,
    /// From the first connection to the last answer.
    pub(crate) took: Duration,
    /// How long each took by itself, in order.
    pub(crate) each: Vec<Duration>,
}

/// Waits for the next full minute and sends it.
pub(crate) async fn at_the_full_minute(server: SocketAddr, paths: &[String]) -> Burst {
    const MINUTE: Duration = Duration::from_secs(60);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.expect("the clock is not before 1970");
    let into = Duration::from_nanos((now.as_nanos() % MINUTE.as_nanos()) as u64);
    tokio::time::sleep(MINUTE - into).await;
    let start = Instant::now();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut jobs = JoinSet::new();
    for (n, path) in (0..).zip(paths) {
        let places = Arc::clone(&places);
        let request = format!("GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n");
        jobs.spawn(async move {
            let _place = places.acquire().await.expect("it is never closed");
            let start = Instant::now();
            let answered = tokio::time::timeout(PING_WITHIN, ping(server, n, &request)).await;
            let is_good = matches!(answered, Ok(Ok(answer)) if answer.starts_with(b"HTTP/1.1 200"));
            is_good.then(|| start.elapsed())
        });
    }
    let each = jobs.join_all().await;
    let took = start.elapsed();
    let mut each: Vec<Duration> = each.into_iter().flatten().collect();
    each.sort();
    Burst {
        answered: each.len(),
        took,
        each,
    }
}

async fn ping(server: SocketAddr, n: u64, request: &str) -> std::io::Result<Vec<u8>> {
    let socket = TcpSocket::new_v4()?;
    let host = u8::try_from(1 + n % ADDRESSES).expect("there are few");
    socket.bind((Ipv4Addr::new(127, 0, 2, host), 0).into())?;
    let mut stream = socket.connect(server).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}
