//! POSTs to receivers: the one way on which webhooks and chat services are reached.
//!
//! The address guard sits where names become addresses: a name is resolved, denied addresses are
//! dropped, and the connection is made to what is left, so that no second look-up can lead
//! elsewhere. Addresses written in the URL itself are judged before. No redirects, no proxies of
//! the environment, a bounded answer.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use vigilmon_common::address::{AddressPolicy, Denied};
use vigilmon_common::notify::delivery::{Answer, Failure, FailureKind, retry_after};
use vigilmon_common::time::Time;

use super::attempt::Attempted;

/// How long a receiver may take, from the look-up of its name to the end of its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an answer is read, so that the connection can serve again; the rest is dropped.
const ANSWER_MAX: usize = 16 * 1024;
/// Idle connections kept per receiver.
const IDLE_MAX: usize = 2;

/// Posts JSON to receivers.
pub(super) struct Poster {
    client: Client,
    policy: Arc<AddressPolicy>,
}

/// What a receiver answered.
pub(super) struct Reply {
    status: StatusCode,
    /// How long it asked to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// The beginning of its body.
    pub(super) body: Vec<u8>,
}

impl Poster {
    /// A poster that reaches what the policy allows.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(super) fn new(policy: Arc<AddressPolicy>) -> anyhow::Result<Self> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls())
            .dns_resolver(Guard(Arc::clone(&policy)))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(PATIENCE)
            .pool_max_idle_per_host(IDLE_MAX)
            .user_agent(concat!("Vigilmon/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, policy })
    }

    /// Posts a body as it is and reads the answer.
    ///
    /// # Errors
    /// There was none. The failure does not say the URL, which may be a secret.
    pub(super) async fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: String,
        now: Time,
    ) -> Result<Reply, Failure> {
        let url = Url::parse(url)
            .map_err(|_| Failure::new(FailureKind::Permanent, "its URL cannot be read"))?;
        self.check_literal(&url)
            .map_err(|denied| denied_failure(&denied))?;
        let request = self.client.post(url).headers(headers);
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(|error| failure_of(&error))?;
        Ok(Reply::read(response, now).await)
    }

    /// Addresses in the URL itself are never looked up, so the guard does not see them.
    fn check_literal(&self, url: &Url) -> Result<(), Denied> {
        let address = match url.host() {
            Some(url::Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(url::Host::Ipv6(v6)) => IpAddr::V6(v6),
            Some(url::Host::Domain(_)) | None => return Ok(()),
        };
        self.policy.check(address)
    }
}

impl Reply {
    async fn read(mut response: Response, now: Time) -> Self {
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER);
        let wait = wait.and_then(|value| retry_after(value.to_str().ok()?, now));
        let mut body = Vec::new();
        // The status counts; a body that breaks off or never ends changes nothing.
        while body.len() < ANSWER_MAX
            && let Ok(Some(chunk)) = response.chunk().await
        {
            let room = ANSWER_MAX - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Self {
            status,
            retry_after: wait,
            body,
        }
    }

    /// What it means, with a line of the receiver's own about a refusal; empty without one.
    pub(super) fn meaning(&self, said: &str) -> Attempted {
        match Answer::of_status(self.status.as_u16(), self.retry_after) {
            Answer::Delivered => Attempted::delivered(self.status.to_string()),
            Answer::Failed(mut failure) => {
                if !said.is_empty() {
                    failure.text = format!("{}: {said}", failure.text);
                }
                Attempted::failed(failure)
            }
            Answer::Withheld(why) => Attempted::withheld(why),
        }
    }
}

/// What went wrong, without the URL, which may be a secret.
fn failure_of(error: &reqwest::Error) -> Failure {
    let mut cause: &(dyn Error + 'static) = error;
    loop {
        if let Some(AddressDenied(denied)) = cause.downcast_ref::<AddressDenied>() {
            return denied_failure(denied);
        }
        match cause.source() {
            Some(source) => cause = source,
            None => break,
        }
    }
    if error.is_timeout() {
        return Failure::transient(format!("no answer within {} s", PATIENCE.as_secs()));
    }
    let what = if error.is_connect() {
        "cannot connect"
    } else {
        "the exchange failed"
    };
    Failure::transient(format!("{what}: {cause}"))
}

/// The name may lead elsewhere soon, or the operator may allow the address.
fn denied_failure(denied: &Denied) -> Failure {
    Failure::new(FailureKind::Doubtful, format!("not allowed: {denied}"))
}

/// Resolves names to allowed addresses alone.
struct Guard(Arc<AddressPolicy>);

/// A name that leads to denied addresses alone.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct AddressDenied(Denied);

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let mut allowed: Vec<SocketAddr> = Vec::new();
            let mut refused = None;
            for address in found {
                match policy.check(address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(denied) => refused = Some(denied),
                }
            }
            match refused {
                Some(denied) if allowed.is_empty() => Err(AddressDenied(denied).into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// Trusts what the machine trusts; where it has no list of authorities, the one built in.
fn tls() -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the versions that it was built with")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[cfg(test)]
mod tests;
