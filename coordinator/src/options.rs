//! What a coordinator is told at its start: flags, environment and file, checked all at once.
//!
//! A flag goes over its variable, that over the file, that over the default. `check` puts the
//! layers on each other and makes values of them, `parse` are the sorts of values.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;
use url::Url;
use vigilmon_common::name::Region;
use vigilmon_common::problem::Problems;
use vigilmon_runtime::settings::Settings;
use vigilmon_runtime::telemetry::Format;

use crate::notify::email::Smtp;
use crate::tls::Certificate;

mod check;
mod parse;

/// Where the HTTP door listens by default.
pub const HTTP_DEFAULT: &str = "127.0.0.1:8440";
/// Where the gRPC door listens by default.
pub const GRPC_DEFAULT: &str = "127.0.0.1:8441";

/// Where everything is kept by default.
const DATA_DEFAULT: &str = "./vigilmon-data";
/// What is logged by default.
const FILTER_DEFAULT: &str = "info";

/// The flags that `vigilmon up` and `vigilmon-coordinator` share.
#[derive(Args, Clone, Debug, Default)]
pub struct Flags {
    /// The folder that holds everything; made when it does not exist [default: ./vigilmon-data]
    #[arg(long, value_name = "DIR", env = "VIGILMON_DATA")]
    pub data: Option<PathBuf>,
    /// Where pages and probes are served [default: 127.0.0.1:8440]
    #[arg(long, value_name = "ADDR", env = "VIGILMON_HTTP")]
    pub http: Option<String>,
    /// Where agents, the command line and integrations connect, by TLS [default: 127.0.0.1:8441]
    #[arg(long, value_name = "ADDR", env = "VIGILMON_GRPC")]
    pub grpc: Option<String>,
    /// The address by which people reach the pages; goes into links
    #[arg(long, value_name = "URL", env = "VIGILMON_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Networks beyond the public ones that may be reached, such as 10.0.0.0/8
    #[arg(
        long,
        value_name = "CIDR",
        env = "VIGILMON_ALLOW_NET",
        value_delimiter = ','
    )]
    pub allow_net: Vec<String>,
    /// The mail relay: smtp://host:25?tls=none, smtps://user:password@host
    #[arg(
        long,
        value_name = "URL",
        env = "VIGILMON_SMTP_URL",
        hide_env_values = true
    )]
    pub smtp_url: Option<String>,
    /// The sender of mails
    #[arg(long, value_name = "ADDRESS", env = "VIGILMON_SMTP_FROM")]
    pub smtp_from: Option<String>,
    /// What is logged: a level, or target=level pairs [default: info]
    #[arg(long, value_name = "FILTER", env = "VIGILMON_LOG_FILTER")]
    pub log_filter: Option<String>,
    /// How log lines look [default: text]
    #[arg(long, value_name = "text|json", env = "VIGILMON_LOG_FORMAT")]
    pub log_format: Option<String>,
    /// How many tasks decide side by side
    #[arg(long, value_name = "N", env = "VIGILMON_OWNERS", hide = true)]
    pub owners: Option<usize>,
}

/// The flags that `vigilmon-coordinator` has beside those.
#[derive(Args, Clone, Debug, Default)]
pub struct DaemonFlags {
    /// A file of settings in TOML; flags and environment go over it
    #[arg(long, value_name = "FILE", env = "VIGILMON_CONFIG")]
    pub config: Option<PathBuf>,
    /// The shared ones.
    #[command(flatten)]
    pub flags: Flags,
    /// Regions that exist from the start
    #[arg(
        long,
        value_name = "A,B,C",
        env = "VIGILMON_REGIONS",
        value_delimiter = ','
    )]
    pub regions: Vec<String>,
    /// Where metrics are served without a token, if anywhere
    #[arg(long, value_name = "ADDR", env = "VIGILMON_METRICS")]
    pub metrics: Option<String>,
    /// Certificates of the pages, PEM, the server's own first; without them they are plain HTTP
    #[arg(long, value_name = "FILE", env = "VIGILMON_HTTP_TLS_CERT_FILE")]
    pub http_tls_cert_file: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(long, value_name = "FILE", env = "VIGILMON_HTTP_TLS_KEY_FILE")]
    pub http_tls_key_file: Option<PathBuf>,
    /// Certificates for gRPC, shown for the names in them; for others the coordinator has its own
    #[arg(long, value_name = "FILE", env = "VIGILMON_GRPC_TLS_CERT_FILE")]
    pub grpc_tls_cert_file: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(long, value_name = "FILE", env = "VIGILMON_GRPC_TLS_KEY_FILE")]
    pub grpc_tls_key_file: Option<PathBuf>,
    /// Whether gRPC describes itself to clients that have a token [default: true]
    #[arg(long, value_name = "true|false", env = "VIGILMON_REFLECTION")]
    pub reflection: Option<bool>,
    /// A file that holds the mail relay's URL
    #[arg(long, value_name = "FILE", env = "VIGILMON_SMTP_URL_FILE")]
    pub smtp_url_file: Option<PathBuf>,
}

/// What a coordinator is told at its start, checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder.
    pub data: PathBuf,
    /// Where HTTP is served.
    pub http: SocketAddr,
    /// Where gRPC is served.
    pub grpc: SocketAddr,
    /// Where metrics are served without a token, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// The address for people; `None`: where HTTP is served.
    pub public_url: Option<Url>,
    /// What HTTP shows; `None`: it is plain.
    pub http_certificate: Option<Certificate>,
    /// What gRPC shows for the names in it; for others, or without it, the coordinator's own.
    pub grpc_certificate: Option<Certificate>,
    /// Whether gRPC describes itself.
    pub reflection: bool,
    /// Regions that exist from the start.
    pub regions: Vec<Region>,
    /// How people call some of them.
    pub display_names: Vec<(Region, String)>,
    /// Networks that may be reached beyond the public ones.
    pub allow_net: Vec<IpNet>,
    /// The mail relay.
    pub smtp: Option<Smtp>,
    /// How many shard owners.
    pub owners: usize,
}

impl Options {
    /// Whether only this machine can reach the doors.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.http.ip().is_loopback() && self.grpc.ip().is_loopback()
    }
}

/// How the process logs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Logging {
    /// What is logged.
    pub filter: String,
    /// How lines look.
    pub format: Format,
}

impl Flags {
    /// Checks all flags at once; for a process without a file.
    ///
    /// # Errors
    /// Some are wrong; all of them are listed.
    pub fn check(&self, regions: &[String]) -> Result<(Options, Logging), Problems> {
        let flags = DaemonFlags {
            flags: self.clone(),
            regions: regions.to_vec(),
            ..DaemonFlags::default()
        };
        check::check(&flags, Settings::default())
    }
}

impl DaemonFlags {
    /// Reads the file and checks everything at once.
    ///
    /// # Errors
    /// Something is wrong; all of it is listed, with the flag or the line of the file.
    pub fn check(&self) -> Result<(Options, Logging), Problems> {
        let file = self.config.as_deref().map(Settings::read);
        check::check(self, file.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
