//! The create-spec of a replacement, derived from an existing container.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A create request for one container, connected to at most one network, as the JSON the engine takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CreateSpec(pub Map<String, Value>);

/// One more network to connect before the start, with the settings of the endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointSpec {
    /// The network's name.
    pub network: String,
    /// `EndpointConfig` as the engine takes it.
    pub config: Map<String, Value>,
}
