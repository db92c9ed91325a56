//! What must hold after everything, seen from outside.

use anyhow::Result;
use serde_json::{Value, json};

use crate::docker::Docker;

/// Where the volumes are mounted that hold a token.
pub(super) const VOLUMES: [&str; 3] = ["/named", "/anonymous", "/declared"];

/// A container before anything was done with it.
#[derive(Debug, Clone)]
pub struct Before {
    /// Its name.
    pub name: String,
    /// What the engine said of it.
    pub inspect: Value,
}

/// What does not hold of the container that was `before`: that there is exactly one of its name, that
/// it runs, with the same data and the same identity, and, where `version` says so, from that image. At
/// rest nothing is left beside it; until then (no `version`) the old container may be kept, as long as
/// it is down and the engine will not start it.
///
/// # Errors
/// When the engine does not answer.
pub fn problems(docker: &Docker, before: &Before, version: Option<&str>) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let name = &before.name;
    let mut names = names_beside(docker, name)?;
    if version.is_none() {
        let kept = format!("{name}__old__");
        for other in names.extract_if(.., |other| other.starts_with(&kept)) {
            let found = docker.inspect(&other)?;
            let policy = &found["HostConfig"]["RestartPolicy"]["Name"];
            if found["State"]["Running"] == true || !(*policy == "no" || *policy == "") {
                problems.push(format!("{other} could run beside it: {}, {policy}", found["State"]["Status"]));
            }
        }
    }
    if names != [name.as_str()] {
        problems.push(format!("containers of that name: {names:?}"));
    }
    let Some(after) = docker.find(name)? else {
        problems.push("the container is gone".to_owned());
        return Ok(problems);
    };
    if after["State"]["Running"] != true || after["State"]["Paused"] == true {
        problems.push(format!("it does not run: {}", after["State"]));
    }
    for volume in VOLUMES {
        let token = docker.read_file(name, &format!("{volume}/token"))?;
        if token.as_deref() != Some(&format!("{name} {volume}")) {
            problems.push(format!("the token in {volume} is {token:?}"));
        }
    }
    let (then, now) = (identity(&before.inspect), identity(&after));
    for (part, expected) in then.as_object().into_iter().flatten() {
        if now[part] != *expected {
            problems.push(format!("{part}: {} instead of {expected}", now[part]));
        }
    }
    let runs = environment(&after).into_iter().find(|entry| entry.starts_with("VERSION="));
    if let Some(version) = version
        && runs.as_deref() != Some(&format!("VERSION={version}"))
    {
        problems.push(format!("it runs {runs:?} instead of version {version}"));
    }
    Ok(problems)
}

/// The names of all containers that are called so, or named after it by an operation.
fn names_beside(docker: &Docker, name: &str) -> Result<Vec<String>> {
    let rows = docker.list(&json!({ "name": [name] }))?;
    let names = rows.iter().flat_map(|row| row["Names"].as_array().into_iter().flatten());
    let names = names.filter_map(|found| found.as_str()?.strip_prefix('/').map(str::to_owned));
    Ok(names.filter(|found| found == name || found.starts_with(&format!("{name}__"))).collect())
}

fn environment(inspect: &Value) -> Vec<String> {
    let list = inspect["Config"]["Env"].as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What must be the same before and after.
fn identity(inspect: &Value) -> Value {
    let mut mounts: Vec<Value> = inspect["Mounts"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|mount| json!([mount["Destination"], mount["Name"], mount["Source"], mount["RW"]]))
        .collect();
    mounts.sort_by_key(ToString::to_string);
    let short = inspect["Id"].as_str().unwrap_or_default().chars().take(12).collect::<String>();
    let network = |(name, endpoint): (&String, &Value)| {
        let aliases = endpoint["Aliases"].as_array().cloned().unwrap_or_default();
        let aliases: Vec<Value> = aliases.into_iter().filter(|alias| *alias != short.as_str()).collect();
        json!([name, endpoint["IPAMConfig"]["IPv4Address"], aliases])
    };
    let networks = inspect["NetworkSettings"]["Networks"].as_object();
    json!({
        "mounts": mounts,
        "networks": networks.into_iter().flatten().map(network).collect::<Vec<_>>(),
        "address": inspect["NetworkSettings"]["Networks"]["matrix-one"]["IPAddress"],
        "ports": inspect["NetworkSettings"]["Ports"],
        "restart policy": inspect["HostConfig"]["RestartPolicy"],
        "labels": inspect["Config"]["Labels"],
        "user's environment": environment(inspect).iter().find(|entry| entry.starts_with("USER_SET=")),
        "reference": inspect["Config"]["Image"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_volume_address_or_policy_is_another_identity() {
        let inspect = json!({
            "Id": "0123456789abcdef",
            "Mounts": [{ "Destination": "/data", "Name": "a", "Source": "/v/a", "RW": true, "Mode": "z" }],
            "NetworkSettings": { "Networks": { "matrix-one": {
                "IPAddress": "10.0.0.2", "IPAMConfig": null, "Aliases": ["x", "0123456789ab"] } } },
            "HostConfig": { "RestartPolicy": { "Name": "always" } },
            "Config": { "Env": ["USER_SET=yes", "VERSION=1"] },
        });
        let mut replaced = inspect.clone();
        replaced["Id"] = json!("fedcba9876543210");
        replaced["NetworkSettings"]["Networks"]["matrix-one"]["Aliases"] = json!(["x", "fedcba987654"]);
        replaced["Mounts"][0]["Mode"] = json!("");
        replaced["Config"]["Env"][1] = json!("VERSION=2");
        assert_eq!(identity(&inspect), identity(&replaced));
        for (pointer, value) in [
            ("/Mounts/0/Name", "b"),
            ("/NetworkSettings/Networks/matrix-one/IPAddress", "10.0.0.3"),
            ("/HostConfig/RestartPolicy/Name", "no"),
            ("/Config/Env/0", "USER_SET=no"),
        ] {
            let mut other = inspect.clone();
            *other.pointer_mut(pointer).unwrap() = json!(value);
            assert_ne!(identity(&inspect), identity(&other), "{pointer}");
        }
    }
}
