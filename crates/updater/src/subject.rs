//! One container as deciding sees it: its facts, its labels, the rules that hold for it.

use std::sync::Arc;

use lodeman_domain::container::{ContainerId, ContainerName, Labels, RunState};
use lodeman_domain::digest::Digest;
use lodeman_domain::explain::{Reason, ReasonCode};
use lodeman_domain::image::{ImageReference, Platform};
use lodeman_domain::label::{ContainerHints, read_labels};
use lodeman_domain::policy::{
    ContainerRules, ExclusionReason, Management, Policy, Subject as PolicySubject, container_rules,
};
use lodeman_domain::setting::Settings;
use lodeman_domain::workload::{HostId, WorkloadKey};
use lodeman_engine::spec::{Refusal, refusals};
use lodeman_engine::{ContainerInspect, EngineInfo, ImageInspect};
use lodeman_registry::check::{ImageStore, LocalImage, RunningImage};

/// A container and the image it was made from, as the engine tells them.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The container.
    pub container: Arc<ContainerInspect>,
    /// Its image; `None` when the engine does not have it any more.
    pub image: Option<Arc<ImageInspect>>,
}

/// One container as deciding sees it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Which.
    pub key: WorkloadKey,
    /// Its handle now.
    pub id: ContainerId,
    /// The reference as its configuration has it.
    pub written: String,
    /// The same, read.
    pub reference: Result<ImageReference, String>,
    /// Its image.
    pub image_id: Option<Digest>,
    /// Whether it runs.
    pub running: bool,
    /// What its labels ask for.
    pub hints: ContainerHints,
    /// What holds for it.
    pub rules: ContainerRules,
    /// Why it cannot be swapped at all.
    pub refusals: Vec<Reason>,
    /// The image, as the digest check takes it.
    pub running_image: Option<RunningImage>,
    /// The version its image says it is.
    pub version: Option<String>,
}

impl Subject {
    /// Puts together what deciding needs of `observed`; `all` are all containers of the host.
    #[must_use]
    pub fn new(
        host: &HostId,
        observed: &Observed,
        all: &[ContainerInspect],
        info: &EngineInfo,
        settings: &Settings,
        stored_override: Option<Policy>,
    ) -> Self {
        let container = &observed.container;
        let labels = container.labels();
        let hints = read_labels(&labels);
        let written = container.image_reference().to_owned();
        let reference = written.parse::<ImageReference>().map_err(|e| e.to_string());
        let rules = container_rules(
            stored_override,
            &policy_subject(container.name(), host, &written, reference.as_ref().ok(), &labels),
            &hints,
            settings,
        );
        let refusals = refusals(container, all).iter().map(refusal).collect();
        Self {
            key: WorkloadKey { host: host.clone(), name: container.name().clone() },
            id: container.id().clone(),
            running: container.is_up() || container.state() == Some(RunState::Restarting),
            image_id: container.image_id(),
            running_image: running_image(observed, info),
            version: image_version(observed),
            written,
            reference,
            hints,
            rules,
            refusals,
        }
    }

    /// Whether it lies outside the include scope.
    #[must_use]
    pub fn is_outside_scope(&self) -> bool {
        matches!(self.rules.management, Management::Excluded { reason: ExclusionReason::OutsideScope })
    }

    /// Why the registry is not asked about this container at all, if it is not.
    #[must_use]
    pub fn not_applicable(&self) -> Option<Reason> {
        if let Management::Excluded { reason } = &self.rules.management {
            return Some(Reason::new(reason.code(), reason.to_string()));
        }
        let reference = match &self.reference {
            Ok(reference) => reference,
            Err(why) => {
                return Some(Reason::new(ReasonCode::BadReference, format!("`{}`: {why}", self.written)));
            }
        };
        if self.rules.policy.value == Policy::Pinned {
            return Some(Reason::new(ReasonCode::PolicyPinned, format!("policy is {}", self.rules.policy)));
        }
        if let Some(digest) = reference.digest() {
            let detail = format!("its reference is bound to {}", digest.short());
            return Some(Reason::new(ReasonCode::DigestPinned, detail));
        }
        None
    }
}

fn policy_subject<'a>(
    name: &'a ContainerName,
    host: &'a HostId,
    image: &'a str,
    reference: Option<&'a ImageReference>,
    labels: &'a Labels,
) -> PolicySubject<'a> {
    PolicySubject { name, host, image, reference, labels }
}

fn refusal(refusal: &Refusal) -> Reason {
    let code = match refusal {
        Refusal::AutoRemove => ReasonCode::AutoRemove,
        Refusal::SwarmTask => ReasonCode::OrchestratorTask,
        _ => ReasonCode::SharedNamespace,
    };
    Reason::new(code, refusal.to_string())
}

fn image_version(observed: &Observed) -> Option<String> {
    let config = observed.image.as_ref()?.config();
    let version = config.get("Labels")?.get("org.opencontainers.image.version")?.as_str()?;
    (!version.is_empty()).then(|| version.to_owned())
}

fn running_image(observed: &Observed, info: &EngineInfo) -> Option<RunningImage> {
    let container = &observed.container;
    let local = LocalImage {
        image_id: container.image_id()?,
        manifest_digest: container.manifest_digest(),
        repo_digests: observed.image.as_ref().map(|i| i.repo_digests()).unwrap_or_default(),
    };
    let image_platform = observed.image.as_ref().map(|i| i.platform());
    Some(RunningImage {
        image: local,
        platform: container
            .manifest_platform()
            .or_else(|| usable(image_platform))
            .unwrap_or_else(|| info.platform.clone()),
        store: match info.image_store {
            lodeman_engine::ImageStore::Classic => ImageStore::Classic,
            lodeman_engine::ImageStore::Containerd => ImageStore::Containerd,
        },
        pulled: observed.image.as_ref().and_then(|i| pulled(i)),
    })
}

fn usable(platform: Option<Platform>) -> Option<Platform> {
    platform.filter(|p| !p.os.is_empty() && !p.architecture.is_empty())
}

/// Whether the engine says that the image was pulled; engines that do not know the field say nothing.
fn pulled(image: &ImageInspect) -> Option<bool> {
    let identity = image.raw().get("Identity")?;
    Some(identity.get("Pull").is_some_and(|pull| !pull.is_null()))
}
