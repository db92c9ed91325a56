//! A derived spec may lose, it may never gain.
//!
//! The rule of the security contract, R-1: whatever a bug, a label or a message made of the
//! derivation, the result has no privilege, namespace, device, mount, port or network that the old
//! container did not have. Everything that is not listed here as free must be equal.

use lodeman_domain::image::ImageReference;
use serde_json::{Map, Value};

use super::derive::{COMPOSE_IMAGE, plain_link};
use super::network::{SHARED, network_of_mode};
use super::value::{clean_path, is_blank, is_default, object, objects, pruned, strings, text};
use super::{Plan, mounts};
use crate::ContainerInspect;

/// A setting in which the plan has more than the container it replaces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the replacement would gain `{field}`")]
pub struct GainRefused {
    /// Path of the setting in a create request.
    pub field: String,
}

fn gain<T>(field: impl Into<String>) -> Result<T, GainRefused> {
    Err(GainRefused { field: field.into() })
}

/// Holds a plan against the container it replaces.
///
/// # Errors
/// [`GainRefused`] naming the first setting in which the plan goes beyond the container.
pub fn check_no_gain(old: &ContainerInspect, plan: &Plan) -> Result<(), GainRefused> {
    let old_host = old.section("HostConfig");
    let new_host = plan.spec.host_config();
    check_host_config(&old_host, &new_host)?;
    check_namespaces(old, &old_host, &new_host)?;
    check_mounts(old, &old_host, &new_host)?;
    check_networks(old, plan)?;
    check_config(old, plan)
}

/// Whether `target` is of the repository that the container's image came from: rule R-2 of the security
/// contract. `false` also where that cannot be told, because the container names an image id.
#[must_use]
pub fn keeps_repository(old: &ContainerInspect, target: &ImageReference) -> bool {
    let current = old.image_reference().parse::<ImageReference>();
    current.is_ok_and(|current| current.repository() == target.repository())
}

/// Settings of `HostConfig` that a derivation rewrites, each checked by a rule of its own.
const REWRITTEN: [&str; 7] =
    ["NetworkMode", "PidMode", "IpcMode", "UsernsMode", "VolumesFrom", "Links", "Mounts"];

fn check_host_config(old: &Map<String, Value>, new: &Map<String, Value>) -> Result<(), GainRefused> {
    for key in old.keys().chain(new.keys()) {
        if REWRITTEN.contains(&key.as_str()) || key == "Binds" {
            continue;
        }
        let before = pruned(old.get(key).unwrap_or(&Value::Null));
        let after = pruned(new.get(key).unwrap_or(&Value::Null));
        // A setting that is missing counts as changed: a dropped security option is a gain.
        if before != after && !(is_default(&before) && is_default(&after)) {
            return gain(format!("HostConfig.{key}"));
        }
    }
    let before = strings(old, "Binds");
    if strings(new, "Binds").iter().any(|entry| !before.contains(entry)) {
        return gain("HostConfig.Binds");
    }
    let modes = |map: &Map<String, Value>| -> Vec<String> {
        strings(map, "VolumesFrom")
            .iter()
            .map(|entry| entry.split_once(':').map_or(String::new(), |(_, mode)| mode.to_owned()))
            .collect()
    };
    if modes(old) != modes(new) {
        return gain("HostConfig.VolumesFrom");
    }
    let links = |map: &Map<String, Value>| -> Vec<String> {
        strings(map, "Links").iter().filter_map(|entry| plain_link(entry)).collect()
    };
    let before = links(old);
    if links(new).iter().any(|link| !before.contains(link)) {
        return gain("HostConfig.Links");
    }
    Ok(())
}

fn check_namespaces(
    container: &ContainerInspect,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<(), GainRefused> {
    for key in ["NetworkMode", "PidMode", "IpcMode", "UsernsMode"] {
        let (before, after) = (text(old, key), text(new, key));
        // Another container's namespace is carried by that container's name of today.
        let shared = before.starts_with(SHARED) && after.starts_with(SHARED);
        let known_network = key == "NetworkMode"
            && !matches!(after, "host" | "none")
            && container.networks().iter().any(|name| name == network_of_mode(after));
        if before != after && !shared && !known_network {
            return gain(format!("HostConfig.{key}"));
        }
    }
    Ok(())
}

fn check_mounts(
    container: &ContainerInspect,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Result<(), GainRefused> {
    let before: Vec<Value> = objects(old, "Mounts").into_iter().map(|m| pruned(&Value::Object(m))).collect();
    let mounted = container.mounts();
    for entry in objects(new, "Mounts") {
        if before.contains(&pruned(&Value::Object(entry.clone()))) {
            continue;
        }
        let single =
            Map::from_iter([("Mounts".to_owned(), Value::Array(vec![Value::Object(entry.clone())]))]);
        let kept = mounts::wanted(&single).into_iter().next().is_some_and(|wanted| {
            text(&entry, "Type") == "volume"
                && mounted.iter().any(|m| {
                    m.kind == "volume"
                        && m.name == wanted.source
                        && clean_path(&m.destination) == wanted.destination
                        && (m.read_write || !wanted.read_write)
                })
        });
        if !kept {
            return gain(format!("HostConfig.Mounts `{}`", text(&entry, "Target")));
        }
    }
    Ok(())
}

fn check_networks(old: &ContainerInspect, plan: &Plan) -> Result<(), GainRefused> {
    let before = old.networks();
    let endpoints = plan.spec.endpoints();
    let asked = plan.network_names().into_iter().chain(endpoints.keys().cloned());
    for network in asked {
        if !before.contains(&network) {
            return gain(format!("NetworkingConfig.EndpointsConfig.{network}"));
        }
    }
    Ok(())
}

fn check_config(old: &ContainerInspect, plan: &Plan) -> Result<(), GainRefused> {
    let before = old.section("Config");
    for (key, value) in &plan.spec.config() {
        let ours = before.get(key).cloned().unwrap_or_default();
        let ok = match key.as_str() {
            "Image" => true,
            "Env" => {
                let known = strings(&before, "Env");
                strings(&plan.spec.0, "Env").iter().all(|entry| known.contains(entry))
            }
            "Labels" => value.as_object().is_some_and(|labels| {
                let known = object(&before, "Labels");
                labels.iter().all(|(k, v)| {
                    known.get(k) == Some(v) || (k == COMPOSE_IMAGE && known.contains_key(COMPOSE_IMAGE))
                })
            }),
            "Volumes" => subset_of_keys(value, &object(&before, "Volumes")),
            "ExposedPorts" => {
                let mut known = object(&before, "ExposedPorts");
                known.extend(object(&old.section("HostConfig"), "PortBindings"));
                subset_of_keys(value, &known)
            }
            "Healthcheck" => value.as_object().is_some_and(|check| {
                let known = object(&before, "Healthcheck");
                check.iter().all(|(k, v)| known.get(k) == Some(v))
            }),
            // Clearing the image's entrypoint is how a container without one is asked for.
            "Entrypoint" => {
                value == &ours
                    || (is_blank(&ours)
                        && matches!(value.as_array(), Some(list) if list.is_empty() || list[..] == [Value::from("")]))
            }
            _ => value == &ours,
        };
        if !ok {
            return gain(key.clone());
        }
    }
    Ok(())
}

fn subset_of_keys(value: &Value, known: &Map<String, Value>) -> bool {
    value.as_object().is_some_and(|map| map.keys().all(|key| known.contains_key(key)))
}
