use std::time::Duration;

use http::StatusCode;
use lodeman_updater::control::Control as _;
use serde_json::{Value, json};

use super::World;

#[tokio::test]
async fn all_settings_are_listed_as_text_and_once_more_by_their_variables() {
    let world = World::new().await;
    for (key, value) in [
        ("webhook_secret", "CANARY"),
        ("npm_password", "CANARY"),
        ("notification_channels", "CANARY"),
        ("local_engine_id", "abc"),
    ] {
        world.host.put_stored(key, value).await;
    }
    let answer = world.ask("viewer", http::Method::GET, "/api/settings", None).await;
    assert!(!answer.text.contains("CANARY"), "{}", answer.text);
    let all = answer.json();
    assert!(all.as_object().unwrap().values().all(Value::is_string));
    for (key, value) in [
        ("webhook_secret", "****"),
        ("npm_password", "****"),
        ("local_engine_id", "abc"),
        ("latest_auto_update", "false"),
        ("version_scope", "default"),
        ("SENTINEL_POLL_INTERVAL", "6h0m0s"),
        ("SENTINEL_GRACE_PERIOD", "200ms"),
        ("SENTINEL_DEFAULT_POLICY", "manual"),
        ("SENTINEL_WEB_PORT", "9000"),
        ("SENTINEL_TLS_KEY", ""),
        ("SENTINEL_WEBAUTHN_DISPLAY_NAME", "Docker-Sentinel"),
        ("SENTINEL_HOOKS", "false"),
        ("SENTINEL_DEPS", "true"),
        ("SENTINEL_SHOW_STOPPED", "true"),
        ("SENTINEL_IMAGE_BACKUP", "false"),
        ("SENTINEL_CLUSTER_PORT", "9443"),
    ] {
        assert_eq!(all[key], value, "{key}");
    }
    assert!(all.get("notification_channels").is_none());
    assert_eq!(all.as_object().unwrap().keys().filter(|key| key.starts_with("SENTINEL_")).count(), 41);
    world.post("/api/settings/poll-interval", r#"{"interval":"7h"}"#).await;
    world.post("/api/settings/hooks-enabled", r#"{"enabled":true}"#).await;
    let all = world.get("/api/settings").await.json();
    assert_eq!((&all["SENTINEL_POLL_INTERVAL"], &all["SENTINEL_HOOKS"]), (&json!("7h0m0s"), &json!("true")));
}

/// What the next scan says about the container.
async fn next_scan(world: &World) -> Value {
    let report = world.host.app.run(Vec::new(), "ann").await.unwrap();
    serde_json::to_value(report).unwrap()
}

#[tokio::test]
async fn the_next_scan_sees_what_was_set() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({ "sentinel.policy": "auto" })).await;
    world.host.push("1.0.1", "two");
    let set = async |path: &str, body: &str| {
        let answer = world.post(&format!("/api/settings/{path}"), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    };
    let runs = async || world.get("/api/containers/proxy").await.json()["image"].clone();
    for (path, on, off, code) in [
        ("dry-run", r#"{"enabled":true}"#, r#"{"enabled":false}"#, "dry_run"),
        ("filters", r#"{"patterns":["pro*"]}"#, r#"{"patterns":[]}"#, "out_of_scope"),
        ("maintenance-window", r#"{"value":"00:00-00:00"}"#, r#"{"value":""}"#, "window_closed"),
        ("update-delay", r#"{"duration":"1h"}"#, r#"{"duration":""}"#, "minimum_age"),
        ("pause", r#"{"paused":true}"#, r#"{"paused":false}"#, "paused"),
        ("version-scope", r#"{"scope":"strict"}"#, r#"{"scope":"default"}"#, "hidden_by_scope"),
    ] {
        set(path, on).await;
        let report = next_scan(&world).await;
        assert_eq!(report["updates"], json!([]), "{path}");
        assert!(report.to_string().contains(code), "{path}: {report}");
        assert_eq!(runs().await, "reg.example/app:1.0.0", "{path}");
        set(path, off).await;
    }
    set("pull-only", r#"{"enabled":true}"#).await;
    let report = next_scan(&world).await;
    assert_eq!(report["updates"][0]["outcome"], "pulled", "{report}");
    assert_eq!(runs().await, "reg.example/app:1.0.0");
    set("pull-only", r#"{"enabled":false}"#).await;
    let report = next_scan(&world).await;
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report}");
    tokio::time::timeout(Duration::from_secs(5), async {
        while runs().await != "reg.example/app:1.0.1" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_set_up_was_told_is_in_force_at_once_and_its_marks_are_no_broken_settings() {
    let world = World::empty().await;
    let body = r#"{"role":"server","username":"ann","password":"a long password 1","poll_interval":"12h"}"#;
    let made =
        world.send(http::Request::post("/api/setup").body(axum::body::Body::from(body)).unwrap()).await;
    assert_eq!(made.status, StatusCode::OK);
    let settings = world.host.app.settings().await.unwrap();
    let interval = settings.iter().find(|setting| setting.key == "poll_interval").unwrap();
    assert_eq!((interval.value.as_str(), interval.problem.as_ref()), ("12h", None));
    let parts = world.host.app.readiness().await.unwrap().components;
    let part = parts.iter().find(|part| part.name == "settings").unwrap();
    assert_eq!((part.health, part.reason.as_ref()), (lodeman_updater::control::Health::On, None));
}
