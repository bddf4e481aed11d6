//! Addresses to a connection.
//!
//! Every address passes the policy before it is tried. Several are raced as RFC 8305 says: the
//! next one, of the other family, starts 250 ms after the last or at once when that failed. The
//! first connection wins, the others are dropped.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use url::{Host, Url};
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::monitor::http::IpFamily;
use vigilmon_common::outcome::{Outcome, ReasonCode};

use super::failure::{self, Failure};
use super::resolve::{self, Resolver};
use super::trace::{Phase, Trace};

/// How long an address may take before the next is tried beside it.
const STAGGER: Duration = Duration::from_millis(250);
/// Most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 16;

/// Connects to the host of a URL.
pub(super) async fn to(
    url: &Url,
    family: IpFamily,
    resolver: &Resolver,
    policy: &AddressPolicy,
    within: Duration,
    trace: &mut Trace,
) -> Result<TcpStream, Failure> {
    let ips = addresses(url, family, resolver, within, trace).await?;
    let port = url.port_or_known_default().unwrap_or_default();
    let allowed = permitted(ips, policy)?;
    let mut addresses = interleaved(allowed, port);
    trace.enter(Phase::Connect);
    let first = addresses
        .pop_front()
        .expect("permitted refuses an empty list");
    trace.address = Some(first);
    let (stream, address) = if addresses.is_empty() {
        (open(first).await?, first)
    } else {
        race(first, addresses).await?
    };
    trace.address = Some(address);
    trace.leave();
    Ok(stream)
}

async fn addresses(
    url: &Url,
    family: IpFamily,
    resolver: &Resolver,
    within: Duration,
    trace: &mut Trace,
) -> Result<Vec<IpAddr>, Failure> {
    let ip: IpAddr = match url.host() {
        Some(Host::Domain(name)) => {
            trace.enter(Phase::Dns);
            let found = resolver.resolve(name, family, within).await;
            trace.leave();
            return found;
        }
        Some(Host::Ipv4(ip)) => ip.into(),
        Some(Host::Ipv6(ip)) => ip.into(),
        None => {
            return Err(Failure::down(
                ReasonCode::DnsFailure,
                "the URL names no host",
            ));
        }
    };
    if resolve::fits(family, ip) {
        Ok(vec![ip])
    } else {
        let text = format!("{ip} is not an IPv{} address", family.as_str());
        Err(Failure::down(ReasonCode::DnsFailure, text))
    }
}

/// The addresses that the policy allows; a failure when it allows none.
fn permitted(ips: Vec<IpAddr>, policy: &AddressPolicy) -> Result<Vec<IpAddr>, Failure> {
    let mut first_denied = None;
    let mut allowed = ips;
    allowed.retain(|ip| match policy.check(*ip) {
        Ok(()) => true,
        Err(denied) => {
            first_denied.get_or_insert(denied);
            false
        }
    });
    match first_denied {
        Some(denied) if allowed.is_empty() => {
            let text = format!("{denied}, which this agent may not reach");
            Err(Failure::down(ReasonCode::AddressDenied, text).with_hint(denied.remedy()))
        }
        _ if allowed.is_empty() => Err(Failure::down(ReasonCode::DnsFailure, "no address")),
        _ => Ok(allowed),
    }
}

/// Alternates between the families, beginning with that of the first address.
fn interleaved(ips: Vec<IpAddr>, port: u16) -> VecDeque<SocketAddr> {
    let begins_v4 = ips.first().is_some_and(IpAddr::is_ipv4);
    let (mut ours, mut others): (VecDeque<_>, VecDeque<_>) =
        ips.into_iter().partition(|ip| ip.is_ipv4() == begins_v4);
    let mut order = VecDeque::with_capacity(ours.len() + others.len());
    while order.len() < ADDRESSES_MAX && !(ours.is_empty() && others.is_empty()) {
        let next = [ours.pop_front(), others.pop_front()];
        order.extend(
            next.into_iter()
                .flatten()
                .map(|ip| SocketAddr::new(ip, port)),
        );
    }
    order
}

async fn open(address: SocketAddr) -> Result<TcpStream, Failure> {
    let connected = TcpStream::connect(address).await;
    connected.map_err(|error| failure::connect(&error, address))
}

async fn race(
    first: SocketAddr,
    mut waiting: VecDeque<SocketAddr>,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let attempt = |address| async move { open(address).await.map(|stream| (stream, address)) };
    let mut running = FuturesUnordered::new();
    running.push(attempt(first));
    let mut worst: Option<Failure> = None;
    loop {
        let ended = if waiting.is_empty() {
            running.next().await
        } else {
            let next = tokio::time::timeout(STAGGER, running.next()).await;
            next.unwrap_or(None)
        };
        match ended {
            Some(Ok(connected)) => return Ok(connected),
            Some(Err(failure)) => worst = Some(telling(worst, failure)),
            None => {}
        }
        match waiting.pop_front() {
            Some(address) => running.push(attempt(address)),
            None if running.is_empty() => {
                let nothing = || Failure::down(ReasonCode::TcpUnreachable, "no address answered");
                return Err(worst.unwrap_or_else(nothing));
            }
            None => {}
        }
    }
}

/// Of two failures the one that tells more, of equal ones the first.
fn telling(before: Option<Failure>, now: Failure) -> Failure {
    // Without a route in one family the other speaks; without descriptors or ports nobody can.
    let weight = |failure: &Failure| match &failure.outcome {
        Outcome::Inconclusive(reason) if reason.code == ReasonCode::AgentRoute => 0,
        Outcome::Up | Outcome::Degraded(_) | Outcome::Down(_) => 1,
        Outcome::Inconclusive(_) => 2,
    };
    match before {
        Some(before) if weight(&before) >= weight(&now) => before,
        _ => now,
    }
}

#[cfg(test)]
mod tests;
