//! Streams of events, as a listener reads them.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use http::request::Builder;
use http::{StatusCode, header};
use tower_service::Service as _;

use super::world::World;

/// Opens a stream as the viewer.
pub async fn follow(world: &World, request: Builder) -> BodyDataStream {
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", world.token("viewer")));
    let response = world.router().call(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    response.into_body().into_data_stream()
}

/// What comes until `mark` has come.
pub async fn read_until(stream: &mut BodyDataStream, mark: &str) -> String {
    let mut read = String::new();
    let all = async {
        while !read.contains(mark) {
            let frame = stream.next().await.expect("the stream goes on").unwrap();
            read.push_str(std::str::from_utf8(&frame).unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(10), all).await.expect("it comes in time");
    read
}
