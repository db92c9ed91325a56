//! What the requests of the control API carry.

use std::collections::BTreeMap;

use lodeman_domain::container::ContainerName;
use lodeman_domain::image::ImageReference;
use lodeman_updater::control::Which;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    pub(crate) names: Vec<ContainerName>,
    pub(crate) by: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OneName {
    pub(crate) name: ContainerName,
    pub(crate) by: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explain {
    #[serde(default)]
    pub(crate) name: Option<ContainerName>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    pub(crate) name: ContainerName,
    #[serde(default)]
    pub(crate) which: Which,
    pub(crate) by: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct History {
    #[serde(default)]
    pub(crate) name: Option<ContainerName>,
    #[serde(default)]
    pub(crate) before_seq: Option<i64>,
    pub(crate) limit: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    pub(crate) reference: ImageReference,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAdmin {
    pub(crate) name: String,
    pub(crate) password_hash: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSettings {
    /// Key and text; `null` takes a stored value back.
    pub(crate) changes: BTreeMap<String, Option<String>>,
    pub(crate) by: String,
}

/// It was done, and there is no more to tell.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {}

/// Which server answers on a control socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub process_id: u32,
}
