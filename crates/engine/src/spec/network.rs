//! Which networks a replacement joins, and with which of an endpoint's settings.
//!
//! An inspect mixes what the user set (static addresses, aliases) with what happened (the address in
//! use, the gateway). Only the former is carried.

use serde_json::{Map, Value, json};

use super::value::{is_blank, is_default, object, remove_all, strings, text, version};
use super::{CreateSpec, EndpointSpec, NotCarried, Source};

/// The engine's default network, on which there are no aliases and no static addresses.
const DEFAULT_NETWORK: &str = "bridge";

/// Prefix of a mode that shares another container's namespace.
pub(super) const SHARED: &str = "container:";

/// What a container's `NetworkMode` makes of its network settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The namespace of the host, of another container, or an empty one: no endpoint of its own.
    Detached,
    /// Endpoints of its own.
    Connected,
}

/// Reads a `NetworkMode`.
pub(super) fn mode_of(network_mode: &str) -> Mode {
    if matches!(network_mode, "host" | "none") || network_mode.starts_with(SHARED) {
        Mode::Detached
    } else {
        Mode::Connected
    }
}

/// The network a `NetworkMode` names: `default` and nothing at all mean the default bridge.
pub(super) fn network_of_mode(network_mode: &str) -> &str {
    if matches!(network_mode, "" | "default") { DEFAULT_NETWORK } else { network_mode }
}

/// The network that a create request connects to by itself, if any.
pub(super) fn primary_of(spec: &CreateSpec) -> Option<String> {
    let host_config = spec.host_config();
    let mode = text(&host_config, "NetworkMode");
    (mode_of(mode) == Mode::Connected).then(|| network_of_mode(mode).to_owned())
}

/// Name of the network to create with: the one that `NetworkMode` means, else the lowest name.
fn choose_primary(network_mode: &str, networks: &Map<String, Value>) -> Option<String> {
    let wanted = network_of_mode(network_mode);
    if networks.contains_key(wanted) {
        return Some(wanted.to_owned());
    }
    // The mode may hold the network's id, or the beginning of it.
    let by_id = networks.iter().find(|(_, endpoint)| {
        let id = endpoint.get("NetworkID").and_then(Value::as_str).unwrap_or_default();
        wanted.len() >= 12 && id.starts_with(wanted)
    });
    by_id.map(|(name, _)| name.clone()).or_else(|| networks.keys().min().cloned())
}

/// The settings of an endpoint that a user can have made.
///
/// # Errors
/// [`NotCarried`] for a setting that the spoken API version does not know.
pub(super) fn user_settings(
    network: &str,
    endpoint: &Map<String, Value>,
    short_id: &str,
    api_version: &str,
) -> Result<Map<String, Value>, NotCarried> {
    let mut kept = Map::new();
    if network != DEFAULT_NETWORK {
        let mut addresses = object(endpoint, "IPAMConfig");
        addresses.retain(|key, value| {
            matches!(key.as_str(), "IPv4Address" | "IPv6Address" | "LinkLocalIPs") && !is_blank(value)
        });
        if !addresses.is_empty() {
            kept.insert("IPAMConfig".to_owned(), Value::Object(addresses));
        }
        let aliases: Vec<String> =
            strings(endpoint, "Aliases").into_iter().filter(|alias| alias != short_id).collect();
        if !aliases.is_empty() {
            kept.insert("Aliases".to_owned(), json!(aliases));
        }
        let links = strings(endpoint, "Links");
        if !links.is_empty() {
            kept.insert("Links".to_owned(), json!(links));
        }
    }
    for key in ["DriverOpts", "GwPriority"] {
        if let Some(value) = endpoint.get(key).filter(|value| !is_default(value)) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    if kept.contains_key("GwPriority") && version(api_version) < (1, 48) {
        let field = format!("NetworkSettings.Networks.{network}.GwPriority");
        return Err(NotCarried::new(field, "it needs API version 1.48"));
    }
    Ok(kept)
}

/// Puts the primary endpoint and the MAC address into the request, and gives the other endpoints.
///
/// # Errors
/// [`NotCarried`] for a container that is connected to no network although its mode names one.
pub(super) fn apply(
    source: &Source<'_>,
    config: &mut Map<String, Value>,
    host_config: &mut Map<String, Value>,
) -> Result<(Map<String, Value>, Vec<EndpointSpec>), NotCarried> {
    let network_mode = text(host_config, "NetworkMode").to_owned();
    if network_mode.starts_with(SHARED) {
        // The engine rejects these together with the mode; what an inspect shows is the provider's.
        remove_all(config, &["Hostname", "Domainname", "ExposedPorts", "MacAddress"]);
    }
    if mode_of(&network_mode) == Mode::Detached {
        return Ok((Map::new(), Vec::new()));
    }
    let networks = object(&source.container.section("NetworkSettings"), "Networks");
    let Some(primary) = choose_primary(&network_mode, &networks) else {
        let reason = format!("it is connected to no network, although its mode is `{network_mode}`");
        return Err(NotCarried::new("NetworkSettings.Networks", reason));
    };
    if network_of_mode(&network_mode) != primary {
        host_config.insert("NetworkMode".to_owned(), json!(primary));
    }

    let mut first = Map::new();
    let mut others = Vec::new();
    for (name, endpoint) in &networks {
        let endpoint = endpoint.as_object().cloned().unwrap_or_default();
        let settings = user_settings(name, &endpoint, source.container.id().short(), source.api_version)?;
        if *name == primary {
            first = settings;
        } else {
            others.push(EndpointSpec { network: name.clone(), config: settings });
        }
    }
    others.sort_by(|a, b| a.network.cmp(&b.network));

    // Up to API 1.51 `Config.MacAddress` is there only if the user set it. From 1.44 it belongs to
    // the endpoint; the address an endpoint shows may be a generated one and is never taken.
    let mac = text(config, "MacAddress").to_owned();
    if mac.is_empty() {
        config.remove("MacAddress");
    } else if version(source.api_version) >= (1, 44) {
        config.remove("MacAddress");
        first.insert("MacAddress".to_owned(), json!(mac));
    }
    let mut endpoints = Map::new();
    if !first.is_empty() {
        endpoints.insert(primary, Value::Object(first));
    }
    Ok((endpoints, others))
}
