//! `vigilmon up`, as a user starts it, or the coordinator alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::cli::Cli;
use crate::process::{Plan, Process};
use crate::programs::{self, Build};
use crate::{background, ports, wait};

/// The regions that `up` has when none are named.
pub const REGIONS: [&str; 3] = ["us-east", "eu-west", "ap-southeast"];

const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// How to start it.
pub struct Options {
    program: &'static str,
    build: Build,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    within: Vec<OsString>,
}

impl Options {
    /// As the README says.
    #[must_use]
    pub fn new() -> Self {
        Self {
            program: "vigilmon",
            build: Build::Plain,
            arguments: vec![],
            environment: vec![],
            within: vec![],
        }
    }

    /// The coordinator alone, as its operator starts it: agents are processes of their own. It may
    /// reach loopback, where the tests' receivers are.
    #[must_use]
    pub fn coordinator() -> Self {
        let options = Self {
            program: "vigilmon-coordinator",
            ..Self::new()
        };
        options.args(&["--allow-net", "127.0.0.0/8"])
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// In some surroundings.
    #[must_use]
    pub fn within(self, words: &[OsString]) -> Self {
        Self {
            within: words.to_vec(),
            ..self
        }
    }

    /// Built so that the named point ends it.
    #[must_use]
    pub fn fault(self, point: &str) -> Self {
        Self {
            build: Build::FaultPoints,
            ..self
        }
        .env("VIGILMON_FAULT", point)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// A running `vigilmon up`, or coordinator, with a data folder of its own.
pub struct Up {
    // Dropped in this order: the process first, then the folder with its log.
    process: Process,
    folder: TempDir,
    http: u16,
    grpc: u16,
}

impl Up {
    /// Starts it in an empty folder and waits until it is ready.
    #[must_use]
    pub fn start(options: &Options) -> Self {
        Self::start_in(
            TempDir::with_prefix("vigilmon-up-").expect("a folder can be made"),
            options,
        )
    }

    /// Starts it with `data` in this folder and waits until it is ready.
    #[must_use]
    pub fn start_in(folder: TempDir, options: &Options) -> Self {
        let (http, grpc) = (ports::free(), ports::free());
        let process = launch(folder.path(), http, grpc, options);
        let mut up = Self {
            folder,
            http,
            grpc,
            process,
        };
        up.wait_until_ready();
        up
    }

    /// Starts a coordinator from a file of settings, which is told its ports; `data_dir` in it is
    /// `data`.
    #[must_use]
    pub fn start_from_file(settings: impl FnOnce(u16, u16) -> String) -> Self {
        let folder = TempDir::with_prefix("vigilmon-up-").expect("a folder can be made");
        let (http, grpc) = (ports::free(), ports::free());
        let file = folder.path().join("coordinator.toml");
        std::fs::write(&file, settings(http, grpc)).expect("the file can be written");
        let process = Plan::new(programs::vigilmon("vigilmon-coordinator", Build::Plain))
            .args([OsString::from("--config"), file.into_os_string()])
            .folder("/")
            .start(&folder.path().join(format!("log-{http}")));
        let mut up = Self {
            process,
            folder,
            http,
            grpc,
        };
        up.wait_until_ready();
        up
    }

    /// Starts it again on the same data and ports, after it has ended.
    pub fn start_again(&mut self, options: &Options) {
        self.process.kill();
        self.process = launch(self.folder.path(), self.http, self.grpc, options);
        self.wait_until_ready();
    }

    /// Waits until `/health/ready` says so.
    #[track_caller]
    pub fn wait_until_ready(&mut self) {
        let url = format!("http://127.0.0.1:{}/health/ready", self.http);
        let process = &mut self.process;
        wait::until_true("the coordinator is ready", START_WITHIN, || {
            process.must_run();
            background::get(&url).is_some_and(|answer| answer.status == 200)
        });
    }

    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it as an operator would; fails unless it exits 0 in time.
    #[track_caller]
    pub fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        let status = self.process.wait(STOP_WITHIN);
        assert!(status.success(), "it ends with {status}");
    }

    /// The folder in which it runs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        data(self.folder.path())
    }

    /// The URL of a path of its HTTP port.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }

    /// The address of its gRPC port.
    #[must_use]
    pub fn grpc(&self) -> String {
        format!("127.0.0.1:{}", self.grpc)
    }

    /// The command that speaks to it.
    #[must_use]
    pub fn cli(&self) -> Cli {
        Cli::new(&self.data().join("context.toml"), self.folder.path())
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// Starts it with `data` in this folder, without waiting for anything: it is expected to end.
/// Flags among the options that name a port win over the free ones given here.
#[must_use]
pub fn launch_in(folder: &Path, options: &Options) -> Process {
    launch(folder, ports::free(), ports::free(), options)
}

fn launch(folder: &Path, http: u16, grpc: u16, options: &Options) -> Process {
    let log = folder.join(format!("log-{http}"));
    let given = |flag: &str| options.arguments.iter().any(|argument| argument == flag);
    let all_in_one: &[&str] = if options.program == "vigilmon" {
        &["up"]
    } else {
        &[]
    };
    let mut plan = Plan::new(programs::vigilmon(options.program, options.build))
        .args(all_in_one)
        .args(&options.arguments)
        .folder(folder)
        .within(&options.within);
    let http = format!("127.0.0.1:{http}");
    let grpc = format!("127.0.0.1:{grpc}");
    let data = data(folder).into_os_string();
    for (flag, value) in [
        ("--http", http.into()),
        ("--grpc", grpc.into()),
        ("--data", data),
    ] {
        if !given(flag) {
            plan = plan.args([OsString::from(flag), value]);
        }
    }
    for (name, value) in &options.environment {
        plan = plan.env(name, value);
    }
    plan.start(&log)
}
