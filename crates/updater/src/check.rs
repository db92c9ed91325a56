//! What the registry has for one container: its tag's digest, and newer versions, each resolved to
//! the image for the container's platform before anyone is told of it.

use std::collections::HashMap;

use lodeman_domain::digest::Digest;
use lodeman_domain::image::{ImageReference, Repository, Tag};
use lodeman_domain::policy::{ContainerRules, Policy, RuleSource};
use lodeman_domain::queue::Target;
use lodeman_domain::version::{Candidate, Choice, Rules, Step, choose};
use lodeman_engine::{ContainerEngine, ImageInspect};
use lodeman_registry::check::{
    DigestVerdict, LocalImage, LocalReason, PlatformImage, PlatformLookup, compare_digest,
    find_platform_image,
};
use lodeman_registry::{RegistryClient, RegistryError};
use lodeman_store::{BadDigest, IgnoredTarget};

use crate::subject::Subject;

/// How many versions are resolved before the search for one that may be offered is given up.
const MOST_RESOLVED: usize = 8;

/// Something that could be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What.
    pub target: Target,
    /// How large a step it is; `None` for a new digest of the same tag.
    pub step: Option<Step>,
    /// It was rolled back before.
    pub bad: Option<BadDigest>,
    /// A person never wants to be offered it.
    pub ignored: bool,
    /// Whether `auto` may take a step of this size by itself.
    pub automatic: bool,
}

/// How the tag's own digest compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagState {
    /// The container runs what its tag means.
    Current,
    /// The same image; only the index around it moved.
    IndexRebuilt,
    /// The tag means another image.
    Moved(Box<Offer>),
    /// The tag has no image for the platform any more.
    NoPlatform(String),
}

/// What the registry has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It could not be asked.
    Failed {
        /// `timeout`, `unauthorized`, …
        category: &'static str,
        /// In words.
        message: String,
        /// When asking again makes sense.
        retry_at: Option<jiff::Timestamp>,
    },
    /// The image comes from no registry.
    Local {
        /// How that is known.
        reason: &'static str,
    },
    /// It answered.
    Answered {
        /// The tag's own digest.
        tag: TagState,
        /// Newer versions, newest first, as far as they were resolved.
        versions: Vec<Offer>,
        /// All newer versions within scope, newest first, but for those that a person ignores.
        newer: Vec<Tag>,
        /// How many versions the scope hides, and the newest of them.
        hidden: (usize, Option<Tag>),
        /// Why newer versions could not be looked for.
        version_problem: Option<String>,
    },
}

/// What is remembered of earlier attempts, for one scan.
#[derive(Debug, Default)]
pub struct Memory {
    /// Blocked manifests.
    pub bad: HashMap<(Repository, Digest), BadDigest>,
    /// What each container is never to be offered.
    pub ignored: HashMap<lodeman_domain::workload::WorkloadKey, Vec<IgnoredTarget>>,
}

impl Memory {
    /// Whether a person said that this version is never to be offered to the container.
    fn ignores(&self, subject: &Subject, version: &Tag) -> bool {
        let list = self.ignored.get(&subject.key);
        list.is_some_and(|list| list.iter().any(|ignored| ignored.version.as_ref() == Some(version)))
    }
}

/// Asks the registry about `subject`.
pub async fn check(
    client: &dyn RegistryClient,
    engine: &dyn ContainerEngine,
    subject: &Subject,
    memory: &Memory,
) -> Checked {
    let (Ok(reference), Some(running)) = (&subject.reference, &subject.running_image) else {
        return Checked::Failed {
            category: "engine",
            message: "the engine does not tell which image it runs".to_owned(),
            retry_at: None,
        };
    };
    let local_tag = local_tag(engine, reference).await;
    let tag = match compare_digest(client, reference, running, local_tag.as_ref()).await {
        Ok(verdict) => match tag_state(subject, reference, verdict, memory) {
            Ok(state) => state,
            Err(reason) => return Checked::Local { reason: reason.describe() },
        },
        Err(error) => return failed(&error),
    };
    let (versions, newer, hidden, version_problem) = versions(client, subject, reference, memory).await;
    Checked::Answered { tag, versions, newer, hidden, version_problem }
}

fn failed(error: &RegistryError) -> Checked {
    Checked::Failed { category: error.category(), message: error.to_string(), retry_at: error.retry_at() }
}

async fn local_tag(engine: &dyn ContainerEngine, reference: &ImageReference) -> Option<LocalImage> {
    let found: ImageInspect = engine.inspect_image(&reference.to_string()).await.ok()?;
    Some(LocalImage {
        image_id: found.id().clone(),
        manifest_digest: None,
        repo_digests: found.repo_digests(),
    })
}

fn tag_state(
    subject: &Subject,
    reference: &ImageReference,
    verdict: DigestVerdict,
    memory: &Memory,
) -> Result<TagState, LocalReason> {
    Ok(match verdict {
        DigestVerdict::UpToDate { .. } | DigestVerdict::PinnedByDigest { .. } => TagState::Current,
        DigestVerdict::IndexMovedOnly { .. } => TagState::IndexRebuilt,
        DigestVerdict::UpdateAvailable { remote, already_pulled } => {
            let target = target(reference.clone(), remote, None, already_pulled);
            TagState::Moved(Box::new(offer(subject, target, None, true, memory)))
        }
        DigestVerdict::NotACandidate { platform, offered, .. } => {
            let has: Vec<String> = offered.iter().map(ToString::to_string).collect();
            TagState::NoPlatform(format!("it has no image for {platform}, only for {}", has.join(", ")))
        }
        DigestVerdict::Local { reason } => return Err(reason),
    })
}

fn target(
    reference: ImageReference,
    remote: PlatformImage,
    version: Option<Tag>,
    already_pulled: bool,
) -> Target {
    Target {
        reference,
        digest: remote.digest,
        manifest: remote.manifest,
        config: Some(remote.config),
        version,
        already_pulled,
    }
}

fn offer(subject: &Subject, target: Target, step: Option<Step>, automatic: bool, memory: &Memory) -> Offer {
    let repository = target.reference.repository().clone();
    let bad = memory.bad.get(&(repository, target.manifest.clone())).cloned();
    let ignored = memory.ignored.get(&subject.key).is_some_and(|list| {
        list.iter().any(|i| match (&i.version, &i.manifest) {
            (Some(version), _) => target.version.as_ref() == Some(version),
            (None, Some(manifest)) => *manifest == target.manifest,
            (None, None) => false,
        })
    });
    Offer { target, step, bad, ignored, automatic }
}

/// The rules of choosing that hold for a container.
#[must_use]
pub fn version_rules(rules: &ContainerRules) -> Rules {
    Rules {
        scope: rules.scope.offered,
        include: rules.include_tags.clone(),
        exclude: rules.exclude_tags.clone(),
        constraint: rules.constraint.clone(),
        prerelease: rules.prerelease,
        variant: rules.variant,
        ..Rules::default()
    }
}

type Versions = (Vec<Offer>, Vec<Tag>, (usize, Option<Tag>), Option<String>);

async fn versions(
    client: &dyn RegistryClient,
    subject: &Subject,
    reference: &ImageReference,
    memory: &Memory,
) -> Versions {
    let none = |problem: Option<String>| (Vec::new(), Vec::new(), (0, None), problem);
    if let Some(blocked) = &subject.rules.version_updates_blocked {
        return none(Some(blocked.clone()));
    }
    let Some(current) = reference.effective_tag() else { return none(None) };
    // A tag that is no version has no newer ones: its list need not be read.
    if lodeman_domain::version::Version::parse(&current).is_none() {
        return none(None);
    }
    let list = match client.list_tags(reference.repository()).await {
        Ok(list) => list,
        Err(error) => return none(Some(format!("its tags cannot be listed: {error}"))),
    };
    let choice = choose(&current, &*list.tags, &version_rules(&subject.rules));
    let newer = choice.candidates.iter().map(|c| &c.tag);
    let newer: Vec<Tag> = newer.filter(|tag| !memory.ignores(subject, tag)).cloned().collect();
    let hidden = (choice.beyond_scope.count, choice.beyond_scope.newest.clone());
    match resolve(client, subject, reference, &choice, memory).await {
        Ok(offers) => (offers, newer, hidden, None),
        Err(error) => {
            (Vec::new(), newer, hidden, Some(format!("its newer version cannot be resolved: {error}")))
        }
    }
}

/// Resolves candidates, newest first, until one is found that may be installed.
async fn resolve(
    client: &dyn RegistryClient,
    subject: &Subject,
    reference: &ImageReference,
    choice: &Choice,
    memory: &Memory,
) -> Result<Vec<Offer>, RegistryError> {
    let Some(running) = &subject.running_image else { return Ok(Vec::new()) };
    let auto = subject.rules.policy.value == Policy::Auto;
    let mut offers: Vec<Offer> = Vec::new();
    for candidate in &choice.candidates {
        let automatic = is_automatic(candidate, &subject.rules);
        // Beyond what a person would be shown, only what `auto` may take is of interest.
        let shown = offers.iter().any(|o| o.bad.is_none() && !o.ignored);
        if shown && !(auto && automatic) {
            continue;
        }
        let what = candidate.tag.clone().into();
        let found = find_platform_image(client, reference.repository(), &what, &running.platform).await?;
        // A tag without an image for this platform is no candidate.
        let PlatformLookup::Found(remote) = found else { continue };
        let target =
            target(reference.with_tag(candidate.tag.clone()), remote, Some(candidate.tag.clone()), false);
        let offer = offer(subject, target, Some(candidate.step), automatic, memory);
        let usable = offer.bad.is_none() && !offer.ignored;
        offers.push(offer);
        if (usable && (!auto || automatic)) || offers.len() >= MOST_RESOLVED {
            break;
        }
    }
    Ok(offers)
}

/// Whether `auto` may take this step by itself: patches while nobody has said how far, else what was said.
fn is_automatic(candidate: &Candidate, rules: &ContainerRules) -> bool {
    use lodeman_domain::version::Scope;
    if rules.scope.source == RuleSource::Default {
        return candidate.is_patch_level();
    }
    match candidate.step {
        Step::Major => rules.scope.automatic_major,
        Step::Minor => matches!(rules.scope.automatic, Scope::Minor | Scope::Major | Scope::Default),
        Step::Patch | Step::Build | Step::System | Step::Calendar => true,
    }
}
