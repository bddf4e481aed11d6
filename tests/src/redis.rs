//! A real Redis that a test can stop and start again.

use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Plan, Process};
use crate::{ports, wait};

const START_WITHIN: Duration = Duration::from_secs(20);
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// A server of its own, on a port of its own, that keeps nothing on disk.
pub struct Redis {
    server: Option<Process>,
    folder: TempDir,
    port: u16,
}

impl Redis {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("vigilmon-redis-").expect("a folder can be made");
        let mut redis = Self {
            folder,
            port: ports::free(),
            server: None,
        };
        redis.start_again();
        redis
    }

    /// Starts it on the port that it had, and waits until it answers.
    pub fn start_again(&mut self) {
        let server = Plan::new("redis-server")
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--port",
            ])
            .args([self.port.to_string()])
            .args(["--dir".as_ref(), self.folder.path()])
            .start(&self.folder.path().join("log"));
        let server = self.server.insert(server);
        wait::until_true("Redis answers", START_WITHIN, || {
            server.must_run();
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    /// Stops it as an operator would.
    pub fn stop(&mut self) {
        let mut server = self.server.take().expect("it runs");
        server.signal(Signal::TERM);
        server.wait(STOP_WITHIN);
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }
}
