//! What the server tells of itself, of registries, and of what it would do.

use http::{Method, StatusCode};
use jiff::Timestamp;
use lodeman_testkit::registry::{RegistryCredential, RegistryError, RegistryQuota, RegistrySecret};
use serde_json::{Value, json};

use super::world::World;

fn quota(registry: &str, account: Option<&str>, remaining: u64) -> RegistryQuota {
    RegistryQuota {
        registry: registry.to_owned(),
        account: account.map(str::to_owned),
        limit: 100,
        remaining,
        resets_at: None,
        learned_at: "2026-02-03T04:05:06Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn the_last_scan_is_told_once_there_was_one() {
    let world = World::new().await;
    assert_eq!(world.get("/api/last-scan").await.text, "{\"last_scan\":null}\n");
    world.host.scan().await;
    let told = world.get("/api/last-scan").await.json();
    let at: Timestamp = told["last_scan"].as_str().unwrap().parse().unwrap();
    assert!(at <= Timestamp::MAX && told.as_object().unwrap().len() == 1);
    assert_eq!(world.get("/api/about").await.json()["last_scan"], told["last_scan"]);
}

#[tokio::test]
async fn the_server_tells_about_itself() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    let credential = RegistryCredential {
        registry: "reg.example".to_owned(),
        username: "ann".to_owned(),
        secret: RegistrySecret::Password("secret".into()),
    };
    world.host.registry().set_credential(credential);
    let mut told = world.ask("viewer", Method::GET, "/api/about", None).await.json();
    assert!(told["started_at"].as_str().unwrap().parse::<Timestamp>().is_ok());
    told["started_at"].take();
    let expected = json!({
        "version": format!("v{}", env!("CARGO_PKG_VERSION")), "go_version": "rust1.95",
        "data_directory": "/data", "uptime": "0m", "started_at": null, "poll_interval": "6h0m0s",
        "last_scan": null, "containers": 1, "updates_applied": 0, "snapshots": 0, "channels": [],
        "registries": ["reg.example"], "docker_health": "ok", "db_health": "ok",
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_told() {
    let world = World::new().await;
    world.host.engine_down();
    let told = world.get("/api/about").await.json();
    assert_ne!(told["docker_health"], "ok");
    assert_eq!(told["db_health"], "ok");
}

#[tokio::test]
async fn the_registries_are_told_with_what_is_left_of_their_quotas() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("cache", "1.0.0", json!({})).await;
    world.host.run("proxy", "1.0.0", json!({})).await;
    let never = "0001-01-01T00:00:00Z";
    let unlimited = json!({
        "registry": "reg.example", "limit": -1, "remaining": 0, "reset_at": never, "reset": never,
        "is_auth": false, "has_limits": false, "container_count": 2, "last_updated": never,
    });
    let told = world.get("/api/ratelimits").await.json();
    assert_eq!(told, json!({ "health": "ok", "registries": [unlimited] }));

    let reset: Timestamp = "2999-01-01T00:00:00Z".parse().unwrap();
    let limited = RegistryQuota { resets_at: Some(reset), ..quota("docker.io", Some("ann"), 19) };
    world.host.registry().set_quotas(vec![limited, quota("docker.io", None, 80)]);
    let told = world.get("/api/ratelimits").await.json();
    let limited = json!({
        "registry": "docker.io", "limit": 100, "remaining": 19, "reset_at": "2999-01-01T00:00:00Z",
        "reset": "2999-01-01T00:00:00Z", "is_auth": true, "has_limits": true, "container_count": 0,
        "last_updated": "2026-02-03T04:05:06Z",
    });
    assert_eq!(told, json!({ "health": "low", "registries": [limited, unlimited] }));
    world.host.registry().set_quotas(vec![quota("docker.io", None, 0)]);
    assert_eq!(world.get("/api/ratelimits").await.json()["health"], "exhausted");
}

#[tokio::test]
async fn a_container_is_explained_without_asking_the_registry() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    world.host.push("1.0.1", "two");
    let path = "/api/containers/proxy/explain";
    let before = world.ask("viewer", Method::GET, path, None).await.json();
    assert_eq!(before["verdict"], "unknown");
    assert_eq!(before["reasons"][0]["code"], "not_checked");
    assert_eq!(before["checked_at"], Value::Null);
    assert_eq!(world.host.registry().counts().total(), 0);
    world.host.scan().await;
    let asked = world.host.registry().counts().total();
    let told = world.ask("viewer", Method::GET, path, None).await.json();
    assert_eq!(
        (&told["name"], &told["verdict"], &told["action"]),
        (&json!("proxy"), &json!("update_available"), &json!("ask"))
    );
    assert_eq!(told["target"]["reference"], "reg.example/app:1.0.1");
    assert_eq!(told["reasons"][0]["code"], "policy_manual");
    assert!(told["sentence"].as_str().unwrap().starts_with("proxy runs reg.example/app:1.0.0; 1.0.1 exists"));
    assert_eq!(told["newer_versions"], json!(["1.0.1"]));
    assert_eq!(world.host.registry().counts().total(), asked);
    let missing = world.get("/api/containers/ghost/explain").await;
    assert_eq!(
        (missing.status, missing.error().as_str()),
        (StatusCode::NOT_FOUND, "container not found: ghost")
    );
    let wrong = world.get("/api/containers/a%20b/explain").await;
    assert_eq!((wrong.status, wrong.error().as_str()), (StatusCode::BAD_REQUEST, "invalid container name"));
}

/// The names in each list of a preview.
fn lists(preview: &Value) -> Value {
    let names = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|item| item["name"].clone()).collect()
    };
    preview.as_object().unwrap().iter().map(|(key, list)| (key.clone(), json!(names(list)))).collect()
}

#[tokio::test]
async fn a_preview_tells_what_a_scan_would_do_and_changes_nothing() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    for (name, labels) in [
        ("auto", json!({ "sentinel.policy": "auto" })),
        ("manual", json!({})),
        ("pinned", json!({ "sentinel.policy": "pinned" })),
        ("slow", json!({ "sentinel.policy": "auto", "sentinel.delay": "72h" })),
        ("watched", json!({ "com.centurylinklabs.watchtower.monitor-only": "true" })),
    ] {
        world.host.run(name, "1.0.0", labels).await;
    }
    world.host.push("1.0.1", "two");
    let writes = world.host.writes();
    let told = world.post("/api/preview", "").await;
    assert_eq!(told.status, StatusCode::OK, "{told:?}");
    let told = told.json();
    let expected = json!({
        "apply": ["auto"], "hold": ["manual", "slow"], "refuse": ["watched"], "unchanged": ["pinned"],
        "unknown": [],
    });
    assert_eq!(lists(&told), expected, "{told}");
    assert_eq!(told["apply"][0]["current"], "reg.example/app:1.0.0");
    assert_eq!(told["apply"][0]["target"]["reference"], "reg.example/app:1.0.1");
    assert_eq!(told["hold"][0]["reasons"][0]["code"], "policy_manual");
    assert_eq!(told["hold"][1]["reasons"][0]["code"], "minimum_age");
    assert_eq!(told["hold"][1]["next_at"], told["hold"][1]["reasons"][0]["until"]);
    assert_eq!(told["refuse"][0]["reasons"][0]["code"], "monitor_only");
    assert_eq!(told["unchanged"][0]["reasons"][0]["code"], "policy_pinned");
    assert_eq!(world.host.writes(), writes, "nothing is written, so nothing told either");
    assert_eq!(world.get("/api/queue").await.json(), json!([]));
    assert_eq!(world.get("/api/last-scan").await.json()["last_scan"], Value::Null);

    let some = world.post("/api/preview", r#"{"containers":["manual"]}"#).await.json();
    assert_eq!(lists(&some)["hold"], json!(["manual"]));
    assert_eq!(lists(&some)["apply"], json!([]));
}

#[tokio::test]
async fn a_preview_agrees_with_the_scan_that_follows_it() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("auto", "1.0.0", json!({ "sentinel.policy": "auto" })).await;
    world.host.run("manual", "1.0.0", json!({})).await;
    world.host.push("1.0.1", "two");
    let told = world.post("/api/preview", "{}").await.json();
    world.host.scan().await;
    assert_eq!(world.get("/api/containers/auto").await.json()["image"], "reg.example/app:1.0.1");
    assert_eq!(lists(&told)["apply"], json!(["auto"]));
    let queue = world.get("/api/queue").await.json();
    assert_eq!(queue[0]["container_name"], lists(&told)["hold"][0]);
    // What a person has approved and nobody has applied yet would be.
    world.host.approve_only("manual").await;
    let told = world.post("/api/preview", "{}").await.json();
    assert_eq!(lists(&told)["apply"], json!(["manual"]), "{told}");
    assert_eq!(told["apply"][0]["reasons"][0]["code"], "approved");
}

#[tokio::test]
async fn a_preview_says_what_is_not_known_and_refuses_what_it_cannot_read() {
    let world = World::new().await;
    world.host.push("1.0.0", "one");
    world.host.run("proxy", "1.0.0", json!({})).await;
    let down = RegistryError::Unexpected { registry: "reg.example".to_owned(), status: 500 };
    world.host.registry().fail_registry("reg.example", down, None);
    let told = world.post("/api/preview", "{}").await.json();
    assert_eq!(lists(&told)["unknown"], json!(["proxy"]), "{told}");
    assert_eq!(told["unknown"][0]["reasons"][0]["code"], "check_failed");
    for (body, status, message) in [
        ("[]", StatusCode::BAD_REQUEST, "invalid JSON body"),
        (r#"{"containers":"proxy"}"#, StatusCode::BAD_REQUEST, "invalid JSON body"),
        (r#"{"containers":["a b"]}"#, StatusCode::BAD_REQUEST, "invalid container name"),
        (r#"{"containers":["ghost"]}"#, StatusCode::NOT_FOUND, "container not found: ghost"),
    ] {
        let refused = world.post("/api/preview", body).await;
        assert_eq!((refused.status, refused.error().as_str()), (status, message), "{body}");
    }
    let refused = world.ask("viewer", Method::POST, "/api/preview", Some("{}")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
