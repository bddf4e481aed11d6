//! The commands, a module each.

use clap::Subcommand;

use crate::client::Client;
use crate::context::ContextFlags;
use crate::failure::{Failure, exit};
use crate::output::{self, Format};

mod agent;
mod audit;
mod backup;
mod channel;
mod configuration;
mod demo;
mod doctor;
mod heartbeat;
mod incident;
mod manual;
mod monitor;
mod monitor_flags;
mod region;
mod route;
mod sign_in;
mod token;
mod up;
mod watch;
mod wrong;

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::UpArgs),
    /// What is watched
    #[command(subcommand)]
    Monitor(Box<monitor::MonitorCommand>),
    /// Jobs that must ping
    #[command(subcommand)]
    Heartbeat(Box<heartbeat::HeartbeatCommand>),
    /// What was or is down, and why
    #[command(subcommand)]
    Incident(incident::IncidentCommand),
    /// Where messages go
    #[command(subcommand)]
    Channel(channel::ChannelCommand),
    /// Which messages go where
    #[command(subcommand)]
    Route(route::RouteCommand),
    /// Probe agents and their tokens
    #[command(subcommand)]
    Agent(agent::AgentCommand),
    /// Regions that agents vote for
    #[command(subcommand)]
    Region(region::RegionCommand),
    /// Tokens of this command line and of other callers
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Who did what, newest first
    Audit(audit::AuditArgs),
    /// Print what happens to incidents, as it happens
    Watch(watch::WatchArgs),
    /// Write a backup of the state of a running coordinator
    Backup(backup::BackupArgs),
    /// Look for what is wrong or soon will be; exits 1 when something does not work
    Doctor,
    /// Print the completion script of a shell
    Completion(manual::CompletionArgs),
    /// Write manual pages
    Man(manual::ManArgs),
    Apply(configuration::ApplyArgs),
    Diff(configuration::DiffArgs),
    /// Print the configuration as YAML that apply takes; secrets are `keep`
    Export,
    /// Print the JSON Schema of configuration files
    Schema,
    SignIn(sign_in::SignInArgs),
    /// Break and mend the site of `up --demo`
    #[command(subcommand)]
    Demo(demo::DemoCommand),
}

/// Does it; the exit code.
pub(crate) fn run(
    command: &Command,
    context: &ContextFlags,
    format: Format,
) -> Result<u8, Failure> {
    if let Command::Up(args) = command {
        return up::run(args).map_err(|error| Failure::new(exit::FAILED, format!("{error:#}"), ""));
    }
    match command {
        Command::Schema => return Ok(configuration::schema()),
        Command::Completion(args) => return manual::completion(args),
        Command::Man(args) => return manual::man(args, format),
        _ => {}
    }
    vigilmon_runtime::tls::install_provider();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| Failure::new(exit::FAILED, e.to_string(), ""))?;
    runtime.block_on(async {
        // Files are read before anybody is asked for a connection.
        match command {
            Command::Apply(args) => return configuration::apply(args, context, format).await,
            Command::Diff(args) => return configuration::diff(args, context, format).await,
            Command::Export => return configuration::export(context, format).await,
            Command::Doctor => return Ok(doctor::run(context, format).await),
            _ => {}
        }
        let client = Client::connect(&context.resolve()?).await?;
        match command {
            Command::Up(_)
            | Command::Apply(_)
            | Command::Diff(_)
            | Command::Export
            | Command::Doctor
            | Command::Completion(_)
            | Command::Man(_)
            | Command::Schema => Ok(exit::DONE),
            Command::Backup(args) => backup::run(args, &client, format).await,
            Command::Monitor(command) => monitor::run(command, &client, format).await,
            Command::Heartbeat(command) => heartbeat::run(command, &client, format).await,
            Command::Incident(command) => incident::run(command, &client, format).await,
            Command::Channel(command) => channel::run(command, &client, format).await,
            Command::Route(command) => route::run(command, &client, format).await,
            Command::Agent(command) => agent::run(command, &client, format).await,
            Command::Region(command) => region::run(command, &client, format).await,
            Command::Token(command) => token::run(command, &client, format).await,
            Command::Watch(args) => watch::run(args, &client, format).await,
            Command::Audit(args) => audit::run(args, &client, format).await,
            Command::Demo(command) => demo::run(command, &client, format).await,
            Command::SignIn(args) => sign_in::run(args, &client, format).await,
        }
    })
}

/// Says what was done, or prints what is now, as JSON.
fn done(format: Format, text: &str, value: &serde_json::Value) -> u8 {
    match format {
        Format::Table => output::lines(&[text]),
        Format::Json | Format::Yaml => output::data(format, value),
    }
    exit::DONE
}
