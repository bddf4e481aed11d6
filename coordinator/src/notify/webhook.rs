//! Webhooks: signed POSTs by the Standard Webhooks specification.
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
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};
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

/// Sends webhooks.
pub(super) struct WebhookSender {
    client: Client,
    policy: Arc<AddressPolicy>,
}

impl WebhookSender {
    /// A sender that reaches what the policy allows.
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

    /// Posts a body under its key. The body is sent as it is: its signature is over these bytes.
    pub(super) async fn send(
        &self,
        url: &str,
        secret: &str,
        key: &str,
        body: &str,
        now: Time,
    ) -> Attempted {
        match self.try_send(url, secret, key, body, now).await {
            Ok(response) => read_answer(response, now).await,
            Err(failure) => Attempted::failed(failure),
        }
    }

    async fn try_send(
        &self,
        url: &str,
        secret: &str,
        key: &str,
        body: &str,
        now: Time,
    ) -> Result<Response, Failure> {
        let permanent = |text: &str| Failure::new(FailureKind::Permanent, text);
        let url = Url::parse(url).map_err(|_| permanent("its URL cannot be read"))?;
        self.check_literal(&url)
            .map_err(|denied| denied_failure(&denied))?;
        let timestamp = now.as_millis().div_euclid(1000);
        let signature = Webhook::new(secret)
            .and_then(|webhook| webhook.sign(key, timestamp, body.as_bytes()))
            .map_err(|_| permanent("its signing secret is malformed"))?;
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, key)
            .header(HEADER_WEBHOOK_TIMESTAMP, timestamp)
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(body.to_owned());
        request.send().await.map_err(|error| failure_of(&error))
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

async fn read_answer(mut response: Response, now: Time) -> Attempted {
    let status = response.status();
    let wait = response.headers().get(RETRY_AFTER);
    let wait = wait.and_then(|value| retry_after(value.to_str().ok()?, now));
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > ANSWER_MAX {
            break;
        }
    }
    match Answer::of_status(status.as_u16(), wait) {
        Answer::Delivered => Attempted::delivered(status.to_string()),
        Answer::Failed(failure) => Attempted::failed(failure),
        Answer::Withheld(why) => Attempted::withheld(why),
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
