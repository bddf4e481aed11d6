//! A crowd of jobs: each pings its URL again and again, over a connection of its own, and remembers
//! which of its pings were answered.
//!
//! A ping carries its number as run id. One that gets no answer is not sent again: whether it
//! counts is for the other side to say.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockWriteGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Clients of the tutorials give up after so long.
const GIVE_UP: Duration = Duration::from_secs(5);

/// The jobs; they stop when dropped.
pub struct Crowd {
    jobs: Vec<Arc<Job>>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What one job has seen.
struct Job {
    address: String,
    path: String,
    seen: Mutex<Seen>,
}

/// What became of a job's pings.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How many were sent, or tried.
    pub sent: u64,
    /// The numbers of those that were answered with 200, in their order.
    pub answered: Vec<u64>,
    /// The statuses of other answers.
    pub refused: Vec<u16>,
    /// The longest that an answer with 200 took.
    pub slowest: Duration,
}

struct Shared {
    over: AtomicBool,
    /// Held by every ping from before it is sent until it is answered.
    street: RwLock<()>,
}

impl Crowd {
    /// A job for each of these URLs, all of which ping from now on, with a pause of `pace` between a
    /// job's pings.
    #[must_use]
    pub fn start(urls: &[String], pace: Duration) -> Self {
        let jobs: Vec<Arc<Job>> = urls.iter().map(|url| Arc::new(Job::new(url))).collect();
        let shared = Arc::new(Shared {
            over: AtomicBool::new(false),
            street: RwLock::new(()),
        });
        let work = |job: &Arc<Job>| {
            let (job, shared) = (Arc::clone(job), Arc::clone(&shared));
            thread::spawn(move || job.work(&shared, pace))
        };
        let threads = jobs.iter().map(work).collect();
        Self {
            jobs,
            shared,
            threads,
        }
    }

    /// None of them pings while the guard lives; what was under way is over when this returns.
    pub fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.shared.street.write().expect("no job panics")
    }

    /// What became of the pings of each of them so far, in the order of their URLs.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let seen = |job: &Arc<Job>| job.seen.lock().expect("no job panics").clone();
        self.jobs.iter().map(seen).collect()
    }

    /// How many pings were answered with 200 so far.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.seen().iter().map(|seen| seen.answered.len()).sum()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A job that panicked has said so already.
            let _ = thread.join();
        }
    }
}

impl Job {
    fn new(url: &str) -> Self {
        let place = url.strip_prefix("http://").expect("a test's URL is http");
        let (address, path) = place.split_once('/').unwrap_or((place, ""));
        Self {
            address: address.to_owned(),
            path: path.to_owned(),
            seen: Mutex::default(),
        }
    }

    fn work(&self, shared: &Shared, pace: Duration) {
        let mut connection = None;
        let mut number = 0;
        while !shared.over.load(Ordering::Relaxed) {
            let street = shared.street.read().expect("no job panics");
            number += 1;
            let sent = Instant::now();
            let answer = self.ping(&mut connection, number);
            let took = sent.elapsed();
            {
                let mut seen = self.seen.lock().expect("no job panics");
                seen.sent = number;
                match answer {
                    Ok(200) => {
                        seen.answered.push(number);
                        seen.slowest = seen.slowest.max(took);
                    }
                    Ok(status) => seen.refused.push(status),
                    Err(_) => connection = None,
                }
            }
            drop(street);
            thread::sleep(pace);
        }
    }

    /// The status of the answer; an error: none came.
    fn ping(&self, kept: &mut Option<BufReader<TcpStream>>, number: u64) -> io::Result<u16> {
        let connection = match kept {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(GIVE_UP))?;
                stream.set_write_timeout(Some(GIVE_UP))?;
                kept.insert(BufReader::new(stream))
            }
        };
        let (path, host) = (&self.path, &self.address);
        let request = format!("GET /{path}?rid={number} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        connection.get_mut().write_all(request.as_bytes())?;
        answer(connection)
    }
}

/// Reads an answer to its end; its status.
fn answer(connection: &mut impl BufRead) -> io::Result<u16> {
    let mut line = String::new();
    let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
    connection.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(broken)?;
    let mut length = 0;
    loop {
        line.clear();
        if connection.read_line(&mut line)? == 0 {
            return Err(broken());
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(|_| broken())?;
            }
            Some(_) => {}
            None => break,
        }
    }
    connection.read_exact(&mut vec![0; length])?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;
    use crate::wait;

    #[test]
    fn every_answered_ping_is_remembered_and_none_is_sent_in_a_pause() {
        let target = Target::start();
        let crowd = Crowd::start(&[target.url(), target.url()], Duration::ZERO);
        let limit = Duration::from_secs(10);
        wait::until_true("some are answered", limit, || crowd.answered() > 50);
        let quiet = crowd.pause();
        let seen = crowd.seen();
        assert_eq!(target.hits().len(), crowd.answered());
        for seen in &seen {
            assert_eq!(
                seen.answered.iter().copied().max(),
                Some(seen.sent),
                "all were"
            );
        }
        drop(quiet);
        let before = crowd.answered();
        wait::until_true("they go on", limit, || crowd.answered() > before);
    }
}
