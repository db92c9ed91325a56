//! The identity of what is updated.
//!
//! Today a workload is a container on a host; later it can be a service or an orchestrator's
//! workload. Engine ids are only handles: they change with every update, the identity does not.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::container::{ContainerName, Labels};

/// A host whose engine is managed. The local one is `local`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostId(pub String);

impl HostId {
    /// The host the server itself runs beside.
    #[must_use]
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of thing a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkloadKind {
    /// One container on one host.
    Container,
}

/// What stays the same about a workload when its container is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum IdentityKey {
    /// A container that Compose made: project, service and number.
    Compose {
        /// `com.docker.compose.project`
        project: String,
        /// `com.docker.compose.service`
        service: String,
        /// `com.docker.compose.container-number`, `1` where it is absent.
        number: String,
    },
    /// Any other container: its name.
    Name {
        /// The container's name.
        name: ContainerName,
    },
}

impl IdentityKey {
    /// The identity of a container with this name and these labels.
    #[must_use]
    pub fn of(name: &ContainerName, labels: &Labels) -> Self {
        let compose = |key: &str| labels.get(&format!("com.docker.compose.{key}")).cloned();
        match (compose("project"), compose("service")) {
            (Some(project), Some(service)) => {
                let number = compose("container-number").unwrap_or_else(|| "1".to_owned());
                Self::Compose { project, service, number }
            }
            _ => Self::Name { name: name.clone() },
        }
    }
}

/// The key of the lock of record, and of overrides: a host and a container name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkloadKey {
    /// The host.
    pub host: HostId,
    /// The container's canonical name.
    pub name: ContainerName,
}

impl WorkloadKey {
    /// The container `name` on the local host.
    #[must_use]
    pub fn local(name: ContainerName) -> Self {
        Self { host: HostId::local(), name }
    }
}

impl fmt::Display for WorkloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name)
    }
}
