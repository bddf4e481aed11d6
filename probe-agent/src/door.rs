//! The agent's own probes and metrics, on a listener that only operators reach; and the question
//! that a container asks it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use vigilmon_runtime::supervisor::{Policy, Supervisor};

use crate::Agent;
use crate::metrics::Metrics;
use crate::runner::Status;

/// How long the answer to a container's question may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Seen {
    status: watch::Receiver<Status>,
    metrics: Arc<Metrics>,
}

/// Serves `/metrics`, `/health/live` and `/health/ready` of an agent until `tasks` stop.
pub fn open(listener: TcpListener, agent: &Agent, tasks: &Supervisor) {
    let seen = Seen {
        status: agent.status(),
        metrics: agent.metrics(),
    };
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(seen);
    let stop = tasks.stop_token();
    tasks.spawn("HTTP server", Policy::BestEffort, async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await?;
        Ok(())
    });
}

async fn live() -> impl IntoResponse {
    Json(serde_json::json!({ "status": "live" }))
}

async fn ready(State(seen): State<Seen>) -> impl IntoResponse {
    if seen.status.borrow().connected {
        return (
            StatusCode::OK,
            Json(serde_json::json!({ "status": "ready" })),
        );
    }
    let missing = ["a session with a coordinator"];
    let body = serde_json::json!({ "status": "not_ready", "missing": missing });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body))
}

async fn metrics(State(seen): State<Seen>) -> impl IntoResponse {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], seen.metrics.render())
}

/// Asks the agent whose listener this is whether it lives.
///
/// # Errors
/// Nobody answers there, or not that it lives.
pub async fn ask(listen: SocketAddr) -> anyhow::Result<()> {
    let address = from_here(listen);
    let asked = tokio::time::timeout(PATIENCE, status(address)).await;
    let within = format!("no answer from {address} within {} s", PATIENCE.as_secs());
    let status = asked.context(within)??;
    anyhow::ensure!(status.is_success(), "{address} answers {status}");
    Ok(())
}

async fn status(address: SocketAddr) -> anyhow::Result<StatusCode> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.with_context(|| format!("nobody listens on {address}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = http::Request::get("/health/live")
        .header(http::header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())?;
    tokio::select! {
        answer = sender.send_request(request) => Ok(answer?.status()),
        ended = connection => {
            ended?;
            anyhow::bail!("{address} closed the connection")
        }
    }
}

fn from_here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
