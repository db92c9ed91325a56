use axum::body::BodyDataStream;
use http::Request;
use serde_json::json;

use super::stream::{self, read_until};
use super::world::World;

/// Follows the stream.
async fn follow(world: &World, after: Option<&str>) -> BodyDataStream {
    let request = Request::get("/api/events");
    stream::follow(world, after.into_iter().fold(request, |request, id| request.header("last-event-id", id)))
        .await
}

#[tokio::test]
async fn what_happens_is_told_and_can_be_taken_up_again() {
    let world = World::new().await;
    let mut stream = follow(&world, None).await;
    assert_eq!(read_until(&mut stream, "\n\n").await, "event: connected\ndata: {}\n\n");
    world.post("/api/containers/proxy/policy", r#"{"policy":"pinned"}"#).await;
    let read = read_until(&mut stream, "policy_change\"").await + &read_until(&mut stream, "").await;
    assert!(read.contains("event: policy_change\n"), "{read}");
    let data = read.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["type"], "policy_change");
    assert_eq!(
        (&data["container_name"], &data["message"]),
        (&json!("proxy"), &json!("Policy set to pinned for proxy"))
    );
    let id = read.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    drop(stream);
    world.post("/api/containers/proxy/policy", r#"{"policy":"auto"}"#).await;
    world.post("/api/settings/pause", r#"{"paused":true}"#).await;
    let mut stream = follow(&world, Some(&id)).await;
    let read = read_until(&mut stream, "settings_change").await;
    assert!(
        read.contains("Policy set to auto for proxy") && !read.contains("Policy set to pinned"),
        "{read}"
    );
}

#[tokio::test]
async fn a_scan_is_told_as_clients_read_it() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    world.host.push("1.0.1", "two");
    let mut stream = follow(&world, None).await;
    read_until(&mut stream, "\n\n").await;
    assert_eq!(world.post("/api/scan", "").await.json(), json!({ "message": "Scan started" }));
    let read = read_until(&mut stream, "services=0").await;
    for part in [
        "total=1",
        "checked=1 total=1",
        "update available",
        "total=1 updated=0 queued=1",
        "rate_limited=0 failed=0",
    ] {
        assert!(read.contains(part), "{part}: {read}");
    }
}

#[tokio::test]
async fn an_update_is_told_from_its_start_to_its_end() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    world.host.push("1.0.1", "two");
    let mut stream = follow(&world, None).await;
    read_until(&mut stream, "\n\n").await;
    world.post("/api/update/proxy", "").await;
    let read = read_until(&mut stream, "update succeeded").await;
    let place = |part: &str| read.find(part).unwrap_or_else(|| panic!("no `{part}` in {read}"));
    let order = ["update started", "the old container is down", r#""message":"removed""#, "update succeeded"];
    let order = order.map(place);
    assert!(order.is_sorted(), "{read}");
}
