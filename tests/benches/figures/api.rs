//! The public API over gRPC, as any client uses it.

use std::fs;

use tokio::task::JoinSet;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use vigilmon_proto::v1;
use vigilmon_proto::v1::monitor_service_client::MonitorServiceClient;
use vigilmon_tests::up::Up;

/// How many calls are under way at once.
const CALLS: usize = 32;

/// A connection, verified by the authority that the coordinator made.
pub(crate) async fn connect(up: &Up) -> Channel {
    let authority = fs::read(up.data().join("ca.pem")).expect("up writes it");
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority))
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(format!("https://{}", up.grpc())).expect("it is a URL");
    let endpoint = endpoint.tls_config(tls).expect("it is a certificate");
    endpoint.connect().await.expect("the coordinator listens")
}

/// The token of the coordinator's context file.
pub(crate) fn token(up: &Up) -> String {
    let context = fs::read_to_string(up.data().join("context.toml")).expect("up writes it");
    let context: toml::Table = context.parse().expect("it is TOML");
    let token = context["token"].as_str().expect("it has a token");
    token.to_owned()
}

/// A request that carries a token.
pub(crate) fn authorised<T>(message: T, token: &str) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let value: MetadataValue<_> = format!("Bearer {token}").parse().expect("tokens are ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

/// Saves monitors, each with a name and a specification.
pub(crate) async fn add_monitors(
    channel: Channel,
    token: &str,
    specs: impl Iterator<Item = (String, v1::MonitorSpec)>,
) {
    let calls = specs.map(|(name, spec)| {
        let monitor = v1::Monitor {
            name,
            spec: Some(spec),
            ..Default::default()
        };
        let ask = v1::CreateMonitorRequest {
            monitor: Some(monitor),
            ..Default::default()
        };
        let ask = authorised(ask, token);
        let mut monitors = MonitorServiceClient::new(channel.clone());
        async move { monitors.create_monitor(ask).await.map(drop) }
    });
    all(calls).await;
}

/// What calls answer, some of them under way at once; in the order in which they end.
pub(crate) async fn all<T: Send + 'static>(
    calls: impl Iterator<Item = impl Future<Output = Result<T, tonic::Status>> + Send + 'static>,
) -> Vec<T> {
    let mut answers = Vec::new();
    let mut underway = JoinSet::new();
    for call in calls {
        if underway.len() >= CALLS {
            answers.push(done(underway.join_next().await));
        }
        underway.spawn(call);
    }
    while !underway.is_empty() {
        answers.push(done(underway.join_next().await));
    }
    answers
}

fn done<T>(call: Option<Result<Result<T, tonic::Status>, tokio::task::JoinError>>) -> T {
    let answer = call.expect("one is under way").expect("it does not panic");
    answer.expect("it is allowed")
}
