//! Who holds a host port that a container cannot get.

use std::collections::BTreeSet;

use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::update::Step;
use lodeman_engine::ContainerInspect;
use serde_json::Value;

use super::perform::{Halt, Run};

/// A container that has what another one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) id: ContainerId,
    pub(crate) name: ContainerName,
    pub(crate) port: HostPort,
}

/// A port of the host, on one of its addresses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HostPort {
    number: u16,
    protocol: String,
    /// `None`: on all of them.
    address: Option<String>,
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.protocol)
    }
}

impl HostPort {
    fn meets(&self, other: &Self) -> bool {
        let same_address = match (&self.address, &other.address) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        self.number == other.number && self.protocol == other.protocol && same_address
    }
}

/// The fixed host ports that the container asks for. One that it lets the engine choose is never taken.
pub(crate) fn wanted(c: &ContainerInspect) -> BTreeSet<HostPort> {
    ports(c.value(&["HostConfig", "PortBindings"]))
}

fn published(c: &ContainerInspect) -> BTreeSet<HostPort> {
    let mut all = ports(c.value(&["NetworkSettings", "Ports"]));
    all.extend(wanted(c));
    all
}

fn ports(map: Option<&Value>) -> BTreeSet<HostPort> {
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut found = BTreeSet::new();
    for (port, bindings) in map.and_then(Value::as_object).into_iter().flatten() {
        let protocol = port.split_once('/').map_or("tcp", |(_, protocol)| protocol);
        for binding in bindings.as_array().into_iter().flatten() {
            let Some(number) = text(binding, "HostPort").parse().ok().filter(|n| *n != 0) else { continue };
            let address = Some(text(binding, "HostIp"))
                .filter(|a| !matches!(a.as_str(), "" | "0.0.0.0" | "::" | "[::]"));
            found.insert(HostPort { number, protocol: protocol.to_owned(), address });
        }
    }
    found
}

/// The running container that holds a port which `wanting` asks for.
pub(crate) async fn holder(run: &Run, wanting: &ContainerInspect) -> Result<Option<Holder>, Halt> {
    let wanted = wanted(wanting);
    if wanted.is_empty() {
        return Ok(None);
    }
    let lost = || Halt::EngineLost { step: Step::StartOld };
    let all = run.deps.engine.list_containers().await.map_err(|_| lost())?;
    for other in all.iter().filter(|c| c.id != *wanting.id()) {
        let found = match run.deps.engine.inspect_container(&other.id).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => continue,
            Err(_) => return Err(lost()),
        };
        if !found.is_up() {
            continue;
        }
        let held = published(&found);
        if let Some(port) = wanted.iter().find(|port| held.iter().any(|h| h.meets(port))) {
            let (id, name) = (found.id().clone(), found.name().clone());
            return Ok(Some(Holder { id, name, port: port.clone() }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(map: &Value) -> Vec<String> {
        ports(Some(map)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_fixed_ports_are_asked_for() {
        let map = json!({
            "80/tcp": [{ "HostIp": "", "HostPort": "8080" }, { "HostIp": "::", "HostPort": "8080" }],
            "53/udp": [{ "HostIp": "127.0.0.1", "HostPort": "53" }],
            "90/tcp": [{ "HostPort": "" }, { "HostPort": "0" }],
            "91/tcp": null,
        });
        assert_eq!(set(&map), ["53/udp", "8080/tcp"]);
        assert_eq!(set(&Value::Null), [""; 0]);
    }

    #[test]
    fn the_same_port_on_two_addresses_does_not_meet() {
        let port = |address: Option<&str>| HostPort {
            number: 80,
            protocol: "tcp".to_owned(),
            address: address.map(str::to_owned),
        };
        assert!(port(None).meets(&port(Some("127.0.0.1"))));
        assert!(!port(Some("127.0.0.2")).meets(&port(Some("127.0.0.1"))));
    }
}
