//! Registries in memory, with failures on demand and a count of what was asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::{Platform, Repository, Tag};

use crate::blueprint::{BuiltImage, Dialect, ImageBlueprint, StoredObject, build_index};
use crate::{
    IndexEntry, ManifestContent, RegistryClient, RegistryCredential, RegistryError, RegistryQuota,
    RemoteImageConfig, RemoteManifest, TagList, TagOrDigest,
};

/// All registries of the world, in memory: whatever repository is named, it is looked up here.
#[derive(Debug, Default)]
pub struct FakeRegistry(Mutex<World>);

/// How often each kind of question was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// [`RegistryClient::resolve`].
    pub resolve: usize,
    /// [`RegistryClient::get_manifest`].
    pub manifest: usize,
    /// [`RegistryClient::get_image_config`].
    pub config: usize,
    /// [`RegistryClient::list_tags`].
    pub tags: usize,
}

impl RequestCounts {
    /// All of them together.
    #[must_use]
    pub fn total(self) -> usize {
        self.resolve + self.manifest + self.config + self.tags
    }
}

#[derive(Debug, Default)]
struct World {
    repositories: BTreeMap<Repository, Contents>,
    failures: Vec<Failure>,
    quotas: Vec<RegistryQuota>,
    credentials: HashMap<String, RegistryCredential>,
    counts: RequestCounts,
}

#[derive(Debug, Default)]
struct Contents {
    tags: BTreeMap<Tag, Digest>,
    manifests: HashMap<Digest, RemoteManifest>,
    configs: HashMap<Digest, RemoteImageConfig>,
    tag_limit: Option<usize>,
}

#[derive(Debug)]
struct Failure {
    registry: String,
    path: Option<String>,
    error: RegistryError,
    times_left: Option<usize>,
}

impl FakeRegistry {
    /// Registries with nothing in them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an image into a repository and points `tag` to it, moving the tag if it exists.
    pub fn push_image(&self, repository: &Repository, tag: &Tag, blueprint: &ImageBlueprint) -> BuiltImage {
        let built = blueprint.build();
        let mut world = self.world();
        let contents = world.repositories.entry(repository.clone()).or_default();
        contents.add(&built, blueprint);
        contents.tags.insert(tag.clone(), built.manifest.digest.clone());
        built
    }

    /// Puts images and an index of them into a repository and points `tag` to the index. With
    /// `attested` the index has an attestation beside each image.
    pub fn push_index(
        &self,
        repository: &Repository,
        tag: &Tag,
        blueprints: &[ImageBlueprint],
        attested: bool,
    ) -> StoredObject {
        let built: Vec<BuiltImage> = blueprints.iter().map(ImageBlueprint::build).collect();
        let attestation = ImageBlueprint::new("attestation").on("unknown/unknown");
        let attestation = attested.then(|| (attestation.build(), attestation));
        let dialect = blueprints.first().map_or(Dialect::Oci, |blueprint| blueprint.dialect);
        let index = build_index(&built, attestation.as_ref().map(|(built, _)| built), dialect);
        let mut world = self.world();
        let contents = world.repositories.entry(repository.clone()).or_default();
        for (built, blueprint) in built.iter().zip(blueprints) {
            contents.add(built, blueprint);
        }
        if let Some((built, blueprint)) = &attestation {
            contents.add(built, blueprint);
        }
        let entry = |digest: &Digest, platform: &Platform, attestation| IndexEntry {
            digest: digest.clone(),
            platform: Some(platform.clone()),
            attestation,
        };
        let mut entries = Vec::new();
        for image in &built {
            entries.push(entry(&image.manifest.digest, &image.platform, false));
            if let Some((built, _)) = &attestation {
                entries.push(entry(&built.manifest.digest, &built.platform, true));
            }
        }
        contents.put(&index.digest, ManifestContent::Index { entries });
        contents.tags.insert(tag.clone(), index.digest.clone());
        index
    }

    /// Puts an index into a repository whose only entry does not say its platform.
    pub fn push_unnamed_index(
        &self,
        repository: &Repository,
        tag: &Tag,
        blueprint: &ImageBlueprint,
    ) -> Digest {
        let built = blueprint.build();
        let digest = crate::blueprint::digest_of(format!("unnamed {}", built.manifest.digest).as_bytes());
        let mut world = self.world();
        let contents = world.repositories.entry(repository.clone()).or_default();
        contents.add(&built, blueprint);
        let entry = IndexEntry { digest: built.manifest.digest, platform: None, attestation: false };
        contents.put(&digest, ManifestContent::Index { entries: vec![entry] });
        contents.tags.insert(tag.clone(), digest.clone());
        digest
    }

    /// Points `tag` to what the repository already has, or to nothing that exists.
    pub fn move_tag(&self, repository: &Repository, tag: &Tag, digest: &Digest) {
        let mut world = self.world();
        let contents = world.repositories.entry(repository.clone()).or_default();
        contents.tags.insert(tag.clone(), digest.clone());
    }

    /// Removes a tag; what it pointed to stays.
    pub fn remove_tag(&self, repository: &Repository, tag: &Tag) {
        if let Some(contents) = self.world().repositories.get_mut(repository) {
            contents.tags.remove(tag);
        }
    }

    /// Removes a manifest, as a registry's garbage collection does.
    pub fn remove_manifest(&self, repository: &Repository, digest: &Digest) {
        if let Some(contents) = self.world().repositories.get_mut(repository) {
            contents.manifests.remove(digest);
        }
    }

    /// Lists at most `limit` tags of a repository from now on, and says so.
    pub fn truncate_tags(&self, repository: &Repository, limit: usize) {
        self.world().repositories.entry(repository.clone()).or_default().tag_limit = Some(limit);
    }

    /// Fails every request to a registry with `error`, `times` times or for good.
    pub fn fail_registry(&self, registry: &str, error: RegistryError, times: Option<usize>) {
        let registry = registry.to_owned();
        self.world().failures.push(Failure { registry, path: None, error, times_left: times });
    }

    /// Fails every request to one repository with `error`, `times` times or for good.
    pub fn fail_repository(&self, repository: &Repository, error: RegistryError, times: Option<usize>) {
        let (registry, path) = (repository.registry.clone(), Some(repository.path.clone()));
        self.world().failures.push(Failure { registry, path, error, times_left: times });
    }

    /// Ends all failures.
    pub fn heal(&self) {
        self.world().failures.clear();
    }

    /// What [`RegistryClient::quotas`] tells from now on.
    pub fn set_quotas(&self, quotas: Vec<RegistryQuota>) {
        self.world().quotas = quotas;
    }

    /// The credential for a registry from now on.
    pub fn set_credential(&self, credential: RegistryCredential) {
        self.world().credentials.insert(credential.registry.clone(), credential);
    }

    /// How often each kind of question was asked so far.
    #[must_use]
    pub fn counts(&self) -> RequestCounts {
        self.world().counts
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request and answers it, or fails as told.
    fn ask<T>(
        &self,
        repository: &Repository,
        count: impl FnOnce(&mut RequestCounts) -> &mut usize,
        answer: impl FnOnce(&Contents) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut world = self.world();
        *count(&mut world.counts) += 1;
        let failure = world.failures.iter_mut().find(|failure| {
            failure.registry == repository.registry
                && failure.path.as_ref().is_none_or(|path| *path == repository.path)
                && failure.times_left != Some(0)
        });
        if let Some(failure) = failure {
            failure.times_left = failure.times_left.map(|left| left - 1);
            return Err(failure.error.clone());
        }
        match world.repositories.get(repository) {
            Some(contents) => answer(contents),
            None => Err(missing(repository, "any tag".to_owned())),
        }
    }
}

fn missing(repository: &Repository, what: String) -> RegistryError {
    RegistryError::NotFound { repository: repository.clone(), what }
}

impl Contents {
    fn add(&mut self, built: &BuiltImage, blueprint: &ImageBlueprint) {
        self.put(&built.manifest.digest, ManifestContent::Image { config: built.config.digest.clone() });
        self.configs.insert(
            built.config.digest.clone(),
            RemoteImageConfig {
                platform: blueprint.platform.clone(),
                labels: blueprint.labels.clone(),
                created: blueprint.created,
            },
        );
    }

    fn put(&mut self, digest: &Digest, content: ManifestContent) {
        self.manifests.insert(digest.clone(), RemoteManifest { digest: digest.clone(), content });
    }

    fn find(&self, what: &TagOrDigest) -> Option<&RemoteManifest> {
        match what {
            TagOrDigest::Tag(tag) => self.manifests.get(self.tags.get(tag)?),
            TagOrDigest::Digest(digest) => self.manifests.get(digest),
        }
    }
}

#[async_trait]
impl RegistryClient for FakeRegistry {
    async fn resolve(&self, repository: &Repository, what: &TagOrDigest) -> Result<Digest, RegistryError> {
        self.ask(
            repository,
            |counts| &mut counts.resolve,
            |contents| {
                let found = contents.find(what).ok_or_else(|| missing(repository, format!("`{what}`")))?;
                Ok(found.digest.clone())
            },
        )
    }

    async fn get_manifest(
        &self,
        repository: &Repository,
        what: &TagOrDigest,
    ) -> Result<RemoteManifest, RegistryError> {
        self.ask(
            repository,
            |counts| &mut counts.manifest,
            |contents| contents.find(what).cloned().ok_or_else(|| missing(repository, format!("`{what}`"))),
        )
    }

    async fn get_image_config(
        &self,
        repository: &Repository,
        config: &Digest,
    ) -> Result<RemoteImageConfig, RegistryError> {
        self.ask(
            repository,
            |counts| &mut counts.config,
            |contents| {
                let found = contents.configs.get(config).cloned();
                found.ok_or_else(|| missing(repository, format!("`{config}`")))
            },
        )
    }

    async fn list_tags(&self, repository: &Repository) -> Result<TagList, RegistryError> {
        self.ask(
            repository,
            |counts| &mut counts.tags,
            |contents| {
                let limit = contents.tag_limit.unwrap_or(usize::MAX);
                let tags: Arc<[Tag]> = contents.tags.keys().take(limit).cloned().collect();
                Ok(TagList { truncated: tags.len() < contents.tags.len(), tags })
            },
        )
    }

    fn quotas(&self) -> Vec<RegistryQuota> {
        self.world().quotas.clone()
    }

    async fn list_accounts(&self) -> Vec<String> {
        self.world().credentials.keys().cloned().collect()
    }

    async fn credential_for_pull(
        &self,
        repository: &Repository,
    ) -> Result<Option<RegistryCredential>, RegistryError> {
        Ok(self.world().credentials.get(&repository.registry).cloned())
    }
}

#[async_trait]
impl crate::contract::RegistrySeed for FakeRegistry {
    fn repository(&self, name: &str) -> Repository {
        Repository { registry: "registry.example".to_owned(), path: format!("samples/{name}") }
    }

    async fn push_image(&self, repository: &Repository, tag: &Tag, image: &ImageBlueprint) -> BuiltImage {
        Self::push_image(self, repository, tag, image)
    }

    async fn push_index(
        &self,
        repository: &Repository,
        tag: &Tag,
        images: &[ImageBlueprint],
        attested: bool,
    ) -> StoredObject {
        Self::push_index(self, repository, tag, images, attested)
    }
}
