//! `vigilmon-agent`: the probe agent as a process of its own.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;
use tracing::error;
use vigilmon_agent::Agent;
use vigilmon_agent::flags::{Flags, Plan, Surroundings};
use vigilmon_runtime::clock::SystemClock;
use vigilmon_runtime::signals::Signals;
use vigilmon_runtime::supervisor::Supervisor;
use vigilmon_runtime::telemetry;

/// What was asked for cannot be done: nothing was started.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let plan = match Flags::parse().check(&Surroundings::of_process()) {
        Ok(plan) => plan,
        Err(problems) => return misused(&problems.to_string()),
    };
    if let Err(invalid) = telemetry::init(&plan.log_filter, plan.log_format) {
        return misused(&invalid.to_string());
    }
    let ran = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(run(plan)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(error = format!("{error:#}"), "agent failed");
            ExitCode::FAILURE
        }
    }
}

async fn run(plan: Plan) -> anyhow::Result<()> {
    let supervisor = Supervisor::new(CancellationToken::new());
    let stop = Signals::listen()?.watch(&supervisor);
    let agent = Agent::start(plan.options, SystemClock::shared(), &supervisor)?;
    let left = tokio::select! {
        left = agent.left() => left,
        () = stop.cancelled() => None,
    };
    agent.stop().await;
    anyhow::ensure!(left.is_none(), "this agent shall not connect any more");
    anyhow::ensure!(!supervisor.has_failed(), "a task failed");
    Ok(())
}

fn misused(text: &str) -> ExitCode {
    let lines = text.lines().map(|line| format!("  {line}\n"));
    let lines: String = lines.collect();
    let text = format!("vigilmon-agent: invalid configuration; nothing was started\n{lines}");
    // Without stderr there is nobody to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(MISUSED)
}
