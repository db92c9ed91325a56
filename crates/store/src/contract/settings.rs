//! What people set, checks and scans.

use std::time::Duration;

use lodeman_domain::hook::{Hook, HookKey, HookPhase, OnFailure, StoredHook};
use lodeman_domain::workload::HostId;
use serde_json::json;

use super::{commit, sample};
use crate::{CheckRecord, IgnoredTarget, Override, ScanRecord, Store, Write};

/// A setting has one value.
pub async fn settings_are_replaced_and_dropped(store: &dyn Store) {
    let put = |key: &str, value: &str| Write::PutSetting { key: key.into(), value: value.into() };
    commit(store, vec![put("b", "1"), put("a", "1"), put("b", "2")]).await;
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(store.list_settings().await.expect("a read"), [pair("a", "1"), pair("b", "2")]);
    commit(store, vec![Write::DropSetting("a".into()), Write::DropSetting("none".into())]).await;
    assert_eq!(store.list_settings().await.expect("a read"), [pair("b", "2")]);
}

/// Whoever kept what was read can tell that something was written since.
pub async fn each_change_is_another_generation(store: &dyn Store) {
    let before = store.generation();
    let put = Write::PutSetting { key: "a".into(), value: "1".into() };
    commit(store, vec![put]).await;
    let after = store.generation();
    assert_ne!(before, after, "a commit changes what is read");
    store.list_settings().await.expect("a read");
    assert_eq!(store.generation(), after, "a read does not");
    store.sweep(sample::at(1)).await.expect("a sweep");
    assert_ne!(store.generation(), after, "a sweep may drop what was read");
}

/// By container name, whether the container exists or not.
pub async fn overrides_and_ignored_updates_are_kept_by_name(store: &dyn Store) {
    let set = |name: &str, policy: &str| Override {
        workload: sample::key(name),
        policy: policy.into(),
        by: "ann".into(),
        at: sample::at(1),
    };
    let puts = [set("web", "auto"), set("db", "manual"), set("web", "pinned")];
    commit(store, puts.map(Write::PutOverride).into()).await;
    assert_eq!(store.list_overrides().await.expect("a read"), [set("db", "manual"), set("web", "pinned")]);
    commit(store, vec![Write::DropOverride(sample::key("db"))]).await;
    assert_eq!(store.list_overrides().await.expect("a read"), [set("web", "pinned")]);

    let version = IgnoredTarget {
        workload: sample::key("web"),
        version: Some("2.0".parse().expect("a valid tag")),
        manifest: None,
        by: "ann".into(),
        at: sample::at(1),
    };
    let manifest = IgnoredTarget { version: None, manifest: Some(sample::digest(1)), ..version.clone() };
    let again = IgnoredTarget { at: sample::at(9), by: "bob".into(), ..version.clone() };
    let puts = [version.clone(), manifest.clone(), again];
    commit(store, puts.map(Write::PutIgnored).into()).await;
    let key = sample::key("web");
    let ignored = store.list_ignored(&key).await.expect("a read");
    assert_eq!(ignored, [version, manifest], "to ignore the same twice changes nothing");
    assert_eq!(store.list_ignored(&sample::key("db")).await.expect("a read"), []);
    commit(store, vec![Write::DropIgnored(key.clone())]).await;
    assert_eq!(store.list_ignored(&key).await.expect("a read"), []);
}

/// One check for each container, the last; one row for each scan.
pub async fn checks_and_scans_are_replaced(store: &dyn Store) {
    let check = |name: &str, seconds| CheckRecord {
        workload: sample::key(name),
        at: sample::at(seconds),
        explanation: json!({ "sentence": format!("checked at {seconds}") }),
    };
    let puts = [check("web", 1), check("db", 1), check("web", 2)];
    commit(store, puts.map(Write::PutCheck).into()).await;
    assert_eq!(store.list_checks().await.expect("a read"), [check("db", 1), check("web", 2)]);
    assert_eq!(store.find_check(&sample::key("web")).await.expect("a read"), Some(check("web", 2)));
    commit(store, vec![Write::DropCheck(sample::key("web"))]).await;
    assert_eq!(store.find_check(&sample::key("web")).await.expect("a read"), None);

    let mut scan = ScanRecord {
        id: sample::uuid(1),
        trigger: "start".into(),
        started_at: sample::at(10),
        ended_at: None,
        total: 0,
        checked: 0,
        available: 0,
        to_apply: 0,
        queued: 0,
        skipped: 0,
        failed: 0,
    };
    let earlier = ScanRecord { id: sample::uuid(2), started_at: sample::at(5), ..scan.clone() };
    commit(store, vec![Write::PutScan(scan.clone()), Write::PutScan(earlier)]).await;
    assert_eq!(store.find_last_scan().await.expect("a read").as_ref(), Some(&scan));
    scan.ended_at = Some(sample::at(20));
    (scan.total, scan.checked, scan.available) = (7, 6, 5);
    (scan.to_apply, scan.queued, scan.skipped, scan.failed) = (4, 3, 2, 1);
    commit(store, vec![Write::PutScan(scan.clone())]).await;
    assert_eq!(store.find_last_scan().await.expect("a read"), Some(scan));
}

/// The last one that was set holds, by name and phase, whatever the name is.
pub async fn a_container_has_one_hook_a_phase(store: &dyn Store) {
    let set = |host: &str, name: &str, phase: HookPhase, line: &str, n: i64| StoredHook {
        key: HookKey { host: HostId(host.to_owned()), name: name.to_owned() },
        phase,
        hook: Hook {
            command: ["sh", "-c", line].map(str::to_owned).to_vec(),
            timeout: Duration::from_secs(u64::try_from(n).expect("a positive number")),
            on_failure: if n % 2 == 0 { OnFailure::Continue } else { OnFailure::Abort },
        },
        by: "ann".into(),
        at: sample::at(n),
    };
    let odd = "no name: a container's, \"quoted\" or ü";
    let hooks = [
        set("local", odd, HookPhase::PreUpdate, "echo ü '\"'", 1),
        set("local", odd, HookPhase::PostUpdate, "true", 2),
        set("h1", odd, HookPhase::PreUpdate, "false", 3),
        set("local", odd, HookPhase::PreUpdate, "", 4),
    ];
    for hook in &hooks {
        commit(store, vec![Write::PutHook(hook.clone())]).await;
    }
    let [_, post, elsewhere, pre] = hooks;
    assert_eq!(store.list_hooks(&post.key).await.expect("a read"), [pre.clone(), post.clone()]);
    assert_eq!(store.list_hooks(&elsewhere.key).await.expect("a read"), std::slice::from_ref(&elsewhere));
    commit(store, vec![Write::DropHook(post.key.clone(), HookPhase::PreUpdate)]).await;
    commit(store, vec![Write::DropHook(post.key.clone(), HookPhase::PreUpdate)]).await;
    assert_eq!(store.list_hooks(&post.key).await.expect("a read"), [post]);
}
