//! What the model knows at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use lodeman_domain::container::{ContainerId, ContainerName};
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Platform;
use lodeman_domain::workload::HostId;
use lodeman_engine::spec::is_reserved_name;
use lodeman_engine::{ContainerInspect, EngineInfo, ImageInspect};
use serde_json::{Map, Value};

/// A host's containers and the images they were made from, as last inspected.
#[derive(Debug, Clone)]
pub struct HostSnapshot {
    /// Which host.
    pub host: HostId,
    /// Grows with every change.
    pub revision: u64,
    /// What the engine said about itself; `None` before it was asked, or when it does not tell.
    pub engine: Option<EngineInfo>,
    /// All containers, by id.
    pub containers: BTreeMap<ContainerId, ContainerEntry>,
    /// The images they were made from, by id.
    pub images: BTreeMap<Digest, ImageFacts>,
}

impl HostSnapshot {
    pub(crate) fn empty(host: HostId) -> Self {
        Self { host, revision: 0, engine: None, containers: BTreeMap::new(), images: BTreeMap::new() }
    }

    /// The containers to list and to check: all but those an update made for its own purposes.
    pub fn visible(&self) -> impl Iterator<Item = &ContainerEntry> {
        self.containers.values().filter(|entry| !entry.ours)
    }

    /// The container that has this name.
    #[must_use]
    pub fn find(&self, name: &ContainerName) -> Option<&ContainerEntry> {
        self.containers.values().find(|entry| entry.inspect.name() == name)
    }

    /// What is known about the image a container was made from.
    #[must_use]
    pub fn image_of(&self, entry: &ContainerEntry) -> Option<&ImageFacts> {
        self.images.get(&entry.inspect.image_id()?)
    }
}

/// One container.
#[derive(Debug, Clone)]
pub struct ContainerEntry {
    /// Its last inspect.
    pub inspect: Arc<ContainerInspect>,
    /// Whether an update made it or keeps it for its own purposes (`…__new__…`, `…__old__…`): such a
    /// container is neither listed nor checked.
    pub ours: bool,
    /// The newest event, by the engine's clock, that was seen before the inspect was asked for.
    pub(crate) as_of: Option<Timestamp>,
}

impl ContainerEntry {
    pub(crate) fn new(inspect: ContainerInspect, as_of: Option<Timestamp>) -> Self {
        Self { ours: is_reserved_name(inspect.name()), inspect: Arc::new(inspect), as_of }
    }

    /// Full id.
    #[must_use]
    pub fn id(&self) -> &ContainerId {
        self.inspect.id()
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &ContainerName {
        self.inspect.name()
    }
}

/// One image that a container was made from.
#[derive(Debug, Clone)]
pub struct ImageFacts {
    /// Its last inspect.
    pub inspect: Arc<ImageInspect>,
    /// Whether the engine still has it. A forced removal takes an image away from under a container.
    pub present: bool,
}

impl ImageFacts {
    /// `repository@digest` names; none of an image that is gone.
    #[must_use]
    pub fn repo_digests(&self) -> Vec<String> {
        if self.present { self.inspect.repo_digests() } else { Vec::new() }
    }

    /// `repository:tag` names; none of an image that is gone.
    #[must_use]
    pub fn repo_tags(&self) -> Vec<String> {
        if self.present { self.inspect.repo_tags() } else { Vec::new() }
    }

    /// The image's config.
    #[must_use]
    pub fn config(&self) -> Map<String, Value> {
        self.inspect.config()
    }

    /// What it runs on.
    #[must_use]
    pub fn platform(&self) -> Platform {
        self.inspect.platform()
    }
}
