use http::{Method, StatusCode};
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn containers_are_listed_with_policy_and_state() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world
        .host
        .run("proxy", "1.0.0", json!({ "com.docker.compose.project": "edge", "sentinel.policy": "auto" }))
        .await;
    let listed = world.get("/api/containers").await;
    assert_eq!(listed.status, StatusCode::OK);
    assert_eq!(listed.headers["content-type"], "application/json; charset=utf-8");
    assert!(listed.text.ends_with("]\n"));
    let listed = listed.json();
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 64);
    let expected = json!([{
        "id": id, "name": "proxy", "image": "reg.example/app:1.0.0", "policy": "auto", "state": "running",
        "maintenance": false, "stack": "edge"
    }]);
    assert_eq!(listed, expected);
    let detail = world.get("/api/containers/proxy").await.json();
    assert_eq!(detail["history"], json!([]));
    assert_eq!(detail["snapshots"], json!([]));
    assert!(detail.get("stack").is_none());
    assert_eq!(world.get("/api/stats").await.json(), json!({ "pending": 0, "running": 1, "total": 1 }));
}

#[tokio::test]
async fn names_that_are_none_and_containers_that_are_not_there_are_told() {
    let world = World::new().await;
    let missing = world.get("/api/containers/ghost").await;
    assert_eq!(
        (missing.status, missing.error().as_str()),
        (StatusCode::NOT_FOUND, "container not found: ghost")
    );
    for wrong in ["a%2Fb", "a%20b", "%C3%A9"] {
        let refused = world.get(&format!("/api/containers/{wrong}")).await;
        assert_eq!(
            (refused.status, refused.error().as_str()),
            (StatusCode::BAD_REQUEST, "invalid container name")
        );
    }
    let unknown = world.get("/api/nothing").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(!unknown.error().is_empty());
    let wrong = world.ask("admin", Method::PATCH, "/api/stats", None).await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.headers["allow"], "GET,HEAD");
    assert!(!wrong.error().is_empty());
}

#[tokio::test]
async fn a_policy_is_set_shown_and_taken_back() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    let set = world.post("/api/containers/proxy/policy", r#"{"Policy":"pinned"}"#).await;
    let expected = json!({
        "message": "policy set to pinned for proxy", "name": "proxy", "policy": "pinned", "status": "ok"
    });
    assert_eq!(set.json(), expected);
    assert_eq!(world.get("/api/containers/proxy").await.json()["policy"], "pinned");
    let noted = world.get("/api/logs").await.json();
    assert_eq!(noted[0]["type"], "policy_set");
    assert_eq!(noted[0]["message"], "Policy set to pinned");
    assert_eq!((&noted[0]["container"], &noted[0]["user"]), (&json!("proxy"), &json!("the-admin")));
    let cleared = world.ask("admin", Method::DELETE, "/api/containers/proxy/policy", None).await;
    assert_eq!(cleared.json()["message"], "policy override removed for proxy");
    let again = world.ask("admin", Method::DELETE, "/api/containers/proxy/policy", None).await;
    assert_eq!(
        (again.status, again.error().as_str()),
        (StatusCode::NOT_FOUND, "no policy override for proxy")
    );
    for (body, message) in [
        ("", "invalid JSON body"),
        (r#"{"policy":1}"#, "invalid JSON body"),
        (r#"{"policy":"never"}"#, "policy must be auto, manual, or pinned"),
        ("{}", "policy must be auto, manual, or pinned"),
    ] {
        let refused = world.post("/api/containers/proxy/policy", body).await;
        assert_eq!((refused.status, refused.error().as_str()), (StatusCode::BAD_REQUEST, message), "{body}");
    }
}

#[tokio::test]
async fn a_policy_for_several_is_shown_before_it_is_set() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("cache", "1.0.0", json!({ "sentinel.policy": "pinned" })).await;
    world.host.run("own", "1.0.0", json!({ "sentinel.self": "true" })).await;
    world.host.run("proxy", "1.0.0", json!({})).await;
    let body = r#"{"containers":["proxy","cache","own"],"policy":"pinned"}"#;
    let expected = json!({
        "blocked": [{ "name": "own", "reason": "self-protected" }],
        "changes": [{ "name": "proxy", "from": "manual", "to": "pinned" }],
        "mode": "preview",
        "unchanged": [{ "name": "cache", "reason": "already pinned" }],
    });
    assert_eq!(world.post("/api/bulk/policy", body).await.json(), expected);
    assert_eq!(world.get("/api/containers/proxy").await.json()["policy"], "manual");
    let body = r#"{"containers":["proxy","cache","own"],"policy":"pinned","confirm":true}"#;
    let expected = json!({ "applied": 1, "blocked": 1, "mode": "executed", "unchanged": 1 });
    assert_eq!(world.post("/api/bulk/policy", body).await.json(), expected);
    assert_eq!(world.get("/api/containers/proxy").await.json()["policy"], "pinned");
    let empty = world.post("/api/bulk/policy", r#"{"policy":"auto"}"#).await;
    assert_eq!(empty.error(), "containers list must not be empty");
    let own = world.post("/api/containers/own/policy", r#"{"policy":"auto"}"#).await;
    assert_eq!(
        (own.status, own.error().as_str()),
        (StatusCode::FORBIDDEN, "cannot change policy on sentinel itself")
    );
}
