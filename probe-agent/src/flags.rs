//! Flags, environment and file of the daemon, from what users write to [`Options`]: everything
//! that is wrong is said at once.
//!
//! A flag goes over its variable, that over the file, that over the default.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use vigilmon_common::problem::Problems;
use vigilmon_runtime::settings::Settings;
use vigilmon_runtime::telemetry::Format;

use crate::options::Options;

mod check;

/// Checks targets from one region for a Vigilmon coordinator.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "vigilmon-agent", version, about)]
pub struct Flags {
    /// A file of settings in TOML; flags and environment go over it
    #[arg(long, value_name = "FILE", env = "VIGILMON_CONFIG")]
    pub config: Option<PathBuf>,
    /// Coordinator, such as https://coordinator.example.org:8441; several are tried in turn
    #[arg(
        long,
        env = "VIGILMON_COORDINATOR",
        value_name = "URL",
        value_delimiter = ','
    )]
    pub coordinator: Vec<String>,
    /// Region that this agent votes for, such as eu-west
    #[arg(long, env = "VIGILMON_REGION")]
    pub region: Option<String>,
    /// Name of this agent, kept over restarts [default: the host name]
    #[arg(long, env = "VIGILMON_NAME")]
    pub name: Option<String>,
    /// Authorities that may vouch for the coordinator, PEM [default: the system's]
    #[arg(long, env = "VIGILMON_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// File that holds the agent token; the token itself goes into VIGILMON_AGENT_TOKEN
    #[arg(long, env = "VIGILMON_AGENT_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Private or loopback range that may be checked
    #[arg(
        long,
        env = "VIGILMON_ALLOW_NET",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub allow_net: Vec<String>,
    /// Checks at once [default: 512]
    #[arg(long, env = "VIGILMON_CHECKS", value_name = "N")]
    pub checks: Option<String>,
    /// Where /metrics, /health/live and /health/ready are served, if anywhere
    #[arg(long, env = "VIGILMON_METRICS", value_name = "ADDR")]
    pub metrics: Option<String>,
    /// What is logged: a level, or target=level pairs [default: info]
    #[arg(long, env = "VIGILMON_LOG_FILTER", value_name = "FILTER")]
    pub log_filter: Option<String>,
    /// How log lines look [default: text]
    #[arg(long, env = "VIGILMON_LOG_FORMAT", value_name = "text|json")]
    pub log_format: Option<String>,
    /// Check the configuration and start nothing; exits 0 when it is good, else 2
    #[arg(long)]
    pub check_config: bool,
    /// Ask the agent that runs with this configuration whether it lives; exits 0 or 1
    #[arg(long, conflicts_with = "check_config")]
    pub health: bool,
}

/// What the environment adds to the flags. Passed in, so that tests need no process of their own.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// `VIGILMON_AGENT_TOKEN`.
    pub token: Option<String>,
    /// The host's name.
    pub host_name: Option<String>,
}

impl Surroundings {
    /// Of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let host_name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        Self {
            token: std::env::var("VIGILMON_AGENT_TOKEN").ok(),
            host_name: host_name.or_else(|| std::env::var("HOSTNAME").ok()),
        }
    }
}

/// What the flags say, checked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the agent is told.
    pub options: Options,
    /// Where metrics and probes are served, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// What is logged.
    pub log_filter: String,
    /// How.
    pub log_format: Format,
}

impl Flags {
    /// Reads the file and makes a plan, or says everything that is wrong.
    ///
    /// # Errors
    /// Something is missing, malformed or cannot be read.
    pub fn check(&self, around: &Surroundings) -> Result<Plan, Problems> {
        let file = self.config.as_deref().map(Settings::read);
        check::check(self, around, file.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
