//! One request, one connection: how a request reaches the engine and what is known when it fails.
//!
//! A fresh connection per request costs tens of microseconds on a local socket and removes a doubt:
//! a request that failed on a pooled connection may or may not have been read by the engine. Here a
//! failure before the request's first byte is [`EngineError::Unreachable`] and any later one is
//! [`EngineError::Unknown`].

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lodeman_engine::EngineError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::answer::Answer;
use crate::config::{Deadlines, Endpoint};
use crate::version::ApiVersion;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How many connections calls share; one more is kept for events.
const CALL_CONNECTIONS: usize = 8;

/// How many connections follow logs at most: each is held as long as somebody reads.
const LOG_CONNECTIONS: usize = 64;

/// How many commands in containers are listened to at most: each holds its connection until it ends.
const COMMAND_CONNECTIONS: usize = 64;

/// Which connections a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The shared ones.
    Calls,
    /// The one kept for events, or else a shared one.
    Events,
    /// Those kept for logs that are followed.
    Logs,
    /// Those kept for commands that run in containers.
    Commands,
}

/// One request that is answered in one piece.
#[derive(Debug)]
pub(crate) struct Call {
    /// What is asked, as a verb phrase.
    pub(crate) action: &'static str,
    pub(crate) method: Method,
    /// Path and query, without version.
    pub(crate) path: String,
    pub(crate) body: Option<serde_json::Value>,
    /// From the first byte sent to the last byte read.
    pub(crate) deadline: Duration,
}

/// The way to one engine.
#[derive(Debug)]
pub(crate) struct Transport {
    endpoint: Endpoint,
    pub(crate) deadlines: Deadlines,
    calls: Arc<Semaphore>,
    events: Arc<Semaphore>,
    logs: Arc<Semaphore>,
    commands: Arc<Semaphore>,
    /// The newest version that the engine offered.
    offered: Mutex<Option<ApiVersion>>,
}

/// What runs below HTTP: a socket today, TLS over one or a child's pipes another day.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

fn unreachable(source: impl Into<BoxError>) -> EngineError {
    EngineError::Unreachable(source.into())
}

pub(crate) fn no_answer(action: &'static str, within: Duration) -> EngineError {
    let message = format!("no answer within {} s", within.as_secs_f32());
    EngineError::Unknown { action, source: io::Error::new(io::ErrorKind::TimedOut, message).into() }
}

impl Transport {
    pub(crate) fn new(endpoint: Endpoint, deadlines: Deadlines) -> Self {
        Self {
            endpoint,
            deadlines,
            calls: Arc::new(Semaphore::new(CALL_CONNECTIONS)),
            events: Arc::new(Semaphore::new(1)),
            logs: Arc::new(Semaphore::new(LOG_CONNECTIONS)),
            commands: Arc::new(Semaphore::new(COMMAND_CONNECTIONS)),
            offered: Mutex::new(None),
        }
    }

    /// Sends `call` under the agreed version and reads its answer, whatever its status.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, EngineError> {
        let version = self.version().await?;
        self.call_in(version, call).await
    }

    /// Sends `call` under a newer version than the agreed one; `None` if the engine does not offer it.
    pub(crate) async fn call_newer(
        &self,
        version: ApiVersion,
        call: Call,
    ) -> Result<Option<Answer>, EngineError> {
        self.version().await?;
        let offered = *self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        if offered.is_none_or(|offered| offered < version) {
            return Ok(None);
        }
        self.call_in(version, call).await.map(Some)
    }

    async fn call_in(&self, version: ApiVersion, call: Call) -> Result<Answer, EngineError> {
        let Call { action, method, path, body, deadline } = call;
        let request = build(Some(version), method, &path, body.as_ref())?;
        let connection = self.open(Lane::Calls, deadline).await?;
        let exchange = async { Answer::read(action, send(action, connection, request).await?).await };
        let answer =
            timeout(deadline, exchange).await.unwrap_or_else(|_| Err(no_answer(action, deadline)))?;
        self.heed(&answer);
        Ok(answer)
    }

    /// Sends a request that is answered by a stream. `sent` is without version or with any; it
    /// leaves with the agreed one. `wait` bounds the wait for a free connection; the wait for the
    /// answer is the caller's to bound.
    pub(crate) async fn stream<B>(
        &self,
        action: &'static str,
        lane: Lane,
        wait: Duration,
        mut request: Request<B>,
    ) -> Result<Response<Incoming>, EngineError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let version = self.version().await?;
        let path = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
        *request.uri_mut() = uri(Some(version), without_version(&path))?;
        request.headers_mut().insert(HOST, HeaderValue::from_static("engine"));
        let connection = self.open(lane, wait).await?;
        let response = send(action, connection, request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let reading = Answer::read(action, response);
        let quick = self.deadlines.quick;
        let answer = timeout(quick, reading).await.unwrap_or_else(|_| Err(no_answer(action, quick)))?;
        self.heed(&answer);
        Err(answer.refusal())
    }

    /// A request the engine finds wrong may be one in a version it does not speak, because another
    /// engine answers here now: it is asked again before the next call.
    fn heed(&self, answer: &Answer) {
        if answer.status == StatusCode::BAD_REQUEST {
            self.forget_version();
        }
    }

    /// Asks the engine whether it is there, and takes note of the version it offers.
    pub(crate) async fn ping(&self) -> Result<ApiVersion, EngineError> {
        let action = "ping";
        let deadline = self.deadlines.connect;
        let request = build(None, Method::GET, "/_ping", None)?;
        let connection = self.open(Lane::Calls, deadline).await?;
        let exchange = async {
            let response = send(action, connection, request).await?;
            let offered = response.headers().get("api-version").cloned();
            Ok((Answer::read(action, response).await?.agreed()?, offered))
        };
        let (answer, offered) =
            timeout(deadline, exchange).await.unwrap_or_else(|_| Err(no_answer(action, deadline)))?;
        let offered =
            offered.as_ref().and_then(|value| value.to_str().ok()).and_then(|v| v.parse::<ApiVersion>().ok());
        let Some(offered) = offered else {
            return Err(answer.malformed("it tells no API version"));
        };
        let agreed = offered.agreed().map_err(unreachable)?;
        *self.offered.lock().unwrap_or_else(PoisonError::into_inner) = Some(offered);
        Ok(agreed)
    }

    /// The version to speak. Asked for once per connection to an engine, not per call.
    pub(crate) async fn version(&self) -> Result<ApiVersion, EngineError> {
        let known = *self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        match known {
            Some(offered) => offered.agreed().map_err(unreachable),
            // Whatever went wrong with this ping, the request it was for was never sent.
            None => self.ping().await.map_err(|error| match error {
                EngineError::Unreachable(source) => EngineError::Unreachable(source),
                other => unreachable(other),
            }),
        }
    }

    fn forget_version(&self) {
        *self.offered.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn open<B>(&self, lane: Lane, wait: Duration) -> Result<http1::SendRequest<B>, EngineError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let place = self.place(lane, wait).await?;
        let connecting = async {
            let io = connect(&self.endpoint).await.map_err(unreachable)?;
            http1::handshake::<_, B>(TokioIo::new(io)).await.map_err(unreachable)
        };
        let within = self.deadlines.connect;
        let opened = timeout(within, connecting)
            .await
            .unwrap_or_else(|_| Err(unreachable(format!("no connection within {} s", within.as_secs_f32()))));
        let (sender, connection) = opened.inspect_err(|_| self.forget_version())?;
        // The connection holds its place until the last byte of its answer was read or given up.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "connection to the container engine ended");
            }
            drop(place);
        });
        Ok(sender)
    }

    async fn place(&self, lane: Lane, wait: Duration) -> Result<OwnedSemaphorePermit, EngineError> {
        if lane == Lane::Events
            && let Ok(place) = Arc::clone(&self.events).try_acquire_owned()
        {
            return Ok(place);
        }
        let (places, count) = match lane {
            Lane::Calls | Lane::Events => (&self.calls, CALL_CONNECTIONS),
            Lane::Logs => (&self.logs, LOG_CONNECTIONS),
            Lane::Commands => (&self.commands, COMMAND_CONNECTIONS),
        };
        match timeout(wait, Arc::clone(places).acquire_owned()).await {
            Ok(place) => place.map_err(unreachable),
            Err(_) => Err(unreachable(format!("all {count} connections to it are busy"))),
        }
    }
}

async fn connect(endpoint: &Endpoint) -> io::Result<Box<dyn Stream>> {
    match endpoint {
        Endpoint::Unix(path) => {
            let socket = tokio::net::UnixStream::connect(path).await.map_err(|e| name_socket(path, &e))?;
            Ok(Box::new(socket))
        }
    }
}

fn name_socket(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

async fn send<B>(
    action: &'static str,
    mut sender: http1::SendRequest<B>,
    request: Request<B>,
) -> Result<Response<Incoming>, EngineError>
where
    B: Body<Data = Bytes> + Send + 'static,
{
    sender
        .send_request(request)
        .await
        .map_err(|source| EngineError::Unknown { action, source: source.into() })
}

fn build(
    version: Option<ApiVersion>,
    method: Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<Request<Full<Bytes>>, EngineError> {
    let mut request = Request::new(Full::new(body.map_or_else(Bytes::new, |b| Bytes::from(b.to_string()))));
    *request.method_mut() = method;
    *request.uri_mut() = uri(version, path)?;
    request.headers_mut().insert(HOST, HeaderValue::from_static("engine"));
    if body.is_some() {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(request)
}

fn uri(version: Option<ApiVersion>, path: &str) -> Result<Uri, EngineError> {
    let text = match version {
        Some(version) => format!("/v{version}{path}"),
        None => path.to_owned(),
    };
    text.parse().map_err(unreachable)
}

/// `path` without the version it may begin with. bollard 0.21 sends none; one that does must not
/// have ours put before its own.
fn without_version(path: &str) -> &str {
    let Some((version, _)) = path.strip_prefix("/v").and_then(|rest| rest.split_once('/')) else {
        return path;
    };
    if version.parse::<ApiVersion>().is_ok() { &path["/v".len() + version.len()..] } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_there_already_is_replaced_not_doubled() {
        assert_eq!(without_version("/events?x=/v1.2/"), "/events?x=/v1.2/");
        assert_eq!(without_version("/v1.53/events?a=b"), "/events?a=b");
        assert_eq!(without_version("/volumes/x"), "/volumes/x");
        assert_eq!(without_version("/v1.x/events"), "/v1.x/events");
    }
}
