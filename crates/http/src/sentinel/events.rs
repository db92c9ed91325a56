//! The event stream: what happens, as it happens.

mod told;

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use lodeman_updater::feed::{Item, Subscription};

use lodeman_auth::Principal;

use super::Sentinel;
use super::door::Shown;
use super::envelope::{ErrorBody, Failure};
use super::places::Place;
use crate::surface::{Caller, Peer};
use told::Told;

/// How often the caller's right to listen is looked at again.
const RECHECK: Duration = Duration::from_secs(10);
/// How often a comment tells proxies that the stream lives.
const PING: Duration = Duration::from_secs(20);

/// Follows what happens.
///
/// `text/event-stream`: first `connected`, then one event each, with `id` where it can be resumed after by
/// `Last-Event-ID`. A listener that is too slow is cut off, and resumes.
///
/// The `data` of each is one line of JSON: `type`, the name of the frame; `container_name` and `message` where
/// there are any; `timestamp`. Comments (`: ping`) keep the connection alive. The frames:
///
/// - `container_update`: `update available`, `update started`, `update succeeded`, `update failed: …`,
///   `rollback succeeded`, `rollback failed: …`; `update_progress` and `pull_progress` between them
/// - `queue_change`: `added`, `approved`, `removed`
/// - `scan_start`: `total=31`; `scan_progress`: `checked=4 total=31`; `scan_complete`: `total=31 updated=1
///   queued=2 skipped=0 rate_limited=0 failed=0 services=0`
/// - `rate_limits`, after each scan: `ok`, `low` or `exhausted`
/// - `policy_change`, `settings_change`, `alert`
#[utoipa::path(
    get, path = "/api/events", tag = "Events",
    params(("Last-Event-ID" = Option<String>, Header, description = "The last `id` that was seen", example = "42")),
    responses((status = 200, description = "The stream", content_type = "text/event-stream", body = String,
               example = json!("event: connected\ndata: {}\n\nevent: container_update\nid: 43\ndata: {\"type\":\"container_update\",\"container_name\":\"proxy\",\"message\":\"update started\",\"timestamp\":\"2026-02-03T04:05:06Z\"}\n\n")),
              (status = 429, description = "Too many streams of this caller", body = ErrorBody),
              (status = 503, description = "Too many streams, or the store cannot be read", body = ErrorBody))
)]
pub async fn follow_events(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    Extension(shown): Extension<Shown>,
    peer: Peer,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let place = sentinel.places.take(&caller)?;
    let after = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let subscription = sentinel.feed.subscribe(after).await.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "the event stream cannot begin");
        Failure::unavailable("the events cannot be read now")
    })?;
    let connected =
        stream::once(async { Ok::<_, Infallible>(Event::default().event("connected").data("{}")) });
    let events = connected.chain(frames(subscription, place).take_until(left(sentinel, shown, peer, caller)));
    let ping = KeepAlive::new().interval(PING).text("ping");
    Ok(streamed(Sse::new(events).keep_alive(ping)))
}

/// The answer of a stream, with the headers that keep proxies from holding it back.
pub(super) fn streamed(stream: impl IntoResponse) -> Response {
    let mut response = stream.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// Ends when what the caller showed does not open a stream any more, and when the server stops.
pub(super) async fn left(sentinel: Sentinel, shown: Shown, peer: Peer, caller: Principal) {
    let mut stopping = std::pin::pin!(sentinel.app.stopping());
    loop {
        tokio::select! {
            () = &mut stopping => return,
            () = tokio::time::sleep(RECHECK) => {}
        }
        if !sentinel.door.still_opens(&shown, peer, &caller).await {
            return;
        }
    }
}

/// What a subscription brings, as frames, until it ends.
fn frames(subscription: Subscription, place: Place) -> impl Stream<Item = Result<Event, Infallible>> {
    let batches = stream::unfold((subscription, place), |(mut subscription, place)| async move {
        match subscription.next().await {
            Ok(items) => Some((items, (subscription, place))),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "an event stream ends");
                None
            }
        }
    });
    batches.flat_map(|items| stream::iter(items.into_iter().flat_map(frames_of).map(Ok).collect::<Vec<_>>()))
}

/// The frames of one item. The number is on the last of them: whoever has seen it has seen all.
fn frames_of(item: Item) -> Vec<Event> {
    let (told, number) = match item {
        Item::Event(event) => (Told::of_event(&event.event), Some(event.seq)),
        Item::Progress(progress, at) => (Told::of_progress(&progress, at).into_iter().collect(), None),
    };
    let last = told.len().saturating_sub(1);
    let frame = |(at, told): (usize, Told)| {
        let frame = Event::default().event(told.event_type);
        let frame = match number.filter(|_| at == last) {
            Some(number) => frame.id(number.to_string()),
            None => frame,
        };
        frame.json_data(&told).ok()
    };
    told.into_iter().enumerate().filter_map(frame).collect()
}
