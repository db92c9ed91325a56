//! The containers of the host, as lists show them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lodeman_domain::container::{ContainerId, ContainerName, Labels, RunState};
use lodeman_domain::image::ImageReference;
use lodeman_domain::label::read_labels;
use lodeman_domain::policy::Policy;
use lodeman_domain::update::Phase;
use lodeman_domain::workload::HostId;
use lodeman_inventory::{ContainerEntry, HostSnapshot, ImageFacts};

use super::App;
use crate::control::{ControlError, ErrorKind};

/// One container, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerView {
    /// Its full id.
    pub id: ContainerId,
    /// Its name.
    pub name: ContainerName,
    /// The reference it was made with.
    pub image: String,
    /// The policy in force: set for it, by its label, or the default. That `latest` may count as `auto`
    /// is a rule of deciding and not shown.
    pub policy: Policy,
    /// What it is doing; `None` where the engine says a word we do not know.
    pub state: Option<RunState>,
    /// The digest its image was pulled by, where the engine tells it.
    pub digest: Option<String>,
    /// The version that its image says it is.
    pub version: Option<String>,
    /// Whether it is being updated or rolled back just now.
    pub updating: bool,
    /// Its Compose project.
    pub stack: Option<String>,
    /// Whether it is this server's own container.
    pub is_self: bool,
    /// Whether an orchestrator owns it.
    pub is_swarm_task: bool,
    /// Its labels.
    pub labels: Labels,
}

/// What the store tells of containers.
#[derive(Debug, Default)]
pub(super) struct Known {
    overrides: BTreeMap<ContainerName, Policy>,
    updating: BTreeSet<ContainerName>,
    /// The container that this process runs in.
    own: Option<ContainerId>,
}

/// A list, and what it was made of.
#[derive(Debug)]
pub(super) struct Listed {
    snapshot: Arc<HostSnapshot>,
    known: Arc<Known>,
    default: Policy,
    list: Arc<Vec<ContainerView>>,
}

impl Known {
    fn view(&self, default: Policy, snapshot: &HostSnapshot, entry: &ContainerEntry) -> ContainerView {
        let labels = entry.inspect.labels();
        let image = snapshot.image_of(entry);
        let hints = read_labels(&labels);
        let name = entry.name().clone();
        let said = hints.policy.as_ref().map(|hint| hint.value);
        ContainerView {
            id: entry.id().clone(),
            image: entry.inspect.image_reference().to_owned(),
            digest: image.and_then(|image| pulled_by(image, entry.inspect.image_reference())),
            version: image.and_then(says_version),
            policy: self.overrides.get(&name).copied().or(said).unwrap_or(default),
            state: entry.inspect.state(),
            updating: self.updating.contains(&name),
            stack: hints.stack,
            is_self: hints.is_self || self.own.as_ref() == Some(entry.id()),
            is_swarm_task: hints.is_swarm_task,
            labels,
            name,
        }
    }
}

/// The digest that `image` was pulled by from the repository of `reference`, or else from any.
fn pulled_by(image: &ImageFacts, reference: &str) -> Option<String> {
    let names = image.repo_digests();
    let reference: Option<ImageReference> = reference.parse().ok();
    let of_it = |name: &&String| {
        let pulled: Option<ImageReference> = name.parse().ok();
        pulled
            .zip(reference.as_ref())
            .is_some_and(|(pulled, wanted)| pulled.repository() == wanted.repository())
    };
    let name = names.iter().find(of_it).or(names.first())?;
    name.split_once('@').map(|(_, digest)| digest.to_owned())
}

/// The version that an image says it is.
fn says_version(image: &ImageFacts) -> Option<String> {
    let config = image.config();
    let version = config.get("Labels")?.get("org.opencontainers.image.version")?.as_str()?;
    (!version.is_empty()).then(|| version.to_owned())
}

impl App {
    /// The containers of the host by name, whatever their state; those that updates made for their own
    /// purposes are left out. It is the same list, not only an equal one, while nothing changes.
    ///
    /// # Errors
    /// When the engine was not reached yet, or the store cannot be read.
    pub async fn list_containers(&self) -> Result<Arc<Vec<ContainerView>>, ControlError> {
        let (known, default) = self.known().await?;
        let snapshot = self.model.snapshot();
        let mut listed = self.kept.listed.lock().await;
        if let Some(kept) = &*listed
            && Arc::ptr_eq(&kept.snapshot, &snapshot)
            && Arc::ptr_eq(&kept.known, &known)
            && kept.default == default
        {
            return Ok(kept.list.clone());
        }
        let mut list: Vec<_> =
            snapshot.visible().map(|entry| known.view(default, &snapshot, entry)).collect();
        list.sort_by(|a, b| a.name.cmp(&b.name));
        let list = Arc::new(list);
        *listed = Some(Listed { snapshot, known, default, list: list.clone() });
        Ok(list)
    }

    /// The container of this name.
    ///
    /// # Errors
    /// As for the list.
    pub async fn find_container(&self, name: &ContainerName) -> Result<Option<ContainerView>, ControlError> {
        let (known, default) = self.known().await?;
        let snapshot = self.model.snapshot();
        let found = snapshot.find(name).filter(|entry| !entry.ours);
        Ok(found.map(|entry| known.view(default, &snapshot, entry)))
    }

    /// How many updates wait: for a person, for their time, or to be tried again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn count_waiting(&self) -> Result<usize, ControlError> {
        let store = &*self.swapper.deps().store;
        let count = async {
            let queue = store.list_queue().await?;
            Ok(queue.iter().filter(|entry| entry.waits()).count())
        };
        Ok(*self.kept.waiting.get(store, count).await?)
    }

    /// What the store tells of containers, and the policy of those about which nothing is said.
    async fn known(&self) -> Result<(Arc<Known>, Policy), ControlError> {
        if self.model.snapshot().engine.is_none() {
            let message = "the engine was not reached yet";
            return Err(ControlError::new(ErrorKind::Unavailable, message));
        }
        let deps = self.swapper.deps();
        let here = |host: &HostId| *host == deps.host;
        let store = &*deps.store;
        let read = async {
            let overrides = store.list_overrides().await?.into_iter();
            let overrides = overrides
                .filter(|set| here(&set.workload.host))
                .filter_map(|set| Some((set.workload.name, set.policy.parse().ok()?)))
                .collect();
            let open = store.list_open_operations().await?.into_iter();
            let updating = open
                .filter(|op| here(&op.host) && !matches!(op.phase, Phase::Committed | Phase::Held))
                .map(|op| op.canonical_name)
                .collect();
            Ok(Known { overrides, updating, own: deps.swap.own_container.clone() })
        };
        let known = self.kept.known.get(store, read).await?;
        Ok((known, self.settings().default_policy))
    }
}
