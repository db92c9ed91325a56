//! Updates that a person decides on.

use serde_json::json;

use crate::support::{Corner, steady};

#[test]
fn an_approval_installs_the_digest_that_was_shown_although_the_tag_moved_again() {
    let Some(corner) = Corner::new("approve") else { return };
    corner.push("app", "stable", &steady("1"));
    let before = corner.run("app", "app", "stable", "manual", json!({}));
    let shown = corner.push("app", "stable", &steady("2"));
    corner.lodeman.json(0, &["run-once"]).unwrap();
    let queue = corner.lodeman.json(0, &["queue"]).unwrap();
    assert_eq!((&queue[0]["target"]["digest"], &queue[0]["state"]), (&json!(shown), &json!("pending")));
    assert_eq!(corner.inspect("app")["Id"], before, "it waits");

    let moved = corner.push("app", "stable", &steady("3"));
    let name = corner.named("app");
    let summary = corner.lodeman.json(0, &["approve", &name, "--digest", &shown]).unwrap();
    assert_eq!(summary["outcome"], "updated", "{summary:#}");
    corner.assert_settled("app");
    assert_eq!((corner.version("app"), corner.digest("app")), ("2".to_owned(), shown));

    corner.lodeman.json(0, &["run-once"]).unwrap();
    let queue = corner.lodeman.json(0, &["queue"]).unwrap();
    assert_eq!(queue[0]["target"]["digest"], moved, "the newer one waits for an approval of its own");
    assert_eq!(corner.version("app"), "2");
}

#[test]
fn an_approval_of_what_is_no_longer_offered_is_refused() {
    let Some(corner) = Corner::new("stale") else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "manual", json!({}));
    let shown = corner.push("app", "stable", &steady("2"));
    corner.lodeman.json(0, &["run-once"]).unwrap();
    corner.push("app", "stable", &steady("3"));
    corner.lodeman.json(0, &["run-once"]).unwrap();
    let name = corner.named("app");
    let refused = corner.lodeman.json(5, &["approve", &name, "--digest", &shown]).unwrap();
    assert!(refused["error"]["message"].as_str().is_some_and(|text| text.contains(&name)), "{refused:#}");
    assert_eq!(corner.version("app"), "1");
}

#[test]
fn what_was_rejected_waits_for_something_newer() {
    let Some(corner) = Corner::new("reject") else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "manual", json!({}));
    corner.push("app", "stable", &steady("2"));
    corner.lodeman.json(0, &["run-once"]).unwrap();
    let name = corner.named("app");
    let rejected = corner.lodeman.json(0, &["reject", &name]).unwrap();
    assert_eq!(rejected["state"], "rejected", "{rejected:#}");
    corner.lodeman.json(0, &["run-once"]).unwrap();
    let queue = corner.lodeman.json(0, &["queue"]).unwrap();
    assert!(queue.as_array().unwrap().iter().all(|entry| entry["state"] != "pending"), "{queue:#}");

    let newer = corner.push("app", "stable", &steady("3"));
    corner.lodeman.json(0, &["run-once"]).unwrap();
    let queue = corner.lodeman.json(0, &["queue"]).unwrap();
    assert_eq!((&queue[0]["state"], &queue[0]["target"]["digest"]), (&json!("pending"), &json!(newer)));
}
