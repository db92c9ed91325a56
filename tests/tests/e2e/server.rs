//! The server, and the commands that speak with it.

use serde_json::json;

use crate::support::{Corner, PATIENCE, steady};

#[test]
fn a_server_applies_what_policy_allows_and_does_what_commands_ask() {
    let Some(corner) = Corner::new("server") else { return };
    corner.push("app", "stable", &steady("1"));
    corner.run("auto", "app", "stable", "auto", json!({}));
    corner.run("manual", "app", "stable", "manual", json!({}));
    let digest = corner.push("app", "stable", &steady("2"));
    let server = corner.lodeman.serve().unwrap();
    let auto = corner.named("auto");
    // Asked of history: while names are exchanged, no container has this one.
    let applied = || {
        let history = corner.lodeman.json(0, &["history", &auto])?;
        let rows = history.as_array().cloned().unwrap_or_default();
        Ok(rows.iter().any(|row| row["outcome"] == "updated").then_some(()))
    };
    lodeman_tests::lab::wait(PATIENCE, applied).unwrap();
    assert_eq!(corner.version("auto"), "2");

    let name = corner.named("manual");
    let pending = || {
        let queue = corner.lodeman.json(0, &["queue"])?;
        let entry = queue.as_array().and_then(|queue| queue.iter().find(|e| e["workload"]["name"] == name));
        Ok(entry.cloned())
    };
    let entry = lodeman_tests::lab::wait(PATIENCE, pending).unwrap();
    assert_eq!((&entry["state"], &entry["target"]["digest"]), (&json!("pending"), &json!(digest)));
    let summary = corner.lodeman.json(0, &["approve", &name, "--digest", &digest]).unwrap();
    assert_eq!(summary["outcome"], "updated", "{summary:#}");
    assert_eq!(corner.version("manual"), "2");

    let told = corner.lodeman.json(0, &["explain"]).unwrap();
    assert_eq!(told.as_array().map(Vec::len), Some(2), "only its own containers: {told:#}");
    corner.lodeman.run(&["healthcheck", "--ready"]).unwrap().success().unwrap();
    let ended = server.terminate(PATIENCE).unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let alone = corner.lodeman.run(&["healthcheck"]).unwrap();
    assert_ne!(alone.code, Some(0), "nobody answers any more");
    corner.assert_settled("auto");
    corner.assert_settled("manual");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let Some(corner) = Corner::new("second") else { return };
    let _server = corner.lodeman.serve().unwrap();
    let second = corner.lodeman.run(&["serve"]).unwrap();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("data"), "it says why: {second:?}");
}
