//! The machine around the engine: its disk, and what can be dialled on it.

use std::net::SocketAddr;

use lodeman_domain::container::ContainerId;

use super::container::Container;
use super::{FakeEngine, State};
use crate::DiskSpace;

/// The size of its disk.
const DISK_BYTES: u64 = 64 << 30;

/// What can be known of the machine.
#[derive(Debug)]
pub(super) struct Place {
    /// `None`: it cannot be known.
    free_bytes: Option<u64>,
    /// Whether containers can be dialled from where we stand.
    in_reach: bool,
    /// Whether reading a log never ends.
    pub(super) logs_hang: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self { free_bytes: Some(DISK_BYTES / 2), in_reach: true, logs_hang: false }
    }
}

impl FakeEngine {
    /// Says how many bytes are free on the engine's disk; `None`: that cannot be known. A full disk
    /// ([`FakeEngine::set_disk_full`]) has none free, whatever was said.
    pub fn set_free_bytes(&self, free: Option<u64>) {
        self.change(|state| state.place.free_bytes = free);
    }

    /// Says whether containers can be dialled from where we stand.
    pub fn set_in_reach(&self, in_reach: bool) {
        self.change(|state| state.place.in_reach = in_reach);
    }

    /// Lets everyone who reads a log wait for ever.
    pub fn hang_logs(&self, hang: bool) {
        self.change(|state| state.place.logs_hang = hang);
    }
}

impl State {
    pub(super) fn takes_connections(&self, address: SocketAddr) -> bool {
        let now = self.now();
        let listens = |container: &Container, port: u16| {
            let after = container.behaviour.listens.get(&port);
            after.zip(container.up_since).is_some_and(|(after, since)| since + *after <= now)
        };
        let is_at = |container: &Container| {
            let own =
                |ip| container.endpoints.values().any(|e| e.address.map(std::net::IpAddr::V4) == Some(ip));
            let on_host = container.network_mode() == "host" && address.ip().is_loopback();
            let published = container.ports.iter().any(|(port, hosts)| {
                let inside = port.strip_suffix("/tcp").and_then(|port| port.parse().ok());
                let meant = |ip: &str| match ip {
                    "" | "0.0.0.0" | "::" => address.ip().is_loopback(),
                    written => written.parse() == Ok(address.ip()),
                };
                let here = hosts.iter().any(|(ip, number)| *number == address.port() && meant(ip));
                here && inside.is_some_and(|inside| listens(container, inside))
            });
            published || ((on_host || own(address.ip())) && listens(container, address.port()))
        };
        self.place.in_reach && self.containers.values().any(|container| container.is_up() && is_at(container))
    }

    pub(super) fn disk_space(&self, witness: &ContainerId) -> Option<DiskSpace> {
        let free = self.place.free_bytes.filter(|_| self.containers.contains_key(witness))?;
        let free_bytes = if self.disk_full { 0 } else { free };
        Some(DiskSpace { path: "/engine".to_owned(), free_bytes, total_bytes: DISK_BYTES })
    }
}
