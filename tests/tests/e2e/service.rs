//! What a service manager hears of the daemons, on a real socket.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;
use vigilmon_tests::ports;
use vigilmon_tests::process::{Plan, Process};
use vigilmon_tests::programs::{self, Build};

use crate::scene::SOON;

/// How long the service manager waits for a sign of life.
const WATCHDOG: Duration = Duration::from_secs(8);

struct Manager {
    socket: UnixDatagram,
}

impl Manager {
    fn listen(at: &Path) -> Self {
        let socket = UnixDatagram::bind(at).unwrap();
        socket.set_read_timeout(Some(WATCHDOG)).unwrap();
        Self { socket }
    }

    /// The next message. Signs of life come within the watchdog's time, so something always does.
    fn hear(&self) -> String {
        let mut buffer = [0; 4096];
        let read = self.socket.recv(&mut buffer);
        let length = read.expect("a sign of life comes in time");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// Waits for a message that begins so, through signs of life.
    fn wait_for(&self, begin: &str) -> String {
        let start = Instant::now();
        loop {
            let heard = self.hear();
            if heard.starts_with(begin) {
                return heard;
            }
            assert_eq!(heard.trim(), "WATCHDOG=1", "while waiting for {begin}");
            assert!(start.elapsed() < SOON, "{begin} does not come");
        }
    }
}

fn watched(program: &str, folder: &Path, arguments: &[&str]) -> (Process, Manager) {
    let socket = folder.join("notify");
    let manager = Manager::listen(&socket);
    let process = Plan::new(programs::vigilmon(program, Build::Plain))
        .args(arguments)
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string())
        .folder(folder)
        .start(&folder.join("log"));
    // A start may take longer than a sign of life.
    manager.socket.set_read_timeout(Some(SOON)).unwrap();
    assert_eq!(manager.hear().trim(), "READY=1");
    manager.socket.set_read_timeout(Some(WATCHDOG)).unwrap();
    (process, manager)
}

fn lives_reloads_and_stops(mut process: Process, manager: &Manager) {
    // One at once, and one when half of the time has passed.
    for _ in 0..2 {
        manager.wait_for("WATCHDOG=1");
    }
    process.signal(Signal::HUP);
    let reloading = manager.wait_for("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.wait_for("READY=1");
    process.signal(Signal::TERM);
    manager.wait_for("STOPPING=1");
    assert_eq!(process.wait(SOON).code(), Some(0));
}

#[test]
fn the_service_manager_hears_of_a_coordinators_life() {
    let folder = TempDir::with_prefix("vigilmon-service-").unwrap();
    let [http, grpc] = [ports::free(), ports::free()].map(|port| format!("127.0.0.1:{port}"));
    let arguments = ["--data", "data", "--http", &http, "--grpc", &grpc];
    let (process, manager) = watched("vigilmon-coordinator", folder.path(), &arguments);
    lives_reloads_and_stops(process, &manager);
}

#[test]
fn the_service_manager_hears_of_an_agents_life() {
    let folder = TempDir::with_prefix("vigilmon-service-").unwrap();
    std::fs::write(folder.path().join("token"), "vta_nobody").unwrap();
    let nobody = format!("https://127.0.0.1:{}", ports::free());
    let arguments = [
        "--coordinator",
        &nobody,
        "--region",
        "eu-west",
        "--name",
        "p-1",
        "--token-file",
        "token",
    ];
    let (process, manager) = watched("vigilmon-agent", folder.path(), &arguments);
    lives_reloads_and_stops(process, &manager);
}
