//! A real application among real databases: Litestar under uvicorn, with PostgreSQL and Redis.

use std::time::Duration;

use tempfile::TempDir;

use crate::background::{self, Answer};
use crate::postgres::Postgres;
use crate::process::{Plan, Process};
use crate::redis::Redis;
use crate::{ports, programs, wait};

const START_WITHIN: Duration = Duration::from_secs(60);

/// The application and what it stands on.
pub struct Application {
    /// Its database.
    pub postgres: Postgres,
    /// Its cache.
    pub redis: Redis,
    server: Process,
    port: u16,
    _folder: TempDir,
}

impl Application {
    /// Starts all three and waits until the application says that it is well.
    #[must_use]
    pub fn start() -> Self {
        let postgres = Postgres::start();
        let redis = Redis::start();
        let folder = TempDir::with_prefix("vigilmon-app-").expect("a folder can be made");
        let port = ports::free();
        let server = Plan::new(programs::python("uvicorn"))
            .args([
                "--host",
                "127.0.0.1",
                "--no-access-log",
                "--port",
                &port.to_string(),
                "app:app",
            ])
            .env("DATABASE_URL", postgres.url())
            .env("REDIS_URL", redis.url())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .folder(programs::tests().join("apps/litestar"))
            .start(&folder.path().join("log"));
        let mut application = Self {
            postgres,
            redis,
            server,
            port,
            _folder: folder,
        };
        wait::until_true("the application is well", START_WITHIN, || {
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
}
