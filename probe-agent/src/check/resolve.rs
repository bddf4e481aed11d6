//! Names to addresses.
//!
//! By the system's configuration: `/etc/hosts` first, then its name servers with its search
//! list. Nothing is cached, since a check is to see what a new visitor sees.
//!
//! A name that does not exist is the target's fault, a resolver that does not answer is ours. The
//! two look alike when the target's own name servers are silent and the resolver waits for them;
//! so while a name takes long, the resolver is asked for the root as well. One that answers that
//! is alive.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hickory_resolver::config::ResolveHosts;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tracing::warn;
use vigilmon_common::monitor::http::IpFamily;
use vigilmon_common::outcome::ReasonCode;

use super::failure::{self, Failure};

/// How long one question to one name server may take.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a question is asked again.
const QUESTION_RETRIES: usize = 1;
/// How many questions may be open on one connection to a name server; beyond the number of
/// checks that run at once, so that none is refused.
const QUESTIONS_MAX: usize = 4096;
/// How long a name may take before the resolver is asked whether it is alive.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the other family of addresses is waited for once one is there (RFC 8305).
const OTHER_FAMILY: Duration = Duration::from_millis(50);

/// Resolves names as the system would, without a cache.
#[derive(Debug)]
pub(super) struct Resolver {
    /// `None` on a system without a usable configuration.
    servers: Option<TokioResolver>,
    hosts: Hosts,
    /// How long the other family of addresses is waited for once one is there.
    other_family: Duration,
}

/// What the lookup of one family gave.
type Found = Result<Vec<IpAddr>, NetError>;

impl Resolver {
    /// The system's resolver.
    pub(super) fn of_system() -> Self {
        let built = TokioResolver::builder_tokio().and_then(|mut builder| {
            let options = builder.options_mut();
            options.cache_size = 0;
            options.use_hosts_file = ResolveHosts::Never;
            options.timeout = QUESTION_TIMEOUT;
            options.attempts = QUESTION_RETRIES;
            options.max_active_requests = QUESTIONS_MAX;
            builder.build()
        });
        let servers = built.inspect_err(|error| {
            warn!(%error, "the resolver's configuration cannot be used; names will not resolve");
        });
        Self {
            servers: servers.ok(),
            hosts: Hosts::from_system().unwrap_or_default(),
            other_family: OTHER_FAMILY,
        }
    }

    /// A resolver that asks these servers and knows no hosts.
    #[cfg(test)]
    pub(super) fn asking(servers: TokioResolver, other_family: Duration) -> Self {
        Self {
            servers: Some(servers),
            hosts: Hosts::default(),
            other_family,
        }
    }

    /// The addresses of a name, IPv6 first; never an empty list.
    pub(super) async fn resolve(
        &self,
        host: &str,
        family: IpFamily,
        within: Duration,
    ) -> Result<Vec<IpAddr>, Failure> {
        let name = Name::from_ascii(host)
            .map_err(|_| Failure::down(ReasonCode::DnsFailure, format!("{host} is no name")))?;
        let known = self.known_hosts(&name, family);
        if !known.is_empty() {
            return Ok(known);
        }
        if is_localhost(host) {
            return Ok(localhost(family));
        }
        let Some(servers) = &self.servers else {
            let text = "the agent has no resolver configured";
            return Err(Failure::ours(ReasonCode::AgentResolver, text));
        };
        let alive = AtomicBool::new(false);
        let lookups = tokio::time::timeout(within, async {
            tokio::select! {
                found = lookups(servers, &name, family, self.other_family) => match found {
                    Err(error) if is_silence(&error) => {
                        let known = alive.load(Ordering::Relaxed);
                        alive.store(known || answers(servers).await, Ordering::Relaxed);
                        Err(error)
                    }
                    found => found,
                },
                () = watch(servers, within, &alive) => Err(NetError::Timeout),
            }
        });
        let found = lookups.await;
        let alive = alive.load(Ordering::Relaxed);
        match found {
            Ok(Ok(found)) if found.is_empty() => Err(no_address(host, family)),
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(failed(host, family, &error, alive)),
            Err(_) => Err(failed(host, family, &NetError::Timeout, alive)),
        }
    }

    fn known_hosts(&self, name: &Name, family: IpFamily) -> Vec<IpAddr> {
        let of = |record| {
            let found = self
                .hosts
                .lookup_static_host(&Query::query(name.clone(), record));
            let answers = found
                .into_iter()
                .flat_map(|lookup| lookup.answers().to_vec());
            answers
                .filter_map(|record| record.data.ip_addr())
                .collect::<Vec<_>>()
        };
        // Most servers for development listen on IPv4, so that goes first here.
        let (v4, v6) = (wants(family, IpFamily::V4), wants(family, IpFamily::V6));
        let mut known = if v4 { of(RecordType::A) } else { Vec::new() };
        if v6 {
            known.extend(of(RecordType::AAAA));
        }
        known
    }
}

/// Asks for both families at once. When one is there the other gets a little more time.
async fn lookups(servers: &TokioResolver, name: &Name, family: IpFamily, more: Duration) -> Found {
    match family {
        IpFamily::V4 => lookup(servers, name, RecordType::A).await,
        IpFamily::V6 => lookup(servers, name, RecordType::AAAA).await,
        IpFamily::Any => {
            let v6 = lookup(servers, name, RecordType::AAAA);
            let v4 = lookup(servers, name, RecordType::A);
            tokio::pin!(v6, v4);
            let (v6, v4) = tokio::select! {
                found = &mut v6 => {
                    let other = other_family(&found, v4, more).await;
                    (found, other)
                }
                found = &mut v4 => {
                    let other = other_family(&found, v6, more).await;
                    (other, found)
                }
            };
            match (v6, v4) {
                (Ok(mut v6), Ok(v4)) => {
                    v6.extend(v4);
                    Ok(v6)
                }
                (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => Ok(found),
                (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
                // A name that does not exist is a better answer than silence.
                (Err(v6), Err(v4)) => Err(if is_silence(&v4) { v6 } else { v4 }),
            }
        }
    }
}

async fn other_family(found: &Found, other: impl Future<Output = Found>, more: Duration) -> Found {
    match found {
        Ok(found) if !found.is_empty() => {
            let in_time = tokio::time::timeout(more, other).await;
            in_time.unwrap_or_else(|_| Ok(Vec::new()))
        }
        _ => other.await,
    }
}

async fn lookup(servers: &TokioResolver, name: &Name, record: RecordType) -> Found {
    match servers.lookup(name.clone(), record).await {
        Ok(found) => Ok(found
            .answers()
            .iter()
            .filter_map(|r| r.data.ip_addr())
            .collect()),
        Err(error) if error.is_no_records_found() && !error.is_nx_domain() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Asks whether the resolver is alive once a name takes long; never returns.
async fn watch(servers: &TokioResolver, within: Duration, alive: &AtomicBool) {
    tokio::time::sleep(PATIENCE.min(within / 2)).await;
    alive.store(answers(servers).await, Ordering::Relaxed);
    std::future::pending().await
}

/// Whether the resolver answers at all: the root's name servers are known to every one.
async fn answers(servers: &TokioResolver) -> bool {
    match servers.lookup(Name::root(), RecordType::NS).await {
        Ok(_) => true,
        Err(error) => !is_silence(&error),
    }
}

/// Whether no name server said anything.
fn is_silence(error: &NetError) -> bool {
    !matches!(error, NetError::Dns(_))
}

fn failed(host: &str, family: IpFamily, error: &NetError, alive: bool) -> Failure {
    if let NetError::Io(error) = error
        && let Some(failure) = failure::descriptors(error)
    {
        return failure;
    }
    match error {
        error if error.is_nx_domain() => {
            Failure::down(ReasonCode::DnsNxdomain, format!("{host} does not exist"))
        }
        NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)) => Failure::ours(
            ReasonCode::AgentResolver,
            "the agent's resolver refuses to answer",
        ),
        NetError::Dns(DnsError::ResponseCode(code)) => Failure::down(
            ReasonCode::DnsFailure,
            format!("{host} cannot be resolved: {code}"),
        ),
        NetError::Dns(_) => no_address(host, family),
        _ if alive => {
            let text = format!("{host} cannot be resolved: its name servers do not answer");
            Failure::down(ReasonCode::DnsFailure, text)
        }
        _ => Failure::ours(
            ReasonCode::AgentResolver,
            "the agent's resolver does not answer",
        ),
    }
}

fn no_address(host: &str, family: IpFamily) -> Failure {
    let what = match family {
        IpFamily::Any => "no address",
        IpFamily::V4 => "no IPv4 address",
        IpFamily::V6 => "no IPv6 address",
    };
    Failure::down(ReasonCode::DnsFailure, format!("{host} has {what}"))
}

fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host == "localhost" || host.ends_with(".localhost")
}

/// `localhost` is this machine, whatever the name servers say (RFC 6761).
fn localhost(family: IpFamily) -> Vec<IpAddr> {
    let both = [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ];
    both.into_iter().filter(|ip| fits(family, *ip)).collect()
}

/// Whether an address is of the family that the monitor wants.
pub(super) fn fits(family: IpFamily, ip: IpAddr) -> bool {
    match family {
        IpFamily::Any => true,
        IpFamily::V4 => ip.is_ipv4(),
        IpFamily::V6 => ip.is_ipv6(),
    }
}

fn wants(family: IpFamily, one: IpFamily) -> bool {
    family == IpFamily::Any || family == one
}

#[cfg(test)]
mod tests;
