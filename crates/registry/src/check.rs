//! The digest check: whether what a container runs is what its reference means now.
//!
//! The subject is the image the *container* was created from, not the image its tag names on the
//! engine: the tag may have been pulled by hand, or moved while another container was updated.

use lodeman_domain::digest::Digest;
use lodeman_domain::image::{DOCKER_HUB, ImageReference, Platform, Repository};

use crate::remote::fit;
use crate::{ManifestContent, RegistryClient, RegistryError, RemoteManifest, TagOrDigest};

/// Which image store an engine has; image identity differs between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageStore {
    /// An image's id is the digest of its config.
    Classic,
    /// An image's id is the digest its reference resolved to: an index, or else a manifest.
    Containerd,
}

/// An image on the engine, by all the names its content has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalImage {
    /// The image's id; for a running container its `Image`.
    pub image_id: Digest,
    /// The platform's manifest: `ImageManifestDescriptor.digest`, where the engine tells it.
    pub manifest_digest: Option<Digest>,
    /// `RepoDigests` as the engine lists them, those of other repositories too; empty when the
    /// image cannot be inspected.
    pub repo_digests: Vec<String>,
}

/// What a container runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningImage {
    /// The image it was created from.
    pub image: LocalImage,
    /// What it runs on: its own platform, else its image's, else the engine's.
    pub platform: Platform,
    /// Where the engine keeps its images.
    pub store: ImageStore,
    /// Whether the engine says that the image was pulled (`Identity.Pull`); `None` where it does not say.
    pub pulled: Option<bool>,
}

/// An image at the registry, chosen for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformImage {
    /// What the tag points to: an index, or a manifest without one. This is what is pulled.
    pub digest: Digest,
    /// The manifest for the platform; equal to `digest` where there is no index.
    pub manifest: Digest,
    /// The image's config.
    pub config: Digest,
}

/// The image a repository has for a platform, or what it has instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformLookup {
    /// There is one.
    Found(PlatformImage),
    /// There is none.
    Missing {
        /// What the tag points to.
        digest: Digest,
        /// The platforms it has.
        offered: Vec<Platform>,
    },
}

/// What the check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DigestVerdict {
    /// The container runs what the reference means.
    UpToDate {
        /// What the reference means.
        remote: Digest,
    },
    /// The reference means something new, but for this platform it is the same image: an index was
    /// rebuilt for another platform. Nothing is to be done.
    IndexMovedOnly {
        /// What the reference means now.
        remote: PlatformImage,
    },
    /// The reference means another image.
    UpdateAvailable {
        /// The image it means.
        remote: PlatformImage,
        /// Whether the engine has it already, so that only the container is old.
        already_pulled: bool,
    },
    /// What the reference means now has no image for the container's platform.
    NotACandidate {
        /// What the reference means now.
        remote: Digest,
        /// The platform that is missing.
        platform: Platform,
        /// The platforms it has.
        offered: Vec<Platform>,
    },
    /// The reference names a digest, so it can never mean anything else.
    PinnedByDigest {
        /// The digest.
        digest: Digest,
    },
    /// The image comes from no registry.
    Local {
        /// How that is known.
        reason: LocalReason,
    },
}

/// How an image is known to come from no registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocalReason {
    /// The engine has no digest of this repository for it, and the registry does not know it or
    /// shows it to nobody without a credential.
    NeverPulled,
    /// The engine does not tell where it came from, and the registry does not have it.
    UnknownToRegistry,
}

impl LocalReason {
    /// A sentence fragment for people.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::NeverPulled => "it was built or loaded here, and the registry has no such image",
            Self::UnknownToRegistry => "the registry has no such image, so it was probably built here",
        }
    }
}

impl LocalImage {
    /// Whether any name of this image's content is `digest`; a digest that belongs to another
    /// repository does not count.
    fn is(&self, digest: &Digest, repository: &Repository) -> bool {
        self.image_id == *digest
            || self.manifest_digest.as_ref() == Some(digest)
            || self.digests_of(repository).any(|known| known == *digest)
    }

    /// Whether this is `remote` for its platform, if perhaps under another index.
    fn is_same_image(&self, remote: &PlatformImage, repository: &Repository) -> bool {
        self.is(&remote.manifest, repository) || self.is(&remote.config, repository)
    }

    /// The digests under which this image is known in `repository`.
    fn digests_of(&self, repository: &Repository) -> impl Iterator<Item = Digest> {
        self.repo_digests.iter().filter_map(move |text| {
            let reference: ImageReference = text.parse().ok()?;
            (reference.repository() == repository).then(|| reference.digest().cloned())?
        })
    }
}

/// Compares what a container runs with what its reference means now.
///
/// `local_tag` is the image that the reference names on the engine, if it names one. The reference is
/// the container's own, from its configuration.
///
/// The steps, in this order and on both stores: the digest of the reference is one of the running
/// image's digests; the manifest for the platform, or its config, is; else there is an update.
///
/// # Errors
/// Whatever kept the registry from answering. Only a definitive answer makes an image local.
pub async fn compare_digest(
    client: &dyn RegistryClient,
    reference: &ImageReference,
    running: &RunningImage,
    local_tag: Option<&LocalImage>,
) -> Result<DigestVerdict, RegistryError> {
    let repository = reference.repository();
    let tag = match (reference.digest(), reference.effective_tag()) {
        (Some(digest), _) => return Ok(DigestVerdict::PinnedByDigest { digest: digest.clone() }),
        (None, tag) => tag.unwrap_or_else(lodeman_domain::image::Tag::latest),
    };
    let remote = match client.resolve(repository, &tag.into()).await {
        Ok(remote) => remote,
        Err(error) => {
            return match local_reason(running, repository, &error) {
                Some(reason) => Ok(DigestVerdict::Local { reason }),
                None => Err(error),
            };
        }
    };
    if running.image.is(&remote, repository) {
        return Ok(DigestVerdict::UpToDate { remote });
    }
    // By digest from here on: the tag may move between two requests.
    let lookup = find_platform_image(client, repository, &remote.into(), &running.platform).await?;
    let remote = match lookup {
        PlatformLookup::Found(remote) => remote,
        PlatformLookup::Missing { digest, offered } => {
            let platform = running.platform.clone();
            return Ok(DigestVerdict::NotACandidate { remote: digest, platform, offered });
        }
    };
    if running.image.is_same_image(&remote, repository)
        || running_manifest(client, repository, running).await? == Some(remote.manifest.clone())
    {
        return Ok(DigestVerdict::IndexMovedOnly { remote });
    }
    let already_pulled = local_tag.is_some_and(|image| {
        image.is(&remote.digest, repository) || image.is_same_image(&remote, repository)
    });
    Ok(DigestVerdict::UpdateAvailable { remote, already_pulled })
}

/// The image that `what` holds for `platform`.
///
/// A single image is one for its own platform; an index entry without a platform is asked what it is.
///
/// # Errors
/// Whatever kept the registry from answering.
pub async fn find_platform_image(
    client: &dyn RegistryClient,
    repository: &Repository,
    what: &TagOrDigest,
    platform: &Platform,
) -> Result<PlatformLookup, RegistryError> {
    let top = client.get_manifest(repository, what).await?;
    let digest = top.digest.clone();
    if let ManifestContent::Image { config } = &top.content {
        let made_for = client.get_image_config(repository, config).await?.platform;
        return Ok(if fit(platform, &made_for).is_some() {
            let (manifest, config) = (digest.clone(), config.clone());
            PlatformLookup::Found(PlatformImage { digest, manifest, config })
        } else {
            PlatformLookup::Missing { digest, offered: vec![made_for] }
        });
    }
    if let Some(entry) = top.entry_for(platform) {
        let child = client.get_manifest(repository, &entry.digest.clone().into()).await?;
        let ManifestContent::Image { config } = child.content else {
            return Err(RegistryError::Malformed {
                registry: repository.registry.clone(),
                what: format!("the index {} names another index for {platform}", digest.short()),
            });
        };
        return Ok(PlatformLookup::Found(PlatformImage { digest, manifest: child.digest, config }));
    }
    entry_without_platform(client, repository, &top, platform).await
}

/// How many entries without a platform are asked what they are.
const MOST_UNNAMED_ENTRIES: usize = 4;

async fn entry_without_platform(
    client: &dyn RegistryClient,
    repository: &Repository,
    top: &RemoteManifest,
    platform: &Platform,
) -> Result<PlatformLookup, RegistryError> {
    let mut offered: Vec<Platform> = top.runnable().filter_map(|entry| entry.platform.clone()).collect();
    let unnamed = top.runnable().filter(|entry| entry.platform.is_none()).take(MOST_UNNAMED_ENTRIES);
    for entry in unnamed {
        let child = client.get_manifest(repository, &entry.digest.clone().into()).await?;
        let ManifestContent::Image { config } = child.content else { continue };
        let made_for = client.get_image_config(repository, &config).await?.platform;
        if fit(platform, &made_for).is_some() {
            let digest = top.digest.clone();
            return Ok(PlatformLookup::Found(PlatformImage { digest, manifest: child.digest, config }));
        }
        offered.push(made_for);
    }
    Ok(PlatformLookup::Missing { digest: top.digest.clone(), offered })
}

/// The platform manifest of a running image whose engine does not tell it: an older engine on the
/// containerd store knows only the index. Registries keep superseded indexes, so they can be asked;
/// one that has it no more leaves the question open.
async fn running_manifest(
    client: &dyn RegistryClient,
    repository: &Repository,
    running: &RunningImage,
) -> Result<Option<Digest>, RegistryError> {
    if running.store == ImageStore::Classic || running.image.manifest_digest.is_some() {
        return Ok(None);
    }
    match client.get_manifest(repository, &running.image.image_id.clone().into()).await {
        Ok(manifest) => Ok(manifest.entry_for(&running.platform).map(|entry| entry.digest.clone())),
        Err(RegistryError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether `error` says for certain that a running image comes from no registry.
fn local_reason(
    running: &RunningImage,
    repository: &Repository,
    error: &RegistryError,
) -> Option<LocalReason> {
    let absent = matches!(error, RegistryError::NotFound { .. });
    let refused = matches!(error, RegistryError::Unauthorized { .. } | RegistryError::Forbidden { .. });
    let never_pulled = match running.store {
        ImageStore::Classic => Some(running.image.digests_of(repository).next().is_none()),
        // Here every image with a name has a digest, pulled or not.
        ImageStore::Containerd => running.pulled.map(|pulled| !pulled),
    };
    match never_pulled {
        Some(true) if absent || refused => Some(LocalReason::NeverPulled),
        // Everything in Docker Hub's `library` is public: refused means that it is not there.
        None if absent || (refused && is_official(repository)) => Some(LocalReason::UnknownToRegistry),
        _ => None,
    }
}

fn is_official(repository: &Repository) -> bool {
    repository.registry == DOCKER_HUB && repository.path.starts_with("library/")
}
