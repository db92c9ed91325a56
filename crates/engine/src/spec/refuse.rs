//! Which containers are not replaced by this build, and why.

use std::fmt;

use lodeman_domain::container::ContainerName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::derive::plain_link;
use super::network::SHARED;
use super::value::{strings, text};
use crate::ContainerInspect;

/// Why a container is not replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The engine deletes it when it stops, so the old one could not be kept until the new one is
    /// proven.
    AutoRemove,
    /// Another container lives in one of its namespaces and would lose it.
    NamespaceShared {
        /// The other container.
        by: ContainerName,
        /// Which setting of the other container says so.
        field: String,
    },
    /// Another container links to it on the default bridge and would keep the link to the old one.
    LinkedFrom {
        /// The other container.
        by: ContainerName,
    },
    /// It is a task of a Swarm service: the service decides what runs.
    SwarmTask,
    /// It is a container that an update made or keeps for its own purposes.
    ReservedName,
    /// The engine is deleting it or failed to.
    BeingRemoved,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AutoRemove => f.write_str("the engine deletes it as soon as it stops (`--rm`)"),
            Self::NamespaceShared { by, field } => {
                write!(f, "`{by}` shares its namespace (`{field}`) and would lose it")
            }
            Self::LinkedFrom { by } => write!(f, "`{by}` has a legacy link to it"),
            Self::SwarmTask => f.write_str("it is a task of a Swarm service"),
            Self::ReservedName => f.write_str("it belongs to an update that is under way"),
            Self::BeingRemoved => f.write_str("the engine is removing it"),
        }
    }
}

/// Whether a name is one that updates give to containers they work with: `…__new__<8 hex>`,
/// `…__old__<8 hex>`, `…__upd__<8 hex>`.
#[must_use]
pub fn is_reserved_name(name: &ContainerName) -> bool {
    is_reserved_text(name.as_str())
}

pub(super) fn is_reserved_text(name: &str) -> bool {
    let Some((head, op)) = name.rsplit_once("__") else { return false };
    let hex = op.len() == 8 && op.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    hex && ["__new", "__old", "__upd"].iter().any(|mark| head.ends_with(mark) && head.len() > mark.len())
}

/// Every reason not to replace `container`, given all containers of its engine.
#[must_use]
pub fn refusals(container: &ContainerInspect, others: &[ContainerInspect]) -> Vec<Refusal> {
    let mut found = Vec::new();
    if container.auto_remove() {
        found.push(Refusal::AutoRemove);
    }
    if container.labels().keys().any(|key| key.starts_with("com.docker.swarm.task")) {
        found.push(Refusal::SwarmTask);
    }
    if is_reserved_name(container.name()) {
        found.push(Refusal::ReservedName);
    }
    let status = container.value(&["State", "Status"]).and_then(Value::as_str);
    if matches!(status, Some("removing" | "dead")) {
        found.push(Refusal::BeingRemoved);
    }
    for other in others.iter().filter(|other| other.id() != container.id()) {
        let host_config = other.section("HostConfig");
        for key in ["NetworkMode", "PidMode", "IpcMode"] {
            let provider = text(&host_config, key).strip_prefix(SHARED);
            if provider.is_some_and(|provider| means(provider, container)) {
                let field = format!("HostConfig.{key}");
                found.push(Refusal::NamespaceShared { by: other.name().clone(), field });
            }
        }
        let targets = strings(&host_config, "Links").into_iter().filter_map(|link| plain_link(&link));
        let linked = targets.filter_map(|link| link.split(':').next().map(str::to_owned));
        if linked.into_iter().any(|target| means(&target, container)) {
            found.push(Refusal::LinkedFrom { by: other.name().clone() });
        }
    }
    found
}

/// Whether a text in another container's configuration means this one: its name, its id, or the
/// beginning of its id.
fn means(text: &str, container: &ContainerInspect) -> bool {
    text == container.name().as_str() || (text.len() >= 12 && container.id().as_str().starts_with(text))
}
