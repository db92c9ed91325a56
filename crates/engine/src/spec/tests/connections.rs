//! Volumes, networks, links: what ties a container to its surroundings.

use serde_json::{Value, json};

use super::{ID, image, inspect, map, plan, plan_at, spec_of};
use crate::spec::new_volume_paths;

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
fn volumes_that_only_the_new_image_declares_are_told() {
    let change = json!({ "HostConfig": { "Binds": ["named:/data"], "Tmpfs": { "/t": "" } },
        "Mounts": [{ "Type": "volume", "Name": "named", "Destination": "/data", "RW": true }] });
    let declared = json!({ "Volumes": { "/data/": {}, "/t": {}, "/fresh": {} } });
    let paths = new_volume_paths(&plan(&change, &json!({})), &map(&declared));
    assert_eq!(paths, ["/fresh"]);
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
