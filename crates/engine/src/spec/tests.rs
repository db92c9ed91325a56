//! Tests of the derivation, one rule at a time.

mod config;
mod connections;
mod generated;
mod limits;

use lodeman_domain::container::ContainerName;
use lodeman_domain::image::ImageReference;
use serde_json::{Map, Value, json};

use crate::ContainerInspect;
use crate::spec::{NotCarried, Plan, Source, check_no_gain, derive, plan_hash};

const ID: &str = "aaaaaaaaaaaabbbbbbbbbbbbccccccccccccddddddddddddeeeeeeeeeeeeffff";

fn map(value: &Value) -> Map<String, Value> {
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
    map(&json!({ "Env": ["PATH=/bin"], "Cmd": ["serve"] }))
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
    plan_at(&inspect(change), &map(image_config), "1.41").unwrap()
}

fn spec_of(change: &Value, image_config: &Value) -> Value {
    Value::Object(plan(change, image_config).spec.0)
}
