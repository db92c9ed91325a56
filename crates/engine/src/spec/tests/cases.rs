//! One rule, one test.

use lodeman_domain::container::ContainerName;
use lodeman_domain::image::ImageReference;
use serde_json::{Map, Value, json};

use crate::ContainerInspect;
use crate::spec::{
    NotCarried, Plan, Refusal, Source, changed_beyond_image, check_no_gain, derive, is_made_by,
    matches_created, plan_hash, refusals, restore,
};

const ID: &str = "aaaaaaaaaaaabbbbbbbbbbbbccccccccccccddddddddddddeeeeeeeeeeeeffff";

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// A plain running container on the default bridge, with `change` laid over it.
fn inspect(change: &Value) -> ContainerInspect {
    let mut base = json!({
        "Id": ID, "Name": "/web", "Image": format!("sha256:{}", "1".repeat(64)),
        "Config": { "Image": "app:1", "Hostname": &ID[..12], "Env": ["PATH=/bin"], "Cmd": ["serve"],
            "Entrypoint": null, "Labels": {} },
        "HostConfig": { "NetworkMode": "default", "RestartPolicy": { "Name": "always", "MaximumRetryCount": 0 } },
        "NetworkSettings": { "Networks": { "bridge": { "IPAddress": "172.17.0.2", "NetworkID": "n0" } } },
        "State": { "Status": "running" }, "Mounts": []
    });
    overlay(&mut base, change);
    ContainerInspect::from_json(base).unwrap()
}

fn overlay(base: &mut Value, change: &Value) {
    match (base, change) {
        (Value::Object(base), Value::Object(change)) => {
            for (key, value) in change {
                // A networks table is replaced, everything else is laid over.
                if key == "Networks" {
                    base.insert(key.clone(), value.clone());
                } else {
                    overlay(base.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (base, change) => *base = change.clone(),
    }
}

fn image() -> Map<String, Value> {
    map(json!({ "Env": ["PATH=/bin"], "Cmd": ["serve"] }))
}

fn resolve(text: &str) -> Option<ContainerName> {
    match text {
        "gone" => None,
        text if text.starts_with("77") => "provider".parse().ok(),
        text => text.parse().ok(),
    }
}

fn plan_at(
    container: &ContainerInspect,
    image_config: &Map<String, Value>,
    api: &str,
) -> Result<Plan, NotCarried> {
    let source =
        Source { container, image_config, api_version: api, resolve: &resolve, host_name: "machine" };
    let target: ImageReference = "app:2".parse().unwrap();
    let plan = derive(&source, &target, None)?;
    check_no_gain(container, &plan).unwrap();
    assert_eq!(plan_hash(&plan), plan_hash(&plan.clone()));
    Ok(plan)
}

fn plan(change: &Value, image_config: &Value) -> Plan {
    plan_at(&inspect(change), &map(image_config.clone()), "1.41").unwrap()
}

fn spec_of(change: &Value, image_config: &Value) -> Value {
    Value::Object(plan(change, image_config).spec.0)
}

#[test]
fn a_plain_container_keeps_only_what_its_user_set() {
    let spec = Value::Object(plan_at(&inspect(&json!({})), &image(), "1.41").unwrap().spec.0);
    assert_eq!(
        spec,
        json!({ "Image": "app:2", "HostConfig": { "NetworkMode": "default",
            "RestartPolicy": { "Name": "always", "MaximumRetryCount": 0 } } })
    );
}

#[test]
fn environment_keeps_overrides_and_drops_the_images() {
    let spec = spec_of(
        &json!({ "Config": { "Env": ["A=user", "B=image", "C", "D=only"] } }),
        &json!({ "Env": ["A=image", "B=image", "C=image"] }),
    );
    assert_eq!(spec["Env"], json!(["A=user", "C", "D=only"]));
}

#[test]
fn command_and_entrypoint_follow_the_image_only_where_they_came_from_it() {
    let image = json!({ "Entrypoint": ["/entry"], "Cmd": ["serve"] });
    let null = Value::Null;
    for (entrypoint, cmd, want_entrypoint, want_cmd, why) in [
        (json!(["/entry"]), json!(["serve"]), null.clone(), null.clone(), "both are the image's"),
        (
            json!(["/entry"]),
            json!(["other"]),
            null.clone(),
            json!(["other"]),
            "only the command is the user's",
        ),
        (
            json!(["/mine"]),
            json!(["serve"]),
            json!(["/mine"]),
            json!(["serve"]),
            "an own entrypoint keeps Cmd",
        ),
        (json!(["/mine"]), null.clone(), json!(["/mine"]), null.clone(), "an own entrypoint without Cmd"),
        (json!(["/entry"]), null.clone(), json!(["/entry"]), null.clone(), "the image's entrypoint, stated"),
        (null.clone(), json!(["sh"]), json!([""]), json!(["sh"]), "the entrypoint was cleared"),
        (json!([]), json!(["serve"]), json!([]), null.clone(), "stated as empty, Cmd follows"),
    ] {
        let spec = spec_of(&json!({ "Config": { "Entrypoint": entrypoint, "Cmd": cmd } }), &image);
        assert_eq!((&spec["Entrypoint"], &spec["Cmd"]), (&want_entrypoint, &want_cmd), "{why}");
    }
}

#[test]
fn scalars_labels_and_ports_equal_to_the_images_follow_it() {
    let spec = spec_of(
        &json!({ "Config": { "WorkingDir": "/app", "User": "me", "StopSignal": "SIGINT", "StopTimeout": 0,
            "Labels": { "a": "image", "b": "user", "sentinel.maintenance": "true" },
            "ExposedPorts": { "80/tcp": {}, "81/tcp": {}, "82/tcp": {} }, "OnBuild": ["x"], "ArgsEscaped": true },
            "HostConfig": { "PortBindings": { "80/tcp": [{ "HostIp": "", "HostPort": "8080" }] } } }),
        &json!({ "WorkingDir": "/app/", "User": "root", "StopSignal": "SIGINT", "Labels": { "a": "image", "b": "image" },
            "ExposedPorts": { "80/tcp": {}, "81/tcp": {} } }),
    );
    for gone in ["WorkingDir", "StopSignal", "OnBuild", "ArgsEscaped"] {
        assert_eq!(spec[gone], Value::Null, "{gone}");
    }
    assert_eq!(spec["User"], "me");
    assert_eq!(spec["StopTimeout"], 0, "an explicit zero is kept");
    assert_eq!(spec["Labels"], json!({ "b": "user" }));
    assert_eq!(spec["ExposedPorts"], json!({ "80/tcp": {}, "82/tcp": {} }));
}

#[test]
fn a_health_check_is_compared_field_by_field() {
    let image = json!({ "Healthcheck": { "Test": ["CMD", "a"], "Interval": 5, "Retries": 3 } });
    let check =
        |value: Value| spec_of(&json!({ "Config": { "Healthcheck": value } }), &image)["Healthcheck"].clone();
    assert_eq!(check(json!({ "Test": ["CMD", "a"], "Interval": 5, "Retries": 3 })), Value::Null);
    assert_eq!(check(json!({ "Test": ["CMD", "a"], "Interval": 9, "Retries": 3 })), json!({ "Interval": 9 }));
    assert_eq!(check(json!({ "Test": ["NONE"], "Interval": 5 })), json!({ "Test": ["NONE"] }));
}

#[test]
fn a_generated_host_name_is_not_carried() {
    let hostname = |change: Value| spec_of(&change, &json!({}))["Hostname"].clone();
    assert_eq!(hostname(json!({})), Value::Null);
    assert_eq!(hostname(json!({ "Config": { "Hostname": "mine" } })), "mine");
    assert_eq!(
        hostname(json!({ "Config": { "Hostname": "machine" }, "HostConfig": { "NetworkMode": "host" } })),
        Value::Null
    );
    assert_eq!(
        hostname(json!({ "Config": { "Hostname": "x" }, "HostConfig": { "UTSMode": "host" } })),
        Value::Null
    );
    let shared = spec_of(
        &json!({ "Config": { "Hostname": "theirs", "Domainname": "d", "ExposedPorts": { "1/tcp": {} } },
            "HostConfig": { "NetworkMode": format!("container:{}", "77".repeat(32)) } }),
        &json!({}),
    );
    for gone in ["Hostname", "Domainname", "ExposedPorts", "NetworkingConfig"] {
        assert_eq!(shared[gone], Value::Null, "{gone}");
    }
    assert_eq!(shared["HostConfig"]["NetworkMode"], "container:provider");
}

#[test]
fn anonymous_volumes_are_attached_again_by_name() {
    let change = json!({
        "Config": { "Volumes": { "/data": {}, "/mine": {}, "/declared-not-mounted": {} } },
        "HostConfig": { "Binds": ["/host:/bound:ro", "named:/named/"],
            "Mounts": [{ "Type": "volume", "Target": "/api", "ReadOnly": true }] },
        "Mounts": [
            { "Type": "volume", "Name": "v1", "Destination": "/data", "RW": true },
            { "Type": "volume", "Name": "v2", "Destination": "/mine", "RW": false },
            { "Type": "volume", "Name": "v3", "Destination": "/api", "RW": false },
            { "Type": "volume", "Name": "named", "Destination": "/named", "RW": true },
            { "Type": "bind", "Source": "/host", "Destination": "/bound", "RW": false },
        ]
    });
    let plan = plan(&change, &json!({ "Volumes": { "/data": {} } }));
    let spec = Value::Object(plan.spec.0.clone());
    assert_eq!(
        spec["HostConfig"]["Mounts"],
        json!([
            { "Type": "volume", "Source": "v3", "Target": "/api", "ReadOnly": true, "VolumeOptions": { "NoCopy": true } },
            { "Type": "volume", "Source": "v1", "Target": "/data", "VolumeOptions": { "NoCopy": true } },
            { "Type": "volume", "Source": "v2", "Target": "/mine", "ReadOnly": true, "VolumeOptions": { "NoCopy": true } },
        ])
    );
    assert_eq!(spec["HostConfig"]["Binds"], json!(["/host:/bound:ro", "named:/named/"]));
    assert_eq!(spec["Volumes"], json!({ "/declared-not-mounted": {} }));
    let names: Vec<&str> = plan.anonymous_volumes.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["v3", "v1", "v2"]);
}

#[test]
fn volumes_of_another_container_come_back_through_it() {
    let change = json!({
        "HostConfig": { "VolumesFrom": [format!("{}:ro", "77".repeat(32)), "other"] },
        "Mounts": [{ "Type": "volume", "Name": "v", "Destination": "/lent", "RW": false },
            { "Type": "bind", "Source": "/s", "Destination": "/lent2", "RW": true }]
    });
    let spec = spec_of(&change, &json!({}));
    assert_eq!(spec["HostConfig"]["VolumesFrom"], json!(["provider:ro", "other"]));
    assert_eq!(spec["HostConfig"]["Mounts"], Value::Null);
}

#[test]
fn networks_keep_what_the_user_set_and_the_primary_comes_first() {
    let change = json!({
        "HostConfig": { "NetworkMode": "front" },
        "NetworkSettings": { "Networks": {
            "front": { "Aliases": ["www", &ID[..12]], "IPAMConfig": {}, "IPAddress": "10.0.0.2", "MacAddress": "02:42:0a:00:00:02" },
            "back": { "IPAMConfig": { "IPv4Address": "10.1.0.9", "Junk": "x" }, "Links": ["db:d"], "DriverOpts": { "o": "1" },
                "Gateway": "10.1.0.1", "NetworkID": "n2", "DNSNames": ["web"] },
            "alpha": { "IPAMConfig": null, "Aliases": [&ID[..12]] },
        } }
    });
    let plan = plan(&change, &json!({}));
    assert_eq!(
        plan.spec.0["NetworkingConfig"],
        json!({ "EndpointsConfig": { "front": { "Aliases": ["www"] } } })
    );
    let others: Vec<(String, Value)> =
        plan.networks.iter().map(|n| (n.network.clone(), Value::Object(n.config.clone()))).collect();
    assert_eq!(
        others,
        [
            ("alpha".to_owned(), json!({})),
            (
                "back".to_owned(),
                json!({ "IPAMConfig": { "IPv4Address": "10.1.0.9" }, "Links": ["db:d"], "DriverOpts": { "o": "1" } })
            ),
        ]
    );
}

#[test]
fn a_network_left_behind_is_not_joined_again() {
    let change = json!({ "HostConfig": { "NetworkMode": "left" },
        "NetworkSettings": { "Networks": { "zeta": {}, "beta": {} } } });
    let plan = plan(&change, &json!({}));
    assert_eq!(plan.spec.host_config()["NetworkMode"], "beta");
    assert_eq!(plan.network_names(), ["beta", "zeta"]);
}

#[test]
fn a_users_mac_address_moves_to_the_endpoint_from_api_1_44() {
    let container = inspect(&json!({ "Config": { "MacAddress": "02:00:00:00:00:01" },
        "HostConfig": { "NetworkMode": "front" }, "NetworkSettings": { "Networks": { "front": {} } } }));
    let old = plan_at(&container, &image(), "1.41").unwrap().spec.0;
    assert_eq!(old["MacAddress"], "02:00:00:00:00:01");
    let new = Value::Object(plan_at(&container, &image(), "1.51").unwrap().spec.0);
    assert_eq!(new["MacAddress"], Value::Null);
    assert_eq!(new["NetworkingConfig"]["EndpointsConfig"]["front"]["MacAddress"], "02:00:00:00:00:01");
}

#[test]
fn links_are_written_as_the_engine_takes_them_and_unknown_settings_survive() {
    let spec = spec_of(
        &json!({ "HostConfig": { "Links": ["/db:/web/database"], "FromTheFuture": { "x": [1] } },
            "Config": { "AlsoNew": "y" } }),
        &json!({}),
    );
    assert_eq!(spec["HostConfig"]["Links"], json!(["db:database"]));
    assert_eq!(spec["HostConfig"]["FromTheFuture"], json!({ "x": [1] }));
    assert_eq!(spec["AlsoNew"], "y");
}

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
fn a_restore_plan_names_the_old_image_by_id() {
    let container = inspect(&json!({ "Config": { "Cmd": ["other"] } }));
    let image_config = image();
    let source = Source {
        container: &container,
        image_config: &image_config,
        api_version: "1.41",
        resolve: &resolve,
        host_name: "machine",
    };
    let plan = restore(&source).unwrap();
    assert_eq!(plan.spec.image(), format!("sha256:{}", "1".repeat(64)));
    assert_eq!(plan.spec.0["Cmd"], json!(["other"]));
    check_no_gain(&container, &plan).unwrap();
}

#[test]
fn compose_learns_the_new_image() {
    let container = inspect(&json!({ "Config": { "Labels": { "com.docker.compose.image": "sha256:old" } } }));
    let image_config = image();
    let source = Source {
        container: &container,
        image_config: &image_config,
        api_version: "1.41",
        resolve: &resolve,
        host_name: "machine",
    };
    let id = format!("sha256:{}", "2".repeat(64)).parse().unwrap();
    let plan = derive(&source, &"app:2".parse().unwrap(), Some(&id)).unwrap();
    assert_eq!(plan.spec.0["Labels"]["com.docker.compose.image"], id.as_str());
    check_no_gain(&container, &plan).unwrap();
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
    let new_image = map(json!({ "Env": ["PATH=/new", "A=1"], "Cmd": ["run"], "Labels": { "v": "2" } }));
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
