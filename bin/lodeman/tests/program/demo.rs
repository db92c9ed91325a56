//! The simulated engine and registry: the whole way of an update, without an engine.

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Program, wait};

#[test]
fn a_demonstration_updates_rolls_back_and_asks() {
    let program = Program::new();
    let server = program.serve(&["serve", "--demo", "--set", "updates.grace_period=2s"]);
    let history = || -> Vec<Value> {
        serde_json::from_str(&program.run(&["history", "--json"]).out).unwrap_or_default()
    };
    let ended = |name: &str| {
        let rows = history();
        let row = rows.iter().find(|row| row["workload"]["name"] == name);
        row.map(|row| row["outcome"].clone())
    };
    wait(|| ended("web").is_some() && ended("api").is_some() && ended("mail").is_some());
    assert_eq!(ended("web").unwrap(), "updated");
    assert_eq!(ended("api").unwrap(), "updated");
    assert_eq!(ended("mail").unwrap(), "rolled_back", "the newer image never becomes healthy");

    let queue: Value = serde_json::from_str(&program.run(&["queue", "--json"]).out).unwrap();
    let waits = queue.as_array().unwrap().iter().find(|e| e["workload"]["name"] == "database").unwrap();
    assert_eq!(waits["state"], "pending", "{waits}");
    let revision = waits["revision"].to_string();
    let stale = program.run(&["approve", "database", "--revision", "99"]);
    assert_eq!(stale.code, Some(5), "{stale:?}");
    let approved = program.run(&["approve", "database", "--revision", &revision]);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    assert!(approved.out.contains("now runs demo.example/database:16.4"), "{approved:?}");
    assert!(approved.err.contains("database: the old container is down"), "{approved:?}");
    let back = program.run(&["rollback", "database"]);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(back.out.contains("runs demo.example/database:16.3 again"), "{back:?}");

    let none = program.run(&["explain", "nobody"]);
    assert_eq!(none.code, Some(4), "{none:?}");
    let legacy = program.run(&["explain", "legacy"]);
    assert!(legacy.out.contains("[policy_pinned]"), "{legacy:?}");
    server.signal(Signal::TERM);
    assert!(matches!(server.ended(), Some(0)));
}
