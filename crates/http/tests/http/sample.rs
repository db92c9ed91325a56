//! One of each thing that is asked for, and a server to ask.

use std::sync::Arc;

use lodeman_domain::container::ContainerName;
use lodeman_http::fake::{Answers, FakeControl};
use lodeman_http::{ControlSocket, RemoteControl};
use serde::de::DeserializeOwned;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub fn name(text: &str) -> ContainerName {
    text.parse().unwrap()
}

pub fn from<T: DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

pub fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

const OPERATION: &str = "019a0000-0000-7000-8000-0000deadbeef";

fn key() -> serde_json::Value {
    json!({ "host": "local", "name": "web" })
}

/// Answers to everything.
pub fn answers() -> Answers {
    let summary = json!({
        "name": "web", "operation": OPERATION, "outcome": "updated", "target": "nginx:1.27",
        "dark_ms": 740, "reason": null,
    });
    let explanation = json!({
        "workload": key(), "sentence": "`web` waits for a person.", "verdict": "up_to_date",
        "reasons": [{ "code": "policy_manual", "detail": "its policy is manual" }],
        "reference": "nginx:1.26", "image_id": digest('a'), "version": "1.26", "newer_versions": ["1.27"],
        "beyond_scope": 1, "policy": "manual (default)", "checked_at": "2026-11-20T10:00:00Z",
        "next_at": null, "can_do": ["lodeman approve web"],
    });
    let scan = json!({
        "id": OPERATION, "trigger": "request", "started_at": "2026-11-20T10:00:00Z",
        "ended_at": "2026-11-20T10:00:02Z", "total": 3, "checked": 2, "available": 1, "to_apply": 1,
        "queued": 0, "skipped": 1, "failed": 0,
    });
    Answers {
        run: Some(from(json!({ "scan": scan, "updates": [summary], "explanations": [explanation] }))),
        summary: Some(from(summary.clone())),
        explanations: from(json!([explanation])),
        queue: from(json!([{
            "id": OPERATION, "workload": key(), "revision": 3, "state": "pending",
            "current_reference": "nginx:1.26", "current_image": digest('a'),
            "target": {
                "reference": "nginx:1.27", "digest": digest('b'), "manifest": digest('c'),
                "config": digest('d'), "version": "1.27", "already_pulled": false,
            },
            "newer_versions": ["1.27"], "detected_at": "2026-11-20T10:00:00Z",
            "updated_at": "2026-11-20T10:00:00Z", "decided_by": null, "operation": null, "note": null,
            "retry_at": null,
        }])),
        history: from(json!([{
            "seq": 7, "workload": key(), "at": "2026-11-20T10:00:00Z", "operation": OPERATION,
            "outcome": "updated", "old_reference": "nginx:1.26", "old_image": digest('a'),
            "new_reference": "nginx:1.27", "new_digest": digest('b'), "duration_ms": 9000, "dark_ms": 740,
            "reason": null, "actor": "schedule", "data_may_have_changed": false,
        }])),
        check: Some(from(json!({
            "reference": "nginx:1.26", "digest": digest('a'), "newer_versions": ["1.27"],
            "beyond_scope": 0, "version": null, "truncated": false,
        }))),
        recovery: Some(from(json!({
            "operations": [{
                "operation": OPERATION, "name": "web", "phase": "old_stopped",
                "action": "go back to the old container", "outcome": null,
            }],
            "orphans": [{
                "canonical": "db", "old": "ab".repeat(32), "new": null, "finding": "only_old",
            }],
        }))),
        settings: from(json!([{
            "key": "paused", "config_key": "updates.paused", "value": "true", "stored": "true",
            "source": "stored", "origin": "stored setting", "fixed": false, "default": "false",
            "allowed": "true or false", "summary": "no automatic action happens",
        }])),
        readiness: Some(readiness(true)),
        progress: vec![
            from(json!({ "type": "scan", "checked": 1, "total": 3, "name": "web" })),
            from(json!({
                "type": "ended", "operation": OPERATION, "name": "web", "outcome": "updated",
                "dark_ms": 740, "reason": null,
            })),
        ],
        progress_stays: false,
        error: None,
    }
}

pub fn readiness(ready: bool) -> lodeman_updater::control::Readiness {
    let engine = if ready {
        json!({ "name": "engine", "health": "on" })
    } else {
        json!({ "name": "engine", "health": "degraded", "reason": "the engine does not answer" })
    };
    from(json!({
        "ready": ready, "recovering": false, "last_scan": "2026-11-20T10:00:02Z", "next_scan": null,
        "components": [engine, { "name": "updates", "health": "off", "reason": "the dry run is on" }],
    }))
}

/// A server on a control socket, and a client of it.
pub struct Server {
    pub directory: TempDir,
    pub control: Arc<FakeControl>,
    pub client: RemoteControl,
    pub stopping: CancellationToken,
    pub task: JoinHandle<()>,
}

pub async fn server(answers: Answers) -> Server {
    let directory = tempfile::tempdir().unwrap();
    let control = Arc::new(FakeControl::new(answers));
    let stopping = CancellationToken::new();
    let socket = ControlSocket::bind(directory.path()).unwrap();
    let task = tokio::spawn(socket.serve(control.clone(), control.clone(), stopping.clone()));
    let client = RemoteControl::find(directory.path()).await.unwrap().expect("a server runs");
    Server { directory, control, client, stopping, task }
}
