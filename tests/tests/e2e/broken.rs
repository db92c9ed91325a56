//! Images that do not work.

use lodeman_tests::image::Image;
use serde_json::{Value, json};

use crate::support::{Corner, failing, steady};

fn history(corner: &Corner) -> Vec<Value> {
    let rows = corner.lodeman.json(0, &["history", &corner.named("app")]).unwrap();
    rows.as_array().unwrap().clone()
}

/// Installs `broken` over a working version, and sees it rolled back, left alone, and overtaken.
fn is_rolled_back_and_overtaken(corner: &Corner, working: &Image, broken: &Image, newer: &Image) {
    corner.push("app", "stable", working);
    corner.run("app", "app", "stable", "auto", json!({ "Volumes": { "/data": {} } }));
    corner.docker.write_file(&corner.named("app"), "/data", "token", "kept").unwrap();
    let before = corner.inspect("app");
    corner.push("app", "stable", broken);
    let report = corner.lodeman.json(6, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "rolled_back", "{report:#}");
    assert!(report["updates"][0]["reason"].is_string(), "{report:#}");

    let settled = |version: &str| {
        corner.assert_settled("app");
        assert_eq!(corner.version("app"), version);
        let token = corner.docker.read_file(&corner.named("app"), "/data/token").unwrap();
        assert_eq!(token.as_deref(), Some("kept"));
    };
    settled("1");
    let after = corner.inspect("app");
    assert_eq!(after["Id"], before["Id"], "the old container itself runs again");
    assert_eq!(after["HostConfig"], before["HostConfig"], "with its restart policy");

    for _ in 0..3 {
        let report = corner.lodeman.json(0, &["run-once"]).unwrap();
        assert_eq!(report["updates"], json!([]), "its digest is not tried again");
        let reasons = report["explanations"][0]["reasons"].as_array().unwrap().clone();
        assert!(reasons.iter().any(|reason| reason["code"] == "bad_digest"), "{report:#}");
    }
    settled("1");
    assert_eq!(corner.inspect("app")["State"]["StartedAt"], after["State"]["StartedAt"], "it was left alone");
    assert_eq!(history(corner).len(), 1);

    corner.push("app", "stable", newer);
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report:#}");
    settled("3");
    assert_eq!(history(corner).len(), 2);
}

#[test]
fn an_image_that_does_not_stay_up_is_rolled_back_and_only_a_newer_one_is_tried() {
    let Some(corner) = Corner::new("crashing") else { return };
    is_rolled_back_and_overtaken(&corner, &steady("1"), &failing("2"), &steady("3"));
}

#[test]
fn an_image_that_never_becomes_healthy_is_rolled_back_and_only_a_newer_one_is_tried() {
    let Some(corner) = Corner::new("unhealthy") else { return };
    let checked = |version: &str, test: &str| {
        let check = json!({ "Test": ["CMD", "/bin/busybox", test], "Interval": 300_000_000, "Retries": 2 });
        steady(version).with("Healthcheck", check)
    };
    is_rolled_back_and_overtaken(
        &corner,
        &checked("1", "true"),
        &checked("2", "false"),
        &checked("3", "true"),
    );
}

#[test]
fn an_image_that_cannot_even_be_started_is_rolled_back() {
    let Some(corner) = Corner::new("unstartable") else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "auto", json!({}));
    corner.push("app", "stable", &steady("2").command(&["/none"]));
    let report = corner.lodeman.json(6, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "rolled_back", "{report:#}");
    corner.assert_settled("app");
    assert_eq!(corner.version("app"), "1");
}

#[test]
fn after_a_bad_version_the_next_lower_one_is_offered() {
    let Some(corner) = Corner::new("lower") else { return };
    corner.push("app", "1.0.0", &steady("1.0.0"));
    corner.push("app", "1.0.1", &steady("1.0.1"));
    corner.push("app", "1.0.2", &failing("1.0.2"));
    corner.run("app", "app", "1.0.0", "auto", json!({}));
    let report = corner.lodeman.json(6, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "rolled_back", "{report:#}");
    assert_eq!(corner.version("app"), "1.0.0");
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report:#}");
    corner.assert_settled("app");
    assert_eq!(corner.version("app"), "1.0.1");
}
