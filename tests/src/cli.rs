//! The `vigilmon` command, run as a user runs it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::process::{Plan, Process};
use crate::programs::{self, Build};

/// The command, with the context that it speaks to.
#[derive(Clone)]
pub struct Cli {
    context: PathBuf,
    folder: PathBuf,
    within: Vec<OsString>,
    environment: Vec<(String, String)>,
}

/// Runs a command in a folder in which, and in whose home, no context is.
#[must_use]
pub fn run_without_context(folder: &Path, arguments: &[&str]) -> Done {
    let done = Plan::new(programs::vigilmon("vigilmon", Build::Plain))
        .args(arguments)
        .env("HOME", folder)
        .folder(folder)
        .command()
        .output();
    Done::new(arguments, &done.expect("vigilmon can be started"))
}

/// What a command did.
#[derive(Debug)]
pub struct Done {
    /// What was run.
    pub line: String,
    /// The exit code.
    pub code: i32,
    /// What it printed to stdout.
    pub out: String,
    /// What it printed to stderr.
    pub err: String,
}

impl Cli {
    /// Speaks to the coordinator that this context file names.
    #[must_use]
    pub fn new(context: &Path, folder: &Path) -> Self {
        Self {
            context: context.to_owned(),
            folder: folder.to_owned(),
            within: vec![],
            environment: vec![],
        }
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs its commands in some surroundings.
    #[must_use]
    pub fn within(self, words: &[OsString]) -> Self {
        Self {
            within: words.to_vec(),
            ..self
        }
    }

    /// Runs a command.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Done {
        let done = self.command(arguments).output();
        Done::new(arguments, &done.expect("vigilmon can be started"))
    }

    /// A command, to be started with streams of the caller's.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let plan = Plan::new(programs::vigilmon("vigilmon", Build::Plain))
            .args(arguments)
            .env("VIGILMON_CONTEXT", &self.context)
            .folder(&self.folder)
            .within(&self.within);
        let set = |plan: Plan, (name, value): &(String, String)| plan.env(name, value);
        self.environment.iter().fold(plan, set).command()
    }

    /// Starts a command that goes on; what it prints goes to `out`.
    #[must_use]
    pub fn start(&self, arguments: &[&str], out: &Path) -> Process {
        Plan::new(programs::vigilmon("vigilmon", Build::Plain))
            .args(arguments)
            .env("VIGILMON_CONTEXT", &self.context)
            .folder(&self.folder)
            .within(&self.within)
            .start(out)
    }

    /// Runs a command that must work; what it printed.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "{done:#?}");
        done.out
    }

    /// Runs a command that must work with `-o json`; what it printed, read.
    #[track_caller]
    #[must_use]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let out = self.ok(&[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {out}"))
    }

    /// The rows of a list command.
    #[track_caller]
    #[must_use]
    pub fn rows(&self, arguments: &[&str]) -> Vec<Value> {
        match self.json(arguments) {
            Value::Array(rows) => rows,
            other => panic!("{arguments:?} prints an array, not {other}"),
        }
    }
}

impl Done {
    pub(crate) fn new(arguments: &[&str], output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            line: arguments.join(" "),
            code: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}
