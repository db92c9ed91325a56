//! A server whose every answer is a function of the request, and which remembers the requests.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::Response;
use lodeman_domain::clock::{Clock, ManualClock};
use lodeman_domain::image::Repository;
use lodeman_registry_oci::{OciRegistryClient, OciRegistryConfig, StoredCredential};

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn authorization(&self) -> Option<&str> {
        self.header(header::AUTHORIZATION)
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The first value of a query parameter, percent-decoded as far as these tests need it.
    pub fn query(&self, key: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let found = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))?;
        Some(found.replace("%3A", ":").replace("%2F", "/").replace('+', " "))
    }
}

/// A running server; it stops when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    running: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts on a free port of loopback; `answer` gets the request and the server's own address.
    pub async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Seen, SocketAddr) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send,
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let record = Arc::clone(&seen);
        let router = axum::Router::new().fallback(move |request: Request| {
            let (answer, record) = (answer.clone(), Arc::clone(&record));
            async move {
                let (parts, body) = request.into_parts();
                let body = to_bytes(body, 16 * 1024 * 1024).await.expect("the request's body is short");
                let target = parts.uri.to_string();
                let request = Seen { method: parts.method, target, headers: parts.headers, body };
                record.lock().expect("no test panics with it").push(request.clone());
                answer(request, address).await
            }
        });
        let running = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the server runs until it is stopped");
        });
        Self { address, seen, running }
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no test panics with it").clone()
    }

    /// How many requests so far had this beginning of their path.
    pub fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.target.starts_with(path)).count()
    }

    /// The host as it stands in a reference.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn repository(&self, path: &str) -> Repository {
        Repository { registry: self.host(), path: path.to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// An answer with headers and a body.
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Body>) -> Response {
    let mut builder = Response::builder().status(StatusCode::from_u16(status).expect("a status"));
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body.into()).expect("the headers are valid")
}

/// A client with a clock of its own, short pauses, and whatever else `change` sets.
pub fn client_with(change: impl FnOnce(&mut OciRegistryConfig)) -> (OciRegistryClient, Arc<ManualClock>) {
    let mut config = OciRegistryConfig {
        timeout: std::time::Duration::from_secs(10),
        retry_pause: std::time::Duration::from_millis(1),
        longest_wait: std::time::Duration::ZERO,
        ..OciRegistryConfig::default()
    };
    change(&mut config);
    let start = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let clock = Arc::new(ManualClock::new(start));
    (OciRegistryClient::new(&config, Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

pub fn client() -> OciRegistryClient {
    client_with(|_| ()).0
}

pub fn account(prefix: &str, username: &str, password: &str) -> StoredCredential {
    StoredCredential {
        prefix: prefix.into(),
        username: username.into(),
        password: password.to_owned().into(),
    }
}
