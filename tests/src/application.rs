//! Real applications among real databases: Litestar under uvicorn, Flask under gunicorn, with
//! PostgreSQL and Redis.

use std::fs;
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

/// A running application.
pub struct Application {
    server: Process,
    port: u16,
    _folder: TempDir,
}

impl Application {
    /// Starts the Litestar application under uvicorn and waits until it says that it is well.
    #[must_use]
    pub fn litestar(databases: &Databases) -> Self {
        Self::start(databases, "litestar", |port| {
            let server = Plan::new(programs::python("uvicorn"));
            let server = server.args(["--host", "127.0.0.1", "--no-access-log", "--port"]);
            server.args([&port.to_string(), "app:app"])
        })
    }

    /// Starts the Flask application under gunicorn with two workers and waits until it says that it
    /// is well.
    #[must_use]
    pub fn flask(databases: &Databases) -> Self {
        Self::gunicorn(databases, "0")
    }

    /// The same as its developers run it: Flask then lays out its JSON for people.
    #[must_use]
    pub fn flask_in_debug(databases: &Databases) -> Self {
        Self::gunicorn(databases, "1")
    }

    fn gunicorn(databases: &Databases, debug: &str) -> Self {
        Self::start(databases, "flask", |port| {
            let server = Plan::new(programs::python("gunicorn"));
            // Loaded before the workers are forked, so that a reload need not wait for imports.
            let server = server.args(["--workers", "2", "--preload", "--no-control-socket"]);
            let server = server.args(["--bind", &format!("127.0.0.1:{port}"), "app:app"]);
            server.env("FLASK_DEBUG", debug)
        })
    }

    fn start(databases: &Databases, name: &str, serve: impl FnOnce(u16) -> Plan) -> Self {
        let folder = TempDir::with_prefix("vigilmon-app-").expect("a folder can be made");
        let port = ports::free();
        let server = serve(port)
            .env("DATABASE_URL", databases.postgres.url())
            .env("REDIS_URL", databases.redis.url())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .folder(programs::tests().join("apps").join(name))
            .start(&folder.path().join("log"));
        let mut application = Self {
            server,
            port,
            _folder: folder,
        };
        wait::until_true(&format!("{name} is well"), START_WITHIN, || {
            application.server.must_run();
            application
                .get("/health")
                .is_some_and(|answer| answer.status == 200)
        });
        application
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

impl Drop for Application {
    fn drop(&mut self) {
        // Killed outright gunicorn would leave its workers behind for a while.
        self.server.signal(Signal::TERM);
        self.server.wait(STOP_WITHIN);
    }
}
