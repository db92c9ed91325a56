use http::StatusCode;

use super::{SWITCHES, World, last_note, table, told};

#[tokio::test]
async fn what_cannot_be_a_setting_is_refused_in_the_known_words() {
    let world = World::new().await;
    for (path, body, message) in [
        ("poll-interval", "", "invalid JSON body"),
        ("poll-interval", r#"{"interval":"1d"}"#, "invalid duration format: 1d"),
        ("poll-interval", r#"{"interval":""}"#, "invalid duration format: "),
        ("poll-interval", r#"{"interval":"-6h"}"#, "poll interval must be at least 5 minutes"),
        ("poll-interval", r#"{"interval":"4m59s"}"#, "poll interval must be at least 5 minutes"),
        ("poll-interval", r#"{"interval":"24h1s"}"#, "poll interval must be at most 24 hours"),
        ("pause", r#"{"paused":"yes"}"#, "invalid JSON body"),
        ("default-policy", r#"{"policy":"Auto"}"#, "policy must be auto, manual, or pinned"),
        ("default-policy", "{}", "policy must be auto, manual, or pinned"),
        ("grace-period", "[]", "invalid JSON body"),
        ("grace-period", r#"{"duration":"soon"}"#, "invalid duration format: soon"),
        ("grace-period", r#"{"duration":"-1s"}"#, "grace period must not be negative"),
        ("grace-period", r#"{"duration":"10m1s"}"#, "grace period must be at most 10 minutes"),
        ("filters", r#"{"patterns":"web"}"#, "invalid JSON body"),
        ("filters", r#"{"patterns":[1]}"#, "invalid JSON body"),
        ("rollback-policy", r#"{"policy":"auto"}"#, "rollback policy must be empty, manual, or pinned"),
        ("rollback-policy", r#"{"policy":4}"#, "invalid JSON body"),
        ("version-scope", r#"{"scope":"minor"}"#, "scope must be default or strict"),
        ("version-scope", r#"{"scope":"Strict"}"#, "scope must be default or strict"),
        ("update-delay", "nonsense", "invalid request"),
        ("update-delay", r#"{"duration":"soon"}"#, "invalid duration format: soon"),
        ("update-delay", r#"{"duration":"5"}"#, "invalid duration format: 5"),
        ("scan-concurrency", "{}", "concurrency must be between 1 and 20"),
        ("scan-concurrency", r#"{"concurrency":21}"#, "concurrency must be between 1 and 20"),
        ("scan-concurrency", r#"{"concurrency":-1}"#, "concurrency must be between 1 and 20"),
        ("scan-concurrency", r#"{"concurrency":4.0}"#, "invalid JSON body"),
        ("scan-concurrency", r#"{"concurrency":"4"}"#, "invalid JSON body"),
        ("maintenance-window", "", "invalid JSON"),
        (
            "maintenance-window",
            r#"{"value":"x"}"#,
            r#"invalid maintenance window: invalid window "x": expected HH:MM-HH:MM format"#,
        ),
        (
            "maintenance-window",
            r#"{"value":"02:00-04:00; Foo 02:00-06:00"}"#,
            r#"invalid maintenance window: unknown weekday "Foo""#,
        ),
        (
            "maintenance-window",
            r#"{"value":"02:00-25:00"}"#,
            r#"invalid maintenance window: invalid time "25:00": expected HH:MM"#,
        ),
        ("schedule", r#"{"schedule":5}"#, "invalid JSON body"),
        ("stack-order", r#"{"order":"web"}"#, "invalid JSON body"),
        ("dashboard-columns", r#"{"columns":["image","Colour"]}"#, "unknown column: Colour"),
        ("dashboard-columns", r#"{"columns":[null]}"#, "unknown column: "),
        ("dashboard-columns", r#"{"columns":{}}"#, "invalid JSON body"),
    ] {
        let refused = world.post(&format!("/api/settings/{path}"), body).await;
        let found = (refused.status, refused.error());
        assert_eq!(found, (StatusCode::BAD_REQUEST, message.to_owned()), "{path} {body}");
    }
    for (path, ..) in SWITCHES {
        for body in ["", "true", r#"{"enabled":1}"#, r#"{"enabled":"true"}"#] {
            let refused = world.post(&format!("/api/settings/{path}"), body).await;
            let found = (refused.status, refused.error());
            assert_eq!(found, (StatusCode::BAD_REQUEST, "invalid JSON body".to_owned()), "{path} {body}");
        }
    }
    for (path, body, part) in [
        ("schedule", r#"{"schedule":"@daily"}"#, "invalid cron expression: names like `@daily`"),
        ("schedule", r#"{"schedule":"* * *"}"#, "invalid cron expression: a cron line has 5 fields"),
        ("schedule", r#"{"schedule":"61 * * * *"}"#, "invalid cron expression: "),
        ("filters", r#"{"patterns":["web*","[a"]}"#, "setting `filters`"),
        ("filters", r#"{"patterns":["colour:red"]}"#, "setting `filters`"),
        ("update-delay", r#"{"duration":"9000h"}"#, "365d"),
    ] {
        let refused = world.post(&format!("/api/settings/{path}"), body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path} {body}");
        assert!(refused.error().contains(part), "{path} {body}: {}", refused.error());
    }
    let large = format!(r#"{{"interval":"6h","more":"{}"}}"#, "x".repeat(1024 * 1024));
    let paths = table().into_iter().map(|row| row.0).chain(SWITCHES.iter().map(|switch| switch.0));
    for path in paths.collect::<std::collections::BTreeSet<_>>() {
        let refused = world.post(&format!("/api/settings/{path}"), &large).await;
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    assert_eq!((last_note(&world).await, told(&world).await), (None, Vec::new()));
    assert!(world.host.store().list_settings().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_environment_fixes_is_a_conflict_and_stays() {
    let world = World::fixing(&["poll_interval", "dry_run", "stack_order", "maintenance_window"]).await;
    for (path, key, body) in [
        ("poll-interval", "poll_interval", r#"{"interval":"7h"}"#),
        ("dry-run", "dry_run", r#"{"enabled":true}"#),
        ("stack-order", "stack_order", r#"{"order":["a"]}"#),
        ("maintenance-window", "maintenance_window", r#"{"value":"02:00-03:00"}"#),
    ] {
        let before = world.get("/api/settings").await.json()[key].clone();
        let refused = world.post(&format!("/api/settings/{path}"), body).await;
        let expected =
            format!("setting `{key}` is fixed by the command line; a stored value would have no effect");
        assert_eq!((refused.status, refused.error()), (StatusCode::CONFLICT, expected), "{path}");
        assert_eq!(world.get("/api/settings").await.json()[key], before, "{path}");
    }
    assert_eq!((last_note(&world).await, told(&world).await), (None, Vec::new()));
    let refused = world.post("/api/settings/poll-interval", r#"{"interval":"1m"}"#).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "what is wrong comes first");
}
