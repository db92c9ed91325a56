//! What containers write: the end of it, and as it is written.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use http::StatusCode;
use lodeman_updater::control::{ControlError, ErrorKind};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::Sentinel;
use super::door::Shown;
use super::envelope::{ErrorBody, Failure};
use super::events::{left, streamed};
use super::host::Asked;
use super::name::Name;
use super::places::Place;
use super::reply::Reply;
use crate::surface::{Caller, Peer};

/// How many lines are given where the query does not say.
const LINES: usize = 50;
/// How many lines are given at most.
const MOST_LINES: usize = 500;
/// How often a comment tells proxies that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// How many lines wait for a client.
const WAITING: usize = 16;
/// How long a client may take none before it is cut off.
const PATIENCE: Duration = Duration::from_secs(30);

/// The end of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelLogs, example = json!({ "lines": 50, "logs": "starting\nready\n", "remote": false }))]
pub struct LogAnswer {
    /// How many lines were asked for.
    lines: usize,
    /// Those lines, both streams together, at most the last 64 KiB.
    logs: String,
    /// Whether another host told it.
    remote: bool,
}

fn lines(asked: &Asked) -> usize {
    let lines = asked.get("lines").and_then(|text| text.parse::<i64>().ok()).filter(|lines| *lines > 0);
    lines.map_or(LINES, |lines| usize::try_from(lines).unwrap_or(MOST_LINES).min(MOST_LINES))
}

fn failure(error: &ControlError, said: &str) -> Failure {
    if error.kind == ErrorKind::NotFound {
        return Failure::not_found("container not found");
    }
    tracing::warn!(error = error as &dyn std::error::Error, "{said}");
    Failure::internal(format!("{said}: {error}"))
}

/// Shows the end of what a container wrote.
#[utoipa::path(
    get, path = "/api/containers/{name}/logs", tag = "Containers",
    params(("name" = String, Path, description = "The container's name", example = "proxy"),
           ("lines" = Option<String>, Query, description = "How many lines, 1 to 500; 50 where it is no such number", example = "100"),
           ("host" = Option<String>, Query, description = "Another host", example = "")),
    responses((status = 200, description = "The lines", body = LogAnswer),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody),
              (status = 503, description = "Another host is meant, and there is none", body = ErrorBody))
)]
pub async fn get_logs(
    State(sentinel): State<Sentinel>,
    name: Name,
    asked: Asked,
) -> Result<Reply<LogAnswer>, Failure> {
    if asked.host().is_some() {
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "cluster not available"));
    }
    let container = name.container().map_err(|_| Failure::not_found("container not found"))?;
    let lines = lines(&asked);
    let logs = sentinel.app.tail_logs(&container, lines).await;
    let logs = logs.map_err(|error| failure(&error, "failed to fetch logs"))?;
    Ok(Reply(LogAnswer { lines, logs, remote: false }))
}

/// Follows what a container writes.
///
/// `text/event-stream`: first `connected`, then a frame without a name for each line, and `eof` when the
/// container stops. A client that takes nothing for 30 seconds is cut off.
#[utoipa::path(
    get, path = "/api/containers/{name}/logs/stream", tag = "Containers",
    params(("name" = String, Path, description = "The container's name", example = "proxy"),
           ("lines" = Option<String>, Query, description = "How many lines to begin with, 1 to 500; 50 where it is no such number", example = "100"),
           ("host" = Option<String>, Query, description = "Another host", example = "")),
    responses((status = 200, description = "The stream", content_type = "text/event-stream", body = String,
               example = json!("event: connected\ndata: {}\n\ndata: server is listening\n\nevent: eof\ndata: {}\n\n")),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 429, description = "Too many streams of this caller", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody),
              (status = 501, description = "Another host is meant", body = ErrorBody),
              (status = 503, description = "Too many streams", body = ErrorBody))
)]
pub async fn follow_logs(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    Extension(shown): Extension<Shown>,
    peer: Peer,
    name: Name,
    asked: Asked,
) -> Result<Response, Failure> {
    if asked.host().is_some() {
        return Err(Failure::not_implemented("log streaming is not supported for remote containers"));
    }
    let container = name.container().map_err(|_| Failure::not_found("container not found"))?;
    let place = sentinel.places.take(&caller)?;
    let log = sentinel.app.follow_logs(&container, lines(&asked)).await;
    let log = log.map_err(|error| failure(&error, "failed to start log stream"))?;
    let connected = stream::once(async { Ok(Bytes::from_static(b"event: connected\ndata: {}\n\n")) });
    let frames = connected.chain(taken(pump(log))).take_until(left(sentinel, shown, peer, caller));
    Ok(streamed(Body::from_stream(holding(frames, place))))
}

/// What a client is given next.
#[derive(Debug)]
enum Next {
    Line(String),
    End,
}

/// Reads a log as fast as the client takes it: who takes nothing for too long holds no connection to the
/// engine any longer.
fn pump(mut log: BoxStream<'static, Result<String, ControlError>>) -> mpsc::Receiver<Next> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                () = sender.closed() => return,
                next = log.next() => next,
            };
            let next = match next {
                Some(Ok(line)) => Next::Line(line),
                Some(Err(error)) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a log stream ends");
                    return;
                }
                None => Next::End,
            };
            let is_end = matches!(next, Next::End);
            match timeout(PATIENCE, sender.send(next)).await {
                Ok(Ok(())) if !is_end => {}
                Ok(_) => return,
                Err(_) => {
                    tracing::debug!("a client that takes no lines of a log is cut off");
                    return;
                }
            }
        }
    });
    receiver
}

/// The frames themselves: axum's leave an empty line out.
fn taken(receiver: mpsc::Receiver<Next>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(receiver, |mut receiver| async move {
        let frame = match timeout(HEARTBEAT, receiver.recv()).await {
            Ok(Some(Next::Line(line))) => {
                Bytes::from(format!("data: {}\n\n", line.replace('\n', "\\n").replace('\r', "\\r")))
            }
            Ok(Some(Next::End)) => Bytes::from_static(b"event: eof\ndata: {}\n\n"),
            Ok(None) => return None,
            Err(_) => Bytes::from_static(b": heartbeat\n\n"),
        };
        Some((Ok(frame), receiver))
    })
}

/// The same frames. The place is given back when they are dropped and not before: a client that takes none
/// of them still has its connection and what waits for it.
fn holding<F>(frames: impl Stream<Item = F>, place: Place) -> impl Stream<Item = F> {
    frames.map(move |frame| {
        let _held = &place;
        frame
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use lodeman_auth::Principal;

    use crate::sentinel::Places;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut_off_and_what_waits_for_him_is_little() {
        let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = read.clone();
        let endless = stream::repeat_with(move || {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok("a line".to_owned())
        });
        let mut receiver = pump(endless.boxed());
        tokio::time::sleep(PATIENCE + Duration::from_secs(1)).await;
        let mut got = 0;
        while receiver.recv().await.is_some() {
            got += 1;
        }
        assert_eq!(got, WAITING, "what waited, and then the end");
        assert_eq!(read.load(std::sync::atomic::Ordering::Relaxed), WAITING + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_keeps_his_place_until_his_connection_is_gone() {
        let places = Places::default();
        let take = || places.take(&Principal::system()).ok();
        let place = take().unwrap();
        let others: Vec<Place> = std::iter::from_fn(take).collect();
        let endless = stream::repeat_with(|| Ok("a line".to_owned()));
        let mut frames = Box::pin(holding(taken(pump(endless.boxed())), place));
        assert_eq!(frames.next().await.unwrap().unwrap(), "data: a line\n\n");
        tokio::time::sleep(PATIENCE * 2).await;
        assert!(take().is_none(), "he is cut off from the log, and has his connection");
        while frames.next().await.is_some() {}
        assert!(take().is_none(), "the connection is still to be closed");
        drop(frames);
        assert!(take().is_some());
        drop(others);
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_silent_shows_that_it_lives() {
        let (sender, receiver) = mpsc::channel(1);
        let mut frames = Box::pin(taken(receiver));
        let began = tokio::time::Instant::now();
        assert_eq!(frames.next().await.unwrap().unwrap(), ": heartbeat\n\n");
        assert_eq!(began.elapsed(), HEARTBEAT);
        drop(sender);
        assert!(frames.next().await.is_none());
    }
}
