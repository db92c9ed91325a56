use http::StatusCode;
use lodeman_testkit::until;
use serde_json::{Value, json};

use super::world::World;

async fn world() -> World {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({ "sentinel.policy": "pinned" })).await;
    for (tag, content) in [("1.0.1", "two"), ("1.0.2", "three"), ("2.0.0", "four"), ("latest", "four")] {
        world.host.push(tag, content);
    }
    world
}

/// The newest record of history, once there is one.
async fn ended(world: &World) -> Value {
    let look = || async { world.get("/api/history").await.json().get(0).cloned() };
    until(look).await
}

#[tokio::test]
async fn newer_versions_and_all_tags_are_listed() {
    let world = world().await;
    assert_eq!(world.get("/api/containers/proxy/versions").await.json(), json!(["1.0.2", "1.0.1"]));
    let tags = world.get("/api/containers/proxy/tags").await.json();
    let mut tags: Vec<&str> = tags.as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
    tags.sort_unstable();
    assert_eq!(tags, ["1.0.0", "1.0.1", "1.0.2", "2.0.0", "latest"]);
    for what in ["versions", "tags"] {
        let missing = world.get(&format!("/api/containers/ghost/{what}")).await;
        assert_eq!(
            (missing.status, missing.error().as_str()),
            (StatusCode::NOT_FOUND, "container not found: ghost")
        );
        let wrong = world.get(&format!("/api/containers/a%20b/{what}")).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_registry_that_does_not_answer_has_no_tags() {
    let world = World::new().await;
    // At the engine, and in no registry.
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    let image = lodeman_testkit::engine::ContainerEngine::inspect_image;
    let found = image(&world.host.engine, "reg.example/app:1.0.0").await.unwrap().id().clone();
    let tag = lodeman_testkit::engine::ContainerEngine::tag_image;
    tag(&world.host.engine, &found, "reg.example/never-pushed", "1.0.0").await.unwrap();
    let local = json!({ "Image": "reg.example/never-pushed:1.0.0", "HostConfig": {} });
    world.host.engine.run("local", &local).unwrap();
    let name = "local".parse().unwrap();
    until(|| async { world.host.app.find_container(&name).await.ok().flatten() }).await;
    for what in ["versions", "tags"] {
        let empty = world.get(&format!("/api/containers/local/{what}")).await;
        assert_eq!((empty.status, empty.json()), (StatusCode::OK, json!([])), "{what}");
    }
}

#[tokio::test]
async fn a_container_goes_to_the_version_that_a_person_names() {
    let world = world().await;
    let begun = world.post("/api/containers/proxy/update-to-version", r#"{"tag":"2.0.0"}"#).await;
    let expected =
        json!({ "message": "Updating proxy to reg.example/app:2.0.0", "name": "proxy", "status": "started" });
    assert_eq!(begun.json(), expected);
    let record = ended(&world).await;
    assert_eq!(
        (&record["outcome"], &record["new_image"]),
        (&json!("success"), &json!("reg.example/app:2.0.0"))
    );
    let now = world.host.engine.container("proxy").unwrap();
    assert_eq!(now.image_reference(), "reg.example/app:2.0.0", "and it follows that tag from now on");
    let log = world.get("/api/logs").await.json();
    let noted = log.as_array().unwrap().iter().find(|entry| entry["type"] == "update_to_version").unwrap();
    assert_eq!(noted["message"], "Update to 2.0.0 triggered");
    assert_eq!((&noted["container"], &noted["user"]), (&json!("proxy"), &json!("the-admin")));
}

#[tokio::test]
async fn a_version_that_does_not_exist_is_told_and_nothing_is_touched() {
    let world = world().await;
    let before = world.host.engine.container("proxy").unwrap().id().clone();
    let begun = world.post("/api/containers/proxy/update-to-version", r#"{"tag":"9.9.9"}"#).await;
    assert_eq!(begun.status, StatusCode::OK);
    let told = || async {
        let events = world.host.store().list_events(0, 100).await.unwrap();
        events.into_iter().map(|e| e.event.message).find(|m| m.starts_with("update to 9.9.9 failed: "))
    };
    until(told).await;
    assert_eq!(world.host.engine.container("proxy").unwrap().id(), &before);
}

#[tokio::test]
async fn what_names_no_version_is_refused_in_order() {
    let world = world().await;
    world.host.run("own", "1.0.0", json!({ "sentinel.self": "true" })).await;
    let path = "/api/containers/proxy/update-to-version";
    for body in ["", "{}", r#"{"tag":""}"#, r#"{"tag":1}"#, "[]", r#"{"tag":null}"#] {
        let refused = world.post(path, body).await;
        let expected = (StatusCode::BAD_REQUEST, "tag required".to_owned());
        assert_eq!((refused.status, refused.error()), expected, "{body}");
    }
    let long = format!(r#"{{"tag":"{}"}}"#, "a".repeat(129));
    for body in [r#"{"tag":"a b"}"#, r#"{"tag":"_a"}"#, r#"{"tag":"-a"}"#, r#"{"tag":"a/b"}"#, &long] {
        let refused = world.post(path, body).await;
        let expected = (StatusCode::BAD_REQUEST, "invalid tag format".to_owned());
        assert_eq!((refused.status, refused.error()), expected, "{body}");
    }
    let tag = r#"{"tag":"1.0.1"}"#;
    let missing = world.post("/api/containers/ghost/update-to-version", tag).await;
    assert_eq!(
        (missing.status, missing.error().as_str()),
        (StatusCode::NOT_FOUND, "container not found: ghost")
    );
    let own = world.post("/api/containers/own/update-to-version", tag).await;
    assert_eq!(
        (own.status, own.error().as_str()),
        (StatusCode::NOT_IMPLEMENTED, "self-update not available")
    );
    let other = world.post(&format!("{path}?host=h1"), tag).await;
    assert_eq!(
        (other.status, other.error().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "cluster not available")
    );
}
