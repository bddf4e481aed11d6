//! The connection to a coordinator.

use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};
use vigilmon_proto::limits::RESPONSE_MAX;
use vigilmon_proto::v1::admin_service_client::AdminServiceClient;
use vigilmon_proto::v1::audit_service_client::AuditServiceClient;
use vigilmon_proto::v1::channel_service_client::ChannelServiceClient;
use vigilmon_proto::v1::config_service_client::ConfigServiceClient;
use vigilmon_proto::v1::demo_service_client::DemoServiceClient;
use vigilmon_proto::v1::event_service_client::EventServiceClient;
use vigilmon_proto::v1::fleet_service_client::FleetServiceClient;
use vigilmon_proto::v1::heartbeat_service_client::HeartbeatServiceClient;
use vigilmon_proto::v1::incident_service_client::IncidentServiceClient;
use vigilmon_proto::v1::monitor_service_client::MonitorServiceClient;
use vigilmon_proto::v1::result_service_client::ResultServiceClient;
use vigilmon_proto::v1::route_service_client::RouteServiceClient;
use vigilmon_proto::v1::sign_in_service_client::SignInServiceClient;
use vigilmon_proto::v1::token_service_client::TokenServiceClient;

use crate::context::Context;
use crate::failure::{Failure, exit};

/// How long connecting may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// How often a connection on which nothing comes is tested.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
/// How long a call may take; a check of 60 s in every region fits.
const CALL_PATIENCE: Duration = Duration::from_secs(90);

/// Puts the token on every call.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Authorised = InterceptedService<Channel, Bearer>;

/// A connection to a coordinator.
#[derive(Clone)]
pub(crate) struct Client {
    channel: Channel,
    bearer: Bearer,
    /// The project that is meant.
    pub(crate) project: String,
}

macro_rules! services {
    ($($name:ident: $client:ident,)*) => {
        impl Client {
            $(
                /// The service of that name.
                pub(crate) fn $name(&self) -> $client<Authorised> {
                    $client::with_interceptor(self.channel.clone(), self.bearer.clone())
                        .max_decoding_message_size(RESPONSE_MAX)
                }
            )*
        }
    };
}

services! {
    monitors: MonitorServiceClient,
    heartbeats: HeartbeatServiceClient,
    results: ResultServiceClient,
    incidents: IncidentServiceClient,
    channels: ChannelServiceClient,
    configuration: ConfigServiceClient,
    routes: RouteServiceClient,
    fleet: FleetServiceClient,
    tokens: TokenServiceClient,
    audit: AuditServiceClient,
    events: EventServiceClient,
    sign_in: SignInServiceClient,
    admin: AdminServiceClient,
    demo: DemoServiceClient,
}

impl Client {
    /// Connects, or says why not.
    pub(crate) async fn connect(context: &Context) -> Result<Self, Failure> {
        let endpoint = &context.endpoint;
        let bad = |why: String| {
            let hint = "write https:// with a host and a port, such as https://localhost:8441";
            Failure::new(exit::FAILED, format!("endpoint `{endpoint}`: {why}"), hint)
        };
        if !endpoint.starts_with("https://") {
            return Err(bad("the token is sent over TLS only".to_owned()));
        }
        let token = format!("Bearer {}", context.token).parse();
        let token = token.map_err(|_| {
            Failure::new(
                exit::DENIED,
                "the token has characters that no token has",
                "",
            )
        })?;
        let tls = match &context.ca {
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        let channel = Endpoint::from_shared(endpoint.clone())
            .and_then(|endpoint| endpoint.tls_config(tls))
            .map_err(|error| bad(cause(&error)))?
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(CALL_PATIENCE)
            .http2_keep_alive_interval(KEEPALIVE_EVERY)
            .keep_alive_timeout(CONNECT_PATIENCE)
            .connect()
            .await
            .map_err(|error| Failure::unreachable(endpoint, &cause(&error)))?;
        Ok(Self {
            channel,
            bearer: Bearer(token),
            project: context.project.clone(),
        })
    }
}

/// The innermost cause: what the system or the TLS layer said.
fn cause(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(inner) = at.source() {
        at = inner;
    }
    at.to_string()
}
