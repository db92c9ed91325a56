//! What a container has from its user and what from its image.

use serde_json::{Value, json};

use super::{image, inspect, plan_at, resolve, spec_of};
use crate::spec::{Source, check_no_gain, derive, restore};

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
