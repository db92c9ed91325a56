//! Pull-through mirrors of registries.
//!
//! Manifests and configs are asked of a mirror first: that spares the registry's quota, and what the
//! engine pulls comes from there as well. A mirror's failure is no answer; the registry is asked then.
//! Tags are listed by the registry itself, because a mirror may know only those that passed through it;
//! where the registry cannot be reached at all, the mirror's list is better than none.

use std::sync::Arc;

use async_trait::async_trait;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Repository;
use lodeman_registry::{
    RegistryClient, RegistryCredential, RegistryError, RegistryQuota, RemoteImageConfig, RemoteManifest,
    TagList, TagOrDigest,
};

use crate::config::{Mirror, normal_host};

/// Asks the mirrors of a registry before, or in place of, the registry itself.
pub struct MirroredClient {
    inner: Arc<dyn RegistryClient>,
    mirrors: Vec<Mirror>,
}

impl MirroredClient {
    /// `inner`, which speaks with registries and mirrors alike, with these mirrors in their order.
    #[must_use]
    pub fn new(inner: Arc<dyn RegistryClient>, mirrors: &[Mirror]) -> Self {
        let normal = |mirror: &Mirror| Mirror {
            registry: normal_host(&mirror.registry),
            mirror: normal_host(&mirror.mirror),
        };
        Self { inner, mirrors: mirrors.iter().map(normal).collect() }
    }

    /// Where else `repository` may be found.
    fn copies(&self, repository: &Repository) -> Vec<Repository> {
        let of_it = self.mirrors.iter().filter(|mirror| mirror.registry == repository.registry);
        let copy =
            |mirror: &Mirror| Repository { registry: mirror.mirror.clone(), path: repository.path.clone() };
        of_it.map(copy).collect()
    }
}

fn tell(mirror: &Repository, error: &RegistryError) {
    let error = error as &dyn std::error::Error;
    tracing::debug!(error, mirror = mirror.registry, "a mirror has no answer; the next one is asked");
}

#[async_trait]
impl RegistryClient for MirroredClient {
    async fn resolve(&self, repository: &Repository, what: &TagOrDigest) -> Result<Digest, RegistryError> {
        for copy in self.copies(repository) {
            match self.inner.resolve(&copy, what).await {
                Err(error) => tell(&copy, &error),
                answer => return answer,
            }
        }
        self.inner.resolve(repository, what).await
    }

    async fn get_manifest(
        &self,
        repository: &Repository,
        what: &TagOrDigest,
    ) -> Result<RemoteManifest, RegistryError> {
        for copy in self.copies(repository) {
            match self.inner.get_manifest(&copy, what).await {
                Err(error) => tell(&copy, &error),
                answer => return answer,
            }
        }
        self.inner.get_manifest(repository, what).await
    }

    async fn get_image_config(
        &self,
        repository: &Repository,
        config: &Digest,
    ) -> Result<RemoteImageConfig, RegistryError> {
        for copy in self.copies(repository) {
            match self.inner.get_image_config(&copy, config).await {
                Err(error) => tell(&copy, &error),
                answer => return answer,
            }
        }
        self.inner.get_image_config(repository, config).await
    }

    async fn list_tags(&self, repository: &Repository) -> Result<TagList, RegistryError> {
        let error = match self.inner.list_tags(repository).await {
            Err(error) if error.is_unreachable() => error,
            answer => return answer,
        };
        for copy in self.copies(repository) {
            match self.inner.list_tags(&copy).await {
                Err(error) => tell(&copy, &error),
                answer => return answer,
            }
        }
        Err(error)
    }

    fn quotas(&self) -> Vec<RegistryQuota> {
        self.inner.quotas()
    }

    async fn list_accounts(&self) -> Vec<String> {
        self.inner.list_accounts().await
    }

    async fn credential_for_pull(
        &self,
        repository: &Repository,
    ) -> Result<Option<RegistryCredential>, RegistryError> {
        self.inner.credential_for_pull(repository).await
    }
}
