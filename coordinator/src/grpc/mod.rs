//! The gRPC door: agents and the public API on one port.
//!
//! Services translate and hand over: requests become commands of [`crate::engine::Handle`],
//! refusals become statuses with details (`error`). Who calls is settled before any service is
//! reached (`auth`); only health needs no token, and agents bring tokens of their own.
//!
//! # What this module does not do
//! It decides nothing and keeps nothing. It opens no socket and knows no certificate: streams come
//! accepted and decrypted.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use vigilmon_proto::limits::{AGENT_MESSAGE_MAX, CONFIGURATION_MAX, REQUEST_MAX, RESPONSE_MAX};
use vigilmon_proto::v1::admin_service_server::AdminServiceServer;
use vigilmon_proto::v1::agent_service_server::{AgentService, AgentServiceServer};
use vigilmon_proto::v1::audit_service_server::AuditServiceServer;
use vigilmon_proto::v1::channel_service_server::ChannelServiceServer;
use vigilmon_proto::v1::config_service_server::ConfigServiceServer;
use vigilmon_proto::v1::demo_service_server::DemoServiceServer;
use vigilmon_proto::v1::event_service_server::EventServiceServer;
use vigilmon_proto::v1::fleet_service_server::FleetServiceServer;
use vigilmon_proto::v1::heartbeat_service_server::HeartbeatServiceServer;
use vigilmon_proto::v1::incident_service_server::IncidentServiceServer;
use vigilmon_proto::v1::monitor_service_server::MonitorServiceServer;
use vigilmon_proto::v1::result_service_server::ResultServiceServer;
use vigilmon_proto::v1::route_service_server::RouteServiceServer;
use vigilmon_proto::v1::sign_in_service_server::SignInServiceServer;
use vigilmon_proto::v1::token_service_server::TokenServiceServer;

use crate::demo::DemoSite;
use crate::engine::Handle;
use crate::secret::SecretKey;
use crate::visits::SharedVisits;

mod admin;
pub mod agent;
mod audit;
mod auth;
mod channel;
mod config;
mod demo;
mod error;
mod event;
mod fleet;
mod heartbeat;
mod incident;
mod monitor;
mod page;
mod results;
mod route;
mod sign_in;
mod token;

/// How often a connection without traffic is tested.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
/// How long the answer to such a test may take.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls at once on one connection.
const STREAMS_MAX: u32 = 256;
/// Largest header section of a call, in bytes.
const HEADERS_MAX: u32 = 16 * 1024;

pub use admin::{Disk, Surroundings};
pub use channel::SealChannels;

/// What the services of the public API share.
#[derive(Clone)]
pub struct Api {
    /// The way into the engine.
    pub engine: Handle,
    /// Where people find this coordinator; part of links.
    pub public_url: Arc<str>,
    /// Seals tokens of ping URLs, and opens them to be shown.
    pub key: SecretKey,
    /// Checks and seals what users send as channels.
    pub channels: Arc<dyn SealChannels>,
    /// What is around the coordinator.
    pub surroundings: Arc<dyn Surroundings>,
    /// Ends calls that do not end by themselves.
    pub stop: CancellationToken,
    /// Who visits the dashboard.
    pub visits: SharedVisits,
    /// The demonstration's site, where it runs.
    pub demo: Option<DemoSite>,
}

/// A service of the public API within its bounds.
macro_rules! bounded {
    ($server:ident, $service:expr) => {
        $server::new($service)
            .max_decoding_message_size(REQUEST_MAX)
            .max_encoding_message_size(RESPONSE_MAX)
    };
}

/// Serves agents and the public API until `stop`, then lets calls under way end.
///
/// # Errors
/// The server could not be made of its parts.
pub async fn serve<A, IO>(
    api: Api,
    agents: A,
    reflection: bool,
    incoming: impl Stream<Item = io::Result<IO>>,
    stop: impl Future<Output = ()>,
) -> Result<(), anyhow::Error>
where
    A: AgentService,
    IO: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let reflected = reflection.then(|| descriptors().build_v1());
    let reflected_alpha = reflection.then(|| descriptors().build_v1alpha());
    let demo = api.demo.clone().map(|site| {
        let engine = api.engine.clone();
        bounded!(DemoServiceServer, demo::Demo { site, engine })
    });
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADERS_MAX)
        .layer(auth::AuthLayer::new(api.engine.clone()))
        .add_service(health_service)
        .add_service(
            AgentServiceServer::new(agents)
                .max_decoding_message_size(AGENT_MESSAGE_MAX)
                .max_encoding_message_size(AGENT_MESSAGE_MAX),
        )
        .add_service(bounded!(MonitorServiceServer, api.clone()))
        .add_service(bounded!(HeartbeatServiceServer, api.clone()))
        .add_service(bounded!(ResultServiceServer, api.clone()))
        .add_service(bounded!(IncidentServiceServer, api.clone()))
        .add_service(bounded!(ChannelServiceServer, api.clone()))
        .add_service(bounded!(RouteServiceServer, api.clone()))
        .add_service(
            bounded!(ConfigServiceServer, api.clone()).max_decoding_message_size(CONFIGURATION_MAX),
        )
        .add_service(bounded!(TokenServiceServer, api.clone()))
        .add_service(bounded!(AuditServiceServer, api.clone()))
        .add_service(bounded!(EventServiceServer, api.clone()))
        .add_service(bounded!(SignInServiceServer, api.clone()))
        .add_service(bounded!(AdminServiceServer, api.clone()))
        .add_service(bounded!(FleetServiceServer, api))
        .add_optional_service(demo)
        .add_optional_service(reflected.transpose()?)
        .add_optional_service(reflected_alpha.transpose()?)
        .serve_with_incoming_shutdown(incoming, stop)
        .await?;
    Ok(())
}

fn descriptors() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(vigilmon_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        // The details of errors: no service names them, so that clients would not find them.
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}

/// The version that an etag names; one that was never given out is no object's.
fn etag(text: &str) -> Option<u64> {
    (!text.is_empty()).then(|| text.parse().unwrap_or(0))
}

#[cfg(test)]
mod tests;
