//! Where a container's ports are reached from outside, as its inspect tells it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use lodeman_domain::container::Way;
use serde_json::{Map, Value};

use crate::ContainerInspect;

impl ContainerInspect {
    /// The TCP ports that its image or its user declared: published ones first, then exposed ones.
    #[must_use]
    pub fn declared_tcp_ports(&self) -> Vec<u16> {
        let mut seen = BTreeSet::new();
        let mut ports = Vec::new();
        for path in [["HostConfig", "PortBindings"], ["NetworkSettings", "Ports"], ["Config", "ExposedPorts"]]
        {
            let declared: BTreeSet<u16> = self.object(&path).keys().filter_map(|key| tcp_port(key)).collect();
            ports.extend(declared.into_iter().filter(|port| seen.insert(*port)));
        }
        ports
    }

    /// The ways to a TCP port of it, while it is up: its addresses on its networks, the host's port, the
    /// host itself.
    #[must_use]
    pub fn ways(&self, port: u16) -> Vec<(Way, SocketAddr)> {
        let mut ways: Vec<(Way, SocketAddr)> = Vec::new();
        for name in self.networks() {
            let address = |key: &str| -> Option<IpAddr> {
                self.value(&["NetworkSettings", "Networks", &name, key])?.as_str()?.parse().ok()
            };
            if let Some(ip) = address("IPAddress").or_else(|| address("GlobalIPv6Address")) {
                ways.push((Way::Network(name.clone()), SocketAddr::new(ip, port)));
            }
        }
        let published = self.value(&["NetworkSettings", "Ports", &format!("{port}/tcp")]);
        let mut bindings = published.and_then(Value::as_array).into_iter().flatten();
        if let Some(address) = bindings.find_map(host_address) {
            ways.push((Way::Published, address));
        }
        if self.network_mode() == "host" {
            ways.push((Way::Host, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)));
        }
        ways
    }

    fn object(&self, path: &[&str]) -> Map<String, Value> {
        self.value(path).and_then(Value::as_object).cloned().unwrap_or_default()
    }
}

fn tcp_port(key: &str) -> Option<u16> {
    let (number, protocol) = key.split_once('/').unwrap_or((key, "tcp"));
    if protocol == "tcp" { number.parse().ok().filter(|port| *port != 0) } else { None }
}

/// Where a published port is dialled: every address of the host means its loopback too.
fn host_address(binding: &Value) -> Option<SocketAddr> {
    let field = |key: &str| binding.get(key).and_then(Value::as_str).unwrap_or_default();
    let port = field("HostPort").parse().ok().filter(|port| *port != 0)?;
    let ip = match field("HostIp") {
        "" | "0.0.0.0" => Ipv4Addr::LOCALHOST.into(),
        "::" => Ipv6Addr::LOCALHOST.into(),
        written => written.parse().ok()?,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn inspect(host: &Value, config: &Value, settings: &Value) -> ContainerInspect {
        let raw = json!({ "Id": "0a".repeat(32), "Name": "/web", "State": {}, "HostConfig": host,
            "Config": config, "NetworkSettings": settings });
        ContainerInspect::from_json(raw).unwrap()
    }

    #[test]
    fn published_ports_come_first_and_only_tcp_counts() {
        let container = inspect(
            &json!({ "PortBindings": { "8080/tcp": [{ "HostPort": "80" }], "53/udp": [{ "HostPort": "53" }] } }),
            &json!({ "ExposedPorts": { "22/tcp": {}, "8080/tcp": {}, "9/sctp": {}, "0/tcp": {}, "70000/tcp": {} } }),
            &json!({ "Ports": { "22/tcp": null } }),
        );
        assert_eq!(container.declared_tcp_ports(), [8080, 22]);
    }

    #[test]
    fn a_port_is_reached_by_network_by_host_port_or_on_the_host_itself() {
        let settings = json!({
            "Networks": { "b": { "IPAddress": "10.0.0.2" }, "a": { "IPAddress": "", "GlobalIPv6Address": "fd00::2" },
                "c": { "IPAddress": "" } },
            "Ports": { "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "8080" }, { "HostIp": "::", "HostPort": "8080" }] },
        });
        let container = inspect(&json!({ "NetworkMode": "b" }), &json!({}), &settings);
        let network = |name: &str| Way::Network(name.to_owned());
        assert_eq!(
            container.ways(80),
            [
                (network("a"), "[fd00::2]:80".parse().unwrap()),
                (network("b"), "10.0.0.2:80".parse().unwrap()),
                (Way::Published, "127.0.0.1:8080".parse().unwrap()),
            ]
        );
        assert_eq!(container.ways(81).len(), 2);
        let host = json!({ "Networks": { "host": { "IPAddress": "" } } });
        let host = inspect(&json!({ "NetworkMode": "host" }), &json!({}), &host);
        assert_eq!(host.ways(80), [(Way::Host, "127.0.0.1:80".parse().unwrap())]);
    }

    #[test]
    fn what_makes_no_sense_is_no_way() {
        let settings = json!({ "Networks": { "a": { "IPAddress": "here" }, "b": 7 },
            "Ports": { "80/tcp": [7, { "HostPort": "x" }, { "HostIp": "host", "HostPort": "80" }] } });
        let container = inspect(&json!({ "PortBindings": 7 }), &json!({ "ExposedPorts": [] }), &settings);
        assert_eq!(container.ways(80), []);
        assert_eq!(container.declared_tcp_ports(), [80]);
    }
}
