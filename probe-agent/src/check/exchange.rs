//! One request and its answer on a connection, within bounds.
//!
//! Header sections are read up to 64 KiB, bodies up to 1 MiB after decoding; nothing that a
//! server sends takes more memory than that. The connection is driven by the check itself and
//! ends with it.

use std::error::Error as _;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tower::{Service, ServiceExt, service_fn};
use tower_http::decompression::{Decompression, DecompressionBody};
use vigilmon_common::outcome::ReasonCode;

use super::failure::{self, Failure};
use super::trace::{Phase, Trace};

/// How much of a body is read, in bytes after decoding.
pub(super) const BODY_MAX: usize = 1024 * 1024;
/// How long a header section may be, in bytes.
const HEADERS_MAX: u32 = 64 * 1024;
/// First size of the buffer of a body that comes in more than one piece, in bytes.
const BODY_FIRST: usize = 16 * 1024;

/// What came back.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether there was more of it.
    pub(super) truncated: bool,
}

/// Whether the body of an answer is wanted, or the status and headers suffice.
pub(super) type WantsBody<'a> = &'a (dyn Fn(StatusCode, &HeaderMap) -> bool + Sync);

/// Sends a request over HTTP/1.1 or HTTP/2 and reads the answer.
pub(super) async fn run<S>(
    stream: S,
    request: Request<Full<Bytes>>,
    wants_body: WantsBody<'_>,
    trace: &mut Trace,
) -> Result<Page, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    trace.enter(Phase::FirstByte);
    let io = TokioIo::new(stream);
    if request.version() == Version::HTTP_2 {
        let tasks = Tasks::default();
        let mut builder = http2::Builder::new(tasks.executor());
        builder.max_header_list_size(HEADERS_MAX);
        let (mut sender, connection) =
            builder.handshake(io).await.map_err(|e| failed(&e, trace))?;
        let send = |request| sender.send_request(request);
        drive(connection, answer(send, request, wants_body, trace)).await
    } else {
        let mut builder = http1::Builder::new();
        builder.max_header_size(HEADERS_MAX as usize);
        let (mut sender, connection) =
            builder.handshake(io).await.map_err(|e| failed(&e, trace))?;
        let send = |request| sender.send_request(request);
        drive(connection, answer(send, request, wants_body, trace)).await
    }
}

/// The tasks that HTTP/2 needs. They end with the check, whatever the server does.
#[derive(Default)]
struct Tasks(Executor);

#[derive(Clone, Default)]
struct Executor(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    fn executor(&self) -> Executor {
        self.0.clone()
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Executor {
    fn execute(&self, task: F) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(task);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        let mut tasks = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.abort_all();
    }
}

/// Polls the connection beside the exchange on it. The exchange learns of a broken connection by
/// itself, so the connection's own end says nothing more.
async fn drive<T>(connection: impl Future, exchange: impl Future<Output = T>) -> T {
    let (mut connection, mut exchange) = (pin!(connection), pin!(exchange));
    tokio::select! {
        biased;
        done = &mut exchange => return done,
        _ = &mut connection => {}
    }
    exchange.await
}

async fn answer<F>(
    mut send: impl FnMut(Request<Full<Bytes>>) -> F,
    request: Request<Full<Bytes>>,
    wants_body: WantsBody<'_>,
    trace: &mut Trace,
) -> Result<Page, Failure>
where
    F: Future<Output = hyper::Result<Response<Incoming>>>,
{
    let send = service_fn(|request| {
        let sent = send(request);
        async move { sent.await.map(with_encoding_noted) }
    });
    let mut service = Decompression::new(send);
    let ready = service.ready().await.map_err(|e| failed(&e, trace))?;
    let response = ready.call(request).await.map_err(|e| failed(&e, trace))?;
    trace.leave();
    let (mut parts, body) = response.into_parts();
    if let Some(Encoding(encoding)) = parts.extensions.remove() {
        parts.headers.insert(CONTENT_ENCODING, encoding);
    }
    trace.status = Some(parts.status.as_u16());
    let (body, truncated) = if wants_body(parts.status, &parts.headers) {
        trace.enter(Phase::Transfer);
        let read = read(body, trace).await?;
        trace.leave();
        read
    } else {
        (Bytes::new(), false)
    };
    Ok(Page {
        status: parts.status,
        headers: parts.headers,
        body,
        truncated,
    })
}

/// The encoding of a body, which decoding takes out of the headers.
#[derive(Clone)]
struct Encoding(http::HeaderValue);

fn with_encoding_noted(mut response: Response<Incoming>) -> Response<Incoming> {
    if let Some(encoding) = response.headers().get(CONTENT_ENCODING).cloned() {
        response.extensions_mut().insert(Encoding(encoding));
    }
    response
}

/// Reads a body up to the bound; `true` when there was more.
async fn read(body: DecompressionBody<Incoming>, trace: &Trace) -> Result<(Bytes, bool), Failure> {
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut whole: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken_body(&*error, trace))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if whole.is_empty() && first.is_empty() && data.len() <= BODY_MAX {
            // Most answers are one piece, which needs no copy.
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.reserve(BODY_FIRST);
            whole.extend_from_slice(&first);
        }
        let room = BODY_MAX - whole.len();
        whole.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((whole.into(), true));
        }
    }
    Ok((
        if whole.is_empty() {
            first
        } else {
            whole.into()
        },
        false,
    ))
}

fn broken_body(error: &(dyn std::error::Error + Send + Sync + 'static), trace: &Trace) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(error) = current.downcast_ref::<hyper::Error>() {
            return failed(error, trace);
        }
        cause = current.source();
    }
    let text = format!("the body cannot be decoded: {error}");
    Failure::down(ReasonCode::HttpProtocol, text)
}

/// What an error of the exchange says.
fn failed(error: &hyper::Error, trace: &Trace) -> Failure {
    let doing = if trace.status.is_some() {
        "before the body was complete"
    } else {
        "before an answer"
    };
    if error.is_parse_too_large() {
        let text = format!(
            "the header section is larger than {} KiB",
            HEADERS_MAX / 1024
        );
        return Failure::down(ReasonCode::HttpHeadersTooLarge, text);
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return Failure::down(
            ReasonCode::HttpProtocol,
            format!("connection closed {doing}"),
        );
    }
    if error.is_parse() {
        let text = format!("the answer is not HTTP: {error}");
        return Failure::down(ReasonCode::HttpProtocol, text);
    }
    let mut cause = error.source();
    while let Some(current) = cause {
        if let Some(error) = current.downcast_ref::<io::Error>() {
            return failure::broken(error, doing);
        }
        cause = current.source();
    }
    let text = format!("the exchange failed {doing}: {error}");
    Failure::down(ReasonCode::HttpProtocol, text)
}
