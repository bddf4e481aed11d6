//! `vigilmon-agent`: the probe agent as a process of its own.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tracing::error;
use vigilmon_agent::flags::{Flags, Plan, Surroundings};
use vigilmon_agent::{Agent, Control, door};
use vigilmon_runtime::clock::SystemClock;
use vigilmon_runtime::signals::{Hangups, Signals};
use vigilmon_runtime::supervisor::Supervisor;
use vigilmon_runtime::telemetry::{self, Logs};
use vigilmon_runtime::{service, settings};

/// What was asked for cannot be done: nothing was started.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let flags = Flags::parse();
    let around = Surroundings::of_process();
    let plan = match flags.check(&around) {
        Ok(plan) => plan,
        Err(problems) => return misused(&settings::complaint("vigilmon-agent", &problems)),
    };
    if flags.check_config {
        return ExitCode::SUCCESS;
    }
    let logs = match telemetry::init(&plan.log_filter, plan.log_format) {
        Ok(logs) => logs,
        Err(invalid) => return misused(&format!("error: {invalid}\n")),
    };
    let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from);
    if flags.health {
        return match runtime.and_then(|runtime| runtime.block_on(ask(&plan))) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&format!("error: {error:#}\n"));
                ExitCode::FAILURE
            }
        };
    }
    let run = |runtime: Runtime| runtime.block_on(run(&flags, &around, plan, &logs));
    match runtime.and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(error = format!("{error:#}"), "agent failed");
            ExitCode::FAILURE
        }
    }
}

async fn ask(plan: &Plan) -> anyhow::Result<()> {
    let listen = plan
        .metrics
        .context("an agent answers where --metrics says; it is not set")?;
    door::ask(listen).await
}

async fn run(flags: &Flags, around: &Surroundings, plan: Plan, logs: &Logs) -> anyhow::Result<()> {
    let supervisor = Supervisor::new(CancellationToken::new());
    let stop = Signals::listen()?.watch(&supervisor);
    let mut hangups = Hangups::listen()?;
    let listener = match plan.metrics {
        Some(address) => Some(TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}; stop what listens there, or set --metrics")
        })?),
        None => None,
    };
    let agent = Agent::start(plan.options, SystemClock::shared(), &supervisor)?;
    if let Some(listener) = listener {
        door::open(listener, &agent, &supervisor);
    }
    service::ready();
    let control = agent.control();
    service::keep_alive(&supervisor, move || {
        let control = control.clone();
        async move { control.answers().await }
    });
    let control = agent.control();
    let left = loop {
        tokio::select! {
            left = agent.left() => break left,
            () = stop.cancelled() => break None,
            () = hangups.next() => reload(flags, around, &control, logs).await,
        }
    };
    service::stopping();
    agent.stop().await;
    anyhow::ensure!(left.is_none(), "this agent shall not connect any more");
    anyhow::ensure!(!supervisor.has_failed(), "a task failed");
    Ok(())
}

/// Reads everything again and takes what may change while it runs; if anything is wrong, all stays
/// as it was.
async fn reload(flags: &Flags, around: &Surroundings, control: &Control, logs: &Logs) {
    service::reloading();
    let changed = async {
        let plan = flags.check(around)?;
        control.change(&plan.options).await?;
        logs.change(&plan.log_filter)?;
        anyhow::Ok(())
    };
    match changed.await {
        Ok(()) => tracing::info!("token, authorities and log filter read again"),
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
