//! The create-spec of a replacement, derived from an existing container.
//!
//! A spec never comes from anywhere else: [`derive()`] reads what an engine tells about a container,
//! takes away what that container merely inherited from its image, and points the rest at another
//! image. What the user asked for stays, what the image's author chose follows the new image.
//! [`check_no_gain`] then holds the result against the original: it may lose, it may never gain.
//!
//! Everything works on the engine's JSON, so that a setting this build has never heard of survives.

mod command;
mod compare;
mod defaults;
mod derive;
mod guard;
mod mounts;
mod network;
mod refuse;
pub(crate) mod value;

#[cfg(test)]
mod tests;

use lodeman_domain::container::ContainerName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ContainerInspect;

pub use compare::{FieldDiff, changed_beyond_image, hash_json, is_made_by, matches_created, plan_hash};
pub use defaults::merge_image_defaults;
pub use derive::{derive, new_volume_paths, restore};
pub use guard::{GainRefused, check_no_gain, keeps_repository};
pub use refuse::{Refusal, is_reserved_name, refusals};

/// A create request for one container, connected to at most one network, as the JSON the engine takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CreateSpec(pub Map<String, Value>);

impl CreateSpec {
    /// The image the container is made from, as it will stand in `Config.Image`.
    #[must_use]
    pub fn image(&self) -> &str {
        self.0.get("Image").and_then(Value::as_str).unwrap_or_default()
    }

    /// The `HostConfig` part; empty where there is none.
    #[must_use]
    pub fn host_config(&self) -> Map<String, Value> {
        value::object(&self.0, "HostConfig")
    }

    /// The part that becomes the container's `Config`: all but `HostConfig` and `NetworkingConfig`.
    #[must_use]
    pub fn config(&self) -> Map<String, Value> {
        let mut config = self.0.clone();
        config.remove("HostConfig");
        config.remove("NetworkingConfig");
        config
    }

    /// The settings of the endpoints made by the create call itself, by network name.
    #[must_use]
    pub fn endpoints(&self) -> Map<String, Value> {
        value::object(&value::object(&self.0, "NetworkingConfig"), "EndpointsConfig")
    }
}

/// One more network to connect before the start, with the settings of the endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointSpec {
    /// The network's name.
    pub network: String,
    /// `EndpointConfig` as the engine takes it.
    pub config: Map<String, Value>,
}

/// An anonymous volume that is attached again by its name: the data it holds is the container's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnonymousVolume {
    /// The volume's generated name.
    pub name: String,
    /// Path in the container.
    pub destination: String,
    /// Whether the container may write.
    pub read_write: bool,
}

/// Everything it takes to make a replacement: one create call, then one connect call per network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The create request.
    pub spec: CreateSpec,
    /// Networks to connect after the create and before the start, sorted by name.
    pub networks: Vec<EndpointSpec>,
    /// Anonymous volumes the spec attaches by name, sorted by destination.
    pub anonymous_volumes: Vec<AnonymousVolume>,
    /// What will be different although it was carried, in sentences for the user.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Names of all networks the replacement will be connected to, sorted.
    #[must_use]
    pub fn network_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.networks.iter().map(|n| n.network.clone()).collect();
        names.extend(network::primary_of(&self.spec));
        names.sort();
        names.dedup();
        names
    }
}

/// What a spec is derived from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The container, inspected just now.
    pub container: &'a ContainerInspect,
    /// Config of the image the container was made from, read by image id and before anything is
    /// pulled: afterwards the tag may point elsewhere.
    pub image_config: &'a Map<String, Value>,
    /// API version spoken with the engine, such as `1.41`.
    pub api_version: &'a str,
    /// Gives the current name of a container for an id or name found in the inspect, if there is one.
    pub resolve: &'a (dyn Fn(&str) -> Option<ContainerName> + Send + Sync),
    /// The machine's host name, which containers on the host's network inherit.
    pub host_name: &'a str,
}

/// A setting of the container that a replacement would not have. The update stops before anything is
/// touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` cannot be carried over: {reason}")]
pub struct NotCarried {
    /// Path of the setting in the container's inspect.
    pub field: String,
    /// Why, as a clause for the user.
    pub reason: String,
}

impl NotCarried {
    fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}
