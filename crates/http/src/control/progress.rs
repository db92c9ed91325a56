//! Live progress, one JSON object a line.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header;
use lodeman_domain::event::Progress;
use tokio::time::{Instant, interval_at};

use super::Api;
use crate::envelope::Failure;

/// How often an empty line is sent, so that a watcher that has left is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) async fn progress(State(api): State<Api>) -> Result<Response, Failure> {
    let notes = api.control.progress().await?;
    let heart = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    let lines = stream::unfold((notes, heart), |(mut notes, mut heart)| async move {
        let line = tokio::select! {
            note = notes.next() => line(&note?),
            _ = heart.tick() => Bytes::from_static(b"\n"),
        };
        Some((Ok::<_, Infallible>(line), (notes, heart)))
    });
    let lines = lines.take_until(api.stopping.cancelled_owned());
    let head = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    Ok((head, Body::from_stream(lines)).into_response())
}

fn line(note: &Progress) -> Bytes {
    // A note that could not be written would only be missing from what is shown.
    let mut line = serde_json::to_vec(note).unwrap_or_default();
    line.push(b'\n');
    line.into()
}
