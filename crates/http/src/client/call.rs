//! One request over a connection of its own.

use bytes::{Buf as _, Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt as _};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use lodeman_domain::event::Progress;
use lodeman_updater::control::{ControlError, ErrorKind};
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// The longest line of progress, in bytes.
const MAX_LINE: usize = 256 * 1024;

type Response = http::Response<Incoming>;

/// The server's answer to `method` on `what`.
pub(super) async fn call<T: DeserializeOwned>(
    stream: UnixStream,
    method: Method,
    what: &str,
    body: Option<Vec<u8>>,
) -> Result<T, ControlError> {
    let (response, _connection) = send(stream, method, what, body).await?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), MAX_ANSWER);
    let answer = answer.collect().await.map_err(|_| vanished("while it answered"))?.to_bytes();
    if status.is_success() {
        return serde_json::from_slice(&answer).map_err(|error| misunderstood(what, &error.to_string()));
    }
    Err(refusal(what, status, &answer))
}

/// The server's progress, from now on.
pub(super) async fn stream(
    stream: UnixStream,
    what: &str,
) -> Result<BoxStream<'static, Progress>, ControlError> {
    let (response, connection) = send(stream, Method::GET, what, None).await?;
    let status = response.status();
    if !status.is_success() {
        let answer = Limited::new(response.into_body(), MAX_ANSWER);
        let answer = answer.collect().await.map_err(|_| vanished("while it answered"))?.to_bytes();
        return Err(refusal(what, status, &answer));
    }
    let lines = Lines { body: response.into_body(), pending: BytesMut::new(), _connection: connection };
    Ok(stream::unfold(lines, |mut lines| async move { Some((lines.next().await?, lines)) }).boxed())
}

async fn send(
    stream: UnixStream,
    method: Method,
    what: &str,
    body: Option<Vec<u8>>,
) -> Result<(Response, AbortOnDropHandle<()>), ControlError> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| vanished("before it was asked"))?;
    let driver = AbortOnDropHandle::new(tokio::spawn(async move {
        // What broke the connection is seen by the request.
        drop(connection.await);
    }));
    let mut request =
        Request::builder().method(method).uri(format!("/control/v1/{what}")).header(header::HOST, "lodeman");
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let request = request
        .body(Full::new(Bytes::from(body.unwrap_or_default())))
        .map_err(|error| ControlError::new(ErrorKind::Internal, error.to_string()))?;
    let response = sender.send_request(request).await.map_err(|_| vanished("before it answered"))?;
    Ok((response, driver))
}

/// The server is gone.
pub(super) fn vanished(when: &str) -> ControlError {
    let message = format!(
        "the server went away {when}; what was begun goes on, or is recovered when a server runs again: \
         see `lodeman history`"
    );
    ControlError::new(ErrorKind::Unavailable, message)
}

fn misunderstood(what: &str, why: &str) -> ControlError {
    let message = format!(
        "the server's answer to `{what}` is not understood; are server and command of one version? ({why})"
    );
    ControlError::new(ErrorKind::Internal, message)
}

fn refusal(what: &str, status: StatusCode, answer: &[u8]) -> ControlError {
    serde_json::from_slice(answer).unwrap_or_else(|_| misunderstood(what, &format!("status {status}")))
}

/// The lines of an answer that goes on.
struct Lines {
    body: Incoming,
    pending: BytesMut,
    _connection: AbortOnDropHandle<()>,
}

impl Lines {
    /// The next note; `None` once the server has no more.
    async fn next(&mut self) -> Option<Progress> {
        loop {
            while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line = self.pending.split_to(end);
                self.pending.advance(1);
                // An empty line shows that the server is there; a note of another version is passed over.
                if let Ok(note) = serde_json::from_slice(&line) {
                    return Some(note);
                }
            }
            if self.pending.len() > MAX_LINE {
                return None;
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                self.pending.extend_from_slice(&data);
            }
        }
    }
}
