//! `vigilmon up`: a coordinator and one agent for each region, in one process.
//!
//! The agents connect over TLS to the gRPC port and show tokens, with the same code as anywhere:
//! what works here works on machines apart.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use tokio_util::sync::CancellationToken;
use vigilmon_agent::{Agent, Coordinators};
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::redact::Secret;
use vigilmon_common::schedule::Limits;
use vigilmon_coordinator::app::{App, Local};
use vigilmon_coordinator::context::write_private;
use vigilmon_coordinator::engine::{Actor, Handle};
use vigilmon_coordinator::options::{Flags, Options};
use vigilmon_runtime::clock::{SharedClock, SystemClock};
use vigilmon_runtime::signals::Signals;
use vigilmon_runtime::supervisor::{Policy, Supervisor};
use vigilmon_runtime::telemetry;

use crate::client::Client;
use crate::configuration::{self, Read};
use crate::context::Context;
use crate::failure::{Failure, exit};
use crate::output;

mod demo;
mod welcome;

/// The tokens of the agents in this process, by region; within the data folder, 0600.
const TOKENS_FILE: &str = "agents.toml";

/// Run a coordinator and one agent for each region, all in this process
#[derive(Args, Debug)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    flags: Flags,
    /// The regions; each gets an agent on this machine
    #[arg(
        long,
        value_name = "A,B,C",
        env = "VIGILMON_REGIONS",
        value_delimiter = ',',
        default_value = "us-east,eu-west,ap-southeast"
    )]
    regions: Vec<String>,
    /// Add a small site and job, monitors on them, an inbox, and a page to break and mend the site
    #[arg(long, env = "VIGILMON_DEMO")]
    demo: bool,
    /// Configuration to apply at start: files or folders, as for apply
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE|DIR",
        num_args = 1..,
        env = "VIGILMON_FILE"
    )]
    files: Vec<PathBuf>,
}

/// Runs until a signal; the exit code.
pub(crate) fn run(args: &UpArgs) -> anyhow::Result<u8> {
    let (options, logging) = match args.flags.check(&args.regions) {
        Ok(checked) => checked,
        Err(problems) => {
            output::problems(&problems);
            return Ok(exit::USAGE);
        }
    };
    if args.demo && !options.http.ip().is_loopback() {
        output::error(
            "the demonstration's page needs no sign-in, so it is served on loopback only",
            "leave --http on 127.0.0.1, or leave --demo out",
        );
        return Ok(exit::USAGE);
    }
    if let Err(error) = telemetry::init(&logging.filter, logging.format) {
        output::error(&error.to_string(), "");
        return Ok(exit::USAGE);
    }
    let wanted = match wanted(&args.files) {
        Ok(wanted) => wanted,
        Err(failure) => {
            output::failure(&failure);
            return Ok(failure.code);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match runtime.block_on(serve(options, args.demo, wanted))? {
        None => Ok(exit::DONE),
        Some(failure) => {
            output::failure(&failure);
            Ok(failure.code)
        }
    }
}

/// What the files want; what is wrong with them alone is said before anything starts.
fn wanted(files: &[PathBuf]) -> Result<Option<Read>, Failure> {
    if files.is_empty() {
        return Ok(None);
    }
    let read = configuration::read(files)?;
    if read.faults.is_empty() {
        Ok(Some(read))
    } else {
        Err(super::configuration::refused(&read.faults))
    }
}

/// Applies it as `vigilmon apply` does, over the gRPC port.
async fn apply(wanted: Read, context: &Path) -> Result<(), Failure> {
    let client = Client::connect(&Context::of_file(context)?).await?;
    let lines = super::configuration::apply_at_start(wanted, &client).await?;
    output::lines(&lines);
    Ok(())
}

/// Runs until a signal, or says why the configuration could not be applied.
async fn serve(
    options: Options,
    demo: bool,
    wanted: Option<Read>,
) -> anyhow::Result<Option<Failure>> {
    let agents = Supervisor::new(CancellationToken::new());
    let stop = Signals::listen()?.watch(&agents);
    let clock = SystemClock::shared();
    let addresses = probe_addresses(&options);
    let regions = options.regions.clone();
    let local = Local {
        probe_addresses: Some(addresses.clone()),
        waits_for: regions.iter().map(agent_of).collect(),
        demo,
    };
    let app = App::start(options, local, SharedClock::clone(&clock)).await?;
    let started = start_agents(&app, &regions, &addresses, &clock, &agents).await?;
    if let Some(demo) = &app.demo {
        let job = demo::prepare(demo).await?;
        let run = job.run(SharedClock::clone(&clock), agents.stop_token());
        agents.spawn("demo job", Policy::BestEffort, run);
    }
    let refused = match wanted {
        Some(wanted) => apply(wanted, &app.context).await.err(),
        None => None,
    };
    if refused.is_none() {
        tokio::select! {
            () = connected(&app, &regions, &started) => welcome::print(&app, &regions, &addresses),
            () = app.wait(&stop) => {}
            () = agents.failed_token().cancelled_owned() => {}
        }
        tokio::select! {
            () = app.wait(&stop) => {}
            () = agents.failed_token().cancelled_owned() => {}
        }
    }
    // All at once: their patience must not add up.
    futures_util::future::join_all(started.into_iter().map(Agent::stop)).await;
    let failed = agents.has_failed();
    app.shut_down().await?;
    anyhow::ensure!(!failed, "an agent failed");
    Ok(refused)
}

/// While the doors are on loopback, agents and notifications may reach this machine and private
/// networks: nobody else can ask for it.
fn probe_addresses(options: &Options) -> AddressPolicy {
    let policy = match options.is_local() {
        true => AddressPolicy::local(),
        false => AddressPolicy::new(Vec::new()),
    };
    policy.with(options.allow_net.iter().copied())
}

fn agent_of(region: &Region) -> String {
    format!("the agent of {region}")
}

async fn start_agents(
    app: &App,
    regions: &[Region],
    addresses: &AddressPolicy,
    clock: &SharedClock,
    tasks: &Supervisor,
) -> anyhow::Result<Vec<Agent>> {
    let tokens = tokens(&app.data, regions, &app.engine).await?;
    let coordinator = format!("https://{}", reachable(app.grpc));
    let mut agents = Vec::new();
    for region in regions {
        let options = vigilmon_agent::Options {
            coordinators: Coordinators::parse(&[&coordinator])?,
            region: region.clone(),
            name: Name::parse(&format!("{region}-1"))?,
            token: Secret::new(tokens.get(region.as_str()).cloned().unwrap_or_default()),
            ca: Some(app.ca.clone().into_bytes()),
            addresses: addresses.clone(),
            limits: Limits::default(),
        };
        agents.push(Agent::start(options, SharedClock::clone(clock), tasks)?);
    }
    Ok(agents)
}

/// The tokens of the agents here: kept, so that they stay the same agents over restarts; made
/// where one is missing or was revoked.
async fn tokens(
    data: &Path,
    regions: &[Region],
    engine: &Handle,
) -> anyhow::Result<BTreeMap<String, String>> {
    let path = data.join(TOKENS_FILE);
    let kept: BTreeMap<String, String> = match fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).with_context(|| {
            format!(
                "{} is damaged; remove it to make new agent tokens",
                path.display()
            )
        })?,
        Err(_) => BTreeMap::new(),
    };
    let mut tokens = kept.clone();
    for region in regions {
        let known = tokens
            .get(region.as_str())
            .and_then(|token| engine.agent_token(token));
        if known.is_some_and(|record| record.region == *region) {
            continue;
        }
        let label = "vigilmon up".to_owned();
        let made = engine
            .create_agent_token(Actor::coordinator(), region.clone(), label, None)
            .await?;
        tokens.insert(region.as_str().to_owned(), made.1);
    }
    if tokens != kept {
        write_private(&path, &toml::to_string(&tokens)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(tokens)
}

/// Waits until every agent has a session.
async fn connected(app: &App, regions: &[Region], agents: &[Agent]) {
    for (region, agent) in regions.iter().zip(agents) {
        let mut status = agent.status();
        if status.wait_for(|status| status.connected).await.is_err() {
            // The agent ended: this will never be ready.
            std::future::pending::<()>().await;
        }
        app.readiness.there(&agent_of(region));
    }
}

/// Where a listener is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, listen.port())
}
