//! Checks: asks a target what its monitor asks, and says what was seen and whose fault it was.
//!
//! One check opens one connection of its own: resolve, connect, handshake, request, answer. Each
//! phase is timed by itself, and a failure names its phase. What is *our* fault (no descriptors,
//! no route, no resolver) is inconclusive and never held against the target. The address policy
//! is enforced on every resolved address of every hop.
//!
//! | module      | what it does                                                    |
//! |-------------|-----------------------------------------------------------------|
//! | [`http`]    | one HTTP check: hops, timeout, judgement                        |
//! | [`resolve`] | names to addresses; a dead resolver told from a missing name    |
//! | [`connect`] | addresses to a connection, within the policy                    |
//! | [`tls`]     | the handshake, with the certificate recorded whatever it is     |
//! | [`request`] | what is sent                                                    |
//! | [`exchange`]| one request and its answer on a connection                      |
//! | [`redirect`]| where a hop leads                                               |
//! | [`failure`] | errors of the system as outcomes                                |

mod connect;
mod exchange;
mod failure;
mod http;
mod redirect;
mod request;
mod resolve;
mod tls;
mod trace;

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use vigilmon_common::address::AddressPolicy;
use vigilmon_common::monitor::Kind;
use vigilmon_common::name::Region;
use vigilmon_common::schedule::CheckSpec;

use self::resolve::Resolver;
use self::tls::Tls;
use crate::probe::{Checked, Probe};

/// What a [`Checker`] is made of.
#[derive(Debug)]
pub struct Options {
    /// The region that the agent votes for; targets read it in the user agent.
    pub region: Region,
    /// Which addresses may be reached.
    pub addresses: AddressPolicy,
    /// Authorities trusted beside those of the system.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

/// Makes checks. Built once; holds the trusted authorities, the resolver and the policy, and
/// nothing about any target.
#[derive(Debug)]
pub struct Checker {
    addresses: AddressPolicy,
    resolver: Resolver,
    tls: Tls,
    user_agent: String,
}

/// Why checks cannot be made at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS for checks: {0}")]
pub struct CheckerError(#[from] rustls::Error);

impl Checker {
    /// Reads the system's authorities and resolver configuration.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(options: Options) -> Result<Self, CheckerError> {
        Ok(Self {
            addresses: options.addresses,
            resolver: Resolver::of_system(),
            tls: Tls::new(options.extra_roots)?,
            user_agent: user_agent(&options.region),
        })
    }
}

impl Probe for Checker {
    async fn check(&self, spec: &CheckSpec, timeout: Duration) -> Checked {
        match &spec.kind {
            Kind::Http(http) => http::check(self, http, timeout).await,
        }
    }
}

fn user_agent(region: &Region) -> String {
    format!(
        "Vigilmon/{} (region={region}; +https://vigilmon.org)",
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests;
