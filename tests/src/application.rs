//! Real applications among real databases: Litestar under uvicorn, Flask under gunicorn, with
//! PostgreSQL and Redis.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::background::{self, Answer};
use crate::postgres::Postgres;
use crate::process::{Plan, Process};
use crate::redis::Redis;
use crate::{ports, programs, wait};

const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// The file in which it stands how an application's job does, while it is not well.
const MANNER: &str = "manner";

/// What an application stands on.
pub struct Databases {
    /// Its database.
    pub postgres: Postgres,
    /// Its cache.
    pub redis: Redis,
}

impl Databases {
    /// Starts both.
    #[must_use]
    pub fn start() -> Self {
        Self {
            postgres: Postgres::start(),
            redis: Redis::start(),
        }
    }
}

/// How the job of an application does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manner {
    /// It does its work, and then pings.
    Well,
    /// It raises.
    Fails,
    /// It does not end until it is well again.
    Hangs,
}

/// A running application.
pub struct Application {
    server: Process,
    port: u16,
    folder: TempDir,
}

impl Application {
    /// Starts the Litestar application under uvicorn and waits until it says that it is well.
    #[must_use]
    pub fn litestar(databases: &Databases) -> Self {
        Self::with_databases(databases, "litestar", uvicorn)
    }

    /// Starts the Flask application under gunicorn with two workers and waits until it says that it
    /// is well.
    #[must_use]
    pub fn flask(databases: &Databases) -> Self {
        Self::with_databases(databases, "flask", gunicorn)
    }

    /// The same as its developers run it: Flask then lays out its JSON for people.
    #[must_use]
    pub fn flask_in_debug(databases: &Databases) -> Self {
        let server = |port| gunicorn(port).env("FLASK_DEBUG", "1");
        Self::with_databases(databases, "flask", server)
    }

    /// The Litestar application without its databases, for its job: it runs twice a second and
    /// pings this URL.
    #[must_use]
    pub fn litestar_with_a_job(heartbeat: &str) -> Self {
        Self::with_a_job("litestar", heartbeat, uvicorn)
    }

    /// The Flask application likewise: its job runs in gunicorn's master.
    #[must_use]
    pub fn flask_with_a_job(heartbeat: &str) -> Self {
        Self::with_a_job("flask", heartbeat, gunicorn)
    }

    fn with_a_job(name: &str, heartbeat: &str, serve: fn(u16) -> Plan) -> Self {
        let nowhere = ports::free();
        Self::start(name, "/health/live", |port, folder| {
            let database = format!("postgresql://app@127.0.0.1:{nowhere}/postgres");
            serve(port)
                .env("DATABASE_URL", database)
                .env("REDIS_URL", format!("redis://127.0.0.1:{nowhere}/0"))
                .env("HEARTBEAT_URL", heartbeat)
                .env("JOB_SECONDS", "0.5")
                .env("JOB_MANNER", folder.join(MANNER))
        })
    }

    fn with_databases(databases: &Databases, name: &str, serve: impl FnOnce(u16) -> Plan) -> Self {
        Self::start(name, "/health", |port, _| {
            serve(port)
                .env("DATABASE_URL", databases.postgres.url())
                .env("REDIS_URL", databases.redis.url())
        })
    }

    /// Starts one and waits until this path of it answers well.
    fn start(name: &str, well: &str, serve: impl FnOnce(u16, &Path) -> Plan) -> Self {
        let folder = TempDir::with_prefix("vigilmon-app-").expect("a folder can be made");
        let port = ports::free();
        let server = serve(port, folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .folder(programs::tests().join("apps").join(name))
            .start(&folder.path().join("log"));
        let mut application = Self {
            server,
            port,
            folder,
        };
        wait::until_true(&format!("{name} is well"), START_WITHIN, || {
            application.server.must_run();
            application
                .get(well)
                .is_some_and(|answer| answer.status == 200)
        });
        application
    }

    /// From now on its job does so.
    pub fn job(&self, manner: Manner) {
        let file = self.folder.path().join(MANNER);
        match manner {
            Manner::Well => fs::remove_file(file).expect("it was not well"),
            // Put in place whole, since the job may be looking.
            Manner::Fails | Manner::Hangs => {
                let word = if manner == Manner::Fails {
                    "fail"
                } else {
                    "hang"
                };
                let written = file.with_extension("new");
                fs::write(&written, word).expect("the folder is ours");
                fs::rename(written, file).expect("the folder is ours");
            }
        }
    }

    /// What the server and its job have printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// The URL of one of its paths.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it answers.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Answer> {
        background::get(&self.url(path))
    }

    /// Sends a signal to the server: under gunicorn to its master.
    pub fn signal(&self, signal: Signal) {
        self.server.signal(signal);
    }

    /// The processes that the server has started, by their numbers: gunicorn's workers.
    #[must_use]
    pub fn workers(&self) -> Vec<u32> {
        let master = self.server.id();
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"));
        let children = children.expect("the server runs");
        let numbers = children.split_whitespace().map(str::parse);
        numbers.map(|id| id.expect("it is a number")).collect()
    }
}

fn uvicorn(port: u16) -> Plan {
    let server = Plan::new(programs::python("uvicorn"));
    let server = server.args(["--host", "127.0.0.1", "--no-access-log", "--port"]);
    server.args([&port.to_string(), "app:app"])
}

fn gunicorn(port: u16) -> Plan {
    let server = Plan::new(programs::python("gunicorn"));
    // Loaded before the workers are forked, so that a reload need not wait for imports.
    let server = server.args(["--workers", "2", "--preload", "--no-control-socket"]);
    server.args(["--bind", &format!("127.0.0.1:{port}"), "app:app"])
}

impl Drop for Application {
    fn drop(&mut self) {
        // A job that hangs would keep the server from ending.
        let _ = fs::remove_file(self.folder.path().join(MANNER));
        // Killed outright gunicorn would leave its workers behind for a while.
        self.server.signal(Signal::TERM);
        self.server.wait(STOP_WITHIN);
    }
}
