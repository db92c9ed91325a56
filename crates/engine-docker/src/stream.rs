//! The answers that come as a stream, decoded by bollard over our own transport.
//!
//! bollard is handed each answer by [`Transport::stream`]: the connection, its place among the
//! others, the API version and the judgement of failures are those of every other call.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::{BollardRequest, Docker};
use http::HeaderValue;
use lodeman_engine::EngineError;
use tokio::sync::oneshot;

use crate::answer::clean;
use crate::config::{ConnectError, Deadlines};
use crate::transport::{Lane, Transport};

/// bollard's own limit on waiting for an answer's beginning. Ours are shorter.
const NEVER_SECONDS: u64 = 24 * 60 * 60;

/// What travels with a request through bollard.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) action: &'static str,
    pub(crate) lane: Lane,
    pub(crate) wait: Duration,
    /// Told once the engine began to answer.
    pub(crate) begun: Option<Begun>,
    /// The `X-Registry-Auth` header.
    pub(crate) auth: Option<HeaderValue>,
}

/// Tells, once, that an answer began.
#[derive(Clone)]
pub(crate) struct Begun(Arc<Mutex<Option<oneshot::Sender<()>>>>);

impl Begun {
    pub(crate) fn channel() -> (Self, oneshot::Receiver<()>) {
        let (tell, told) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(tell)))), told)
    }

    fn tell(&self) {
        if let Some(tell) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Nobody waits any more when the caller gave up.
            let _ = tell.send(());
        }
    }
}

/// bollard, over our transport.
pub(crate) struct Streams {
    docker: Docker,
    pub(crate) deadlines: Deadlines,
}

impl Streams {
    pub(crate) fn over(transport: &Arc<Transport>) -> Result<Self, ConnectError> {
        let deadlines = transport.deadlines;
        let transport = Arc::clone(transport);
        let relay = move |request: BollardRequest| {
            let transport = Arc::clone(&transport);
            async move { relay(&transport, request).await.map_err(to_bollard) }
        };
        let docker = Docker::connect_with_custom_transport(
            relay,
            Some("engine://local"),
            NEVER_SECONDS,
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(|error| ConnectError::Client { message: error.to_string() })?;
        Ok(Self { docker, deadlines })
    }

    /// bollard, whose next request carries `context`.
    pub(crate) fn with(&self, context: Context) -> Docker {
        self.docker.clone().with_request_modifier(move |mut request| {
            if let Some(auth) = &context.auth {
                request.headers_mut().insert("x-registry-auth", auth.clone());
            }
            request.extensions_mut().insert(context.clone());
            request
        })
    }
}

async fn relay(
    transport: &Transport,
    mut request: BollardRequest,
) -> Result<http::Response<hyper::body::Incoming>, EngineError> {
    let Some(context) = request.extensions_mut().remove::<Context>() else {
        return Err(EngineError::Unreachable("a request without its context".into()));
    };
    let response = transport.stream(context.action, context.lane, context.wait, request).await?;
    if let Some(begun) = &context.begun {
        begun.tell();
    }
    Ok(response)
}

fn to_bollard(error: EngineError) -> bollard::errors::Error {
    bollard::errors::Error::IOError { err: io::Error::other(error) }
}

/// What a failure of bollard's means: our own error where the transport gave one, and else that the
/// answer began and did not come to its end.
pub(crate) fn from_bollard(action: &'static str, error: bollard::errors::Error) -> EngineError {
    use bollard::errors::Error as E;
    match error {
        E::IOError { err } => match err.downcast::<EngineError>() {
            Ok(ours) => ours,
            Err(err) => EngineError::Unknown { action, source: err.into() },
        },
        E::DockerStreamError { error } => refused_in_stream(action, &error),
        E::JsonDataError { message, .. } => EngineError::Malformed { action, message: clean(&message) },
        E::JsonSerdeError { err } => EngineError::Malformed { action, message: clean(&err.to_string()) },
        other => EngineError::Unknown { action, source: other.into() },
    }
}

/// A refusal that came after the answer had begun with status 200.
pub(crate) fn refused_in_stream(action: &'static str, message: &str) -> EngineError {
    EngineError::Refused { action, status: 500, message: clean(message) }
}
