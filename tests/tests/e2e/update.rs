//! Updates that policy applies by itself.

use serde_json::json;

use crate::support::{Corner, steady};

#[test]
fn a_tag_that_moved_is_followed_to_its_new_digest() {
    let Some(corner) = Corner::new("digest") else { return };
    corner.push("app", "stable", &steady("1"));
    let before = corner.run("app", "app", "stable", "auto", json!({}));
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"], json!([]), "nothing is newer yet");
    assert_eq!(corner.inspect("app")["Id"], before);

    let digest = corner.push("app", "stable", &steady("2"));
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report:#}");
    corner.assert_settled("app");
    assert_eq!(corner.version("app"), "2");
    assert_eq!(corner.inspect("app")["Config"]["Image"], corner.reference("app", "stable"));
    assert_eq!(corner.digest("app"), digest);

    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(
        (&report["updates"], &report["explanations"][0]["verdict"]),
        (&json!([]), &json!("up_to_date"))
    );
}

#[test]
fn a_newer_version_is_installed_as_far_as_the_scope_goes() {
    let Some(corner) = Corner::new("semver") else { return };
    for version in ["1.2.0", "1.2.1", "1.4.0", "1.4.0-rc1", "2.0.0", "latest"] {
        corner.push("app", version, &steady(version));
    }
    corner.run("patch", "app", "1.2.0", "auto", json!({}));
    let minor = json!({ "Labels": { "lodeman.semver": "minor" } });
    corner.run("minor", "app", "1.2.0", "auto", minor);
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"].as_array().map(Vec::len), Some(2), "{report:#}");
    for (container, version) in [("patch", "1.2.1"), ("minor", "1.4.0")] {
        corner.assert_settled(container);
        assert_eq!(corner.version(container), version, "{container}");
        assert_eq!(corner.inspect(container)["Config"]["Image"], corner.reference("app", version));
    }
}

#[test]
fn what_policy_does_not_apply_stays_as_it_is() {
    let Some(corner) = Corner::new("policy") else { return };
    corner.push("app", "stable", &steady("1"));
    let ids = ["manual", "pinned"].map(|policy| corner.run(policy, "app", "stable", policy, json!({})));
    corner.push("app", "stable", &steady("2"));
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"], json!([]));
    assert_eq!(["manual", "pinned"].map(|name| corner.inspect(name)["Id"].clone()), ids.map(|id| json!(id)));
    let queue = corner.lodeman.json(0, &["queue"]).unwrap();
    assert_eq!(queue.as_array().map(Vec::len), Some(1), "{queue:#}");
    assert_eq!(queue[0]["workload"]["name"], corner.named("manual"));
    assert_eq!(queue[0]["state"], "pending");
    let pinned = corner.lodeman.json(0, &["explain", &corner.named("pinned")]).unwrap();
    assert_eq!(pinned[0]["verdict"], "not_applicable", "{pinned:#}");
}

#[test]
fn one_container_can_be_updated_on_demand_and_taken_back() {
    let Some(corner) = Corner::new("demand") else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("app", "app", "stable", "manual", json!({}));
    corner.push("app", "stable", &steady("2"));
    let name = corner.named("app");
    let summary = corner.lodeman.json(0, &["watch", &name]).unwrap();
    assert_eq!(summary["outcome"], "updated", "{summary:#}");
    assert!(
        summary["dark_ms"].as_u64().is_some_and(|ms| ms < 5_000),
        "the downtime is measured: {summary:#}"
    );
    corner.assert_settled("app");
    assert_eq!(corner.version("app"), "2");

    let summary = corner.lodeman.json(0, &["rollback", &name]).unwrap();
    assert_eq!(summary["outcome"], "restored", "{summary:#}");
    corner.assert_settled("app");
    assert_eq!(corner.version("app"), "1");
}
