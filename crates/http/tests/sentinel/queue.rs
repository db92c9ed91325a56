use http::StatusCode;
use serde_json::json;

use lodeman_testkit::until;

use super::world::World;

/// A container with a newer version that waits for a person.
async fn waiting() -> World {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    world.host.push("1.0.1", "two");
    let checked = world.post("/api/check/proxy", "").await;
    let expected = json!({
        "message": "Update available for proxy", "name": "proxy", "newer_versions": ["1.0.1"],
        "status": "update_available"
    });
    assert_eq!(checked.json(), expected);
    world
}

#[tokio::test]
async fn what_waits_is_listed_counted_and_exported() {
    let world = waiting().await;
    let listed = world.get("/api/queue").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["container_name"], "proxy");
    assert_eq!(listed[0]["current_image"], "reg.example/app:1.0.0");
    assert_eq!(listed[0]["newer_versions"], json!(["1.0.1"]));
    for digest in ["current_digest", "remote_digest"] {
        assert!(listed[0][digest].as_str().unwrap().starts_with("sha256:"), "{digest}");
    }
    assert_eq!(world.get("/api/queue/count").await.json(), json!({ "count": 1 }));
    let file = world.get("/api/queue/export?format=csv").await;
    assert_eq!(file.headers["content-disposition"], "attachment; filename=sentinel-queue.csv");
    let lines: Vec<&str> = file.text.lines().collect();
    assert_eq!(lines[0], "container,current_image,new_image,detected_at,type,host_id");
    assert!(lines[1].starts_with("proxy,reg.example/app:1.0.0,1.0.1,20"), "{}", lines[1]);
    let file = world.get("/api/queue/export").await;
    assert!(file.json().is_array());
    let kinds: Vec<_> = file.headers.get_all("content-type").iter().collect();
    assert_eq!(kinds, ["application/json"]);
}

#[tokio::test]
async fn an_approved_update_is_applied_and_told_in_history() {
    let world = waiting().await;
    let stale = world.post("/api/approve/proxy", r#"{"revision":99}"#).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    let approved = world.post("/api/approve/proxy", "").await;
    let expected = json!({ "message": "update started for proxy", "name": "proxy", "status": "approved" });
    assert_eq!(approved.json(), expected);
    let record = until(|| async {
        let history = world.get("/api/history").await.json();
        history.get(0).cloned()
    })
    .await;
    assert_eq!((&record["outcome"], &record["container_name"]), (&json!("success"), &json!("proxy")));
    assert_eq!(
        (&record["old_image"], &record["new_image"]),
        (&json!("reg.example/app:1.0.0"), &json!("reg.example/app:1.0.1"))
    );
    assert!(record["duration"].as_u64().unwrap() > 0);
    assert_eq!(world.get("/api/queue/count").await.json(), json!({ "count": 0 }));
    assert_eq!(world.host.engine.container("proxy").unwrap().image_reference(), "reg.example/app:1.0.1");
    let back = world.post("/api/containers/proxy/rollback", "").await;
    assert_eq!(back.json()["message"], "rollback started for proxy");
    until(|| async {
        let history = world.get("/api/history").await.json();
        (history[0]["outcome"] == "rollback").then_some(())
    })
    .await;
    assert_eq!(world.host.engine.container("proxy").unwrap().image_reference(), "reg.example/app:1.0.0");
}

#[tokio::test]
async fn what_is_ignored_or_rejected_waits_no_longer() {
    let world = waiting().await;
    let ignored = world.post("/api/ignore/proxy", "").await.json();
    let expected = json!({
        "message": "version 1.0.1 ignored for proxy", "name": "proxy", "status": "ignored", "version": "1.0.1"
    });
    assert_eq!(ignored, expected);
    assert_eq!(world.get("/api/queue").await.json(), json!([]));
    let gone = world.post("/api/ignore/proxy", "").await;
    assert_eq!((gone.status, gone.error().as_str()), (StatusCode::NOT_FOUND, "no pending update for proxy"));
    let gone = world.post("/api/approve/proxy", "").await;
    assert_eq!((gone.status, gone.error().as_str()), (StatusCode::NOT_FOUND, "no pending update for proxy"));
    let rejected = world.post("/api/reject/nothing", "").await;
    let expected =
        json!({ "message": "update rejected for nothing", "name": "nothing", "status": "rejected" });
    assert_eq!((rejected.status, rejected.json()), (StatusCode::OK, expected));
    let other = world.post("/api/approve/h1::proxy", "").await;
    assert_eq!(
        (other.status, other.error().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "cluster not available")
    );
}

#[tokio::test]
async fn what_was_rejected_cannot_be_approved_any_more() {
    let world = waiting().await;
    world.post("/api/reject/proxy", "").await;
    assert_eq!(world.get("/api/queue").await.json(), json!([]));
    let gone = world.post("/api/approve/proxy", "").await;
    assert_eq!((gone.status, gone.error().as_str()), (StatusCode::NOT_FOUND, "no pending update for proxy"));
}

#[tokio::test]
async fn versions_that_are_all_ignored_count_as_up_to_date() {
    let world = waiting().await;
    world.post("/api/ignore/proxy", "").await;
    let checked = world.post("/api/check/proxy", "").await.json();
    let expected = json!({
        "message": "proxy is up to date (newer versions ignored)", "name": "proxy", "status": "up_to_date"
    });
    assert_eq!(checked, expected);
}

#[tokio::test]
async fn an_ignored_version_is_not_listed_among_newer_ones() {
    let world = waiting().await;
    world.post("/api/ignore/proxy", "").await;
    world.host.push("1.0.2", "three");
    let checked = world.post("/api/check/proxy", "").await.json();
    assert_eq!(
        (&checked["status"], &checked["newer_versions"]),
        (&json!("update_available"), &json!(["1.0.2"]))
    );
    assert_eq!(world.get("/api/queue").await.json()[0]["newer_versions"], json!(["1.0.2"]));
}

#[tokio::test]
async fn an_update_is_begun_whatever_the_policy_but_not_of_the_server_itself() {
    let world = waiting().await;
    world.host.run("own", "1.0.0", json!({ "sentinel.self": "true" })).await;
    let begun = world.post("/api/update/proxy", "not looked at").await.json();
    assert_eq!(begun, json!({ "message": "update started for proxy", "name": "proxy", "status": "started" }));
    until(|| async {
        let now = world.host.engine.container("proxy")?.image_reference().to_owned();
        (now == "reg.example/app:1.0.1").then_some(())
    })
    .await;
    for (path, message) in [
        ("/api/update/own", "cannot update sentinel itself via the dashboard"),
        ("/api/containers/own/rollback", "cannot rollback sentinel itself via the dashboard"),
        ("/api/approve/own", "cannot approve updates for sentinel itself"),
    ] {
        let refused = world.post(path, "").await;
        assert_eq!((refused.status, refused.error().as_str()), (StatusCode::FORBIDDEN, message));
    }
}
