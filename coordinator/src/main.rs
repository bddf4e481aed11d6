//! The coordinator's daemon; flags, environment and file only say what [`vigilmon_coordinator::app`]
//! is to do.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;
use vigilmon_coordinator::app::{App, Local};
use vigilmon_coordinator::health;
use vigilmon_coordinator::options::{DaemonFlags, Options};
use vigilmon_coordinator::restore::{self, RestoreArgs};
use vigilmon_runtime::clock::SystemClock;
use vigilmon_runtime::signals::{Hangups, Signals};
use vigilmon_runtime::supervisor::Supervisor;
use vigilmon_runtime::telemetry::{self, Logs};
use vigilmon_runtime::{service, settings};

/// Assigns monitors to probe agents, decides by quorum across regions, tells people
#[derive(Debug, Parser)]
#[command(
    name = "vigilmon-coordinator",
    version,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    instead: Option<Instead>,
    #[command(flatten)]
    daemon: DaemonFlags,
    /// Check the configuration and start nothing; exits 0 when it is good, else 2
    #[arg(long)]
    check_config: bool,
    /// Ask the coordinator that runs with this configuration whether it lives; exits 0 or 1
    #[arg(long, conflicts_with = "check_config")]
    health: bool,
}

/// What is done instead of running.
#[derive(Debug, Subcommand)]
enum Instead {
    Restore(RestoreArgs),
}

/// What was asked for cannot be done: nothing was started.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Instead::Restore(args)) = &arguments.instead {
        return restored(args);
    }
    let (options, logging) = match arguments.daemon.check() {
        Ok(checked) => checked,
        Err(problems) => return misused(&settings::complaint("vigilmon-coordinator", &problems)),
    };
    if arguments.check_config {
        return ExitCode::SUCCESS;
    }
    let done = if arguments.health {
        ask(&options)
    } else {
        match telemetry::init(&logging.filter, logging.format) {
            Ok(logs) => serve(&arguments.daemon, options, &logs),
            Err(error) => return misused(&format!("error: {error}\n")),
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

fn restored(args: &RestoreArgs) -> ExitCode {
    match restore::run(args) {
        Ok(said) => {
            complain(&said);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("error: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn ask(options: &Options) -> anyhow::Result<()> {
    vigilmon_runtime::tls::install_provider();
    health::check(options).await
}

#[tokio::main]
async fn serve(daemon: &DaemonFlags, options: Options, logs: &Logs) -> anyhow::Result<()> {
    let tasks = Supervisor::new(CancellationToken::new());
    let stop = Signals::listen()?.watch(&tasks);
    let mut hangups = Hangups::listen()?;
    let app = App::start(options, Local::default(), SystemClock::shared()).await?;
    service::ready();
    let engine = app.engine.clone();
    service::keep_alive(&tasks, move || {
        let engine = engine.clone();
        async move { engine.answers().await }
    });
    loop {
        tokio::select! {
            () = app.wait(&stop) => break,
            () = hangups.next() => reload(daemon, &app, logs),
        }
    }
    service::stopping();
    app.shut_down().await
}

/// Reads everything again and takes what may change while it runs; if anything is wrong, all stays
/// as it was.
fn reload(daemon: &DaemonFlags, app: &App, logs: &Logs) {
    service::reloading();
    let changed = daemon.check().map_err(anyhow::Error::from);
    let changed = changed.and_then(|(options, logging)| {
        logs.change(&logging.filter)?;
        app.change(&options);
        Ok(())
    });
    match changed {
        Ok(()) => tracing::info!("certificates and log filter read again"),
        Err(error) => tracing::error!(%error, "settings not read again: all stays as it was"),
    }
    service::ready();
}

fn misused(text: &str) -> ExitCode {
    complain(text);
    ExitCode::from(MISUSED)
}

fn complain(text: &str) {
    // Without stderr there is nobody to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
