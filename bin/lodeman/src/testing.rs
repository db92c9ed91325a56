//! What the tests of commands and of their text share.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lodeman_domain::clock::ManualClock;
use lodeman_domain::container::ContainerName;
use lodeman_http::fake::Answers;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::output::Output;
use crate::render::{Style, View};

/// A place in memory for results, shared with the output that writes to it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    /// What was written so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The instant of every test.
pub fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// Plain text, by UTC.
pub fn view() -> View {
    View { style: Style::PLAIN, zone: TimeZone::UTC, now: now() }
}

/// An output in memory.
pub fn output(json: bool) -> (Output, Memory) {
    let memory = Memory::default();
    let clock = Arc::new(ManualClock::new(now()));
    (Output::new(json, Style::PLAIN, TimeZone::UTC, clock, Box::new(memory.clone())), memory)
}

pub fn name(text: &str) -> ContainerName {
    text.parse().unwrap()
}

pub fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

pub fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

pub const OPERATION: &str = "019a0000-0000-7000-8000-0000deadbeef";

pub fn key(name: &str) -> Value {
    json!({ "host": "local", "name": name })
}

/// How an update of `web` ended.
pub fn summary(outcome: &str, reason: Option<&str>) -> Value {
    json!({
        "name": "web", "operation": OPERATION, "outcome": outcome, "target": "nginx:1.27",
        "dark_ms": 740, "reason": reason,
    })
}

/// An explanation of a container that waits for a person.
pub fn waiting() -> Value {
    json!({
        "workload": key("web"),
        "sentence": "`web` runs nginx:1.26; 1.27 exists and waits for a person, because its policy is manual.",
        "verdict": "update_available", "action": "ask", "target": target(),
        "reasons": [
            { "code": "policy_manual", "detail": "its policy is manual" },
            { "code": "minimum_age", "detail": "the image is new", "until": "2026-11-21T10:00:00Z" },
        ],
        "reference": "nginx:1.26", "image_id": digest('a'), "version": "1.26.1",
        "newer_versions": ["1.27", "1.26.3", "1.26.2"], "beyond_scope": 1, "policy": "manual (default)",
        "checked_at": "2026-11-20T10:00:00Z", "next_at": "2026-11-20T16:00:00Z",
        "can_do": ["lodeman approve web", "lodeman ignore web"],
    })
}

/// An explanation of a container that runs the newest.
pub fn current() -> Value {
    json!({
        "workload": key("cache"), "sentence": "`cache` runs redis:7, the newest.", "verdict": "up_to_date",
        "reasons": [], "reference": "redis:7", "image_id": digest('a'), "version": null,
        "newer_versions": [], "beyond_scope": 0, "policy": "auto (label)",
        "checked_at": "2026-11-20T11:59:30Z", "next_at": null, "can_do": [],
    })
}

fn target() -> Value {
    json!({
        "reference": "nginx:1.27", "digest": digest('b'), "manifest": digest('c'), "config": digest('d'),
        "version": "1.27", "already_pulled": false,
    })
}

/// An entry of the queue.
pub fn entry(state: &str) -> Value {
    json!({
        "id": OPERATION, "workload": key("web"), "revision": 3, "state": state,
        "current_reference": "nginx:1.26", "current_image": digest('a'), "target": target(),
        "newer_versions": ["1.27"], "detected_at": "2026-11-20T10:00:00Z",
        "updated_at": "2026-11-20T10:00:00Z", "decided_by": null, "operation": null, "note": null,
        "retry_at": null,
    })
}

/// What a run found and did.
pub fn run(updates: &Value, failed: u32) -> Value {
    let scan = json!({
        "id": OPERATION, "trigger": "request", "started_at": "2026-11-20T10:00:00Z",
        "ended_at": "2026-11-20T10:00:02Z", "total": 3, "checked": 2, "available": 1, "to_apply": 1,
        "queued": 1, "skipped": 1, "failed": failed,
    });
    json!({ "scan": scan, "updates": updates, "explanations": [current(), waiting()] })
}

/// What recovery would do.
pub fn recovery() -> Value {
    json!({
        "operations": [{
            "operation": OPERATION, "name": "web", "phase": "old_stopped",
            "action": "go back to the old container", "outcome": null,
        }],
        "orphans": [{ "canonical": "db", "old": "ab".repeat(32), "new": null, "finding": "only_old" }],
    })
}

/// A server whose engine is away.
pub fn readiness(ready: bool) -> Value {
    let engine = if ready {
        json!({ "name": "engine", "health": "on" })
    } else {
        json!({ "name": "engine", "health": "degraded", "reason": "the engine does not answer" })
    };
    json!({
        "ready": ready, "recovering": false, "last_scan": "2026-11-20T10:00:02Z", "next_scan": null,
        "components": [engine, { "name": "updates", "health": "off", "reason": "the dry run is on" }],
    })
}

/// Rows of history.
pub fn history() -> Value {
    json!([
        {
            "seq": 8, "workload": key("web"), "at": "2026-11-20T11:00:00Z", "operation": OPERATION,
            "outcome": "rolled_back", "old_reference": "nginx:1.26", "old_image": digest('a'),
            "new_reference": "nginx:1.27", "new_digest": digest('b'), "duration_ms": 42_000,
            "dark_ms": 2_340, "reason": "its health check failed", "actor": "ann",
            "data_may_have_changed": true,
        },
        {
            "seq": 7, "workload": key("cache"), "at": "2026-11-18T10:00:00Z", "operation": OPERATION,
            "outcome": "updated", "old_reference": "redis:7", "old_image": digest('a'),
            "new_reference": "redis:7", "new_digest": digest('b'), "duration_ms": 9000, "dark_ms": 740,
            "reason": null, "actor": "schedule", "data_may_have_changed": false,
        },
    ])
}

/// Answers to everything.
pub fn answers() -> Answers {
    Answers {
        run: Some(from(run(&json!([summary("updated", None)]), 0))),
        summary: Some(from(summary("updated", None))),
        explanations: from(json!([waiting(), current()])),
        queue: from(json!([entry("pending")])),
        history: from(history()),
        check: None,
        recovery: Some(from(recovery())),
        settings: Vec::new(),
        readiness: Some(from(readiness(true))),
        progress: Vec::new(),
        progress_stays: true,
        error: None,
    }
}
