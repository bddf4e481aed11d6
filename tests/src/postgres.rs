//! A real PostgreSQL that a test can stop and start again.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Signal, getuid};
use tempfile::TempDir;

use crate::process::{Plan, Process};
use crate::{ports, wait};

/// PostgreSQL refuses to run as root; `tests/run` makes this account for it.
const ACCOUNT: &str = "vigilmon-tests";
const START_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// A cluster of its own, on a port of its own.
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    account: Option<u32>,
    port: u16,
    server: Option<Process>,
}

impl Postgres {
    /// Makes a cluster and starts it.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("vigilmon-postgres-").expect("a folder can be made");
        let account = getuid().is_root().then(account);
        if let Some(account) = account {
            chown(folder.path(), Some(account), Some(account)).expect("root may do that");
        }
        let all = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder.path(), all).expect("the folder is ours");
        let programs = programs();
        let mut postgres = Self {
            folder,
            programs,
            account,
            port: ports::free(),
            server: None,
        };
        postgres.make_cluster();
        postgres.start_again();
        postgres
    }

    fn make_cluster(&self) {
        let made = Plan::new(self.programs.join("initdb"))
            .args([
                "-U",
                "app",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
                "-D",
            ])
            .args([self.data()])
            .folder(self.folder.path())
            .account(self.account)
            .command()
            .output()
            .expect("initdb can be started");
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// Starts it on the port that it had, and waits until it answers.
    pub fn start_again(&mut self) {
        let log = std::env::temp_dir().join(format!("{}.log", self.name()));
        let server = Plan::new(self.programs.join("postgres"))
            .args(["-h", "127.0.0.1", "-c", "fsync=off", "-p"])
            .args([self.port.to_string()])
            .args([
                "-k".as_ref(),
                self.folder.path(),
                "-D".as_ref(),
                &self.data(),
            ])
            .folder(self.folder.path())
            .account(self.account)
            .start(&log);
        let server = self.server.insert(server);
        let ready = self.programs.join("pg_isready");
        wait::until_true("PostgreSQL answers", START_WITHIN, || {
            server.must_run();
            let mut ask = Command::new(&ready);
            ask.args([
                "-q",
                "-h",
                "127.0.0.1",
                "-U",
                "app",
                "-p",
                &self.port.to_string(),
            ]);
            ask.status().is_ok_and(|status| status.success())
        });
    }

    /// Stops it as an operator would: connections are closed at once.
    pub fn stop(&mut self) {
        let mut server = self.server.take().expect("it runs");
        server.signal(Signal::INT);
        server.wait(STOP_WITHIN);
    }

    /// The URL of a database in it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgresql://app@127.0.0.1:{}/postgres", self.port)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn name(&self) -> String {
        let name = self
            .folder
            .path()
            .file_name()
            .expect("the folder has a name");
        name.to_string_lossy().into_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // Killed outright it would leave shared memory behind.
            server.signal(Signal::QUIT);
            server.wait(STOP_WITHIN);
        }
        let _ = fs::remove_file(std::env::temp_dir().join(format!("{}.log", self.name())));
    }
}

/// Where Debian keeps the newest server's programs.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let folders = versions.map(|version| version.path().join("bin"));
    let newest = folders
        .filter(|folder| folder.join("postgres").exists())
        .max();
    newest.expect("no PostgreSQL server; `tests/run e2e` installs it")
}

fn account() -> u32 {
    let said = Command::new("id")
        .args(["-u", ACCOUNT])
        .output()
        .expect("id can be started");
    let number = String::from_utf8_lossy(&said.stdout).trim().parse();
    number.unwrap_or_else(|_| panic!("no account {ACCOUNT}; `tests/run e2e` makes it"))
}
