//! What is refused, what may not be gained, and what is noticed afterwards.

use serde_json::{Value, json};

use super::{ID, image, inspect, map, overlay, plan_at, resolve};
use crate::ContainerInspect;
use crate::spec::{
    Refusal, Source, changed_beyond_image, check_no_gain, is_made_by, keeps_repository, matches_created,
    refusals,
};

#[test]
fn what_cannot_be_carried_is_named() {
    for (change, field) in [
        (json!({ "HostConfig": { "NetworkMode": "container:gone" } }), "HostConfig.NetworkMode"),
        (json!({ "HostConfig": { "PidMode": "container:gone" } }), "HostConfig.PidMode"),
        (json!({ "HostConfig": { "VolumesFrom": ["gone:ro"] } }), "HostConfig.VolumesFrom"),
        (json!({ "HostConfig": { "Links": ["/x__old__0123abcd:/web/x"] } }), "HostConfig.Links"),
        (json!({ "NetworkSettings": { "Networks": {} } }), "NetworkSettings.Networks"),
        (json!({ "HostConfig": { "Annotations": { "a": "b" } } }), "HostConfig.Annotations"),
        (
            json!({ "NetworkSettings": { "Networks": { "bridge": { "GwPriority": 5 } } } }),
            "NetworkSettings.Networks.bridge.GwPriority",
        ),
        (json!({ "Mounts": [{ "Type": "bind", "Source": "/x", "Destination": "/y" }] }), "Mounts"),
        (json!({ "Mounts": [{ "Type": "volume", "Name": "", "Destination": "/y" }] }), "Mounts"),
    ] {
        let refused = plan_at(&inspect(&change), &image(), "1.41").unwrap_err();
        assert_eq!(refused.field, field);
        assert!(!refused.reason.is_empty());
    }
}

#[test]
fn a_plan_that_gains_anything_is_refused() {
    let container = inspect(&json!({
        "HostConfig": { "SecurityOpt": ["no-new-privileges"], "CapDrop": ["ALL"], "Binds": ["/a:/a:ro"] },
        "Mounts": [{ "Type": "bind", "Source": "/a", "Destination": "/a", "RW": false },
            { "Type": "volume", "Name": "v", "Destination": "/v", "RW": false }]
    }));
    let good = plan_at(&container, &image(), "1.41").unwrap();
    for (key, value) in [
        ("Privileged", json!(true)),
        ("CapAdd", json!(["SYS_ADMIN"])),
        ("CapDrop", json!([])),
        ("SecurityOpt", Value::Null),
        ("NetworkMode", json!("host")),
        ("NetworkMode", json!("elsewhere")),
        ("PidMode", json!("host")),
        ("Devices", json!([{ "PathOnHost": "/dev/mem" }])),
        ("Binds", json!(["/a:/a"])),
        ("Binds", json!(["/a:/a:ro", "/:/host"])),
        ("PortBindings", json!({ "80/tcp": [{ "HostPort": "80" }] })),
        ("VolumesFrom", json!(["secrets"])),
        ("Mounts", json!([{ "Type": "volume", "Source": "v", "Target": "/v" }])),
        ("Mounts", json!([{ "Type": "bind", "Source": "/", "Target": "/v", "ReadOnly": true }])),
        ("FromTheFuture", json!("power")),
    ] {
        let mut bad = good.clone();
        let mut host_config = bad.spec.host_config();
        host_config.insert(key.to_owned(), value.clone());
        bad.spec.0.insert("HostConfig".to_owned(), Value::Object(host_config));
        let refused = check_no_gain(&container, &bad).unwrap_err();
        assert!(
            refused.field.contains(key) || refused.field.contains("Networking"),
            "{key} {value}: {refused}"
        );
    }
    for (key, value) in [
        ("User", json!("root")),
        ("Env", json!(["X=1"])),
        ("Labels", json!({ "a": "b" })),
        ("Volumes", json!({ "/etc": {} })),
        ("Entrypoint", json!(["/evil"])),
    ] {
        let mut bad = good.clone();
        bad.spec.0.insert(key.to_owned(), value);
        assert_eq!(check_no_gain(&container, &bad).unwrap_err().field, key);
    }
}

#[test]
fn containers_that_others_depend_on_are_refused() {
    let me = inspect(&json!({}));
    let other = |change: Value| {
        let mut whole = json!({ "Id": "9".repeat(64), "Name": "/other" });
        overlay(&mut whole, &change);
        inspect(&whole)
    };
    assert_eq!(refusals(&me, &[me.clone(), other(json!({}))]), []);
    for (key, value, expected) in [
        ("NetworkMode", json!(format!("container:{ID}")), "HostConfig.NetworkMode"),
        ("PidMode", json!("container:web"), "HostConfig.PidMode"),
        ("IpcMode", json!(format!("container:{}", &ID[..12])), "HostConfig.IpcMode"),
    ] {
        let found = refusals(&me, &[other(json!({ "HostConfig": { key: value } }))]);
        let field = expected.to_owned();
        assert_eq!(found, [Refusal::NamespaceShared { by: "other".parse().unwrap(), field }]);
    }
    let linked = other(json!({ "HostConfig": { "Links": ["/web:/other/w"] } }));
    assert_eq!(refusals(&me, &[linked]), [Refusal::LinkedFrom { by: "other".parse().unwrap() }]);
    let borrower = other(json!({ "HostConfig": { "VolumesFrom": ["web"] } }));
    assert_eq!(refusals(&me, &[borrower]), []);
}

#[test]
fn containers_that_cannot_be_kept_or_are_not_ours_are_refused() {
    for (change, refusal) in [
        (json!({ "HostConfig": { "AutoRemove": true } }), Refusal::AutoRemove),
        (json!({ "Config": { "Labels": { "com.docker.swarm.task.id": "t" } } }), Refusal::SwarmTask),
        (json!({ "Name": "/web__old__0123abcd" }), Refusal::ReservedName),
        (json!({ "State": { "Status": "removing" } }), Refusal::BeingRemoved),
    ] {
        assert_eq!(refusals(&inspect(&change), &[]), [refusal]);
    }
    assert_eq!(refusals(&inspect(&json!({ "Name": "/web__old__notahex1" })), &[]), []);
}

#[test]
fn another_repository_is_noticed() {
    let container = inspect(&json!({ "Config": { "Image": "app:1" } }));
    for (target, same) in
        [("app:2", true), ("docker.io/library/app:9", true), ("other:1", false), ("ghcr.io/app:1", false)]
    {
        assert_eq!(keeps_repository(&container, &target.parse().unwrap()), same, "{target}");
    }
    let by_id = inspect(&json!({ "Config": { "Image": format!("sha256:{}", "1".repeat(64)) } }));
    assert!(!keeps_repository(&by_id, &"app:1".parse().unwrap()), "cannot be told");
}

#[test]
fn a_dropped_setting_is_noticed_after_the_create() {
    let container = inspect(&json!({ "HostConfig": { "Memory": 1000, "NetworkMode": "front",
        "Binds": ["data:/data"] }, "NetworkSettings": { "Networks": { "front": { "Aliases": ["www"] } } },
        "Mounts": [{ "Type": "volume", "Name": "data", "Destination": "/data", "RW": true }] }));
    let plan = plan_at(&container, &image(), "1.41").unwrap();
    let created = |change: Value| {
        let mut whole = json!({ "Config": { "Image": "app:2" }, "HostConfig": { "Memory": 1000,
            "NetworkMode": "front", "Binds": ["data:/data"] },
            "NetworkSettings": { "Networks": { "front": { "Aliases": ["www", &ID[..12]] } } },
            "Mounts": [{ "Type": "volume", "Name": "data", "Destination": "/data", "RW": true }] });
        overlay(&mut whole, &change);
        matches_created(&plan, &inspect(&whole))
    };
    assert_eq!(created(json!({})), Vec::<String>::new());
    for change in [
        json!({ "Config": { "Image": "app:3" } }),
        json!({ "HostConfig": { "Memory": 0 } }),
        json!({ "NetworkSettings": { "Networks": { "bridge": {} } } }),
        json!({ "NetworkSettings": { "Networks": { "front": {} } } }),
        json!({ "Mounts": [] }),
        json!({ "Mounts": [{ "Type": "volume", "Name": "fresh", "Destination": "/data", "RW": true }] }),
    ] {
        assert_ne!(created(change.clone()), Vec::<String>::new(), "{change}");
    }
}

#[test]
fn our_own_replacement_is_recognised_before_its_networks_are_connected() {
    let container = inspect(&json!({ "HostConfig": { "NetworkMode": "front", "Memory": 5 },
        "Config": { "Env": ["PATH=/bin", "A=1"] },
        "NetworkSettings": { "Networks": { "front": { "Aliases": ["www"] }, "back": {} } } }));
    let plan = plan_at(&container, &image(), "1.41").unwrap();
    let new_image = map(&json!({ "Env": ["PATH=/new", "A=1"], "Cmd": ["run"], "Labels": { "v": "2" } }));
    let made = |change: Value| {
        let id = "9".repeat(64);
        let mut whole = json!({ "Id": id, "Config": { "Image": "app:2", "Hostname": &id[..12],
            "Env": ["A=1", "PATH=/new"], "Cmd": ["run"], "Labels": { "v": "2" } },
            "HostConfig": { "NetworkMode": "front", "Memory": 5 }, "State": { "Status": "created" },
            "NetworkSettings": { "Networks": { "front": { "Aliases": ["www", &id[..12]] } } } });
        overlay(&mut whole, &change);
        inspect(&whole)
    };
    let recognised = |container: &ContainerInspect| {
        is_made_by(
            &plan,
            &Source {
                container,
                image_config: &new_image,
                api_version: "1.41",
                resolve: &resolve,
                host_name: "machine",
            },
        )
    };
    assert!(recognised(&made(json!({}))));
    assert!(!recognised(&made(json!({ "HostConfig": { "Memory": 6 } }))));
    assert!(!recognised(&made(json!({ "Config": { "Env": ["A=2"] } }))));
    assert_eq!(
        changed_beyond_image(
            &container,
            &made(json!({ "NetworkSettings": { "Networks": {
        "front": { "Aliases": ["www"] }, "back": {} } } })),
            &image(),
            &new_image
        ),
        []
    );
}

#[test]
fn a_number_of_any_size_is_the_same_after_a_plan_was_stored() {
    for number in ["10011326434445538011811", "0.1e-7", "18446744073709551615", "1.0011326434445537e22"] {
        let number: Value = serde_json::from_str(number).unwrap();
        let container = inspect(&json!({ "HostConfig": { "Memory": number } }));
        let plan = plan_at(&container, &image(), "1.41").unwrap();
        let stored = serde_json::to_string(&plan).unwrap();
        let read: crate::spec::Plan = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, plan, "{number}");
    }
}
