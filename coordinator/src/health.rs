//! Asks a running coordinator on this machine whether it lives: for containers, whose images hold
//! no HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;

use crate::options::Options;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/health/live` of the HTTP door that these options name.
///
/// # Errors
/// Nobody answers there, or not that it lives.
pub async fn check(options: &Options) -> anyhow::Result<()> {
    let scheme = options
        .http_certificate
        .as_ref()
        .map_or("http", |_| "https");
    let url = format!("{scheme}://{}/health/live", from_here(options.http));
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        // The certificate is not for this address, and nothing secret is said.
        .tls_danger_accept_invalid_certs(true)
        .build()?;
    let answer = client.get(&url).send().await;
    let answer = answer.with_context(|| format!("no answer from {url}"))?;
    anyhow::ensure!(
        answer.status().is_success(),
        "{url} answers {}",
        answer.status()
    );
    Ok(())
}

fn from_here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
