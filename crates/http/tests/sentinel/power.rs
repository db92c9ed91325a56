use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use http::{Request, StatusCode, header};
use lodeman_domain::workload::WorkloadKey;
use lodeman_testkit::engine::fake::Behaviour;
use lodeman_testkit::until;
use serde_json::{Value, json};
use tower_service::Service as _;

use super::world::World;

async fn world() -> World {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    world
}

async fn follow(world: &World) -> BodyDataStream {
    let request = Request::get("/api/events");
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", world.token("viewer")));
    let response = world.router().call(request.body(Body::empty()).unwrap()).await.unwrap();
    response.into_body().into_data_stream()
}

/// The next event of this type.
async fn told(stream: &mut BodyDataStream, event_type: &str) -> Value {
    let wanted = async {
        loop {
            let frame = stream.next().await.expect("the stream goes on").unwrap();
            let frame = std::str::from_utf8(&frame).unwrap().to_owned();
            let data = frame.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or("null");
            let data: Value = serde_json::from_str(data).unwrap();
            assert_ne!(data["type"], "container_update", "a restart is told in other words: {data}");
            if data["type"] == event_type {
                return data;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wanted).await.expect("it comes in time")
}

fn is_up(world: &World) -> bool {
    world.host.engine.container("proxy").unwrap().is_up()
}

#[tokio::test]
async fn a_container_is_restarted_stopped_and_started() {
    let world = world().await;
    let mut stream = follow(&world).await;
    let before = world.host.engine.container("proxy").unwrap().started_at().to_owned();
    for (verb, status, done, up) in [
        ("restart", "restarting", "restarted", true),
        ("stop", "stopping", "stopped", false),
        ("stop", "stopping", "stopped", false),
        ("start", "starting", "started", true),
        ("start", "starting", "started", true),
        ("stop", "stopping", "stopped", false),
        ("restart", "restarting", "restarted", true),
    ] {
        let begun = world.post(&format!("/api/containers/proxy/{verb}"), "").await;
        let expected =
            json!({ "message": format!("{verb} initiated for proxy"), "name": "proxy", "status": status });
        assert_eq!((begun.status, begun.json()), (StatusCode::OK, expected), "{verb}");
        let event = told(&mut stream, "container_state").await;
        assert_eq!(event["message"], format!("Container {done}: proxy"), "{event}");
        assert_eq!(event["container_name"], "proxy");
        assert_eq!(is_up(&world), up, "{verb}");
        let noted = &world.get("/api/logs").await.json()[0];
        assert_eq!((&noted["type"], &noted["message"]), (&json!(verb), &json!(format!("Container {done}"))));
        assert_eq!((&noted["container"], &noted["user"]), (&json!("proxy"), &json!("the-admin")));
    }
    assert_ne!(world.host.engine.container("proxy").unwrap().started_at(), before);
    assert_eq!(world.get("/api/history").await.json(), json!([]), "it leaves no record");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_anything_is_begun() {
    let world = world().await;
    world.host.run("own", "1.0.0", json!({ "sentinel.self": "true" })).await;
    for verb in ["restart", "stop", "start"] {
        for (path, status, message) in [
            ("own", StatusCode::FORBIDDEN, format!("cannot {verb} sentinel itself via the dashboard")),
            ("ghost", StatusCode::NOT_FOUND, "container not found: ghost".to_owned()),
        ] {
            let refused = world.post(&format!("/api/containers/{path}/{verb}"), "ignored").await;
            assert_eq!((refused.status, refused.error()), (status, message), "{verb} {path}");
        }
        let wrong = world.post(&format!("/api/containers/a%2Fb/{verb}"), "").await;
        assert_eq!(
            (wrong.status, wrong.error().as_str()),
            (StatusCode::BAD_REQUEST, "invalid container name")
        );
        let other = world.post(&format!("/api/containers/proxy/{verb}?host=h1"), "").await;
        assert_eq!(other.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(other.error(), "cluster not available");
        let other = world.post(&format!("/api/containers/proxy/{verb}?host=portainer:p1:3"), "").await;
        assert_eq!(other.status, StatusCode::BAD_REQUEST);
        assert_eq!(other.error(), "action not supported for this host");
    }
    assert!(is_up(&world));
    let noted = world.get("/api/logs").await.json();
    assert!(noted.as_array().unwrap().iter().all(|entry| entry.get("container").is_none()), "{noted}");
}

#[tokio::test]
async fn a_container_that_is_being_changed_is_left_to_that() {
    let world = world().await;
    let key = WorkloadKey::local("proxy".parse().unwrap());
    let held = world.host.app.swapper().locks().try_container(&key).unwrap();
    for verb in ["restart", "stop", "start"] {
        let refused = world.post(&format!("/api/containers/proxy/{verb}"), "").await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert_eq!(refused.error(), "container `proxy` is being changed");
    }
    drop(held);
    assert!(is_up(&world));
    assert_eq!(world.post("/api/containers/proxy/stop", "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_start_that_fails_is_told() {
    let world = world().await;
    let mut stream = follow(&world).await;
    world.post("/api/containers/proxy/stop", "").await;
    told(&mut stream, "container_state").await;
    let broken = Behaviour { start_error: Some("no such device".to_owned()), ..Behaviour::default() };
    world.host.engine.set_behaviour("proxy", broken);
    for verb in ["start", "restart"] {
        world.post(&format!("/api/containers/proxy/{verb}"), "").await;
        let event = told(&mut stream, "container_state").await;
        let message = event["message"].as_str().unwrap().to_owned();
        assert!(
            message.starts_with(&format!("{verb} failed: ")) && message.contains("no such device"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn what_the_engine_would_remove_is_not_stopped() {
    let world = world().await;
    let spec = json!({ "Image": "reg.example/app:1.0.0", "HostConfig": { "AutoRemove": true } });
    world.host.engine.run("job", &spec).unwrap();
    let job = "job".parse().unwrap();
    until(|| async { world.host.app.find_container(&job).await.ok().flatten() }).await;
    for verb in ["restart", "stop"] {
        let refused = world.post(&format!("/api/containers/job/{verb}"), "").await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{verb}");
        let expected = "container `job` is not stopped: the engine removes it as soon as it stops";
        assert_eq!(refused.error(), expected, "{verb}");
    }
    assert!(world.host.engine.container("job").unwrap().is_up());
    let noted = world.get("/api/logs").await.json();
    assert!(noted.as_array().unwrap().iter().all(|entry| entry.get("container").is_none()), "{noted}");
    assert_eq!(world.post("/api/containers/job/start", "").await.status, StatusCode::OK);
}
