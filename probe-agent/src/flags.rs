//! Flags and environment of the daemon, from what users write to [`Options`]: everything that is
//! wrong is said at once.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use ipnet::IpNet;
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::name::{Name, Region};
use vigilmon_common::problem::Problems;
use vigilmon_common::redact::Secret;
use vigilmon_common::schedule::Limits;
use vigilmon_runtime::telemetry::Format;
use vigilmon_runtime::tls;

use crate::options::{Coordinators, InvalidCoordinator, Options};

/// Most checks at once that may be asked for: each holds a socket.
const CHECKS_MAX: u32 = 65_536;
/// Longest token file; a token is far shorter.
const TOKEN_FILE_MAX: usize = 4096;

/// Checks targets from one region for a Vigilmon coordinator.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "vigilmon-agent", version, about)]
pub struct Flags {
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
    /// Checks at once
    #[arg(long, env = "VIGILMON_CHECKS", value_name = "N", default_value = "512")]
    pub checks: String,
    /// Log level, or target=level pairs with commas
    #[arg(long, env = "VIGILMON_LOG_FILTER", default_value = "info")]
    pub log_filter: String,
    /// text or json
    #[arg(long, env = "VIGILMON_LOG_FORMAT", default_value = "text")]
    pub log_format: String,
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
    /// What is logged.
    pub log_filter: String,
    /// How.
    pub log_format: Format,
}

impl Flags {
    /// Makes a plan, or says everything that is wrong.
    ///
    /// # Errors
    /// Something is missing, malformed or cannot be read.
    pub fn check(&self, around: &Surroundings) -> Result<Plan, Problems> {
        let mut problems = Problems::none();
        let coordinators = self.check_coordinators(&mut problems);
        let region = self.check_region(&mut problems);
        let name = self.check_name(around, &mut problems);
        let token = self.check_token(around, &mut problems);
        let ca = self.check_ca(&mut problems);
        let addresses = self.check_allow(&mut problems);
        let limits = self.check_checks(&mut problems);
        let log_format = self.check_format(&mut problems);
        let (Some(coordinators), Some(region), Some(name), Some(token)) =
            (coordinators, region, name, token)
        else {
            return Err(problems);
        };
        let options = Options {
            coordinators,
            region,
            name,
            token,
            ca,
            addresses,
            limits,
        };
        problems.or(Plan {
            options,
            log_filter: self.log_filter.clone(),
            log_format,
        })
    }

    fn check_coordinators(&self, problems: &mut Problems) -> Option<Coordinators> {
        let example = "write --coordinator https://coordinator.example.org:8441";
        Coordinators::parse(&self.coordinator)
            .map_err(|error| {
                let remedy = match error {
                    InvalidCoordinator::TooMuch(_) => "leave out path, query and user",
                    InvalidCoordinator::None
                    | InvalidCoordinator::NotAUrl(_)
                    | InvalidCoordinator::NotHttps(_) => example,
                };
                problems.add("--coordinator", error.to_string(), remedy);
            })
            .ok()
    }

    fn check_region(&self, problems: &mut Problems) -> Option<Region> {
        let Some(region) = &self.region else {
            let remedy = "write --region eu-west, the region of the agent's token";
            problems.add("--region", "an agent votes for one region", remedy);
            return None;
        };
        let refused = |error: vigilmon_common::name::InvalidName| {
            let message = format!("`{region}` cannot be a region");
            problems.add("--region", message, error.to_string());
        };
        Region::parse(region).map_err(refused).ok()
    }

    fn check_name(&self, around: &Surroundings, problems: &mut Problems) -> Option<Name> {
        let name = self.name.as_deref().or(around.host_name.as_deref());
        let Some(name) = name.map(str::trim) else {
            let remedy = "write --name eu-west-1";
            problems.add("--name", "the host name cannot be read", remedy);
            return None;
        };
        let refused = |error: vigilmon_common::name::InvalidName| {
            let message = format!("`{name}` cannot be a name");
            problems.add("--name", message, error.to_string());
        };
        Name::parse(name).map_err(refused).ok()
    }

    fn check_token(&self, around: &Surroundings, problems: &mut Problems) -> Option<Secret> {
        let remedy = "make one with `vigilmon agent token add --region REGION`";
        let given = match (&self.token_file, &around.token) {
            (Some(path), _) => match read_token(path) {
                Ok(token) => token,
                Err(error) => {
                    problems.add("--token-file", error, "give a file that holds the token");
                    return None;
                }
            },
            (None, Some(token)) => token.clone(),
            (None, None) => {
                let message = "an agent needs a token, here or in VIGILMON_AGENT_TOKEN";
                problems.add("--token-file", message, remedy);
                return None;
            }
        };
        let token = given.trim();
        if !token.starts_with("vta_") || !token.bytes().all(|b| b.is_ascii_graphic()) {
            // What was given is not shown: it may be a secret of another sort.
            let message = "this is no agent token: those begin with vta_";
            problems.add("--token-file", message, remedy);
            return None;
        }
        Some(Secret::new(token))
    }

    fn check_ca(&self, problems: &mut Problems) -> Option<Vec<u8>> {
        let path = self.ca_file.as_ref()?;
        let read = tls::read(path).and_then(|pem| {
            tls::certificates(&pem, &path.display().to_string())?;
            Ok(pem)
        });
        let remedy = "give the coordinator's CA in PEM form, such as ca.pem of its data folder";
        read.map_err(|error| problems.add("--ca-file", error.to_string(), remedy))
            .ok()
    }

    fn check_allow(&self, problems: &mut Problems) -> AddressPolicy {
        let mut allow = Vec::new();
        for text in &self.allow_net {
            let parsed = text.parse::<IpNet>().ok();
            match parsed.or_else(|| text.parse().ok().map(|ip: IpAddr| ip.into())) {
                Some(net) => allow.push(net),
                None => {
                    let message = format!("`{text}` is not a range of addresses");
                    problems.add("--allow-net", message, "write 10.0.0.0/8 or an address");
                }
            }
        }
        AddressPolicy::new(allow)
    }

    fn check_checks(&self, problems: &mut Problems) -> Limits {
        let checks = self.checks.parse().ok();
        let checks = checks.filter(|checks| (1..=CHECKS_MAX).contains(checks));
        if checks.is_none() {
            let message = format!("`{}` is not a number of checks", self.checks);
            let remedy = format!("write a number from 1 to {CHECKS_MAX}");
            problems.add("--checks", message, remedy);
        }
        let default = Limits::default();
        Limits {
            checks: checks.unwrap_or(default.checks),
            ..default
        }
    }

    fn check_format(&self, problems: &mut Problems) -> Format {
        match self.log_format.as_str() {
            "text" => Format::Text,
            "json" => Format::Json,
            other => {
                let message = format!("`{other}` is not a log format");
                problems.add("--log-format", message, "write text or json");
                Format::Text
            }
        }
    }
}

fn read_token(path: &Path) -> Result<String, String> {
    let text = std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    if text.len() > TOKEN_FILE_MAX {
        return Err(format!("{} is too long for a token", path.display()));
    }
    String::from_utf8(text).map_err(|_| format!("{} is not text", path.display()))
}

#[cfg(test)]
mod tests;
