//! A container with a bit of everything is the same after the swap, but for its image.

use std::collections::BTreeMap;

use lodeman_tests::http::{Client, Target};
use lodeman_tests::image::Image;
use lodeman_tests::lab::free_port;
use serde_json::{Value, json};

use crate::support::{Corner, PATIENCE, steady};

/// Serves what is in `/named`, and obeys at once.
const SERVING: &str = "trap 'exit 0' TERM; /bin/busybox httpd -f -p 8080 -h /named & wait $!";

fn image(version: &str) -> Image {
    steady(version)
        .script(SERVING)
        .env("FROM_IMAGE", version)
        .env("OVERRIDDEN", "by image")
        .label("vendor", "image")
        .label("image.version", version)
        .with("ExposedPorts", json!({ "8080/tcp": {} }))
        .with("Volumes", json!({ "/declared": {} }))
        .with("WorkingDir", json!(format!("/tmp/{version}")))
        .with(
            "Healthcheck",
            json!({ "Test": ["CMD", "/bin/busybox", "false"], "Interval": 60_000_000_000_u64 }),
        )
}

fn settings(corner: &Corner, port: u16) -> Value {
    let endpoint = json!({ "IPAMConfig": { "IPv4Address": "10.231.1.77" }, "Aliases": ["web", "www"] });
    json!({
        "Hostname": "faithful",
        "MacAddress": "02:42:0a:e7:01:99",
        "Env": ["USER_SET=yes", "OVERRIDDEN=by user"],
        "Labels": { "vendor": "user", "team": "harbour" },
        "Volumes": { "/anonymous": {} },
        "Healthcheck": {
            "Test": ["CMD", "/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/token"],
            "Interval": 300_000_000, "Timeout": 5_000_000_000_u64, "Retries": 10,
        },
        "StopSignal": "SIGTERM",
        "HostConfig": {
            "Binds": [format!("{}:/named", corner.named("named"))],
            "Mounts": [
                { "Type": "volume", "Source": corner.named("typed"), "Target": "/typed", "ReadOnly": false },
                { "Type": "volume", "Target": "/anonymous-typed" },
                { "Type": "tmpfs", "Target": "/scratch", "TmpfsOptions": { "SizeBytes": 1_048_576 } },
            ],
            "PortBindings": { "8080/tcp": [{ "HostIp": "127.0.0.1", "HostPort": port.to_string() }] },
            "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 3 },
            "NetworkMode": corner.named("one"),
            "Memory": 67_108_864, "MemorySwap": 134_217_728, "MemoryReservation": 33_554_432,
            "NanoCpus": 500_000_000, "PidsLimit": 64, "OomScoreAdj": 100, "ShmSize": 8_388_608,
            "Ulimits": [{ "Name": "nofile", "Soft": 1024, "Hard": 2048 }],
            "CapDrop": ["NET_RAW"], "CapAdd": ["SYS_TIME"],
            "SecurityOpt": ["no-new-privileges"],
            "ExtraHosts": ["harbour.example:10.9.8.7"],
            "Dns": ["10.9.8.7"], "DnsSearch": ["harbour.example"],
            "Sysctls": { "net.ipv4.ip_unprivileged_port_start": "80" },
            "LogConfig": { "Type": "json-file", "Config": { "max-size": "1m", "max-file": "2" } },
            "Init": true,
        },
        "NetworkingConfig": { "EndpointsConfig": { corner.named("one"): endpoint } },
    })
}

/// What must be the same, from an inspect; without what the engine makes anew for each container.
fn identity(inspect: &Value) -> BTreeMap<&'static str, Value> {
    let mut config = inspect["Config"].clone();
    let mut host = inspect["HostConfig"].clone();
    for (object, keys) in [(&mut config, &["Image", "Volumes"][..]), (&mut host, &["Binds", "Mounts"])] {
        for key in keys {
            object.as_object_mut().unwrap().remove(*key);
        }
    }
    let mut mounts: Vec<Value> = inspect["Mounts"].as_array().cloned().unwrap_or_default();
    for mount in &mut mounts {
        // How a mount was written down: an anonymous volume is attached by its name the second time.
        mount.as_object_mut().unwrap().remove("Mode");
    }
    mounts.sort_by_key(|mount| mount["Destination"].to_string());
    let short = inspect["Id"].as_str().unwrap()[..12].to_owned();
    let mut networks = inspect["NetworkSettings"]["Networks"].clone();
    for network in networks.as_object_mut().unwrap().values_mut() {
        let dynamic = network["IPAMConfig"]["IPv4Address"].is_null();
        let network = network.as_object_mut().unwrap();
        network.retain(|key, _| match key.as_str() {
            "EndpointID" | "DNSNames" => false,
            "IPAddress" | "MacAddress" => !dynamic,
            _ => true,
        });
        if let Some(aliases) = network.get_mut("Aliases").and_then(Value::as_array_mut) {
            aliases.retain(|alias| *alias != short.as_str());
            aliases.sort_by_key(ToString::to_string);
        }
        // No address of one's own is written in two ways.
        if network.get("IPAMConfig").is_some_and(|config| *config == json!({})) {
            network.insert("IPAMConfig".to_owned(), Value::Null);
        }
    }
    BTreeMap::from([
        ("name", inspect["Name"].clone()),
        ("command", json!([inspect["Path"], inspect["Args"]])),
        ("config", config),
        ("host config", host),
        ("mounts", json!(mounts)),
        ("networks", networks),
        ("ports", inspect["NetworkSettings"]["Ports"].clone()),
        ("driver", inspect["Driver"].clone()),
        ("restarts", inspect["RestartCount"].clone()),
    ])
}

/// What the new image itself makes different.
fn expected(before: BTreeMap<&'static str, Value>) -> BTreeMap<&'static str, Value> {
    let mut after = before;
    let config = after.get_mut("config").unwrap();
    for entry in config["Env"].as_array_mut().unwrap() {
        for name in ["VERSION", "FROM_IMAGE"] {
            if entry.as_str() == Some(&format!("{name}=1")) {
                *entry = json!(format!("{name}=2"));
            }
        }
    }
    config["Env"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    config["Labels"]["image.version"] = json!("2");
    config["WorkingDir"] = json!("/tmp/2");
    after
}

#[test]
fn a_container_with_everything_is_the_same_but_for_its_image() {
    let Some(corner) = Corner::new("faithful") else { return };
    let (docker, name) = (&corner.docker, corner.named("app"));
    for (network, subnet) in [("one", "10.231.1.0/24"), ("two", "10.231.2.0/24")] {
        docker.create_network(&corner.named(network), subnet, corner.name).unwrap();
    }
    corner.push("app", "stable", &image("1"));
    let port = free_port(corner.netns().as_deref()).unwrap();
    let web = Client::new(Target::Loopback { port, netns: corner.netns() });

    let repository = format!("{}/{}", corner.registry_host(), corner.named("app"));
    docker.pull(&repository, "stable").unwrap();
    let mut spec = settings(&corner, port);
    spec["Image"] = json!(corner.reference("app", "stable"));
    spec["StopTimeout"] = json!(1);
    spec["Labels"]["lodeman.fleet"] = json!(corner.name);
    spec["Labels"]["lodeman.policy"] = json!("auto");
    docker.create(&name, &spec).unwrap();
    let second = json!({ "Container": name, "EndpointConfig": { "Aliases": ["back"] } });
    docker.call("POST", &format!("/networks/{}/connect", corner.named("two")), Some(&second)).unwrap();
    docker.start(&name).unwrap();
    let volumes = ["/named", "/typed", "/anonymous", "/anonymous-typed", "/declared"];
    for volume in volumes {
        docker.write_file(&name, volume, "token", &format!("token of {volume}")).unwrap();
    }
    let before = docker.wait_until(&name, PATIENCE, |c| c["State"]["Health"]["Status"] == "healthy").unwrap();
    assert_eq!(web.get("/token").unwrap().text(), "token of /named");

    let digest = corner.push("app", "stable", &image("2"));
    let report = corner.lodeman.json(0, &["run-once"]).unwrap();
    assert_eq!(report["updates"][0]["outcome"], "updated", "{report:#}");
    corner.assert_settled("app");
    let after = corner.inspect("app");
    assert_ne!(after["Id"], before["Id"]);
    assert_eq!(corner.digest("app"), digest);

    let expected = expected(identity(&before));
    let mut found = identity(&after);
    found.get_mut("config").unwrap()["Env"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
    for (part, expected) in expected {
        assert_eq!(format!("{:#}", found[part]), format!("{expected:#}"), "{part}");
    }
    for volume in volumes {
        let token = docker.read_file(&name, &format!("{volume}/token")).unwrap();
        assert_eq!(token, Some(format!("token of {volume}")));
    }
    assert_eq!(after["State"]["Health"]["Status"], "healthy");
    assert_eq!(web.get("/token").unwrap().text(), "token of /named", "it answers where it answered");
    docker.remove(&name).unwrap();
    for network in ["one", "two"] {
        docker.call("DELETE", &format!("/networks/{}", corner.named(network)), None).unwrap();
    }
}
