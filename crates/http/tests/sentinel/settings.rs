use http::StatusCode;
use serde_json::json;

use super::world::World;

#[tokio::test]
async fn a_setting_is_stored_in_force_and_noted() {
    let world = World::new().await;
    let set = world.post("/api/settings/poll-interval", r#"{"interval":"90m"}"#).await.json();
    let expected = json!({
        "interval": "1h30m0s", "message": "poll interval updated to 1h30m0s", "status": "ok"
    });
    assert_eq!(set, expected);
    let told = world.get("/api/settings").await.json();
    assert_eq!(told["poll_interval"], "1h30m0s");
    assert_eq!(told["SENTINEL_POLL_INTERVAL"], "1h30m0s");
    assert!(told.as_object().unwrap().values().all(serde_json::Value::is_string));
    let noted = world.get("/api/logs").await.json();
    assert_eq!(
        (&noted[0]["type"], &noted[0]["message"]),
        (&json!("settings"), &json!("Poll interval changed to 1h30m0s"))
    );
    let paused = world.post("/api/settings/pause", r#"{"paused":true}"#).await.json();
    assert_eq!(paused, json!({ "message": "scheduler paused", "paused": "true" }));
    let policy = world.post("/api/settings/default-policy", r#"{"policy":"auto"}"#).await.json();
    assert_eq!(policy, json!({ "message": "default policy set to auto" }));
    assert_eq!(world.get("/api/settings").await.json()["default_policy"], "auto");
}

#[tokio::test]
async fn what_cannot_be_a_setting_is_refused_in_the_known_words() {
    let world = World::new().await;
    for (path, body, message) in [
        ("poll-interval", "", "invalid JSON body"),
        ("poll-interval", r#"{"interval":"1d"}"#, "invalid duration format: 1d"),
        ("poll-interval", r#"{"interval":"4m59s"}"#, "poll interval must be at least 5 minutes"),
        ("poll-interval", r#"{"interval":"24h1s"}"#, "poll interval must be at most 24 hours"),
        ("pause", r#"{"paused":"yes"}"#, "invalid JSON body"),
        ("default-policy", r#"{"policy":"Auto"}"#, "policy must be auto, manual, or pinned"),
    ] {
        let refused = world.post(&format!("/api/settings/{path}"), body).await;
        assert_eq!(
            (refused.status, refused.error().as_str()),
            (StatusCode::BAD_REQUEST, message),
            "{path} {body}"
        );
    }
    let large = format!(r#"{{"interval":"6h","more":"{}"}}"#, "x".repeat(1024 * 1024));
    let refused = world.post("/api/settings/poll-interval", &large).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(
        world
            .get("/api/logs")
            .await
            .json()
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["type"] != "settings")
    );
}
