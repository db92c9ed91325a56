//! Containers that need others.

use serde_json::{Value, json};

use crate::support::{Corner, failing, steady};

/// What a report says of the update of a container.
fn update<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut updates = report["updates"].as_array().unwrap().iter();
    updates.find(|update| update["name"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
}

#[test]
fn what_others_need_comes_first_and_where_that_fails_they_wait() {
    let Some(corner) = Corner::new("needs") else { return };
    let (front, base) = (corner.named("front"), corner.named("zbase"));
    for repository in ["front", "zbase"] {
        corner.push(repository, "stable", &steady("1"));
    }
    let needs = json!({ "Labels": { "sentinel.depends-on": base } });
    let id = corner.run("front", "front", "stable", "auto", needs);
    corner.run("zbase", "zbase", "stable", "auto", json!({}));

    corner.push("front", "stable", &steady("2"));
    corner.push("zbase", "stable", &failing("2"));
    let report = corner.lodeman.json(6, &["run-once"]).unwrap();
    assert_eq!(update(&report, &base)["outcome"], "rolled_back", "{report:#}");
    let held = update(&report, &front);
    assert_eq!((&held["outcome"], &held["operation"]), (&json!(null), &json!(null)), "{report:#}");
    let why = held["reason"].as_str().unwrap();
    assert!(why.contains(&format!("it needs {base}, whose update failed")), "{why}");
    assert_eq!(corner.inspect("front")["Id"], id, "it was left alone");
    let told = corner.lodeman.json(0, &["explain", &front]).unwrap();
    assert!(told.to_string().contains("dependency_failed"), "{told:#}");
    for container in ["front", "zbase"] {
        corner.assert_settled(container);
        assert_eq!(corner.version(container), "1");
    }

    // What failed is known and not tried again, so it holds nobody back any more.
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(update(&report, &front)["outcome"], "updated", "{report:#}");

    for repository in ["front", "zbase"] {
        corner.push(repository, "stable", &steady("3"));
    }
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    for container in ["front", "zbase"] {
        assert_eq!(update(&report, &corner.named(container))["outcome"], "updated", "{report:#}");
        corner.assert_settled(container);
        assert_eq!(corner.version(container), "3");
    }
    let started =
        |container: &str| corner.inspect(container)["State"]["StartedAt"].as_str().unwrap().to_owned();
    assert!(started("zbase") < started("front"), "{} {}", started("zbase"), started("front"));
}
