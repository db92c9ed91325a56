//! What is seen of each note.

use std::time::Instant;

use lodeman_domain::event::Progress;
use lodeman_http::fake::{Answers, FakeControl};
use lodeman_updater::control::Control as _;
use serde_json::{Value, json};

use super::*;
use crate::testing::{OPERATION, answers, from, name, output};

/// The story of an update, of a container of this name.
pub(super) fn story_of(name: &str) -> Vec<Progress> {
    let named = |note: &Progress| {
        let mut note = serde_json::to_value(note).unwrap();
        note["name"] = json!(name);
        from(note)
    };
    story().iter().map(named).collect()
}

fn note(kind: &str, more: &Value) -> Progress {
    let mut note = json!({ "type": kind, "operation": OPERATION, "name": "web" });
    for (key, value) in more.as_object().unwrap() {
        note[key] = value.clone();
    }
    from(note)
}

fn phase(phase: &str, message: &str) -> Progress {
    note("phase", &json!({ "phase": phase, "message": message }))
}

fn pull(status: &str, bytes: Option<u64>) -> Progress {
    note(
        "pull",
        &json!({ "layer": "0a1b2c", "status": status, "current_bytes": bytes, "total_bytes": bytes.map(|_| 100) }),
    )
}

fn ended() -> Progress {
    note("ended", &json!({ "outcome": "rolled_back", "dark_ms": 2340, "reason": "its health check failed" }))
}

fn story() -> Vec<Progress> {
    vec![
        from(json!({ "type": "scan", "checked": 1, "total": 2, "name": "db" })),
        from(json!({ "type": "scan", "checked": 2, "total": 2, "name": "web" })),
        phase("planned", "the update begins"),
        pull("Pulling fs layer", None),
        pull("Downloading", Some(40)),
        pull("Pull complete", None),
        note(
            "pull",
            &json!({ "layer": null, "status": "Status: done", "current_bytes": null, "total_bytes": null }),
        ),
        phase("pulled", "the image is on the host"),
        phase("old_stopped", "the old container is down"),
        phase("started", "the replacement runs"),
        note("verdict", &json!({ "message": "it must stay up for 9 s" })),
        note("verdict", &json!({ "message": "it must stay up for 8 s" })),
        phase("rolled_back", "the old container runs again"),
        ended(),
    ]
}

#[test]
fn lines_say_each_thing_once() {
    let mut lines = Lines::new(Detail::Brief, Instant::now());
    let told: Vec<String> = story().iter().filter_map(|note| lines.line(note)).collect();
    assert_eq!(
        told,
        [
            "2 of 2 checked",
            "web: the update begins",
            "web: pulling",
            "web: the image is on the host",
            "web: the old container is down",
            "web: the replacement runs",
            "web: the replacement is being judged",
            "web: the old container runs again",
            "web: rolled back, down for 2.3 s: its health check failed",
        ]
    );
}

#[test]
fn steps_have_the_time_since_the_beginning() {
    let mut lines = Lines::new(Detail::Steps, Instant::now());
    assert_eq!(lines.line(&phase("pulled", "x")).unwrap(), "    0.0 s  web: x");
}

#[test]
fn bars_take_every_note() {
    // Nothing is drawn where standard error is no terminal; what is held is that no note breaks them.
    for detail in [Detail::Brief, Detail::Steps] {
        let mut bars = Bars::new(detail, Instant::now());
        for note in story() {
            bars.show(&note);
        }
        assert_eq!(bars.under_way(), 0);
    }
}

#[tokio::test]
async fn watching_begins_before_the_work_and_ends_with_it() {
    let control = FakeControl::new(Answers { progress: story(), ..answers() });
    let (output, _) = output(false);
    let names = [name("web")];
    let work = control.update(name("web"), "ann");
    let summary = follow(&control, &output, Detail::Steps, &names, work).await.unwrap();
    assert_eq!(summary.dark_ms, Some(740));
    assert_eq!(control.asked(), ["progress", "update web by ann"]);
}

#[test]
fn only_what_was_asked_about_is_shown() {
    assert!(is_about(&ended(), &[]));
    assert!(is_about(&ended(), &[name("db"), name("web")]));
    assert!(!is_about(&ended(), &[name("db")]));
}
