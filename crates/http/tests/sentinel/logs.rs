use std::time::Duration;

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use http::{Request, StatusCode};
use serde_json::json;

use super::stream::{self, read_until};
use super::world::World;

async fn world() -> World {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    world
}

async fn follow(world: &World, path: &str) -> BodyDataStream {
    stream::follow(world, Request::get(path)).await
}

#[tokio::test]
async fn the_end_of_a_log_is_shown() {
    let world = world().await;
    for count in 0..600 {
        world.host.engine.say("proxy", &format!("line {count}"));
    }
    let two = world.get("/api/containers/proxy/logs?lines=2").await.json();
    assert_eq!(two, json!({ "lines": 2, "logs": "line 598\nline 599\n", "remote": false }));
    for (query, lines) in [
        ("", 50),
        ("?lines=", 50),
        ("?lines=0", 50),
        ("?lines=-3", 50),
        ("?lines=many", 50),
        ("?lines=1.5", 50),
        ("?lines=99999999999999999999", 50),
        ("?lines=500", 500),
        ("?lines=501", 500),
        ("?lines=7&lines=3", 3),
        ("?lines=%FF", 50),
    ] {
        let shown = world.get(&format!("/api/containers/proxy/logs{query}")).await.json();
        assert_eq!(shown["lines"], lines, "{query}");
        assert_eq!(shown["logs"].as_str().unwrap().lines().count(), lines, "{query}");
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_told_before_anything_is_streamed() {
    let world = world().await;
    for (path, status, message) in [
        ("/api/containers/ghost/logs", StatusCode::NOT_FOUND, "container not found"),
        ("/api/containers/ghost/logs/stream", StatusCode::NOT_FOUND, "container not found"),
        ("/api/containers/a%2Fb/logs", StatusCode::BAD_REQUEST, "invalid container name"),
        ("/api/containers/a%20b/logs/stream", StatusCode::BAD_REQUEST, "invalid container name"),
        ("/api/containers/proxy/logs?host=h1", StatusCode::SERVICE_UNAVAILABLE, "cluster not available"),
        (
            "/api/containers/proxy/logs/stream?host=h1",
            StatusCode::NOT_IMPLEMENTED,
            "log streaming is not supported for remote containers",
        ),
    ] {
        let refused = world.get(path).await;
        assert_eq!((refused.status, refused.error().as_str()), (status, message), "{path}");
    }
    world.host.engine.go_down(lodeman_testkit::engine::fake::Shutdown::Clean);
    let refused = world.get("/api/containers/proxy/logs").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(refused.error().starts_with("failed to fetch logs: "), "{refused:?}");
    let refused = world.get("/api/containers/proxy/logs/stream").await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(refused.error().starts_with("failed to start log stream: "), "{refused:?}");
}

#[tokio::test]
async fn a_log_is_followed_line_by_line_until_the_container_stops() {
    let world = world().await;
    world.host.engine.say("proxy", "before");
    let mut stream = follow(&world, "/api/containers/proxy/logs/stream?lines=1").await;
    let read = read_until(&mut stream, "before\n\n").await;
    assert_eq!(read, "event: connected\ndata: {}\n\ndata: before\n\n");
    world.host.engine.say("proxy", "10%\r20%");
    world.host.engine.say("proxy", "");
    world.host.engine.say("proxy", "data: {\"a\":\n1}");
    let read = read_until(&mut stream, "1}\n\n").await;
    assert_eq!(read, "data: 10%\\r20%\n\ndata: \n\ndata: data: {\"a\":\\n1}\n\n");
    world.host.engine.crash("proxy", 1);
    let read = read_until(&mut stream, "eof").await;
    assert_eq!(read, "event: eof\ndata: {}\n\n");
    assert!(stream.next().await.is_none(), "and the stream is closed");
}

#[tokio::test]
async fn a_log_stream_ends_with_the_server() {
    let world = world().await;
    let mut stream = follow(&world, "/api/containers/proxy/logs/stream").await;
    read_until(&mut stream, "ready").await;
    world.host.stopping.cancel();
    let rest = tokio::time::timeout(Duration::from_secs(5), stream.next()).await;
    assert!(rest.expect("it ends in time").is_none());
}

#[tokio::test]
async fn a_log_stream_takes_one_of_the_callers_places_and_gives_it_back() {
    let world = world().await;
    let mut held = Vec::new();
    for _ in 0..32 {
        held.push(follow(&world, "/api/containers/proxy/logs/stream").await);
    }
    let path = "/api/containers/proxy/logs/stream";
    let refused = world.ask("viewer", http::Method::GET, path, None).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    drop(held);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let mut again = follow(&world, path).await;
    read_until(&mut again, "ready").await;
}
