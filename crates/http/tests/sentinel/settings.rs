mod effect;
mod refused;

use http::StatusCode;
use lodeman_domain::event::EventKind;
use serde_json::{Value, json};

use super::world::World;

/// Endpoint, body, answer, key, what is told of it, entry in the activity log.
type Row = (&'static str, &'static str, Value, &'static str, &'static str, Option<&'static str>);

fn said(message: &str) -> Value {
    json!({ "message": message })
}

fn table() -> Vec<Row> {
    vec![
        (
            "poll-interval",
            r#"{"interval":"90m"}"#,
            json!({ "interval": "1h30m0s", "message": "poll interval updated to 1h30m0s", "status": "ok" }),
            "poll_interval",
            "1h30m0s",
            Some("Poll interval changed to 1h30m0s"),
        ),
        (
            "default-policy",
            r#"{"policy":"auto"}"#,
            said("default policy set to auto"),
            "default_policy",
            "auto",
            Some("Default policy changed to auto"),
        ),
        (
            "grace-period",
            r#"{"duration":"90s"}"#,
            json!({ "duration": "1m30s", "message": "grace period set to 1m30s" }),
            "grace_period",
            "1m30s",
            Some("Grace period changed to 1m30s"),
        ),
        (
            "pause",
            r#"{"paused":true}"#,
            json!({ "message": "scheduler paused", "paused": "true" }),
            "paused",
            "true",
            Some("Scheduler paused"),
        ),
        (
            "pause",
            "{}",
            json!({ "message": "scheduler unpaused", "paused": "false" }),
            "paused",
            "false",
            Some("Scheduler unpaused"),
        ),
        (
            "filters",
            r#"{"patterns":["scratch-*",null,"","image:ghcr.io/acme/*"]}"#,
            said("filters updated"),
            "filters",
            "scratch-*\nimage:ghcr.io/acme/*",
            Some("Scan filters updated"),
        ),
        (
            "filters",
            r#"{"patterns":null}"#,
            said("filters updated"),
            "filters",
            "",
            Some("Scan filters updated"),
        ),
        (
            "schedule",
            r#"{"schedule":"30 4 * * 1-5"}"#,
            said("Schedule set to 30 4 * * 1-5"),
            "schedule",
            "30 4 * * 1-5",
            Some("Schedule set to 30 4 * * 1-5"),
        ),
        (
            "schedule",
            r#"{"schedule":"0 30 4 * * *"}"#,
            said("Schedule set to 0 30 4 * * *"),
            "schedule",
            "0 30 4 * * *",
            Some("Schedule set to 0 30 4 * * *"),
        ),
        (
            "schedule",
            r#"{"schedule":""}"#,
            said("Schedule cleared (using poll interval)"),
            "schedule",
            "",
            Some("Schedule cleared (using poll interval)"),
        ),
        (
            "maintenance-window",
            r#"{"value":"02:00-06:00; sat 22:00-Sunday 06:00","window":"x"}"#,
            said("Maintenance window set to 02:00-06:00; sat 22:00-Sunday 06:00"),
            "maintenance_window",
            "02:00-06:00; sat 22:00-Sunday 06:00",
            Some("Maintenance window set to 02:00-06:00; sat 22:00-Sunday 06:00"),
        ),
        (
            "maintenance-window",
            r#"{"window":"03:00-04:00"}"#,
            said("Maintenance window set to 03:00-04:00"),
            "maintenance_window",
            "03:00-04:00",
            Some("Maintenance window set to 03:00-04:00"),
        ),
        (
            "maintenance-window",
            r#"{"value":""}"#,
            said("Maintenance window cleared"),
            "maintenance_window",
            "",
            Some("Maintenance window cleared"),
        ),
        (
            "version-scope",
            r#"{"scope":"strict"}"#,
            said("Version scope set to strict"),
            "version_scope",
            "strict",
            Some("Version scope set to strict"),
        ),
        (
            "version-scope",
            r#"{"scope":""}"#,
            said("Version scope set to default"),
            "version_scope",
            "default",
            Some("Version scope set to default"),
        ),
        (
            "rollback-policy",
            r#"{"policy":"manual"}"#,
            said("Rollback policy: set to manual"),
            "rollback_policy",
            "manual",
            Some("Rollback policy: set to manual"),
        ),
        (
            "rollback-policy",
            r#"{"policy":"pinned"}"#,
            said("Rollback policy: set to pinned"),
            "rollback_policy",
            "pinned",
            Some("Rollback policy: set to pinned"),
        ),
        (
            "rollback-policy",
            r#"{"policy":"none"}"#,
            said("Rollback policy: no change"),
            "rollback_policy",
            "",
            Some("Rollback policy: no change"),
        ),
        (
            "update-delay",
            r#"{"duration":"1h","delay":"2h"}"#,
            said("Update delay set to 1h"),
            "update_delay",
            "1h",
            Some("Update delay set to 1h"),
        ),
        (
            "update-delay",
            r#"{"delay":"90m"}"#,
            said("Update delay set to 90m"),
            "update_delay",
            "90m",
            Some("Update delay set to 90m"),
        ),
        (
            "update-delay",
            r#"{"duration":"3d"}"#,
            said("Update delay set to 3d"),
            "update_delay",
            "3d",
            Some("Update delay set to 3d"),
        ),
        (
            "update-delay",
            r#"{"duration":"-5m"}"#,
            said("Update delay set to -5m"),
            "update_delay",
            "0s",
            Some("Update delay set to -5m"),
        ),
        (
            "update-delay",
            r#"{"duration":"","delay":"2h"}"#,
            said("Update delay cleared"),
            "update_delay",
            "",
            Some("Update delay cleared"),
        ),
        (
            "scan-concurrency",
            r#"{"concurrency":4}"#,
            said("scan concurrency set to 4"),
            "scan_concurrency",
            "4",
            Some("Scan concurrency set to 4"),
        ),
        (
            "stack-order",
            r#"{"order":["web","media"]}"#,
            json!({ "status": "ok" }),
            "stack_order",
            r#"["web","media"]"#,
            None,
        ),
        ("stack-order", "{}", json!({ "status": "ok" }), "stack_order", "[]", None),
        (
            "dashboard-columns",
            r#"{"columns":["status","image"]}"#,
            json!({ "status": "ok" }),
            "dashboard_columns",
            r#"["status","image"]"#,
            Some("Dashboard columns updated"),
        ),
        (
            "dashboard-columns",
            r#"{"columns":[]}"#,
            json!({ "status": "ok" }),
            "dashboard_columns",
            "[]",
            Some("Dashboard columns updated"),
        ),
    ]
}

/// The endpoints that read `{"enabled":true}`: path, key, and what is said and noted before the word.
const SWITCHES: [(&str, &str, &str, &str); 8] = [
    ("latest-auto-update", "latest_auto_update", "latest auto-update", "Auto-update :latest containers"),
    ("image-cleanup", "image_cleanup", "image cleanup", "Image cleanup"),
    ("image-backup", "image_backup", "image backup", "Image backup"),
    ("hooks-enabled", "hooks_enabled", "lifecycle hooks", "Lifecycle hooks"),
    ("dependency-aware", "dependency_aware", "dependency-aware updates", "Dependency-aware updates"),
    ("dry-run", "dry_run", "dry-run mode", "Dry-run mode"),
    ("pull-only", "pull_only", "pull-only mode", "Pull-only mode"),
    ("show-stopped", "show_stopped", "show stopped containers", "Show stopped containers"),
];

/// The newest entry of the activity log that tells of a setting.
async fn last_note(world: &World) -> Option<(String, String)> {
    let log = world.get("/api/logs").await.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entry = log.as_array().unwrap().iter().find(|entry| text(&entry["type"]).starts_with("settings"))?;
    assert_eq!(entry["user"], "the-admin");
    Some((text(&entry["type"]), text(&entry["message"])))
}

/// What those who follow events are told of settings, oldest first.
async fn told(world: &World) -> Vec<String> {
    let events = world.host.store().list_events(0, 1000).await.unwrap();
    let changes = events.into_iter().filter(|event| event.event.kind == EventKind::SettingsChanged);
    changes.map(|event| event.event.data["said"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn every_setting_is_answered_stored_shown_noted_and_told() {
    let world = World::new().await;
    let mut expected = Vec::new();
    for (path, body, answer, key, value, noted) in table() {
        let before = last_note(&world).await;
        let set = world.post(&format!("/api/settings/{path}"), body).await;
        assert_eq!((set.status, set.json()), (StatusCode::OK, answer.clone()), "{path} {body}");
        let all = world.get("/api/settings").await.json();
        assert_eq!(all[key], value, "{path} {body}");
        match noted {
            Some(message) => {
                let kind = if path == "dashboard-columns" { "settings-change" } else { "settings" };
                assert_eq!(last_note(&world).await.unwrap(), (kind.to_owned(), message.to_owned()), "{path}");
            }
            None => assert_eq!(last_note(&world).await, before, "{path}"),
        }
        let message = answer["message"].as_str().unwrap_or(noted.unwrap_or("stack order updated"));
        expected.push(message.to_owned());
    }
    for (path, key, message, noted) in SWITCHES {
        for (body, value, word) in
            [(r#"{"enabled":true}"#, "true", "enabled"), (r#"{"Enabled":false}"#, "false", "disabled")]
        {
            let set = world.post(&format!("/api/settings/{path}"), body).await;
            let message = format!("{message} {word}");
            assert_eq!((set.status, set.json()), (StatusCode::OK, said(&message)), "{path} {body}");
            assert_eq!(world.get("/api/settings").await.json()[key], value, "{path} {body}");
            let noted = ("settings".to_owned(), format!("{noted} {word}"));
            assert_eq!(last_note(&world).await.unwrap(), noted, "{path} {body}");
            expected.push(message);
        }
    }
    assert_eq!(told(&world).await, expected);
}

#[tokio::test]
async fn what_is_set_again_is_told_again() {
    let world = World::new().await;
    for _ in 0..2 {
        world.post("/api/settings/pause", r#"{"paused":true}"#).await;
    }
    assert_eq!(told(&world).await, ["scheduler paused", "scheduler paused"]);
    // Missing is as good as off.
    let off = world.post("/api/settings/dry-run", "{}").await.json();
    assert_eq!(off, said("dry-run mode disabled"));
}
