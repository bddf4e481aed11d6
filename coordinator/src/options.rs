//! What a coordinator is told at its start: flags and environment, checked all at once.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;
use url::Url;
use vigilmon_common::name::Region;
use vigilmon_common::problem::Problems;
use vigilmon_common::redact::Secret;
use vigilmon_runtime::telemetry::Format;

use crate::notify::email::Smtp;

/// Where the HTTP door listens by default.
pub const HTTP_DEFAULT: &str = "127.0.0.1:8440";
/// Where the gRPC door listens by default.
pub const GRPC_DEFAULT: &str = "127.0.0.1:8441";

/// The flags that `vigilmon up` and `vigilmon-coordinator` share.
#[derive(Args, Clone, Debug)]
pub struct Flags {
    /// The folder that holds everything; made when it does not exist
    #[arg(
        long,
        value_name = "DIR",
        env = "VIGILMON_DATA",
        default_value = "./vigilmon-data"
    )]
    pub data: PathBuf,
    /// Where pages and probes are served
    #[arg(long, value_name = "ADDR", env = "VIGILMON_HTTP", default_value = HTTP_DEFAULT)]
    pub http: String,
    /// Where agents, the command line and integrations connect, by TLS
    #[arg(long, value_name = "ADDR", env = "VIGILMON_GRPC", default_value = GRPC_DEFAULT)]
    pub grpc: String,
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
    /// What is logged: a level, or target=level pairs
    #[arg(
        long,
        value_name = "FILTER",
        env = "VIGILMON_LOG_FILTER",
        default_value = "info"
    )]
    pub log_filter: String,
    /// How log lines look
    #[arg(
        long,
        value_name = "text|json",
        env = "VIGILMON_LOG_FORMAT",
        default_value = "text"
    )]
    pub log_format: String,
    /// How many tasks decide side by side
    #[arg(
        long,
        value_name = "N",
        env = "VIGILMON_OWNERS",
        default_value_t = 1,
        hide = true
    )]
    pub owners: usize,
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
    /// Regions that exist from the start.
    pub regions: Vec<Region>,
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

/// Most shard owners: as many as there are shards.
const OWNERS_MAX: usize = 64;

impl Flags {
    /// Checks all flags at once.
    ///
    /// # Errors
    /// Some are wrong; all of them are listed.
    pub fn check(
        &self,
        regions: &[String],
        metrics: Option<&str>,
    ) -> Result<(Options, Logging), Problems> {
        let mut problems = Problems::none();
        let http = address("--http", &self.http, &mut problems);
        let grpc = address("--grpc", &self.grpc, &mut problems);
        let metrics = metrics.map(|text| address("--metrics", text, &mut problems));
        let public_url = self
            .public_url
            .as_deref()
            .and_then(|t| public_url(t, &mut problems));
        let regions = parse_regions(regions, &mut problems);
        let allow_net = networks(&self.allow_net, &mut problems);
        let smtp = self.smtp(&mut problems);
        let format = format(&self.log_format, &mut problems);
        if !(1..=OWNERS_MAX).contains(&self.owners) {
            let remedy = format!("use 1 to {OWNERS_MAX}");
            problems.add(
                "--owners",
                format!("{} is out of bounds", self.owners),
                remedy,
            );
        }
        let options = Options {
            data: self.data.clone(),
            http,
            grpc,
            metrics,
            public_url,
            regions,
            allow_net,
            smtp,
            owners: self.owners,
        };
        problems.or((
            options,
            Logging {
                filter: self.log_filter.clone(),
                format,
            },
        ))
    }

    fn smtp(&self, problems: &mut Problems) -> Option<Smtp> {
        let url = Secret::new(self.smtp_url.clone()?);
        match Smtp::parse(&url, self.smtp_from.as_deref().unwrap_or_default()) {
            Ok(smtp) => Some(smtp),
            Err(found) => {
                problems.extend(found);
                None
            }
        }
    }
}

fn address(flag: &str, text: &str, problems: &mut Problems) -> SocketAddr {
    text.parse().unwrap_or_else(|_| {
        let remedy = "write an IP address and a port, such as 127.0.0.1:8440 or [::]:8440";
        problems.add(
            flag,
            format!("`{text}` is not an address to listen on"),
            remedy,
        );
        SocketAddr::from(([127, 0, 0, 1], 0))
    })
}

fn public_url(text: &str, problems: &mut Problems) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none()
    });
    if url.is_none() {
        let remedy = "write http:// or https:// and a host, such as https://status.example.org";
        problems.add(
            "--public-url",
            format!("`{text}` is not such a URL"),
            remedy,
        );
    }
    url
}

/// Checks region ids; each once.
pub fn parse_regions(texts: &[String], problems: &mut Problems) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for text in texts {
        match Region::parse(text) {
            Ok(region) if regions.contains(&region) => {
                problems.add(
                    "--regions",
                    format!("`{text}` is named twice"),
                    "name each once",
                );
            }
            Ok(region) => regions.push(region),
            Err(error) => {
                problems.add(
                    "--regions",
                    format!("`{text}` is no region"),
                    error.to_string(),
                );
            }
        }
    }
    regions
}

fn networks(texts: &[String], problems: &mut Problems) -> Vec<IpNet> {
    let parse = |text: &String| {
        let net = text.parse::<IpNet>().ok();
        net.or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
    };
    let mut nets = Vec::new();
    for text in texts {
        match parse(text) {
            Some(net) => nets.push(net),
            None => problems.add(
                "--allow-net",
                format!("`{text}` is no network"),
                "write an address with a prefix length, such as 10.0.0.0/8",
            ),
        }
    }
    nets
}

fn format(text: &str, problems: &mut Problems) -> Format {
    match text {
        "text" => Format::Text,
        "json" => Format::Json,
        _ => {
            problems.add(
                "--log-format",
                format!("`{text}` is no format"),
                "use text or json",
            );
            Format::Text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let flags = Flags {
            data: "d".into(),
            http: "127.0.0.1:99999".to_owned(),
            grpc: "nowhere".to_owned(),
            public_url: Some("ftp://x".to_owned()),
            allow_net: vec!["10.0.0.0/99".to_owned()],
            smtp_url: None,
            smtp_from: None,
            log_filter: "info".to_owned(),
            log_format: "xml".to_owned(),
            owners: 0,
        };
        let wrong = flags.check(&["US".to_owned()], None).unwrap_err();
        let fields: Vec<&str> = wrong.as_slice().iter().map(|p| p.field.as_str()).collect();
        let all = [
            "--http",
            "--grpc",
            "--public-url",
            "--regions",
            "--allow-net",
            "--log-format",
            "--owners",
        ];
        assert_eq!(fields, all);
    }
}
