//! The coordinator's daemon; flags and environment only say what [`vigilmon_coordinator::app`] is
//! to do.

use std::process::ExitCode;

use clap::Parser;
use tokio_util::sync::CancellationToken;
use vigilmon_coordinator::app::{App, Local};
use vigilmon_coordinator::options::{Flags, Options};
use vigilmon_runtime::clock::SystemClock;
use vigilmon_runtime::signals::Signals;
use vigilmon_runtime::supervisor::Supervisor;
use vigilmon_runtime::telemetry;

/// Assigns monitors to probe agents, decides by quorum across regions, tells people
#[derive(Debug, Parser)]
#[command(name = "vigilmon-coordinator", version)]
struct Arguments {
    #[command(flatten)]
    flags: Flags,
    /// Regions that exist from the start
    #[arg(
        long,
        value_name = "A,B,C",
        env = "VIGILMON_REGIONS",
        value_delimiter = ','
    )]
    regions: Vec<String>,
    /// Where metrics are served without a token, if anywhere
    #[arg(long, value_name = "ADDR", env = "VIGILMON_METRICS")]
    metrics: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let checked = arguments
        .flags
        .check(&arguments.regions, arguments.metrics.as_deref());
    let (options, logging) = match checked {
        Ok(checked) => checked,
        Err(problems) => {
            for problem in problems.as_slice() {
                complain(&problem.to_string());
            }
            return ExitCode::from(2);
        }
    };
    if let Err(error) = telemetry::init(&logging.filter, logging.format) {
        complain(&error.to_string());
        return ExitCode::from(2);
    }
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn serve(options: Options) -> anyhow::Result<()> {
    let tasks = Supervisor::new(CancellationToken::new());
    let stop = Signals::listen()?.watch(&tasks);
    let app = App::start(options, Local::default(), SystemClock::shared()).await?;
    app.wait(&stop).await;
    app.shut_down().await
}

#[expect(
    clippy::print_stderr,
    reason = "what stops a start is said even without a log"
)]
fn complain(text: &str) {
    eprintln!("error: {text}");
}
