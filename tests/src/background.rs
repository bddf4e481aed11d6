//! The runtime on which in-process servers live, and plain HTTP requests from blocking tests.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use http::{HeaderMap, header};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// How long one request of a test may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime can be started"))
}

/// Waits for a future from a blocking test.
pub fn wait_for<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// What a server and its test both look at and change.
pub struct Shared<S>(Arc<Mutex<S>>);

impl<S> Shared<S> {
    /// To look at it, and change it.
    pub fn lock(&self) -> MutexGuard<'_, S> {
        self.0.lock().expect("no test panics while holding it")
    }
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A server that runs until it is dropped, and what it shares with its test.
pub struct Served<S> {
    shared: Shared<S>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl<S: Default + Send + 'static> Served<S> {
    /// Serves on a free port of loopback.
    pub fn start(router: axum::Router<Shared<S>>) -> Self {
        let shared = Shared(Arc::default());
        let router = router.with_state(shared.clone());
        let listener = wait_for(TcpListener::bind("127.0.0.1:0")).expect("loopback has free ports");
        let address = listener.local_addr().expect("a listener has an address");
        let task = runtime().spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("serving does not end by itself");
        });
        Self {
            shared,
            address,
            task,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// To look at what it shares, and change it.
    pub fn lock(&self) -> MutexGuard<'_, S> {
        self.shared.lock()
    }
}

impl<S> Drop for Served<S> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a GET of a URL answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

/// GETs a URL; `None` when nothing answers there.
#[must_use]
pub fn get(url: &str) -> Option<Answer> {
    ask(reqwest::Method::GET, url, &[])
}

/// Sends a request without a body; `None` when nothing answers.
#[must_use]
pub fn ask(method: reqwest::Method, url: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    let mut request = client().request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answered(request)
}

/// Sends a body of this type; `None` when nothing answers.
#[must_use]
pub fn send(method: reqwest::Method, url: &str, kind: &str, body: &[u8]) -> Option<Answer> {
    let request = client().request(method, url).body(body.to_vec());
    answered(request.header(header::CONTENT_TYPE, kind))
}

/// POSTs a body with headers; `None` when nothing answers.
#[must_use]
pub fn post(url: &str, headers: &HeaderMap, body: &[u8]) -> Option<Answer> {
    let mut headers = headers.clone();
    // What belongs to the connection and its framing is this request's own.
    for own in [header::HOST, header::CONTENT_LENGTH] {
        headers.remove(own);
    }
    answered(client().post(url).headers(headers).body(body.to_vec()))
}

fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let client = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .no_proxy()
            .pool_max_idle_per_host(0)
            .redirect(reqwest::redirect::Policy::none());
        client.build().expect("a client can be made")
    })
}

fn answered(request: reqwest::RequestBuilder) -> Option<Answer> {
    wait_for(async {
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.text().await.ok()?;
        Some(Answer {
            status,
            headers,
            body,
        })
    })
}
