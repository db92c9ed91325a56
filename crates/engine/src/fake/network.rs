//! Addresses and host ports: free until a container starts, taken while it is up.

use std::net::Ipv4Addr;

use lodeman_domain::container::ContainerId;
use serde_json::Value;

use super::state::{State, refused};
use crate::EngineError;
use crate::spec::value::{object, text};

impl State {
    /// Gives a container an address on each of its networks.
    pub(super) fn assign_addresses(
        &mut self,
        action: &'static str,
        id: &ContainerId,
    ) -> Result<(), EngineError> {
        let Some(container) = self.containers.get(id) else { return Ok(()) };
        let wanted: Vec<(String, Option<String>)> = container
            .endpoints
            .iter()
            .filter(|(name, endpoint)| {
                endpoint.address.is_none() && !matches!(name.as_str(), "host" | "none")
            })
            .map(|(name, endpoint)| {
                let fixed = text(&object(&endpoint.settings, "IPAMConfig"), "IPv4Address").to_owned();
                (name.clone(), (!fixed.is_empty()).then_some(fixed))
            })
            .collect();
        for (name, fixed) in wanted {
            let Some(network) = self.networks.get(&name) else {
                return Err(refused(action, 404, format!("network {name} not found")));
            };
            let [a, b, c] = network.prefix;
            let taken = self.taken(&name);
            let address = if let Some(fixed) = fixed {
                let Some(address) = fixed.parse::<Ipv4Addr>().ok().filter(|x| x.octets()[..3] == [a, b, c])
                else {
                    return Err(refused(action, 400, format!("no subnet of {name} contains {fixed}")));
                };
                if taken.contains(&address) {
                    return Err(refused(action, 403, "Address already in use"));
                }
                address
            } else {
                let free = (2..=254).map(|d| Ipv4Addr::new(a, b, c, d)).find(|x| !taken.contains(x));
                free.ok_or_else(|| refused(action, 500, format!("no address left in {name}")))?
            };
            if let Some(endpoint) = self.containers.get_mut(id).and_then(|c| c.endpoints.get_mut(&name)) {
                endpoint.address = Some(address);
            }
        }
        Ok(())
    }

    fn taken(&self, network: &str) -> Vec<Ipv4Addr> {
        self.containers.values().filter_map(|c| c.endpoints.get(network)?.address).collect()
    }

    /// Publishes a container's ports; a port `0` or none is chosen anew at each start.
    pub(super) fn publish_ports(&mut self, id: &ContainerId) -> Result<(), String> {
        let Some(container) = self.containers.get(id) else { return Ok(()) };
        let mut published = std::collections::BTreeMap::new();
        if container.endpoints.contains_key("host") || container.endpoints.is_empty() {
            return Ok(());
        }
        let bindings = object(&container.host_config, "PortBindings");
        for (port, hosts) in bindings {
            let asked = hosts.as_array().cloned().unwrap_or_default();
            let asked = if asked.is_empty() { vec![Value::Null] } else { asked };
            let mut list = Vec::new();
            for host in asked {
                let field = |key: &str| host.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let ip = field("HostIp");
                let number = match field("HostPort").parse::<u16>() {
                    Ok(number) if number > 0 => number,
                    _ => 32_768 + u16::try_from(self.next() % 28_000).unwrap_or(0),
                };
                if self.port_taken(&port, &ip, number) {
                    return Err(format!("Bind for {ip}:{number} failed: port is already allocated"));
                }
                list.push((ip, number));
            }
            published.insert(port, list);
        }
        if let Some(container) = self.containers.get_mut(id) {
            container.ports = published;
        }
        Ok(())
    }

    fn port_taken(&self, port: &str, ip: &str, number: u16) -> bool {
        let protocol = |port: &str| port.split_once('/').map_or("tcp", |(_, p)| p).to_owned();
        let any = |ip: &str| matches!(ip, "" | "0.0.0.0");
        self.leaked_ports.contains(&number)
            || self.containers.values().any(|c| {
                c.ports.iter().any(|(other, hosts)| {
                    protocol(other) == protocol(port)
                        && hosts.iter().any(|(i, n)| *n == number && (i == ip || any(i) || any(ip)))
                })
            })
    }

    /// Gives back addresses and ports.
    pub(super) fn release(&mut self, id: &ContainerId) {
        if let Some(container) = self.containers.get_mut(id) {
            container.ports.clear();
            for endpoint in container.endpoints.values_mut() {
                endpoint.address = None;
            }
        }
    }
}
