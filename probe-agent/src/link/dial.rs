//! How an agent reaches a coordinator.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use url::{Host, Url};
use vigilmon_proto::v1::agent_service_client::AgentServiceClient;

use crate::options::Options;

/// How long dialling takes at most: name, TCP and TLS.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// HTTP/2 pings show a dead road before the session's own silence does.
const PING_EVERY: Duration = Duration::from_secs(10);
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// Largest message either way: a snapshot part or a batch is far below.
const MESSAGE_MAX: usize = 4 * 1024 * 1024;

/// What cannot be used to reach a coordinator.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLink {
    /// The token has characters that cannot be sent.
    #[error("the agent token has characters that a token never has; copy it again")]
    Token,
    /// The authorities or the address cannot be used.
    #[error("cannot use TLS with {url}: {error}")]
    Tls {
        /// The coordinator.
        url: String,
        /// What is wrong.
        error: String,
    },
}

/// Dials the coordinators in turn.
#[derive(Debug)]
pub(crate) struct Dialer {
    endpoints: Vec<Endpoint>,
    token: MetadataValue<Ascii>,
    attempts: usize,
}

/// One coordinator to be dialled.
#[derive(Clone, Debug)]
pub(crate) struct Road {
    endpoint: Endpoint,
    token: MetadataValue<Ascii>,
}

impl Dialer {
    /// Whether both show the same token.
    pub(crate) fn has_token_of(&self, other: &Self) -> bool {
        self.token == other.token
    }

    pub(crate) fn new(options: &Options) -> Result<Self, InvalidLink> {
        let token = format!("Bearer {}", options.token.expose());
        let mut token: MetadataValue<Ascii> = token.parse().map_err(|_| InvalidLink::Token)?;
        token.set_sensitive(true);
        let urls = options.coordinators.as_slice().iter();
        let endpoints: Result<_, _> = urls
            .map(|url| endpoint(url, options.ca.as_deref()))
            .collect();
        Ok(Self {
            endpoints: endpoints?,
            token,
            attempts: 0,
        })
    }

    /// The coordinator whose turn it is.
    pub(crate) fn next(&mut self) -> Road {
        let endpoint = self.endpoints[self.attempts % self.endpoints.len()].clone();
        self.attempts = self.attempts.wrapping_add(1);
        Road {
            endpoint,
            token: self.token.clone(),
        }
    }
}

impl Road {
    pub(crate) fn name(&self) -> String {
        self.endpoint.uri().to_string()
    }

    pub(crate) async fn open(&self) -> Result<AgentServiceClient<Channel>, String> {
        let channel = tokio::time::timeout(CONNECT_WITHIN, self.endpoint.connect())
            .await
            .map_err(|_| format!("no connection within {} s", CONNECT_WITHIN.as_secs()))?
            .map_err(|error| innermost(&error))?;
        Ok(AgentServiceClient::new(channel)
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX))
    }

    /// A call that shows the token.
    pub(crate) fn request<T>(&self, body: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(body);
        request
            .metadata_mut()
            .insert("authorization", self.token.clone());
        request
    }
}

fn endpoint(url: &Url, ca: Option<&[u8]>) -> Result<Endpoint, InvalidLink> {
    let invalid = |error: &dyn std::error::Error| InvalidLink::Tls {
        url: url.to_string(),
        error: innermost(error),
    };
    let mut tls = ClientTlsConfig::new();
    tls = match ca {
        Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
        None => tls.with_native_roots(),
    };
    if let Some(Host::Ipv6(ip)) = url.host() {
        // The URI has it in brackets, which no certificate has.
        tls = tls.domain_name(ip.to_string());
    }
    let endpoint = Endpoint::from_shared(url.to_string()).map_err(|error| invalid(&error))?;
    endpoint
        .connect_timeout(CONNECT_WITHIN)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN)
        .keep_alive_while_idle(true)
        .tls_config(tls)
        .map_err(|error| invalid(&error))
}

/// The last cause: what tonic wraps says `transport error` and no more.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}
