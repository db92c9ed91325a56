//! One scan's view of the registries: each question is asked once, however many containers have it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Repository;
use tokio::sync::OnceCell;

use crate::{
    RegistryClient, RegistryCredential, RegistryError, RegistryQuota, RemoteImageConfig, RemoteManifest,
    TagList, TagOrDigest,
};

/// A client for the length of one scan, over a client that lives longer.
///
/// The first to ask sends the request, those who ask the same meanwhile or later share its answer,
/// an error as much as a success. So a scan costs at most one request per distinct reference, and sees
/// each tag at one instant. Make a new one for each scan: an answer is never asked for again. A
/// registry that could not be reached is not tried again either, whatever the question.
pub struct ScanSession {
    client: Arc<dyn RegistryClient>,
    unreachable: Mutex<HashMap<String, RegistryError>>,
    digests: Memo<(Repository, TagOrDigest), Digest>,
    manifests: Memo<(Repository, TagOrDigest), RemoteManifest>,
    configs: Memo<(Repository, Digest), RemoteImageConfig>,
    tags: Memo<Repository, TagList>,
    credentials: Memo<Repository, Option<RegistryCredential>>,
}

impl ScanSession {
    /// A session with nothing asked yet.
    #[must_use]
    pub fn new(client: Arc<dyn RegistryClient>) -> Self {
        Self {
            client,
            unreachable: Mutex::default(),
            digests: Memo::default(),
            manifests: Memo::default(),
            configs: Memo::default(),
            tags: Memo::default(),
            credentials: Memo::default(),
        }
    }

    /// Asks, unless the registry proved to be out of reach, and takes note if it proves so now.
    async fn ask<V>(
        &self,
        registry: &str,
        question: impl Future<Output = Result<V, RegistryError>>,
    ) -> Result<V, RegistryError> {
        let known = || self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = known().get(registry) {
            return Err(error.clone());
        }
        let answer = question.await;
        if let Err(error) = &answer
            && error.is_unreachable()
            && error.registry() == registry
        {
            known().insert(registry.to_owned(), error.clone());
        }
        answer
    }
}

#[async_trait]
impl RegistryClient for ScanSession {
    async fn resolve(&self, repository: &Repository, what: &TagOrDigest) -> Result<Digest, RegistryError> {
        let cell = self.digests.cell((repository.clone(), what.clone()));
        let ask = || self.ask(&repository.registry, self.client.resolve(repository, what));
        cell.get_or_init(ask).await.clone()
    }

    async fn get_manifest(
        &self,
        repository: &Repository,
        what: &TagOrDigest,
    ) -> Result<RemoteManifest, RegistryError> {
        let cell = self.manifests.cell((repository.clone(), what.clone()));
        let ask = || self.ask(&repository.registry, self.client.get_manifest(repository, what));
        cell.get_or_init(ask).await.clone()
    }

    async fn get_image_config(
        &self,
        repository: &Repository,
        config: &Digest,
    ) -> Result<RemoteImageConfig, RegistryError> {
        let cell = self.configs.cell((repository.clone(), config.clone()));
        let ask = || self.ask(&repository.registry, self.client.get_image_config(repository, config));
        cell.get_or_init(ask).await.clone()
    }

    async fn list_tags(&self, repository: &Repository) -> Result<TagList, RegistryError> {
        let cell = self.tags.cell(repository.clone());
        let ask = || self.ask(&repository.registry, self.client.list_tags(repository));
        cell.get_or_init(ask).await.clone()
    }

    fn quotas(&self) -> Vec<RegistryQuota> {
        self.client.quotas()
    }

    async fn list_accounts(&self) -> Vec<String> {
        self.client.list_accounts().await
    }

    async fn credential_for_pull(
        &self,
        repository: &Repository,
    ) -> Result<Option<RegistryCredential>, RegistryError> {
        let cell = self.credentials.cell(repository.clone());
        cell.get_or_init(|| self.client.credential_for_pull(repository)).await.clone()
    }
}

type Answer<V> = Arc<OnceCell<Result<V, RegistryError>>>;

/// Answers by question. When the one who asks gives up half-way, the next one asks again.
struct Memo<K, V>(Mutex<HashMap<K, Answer<V>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Memo<K, V> {
    fn cell(&self, key: K) -> Answer<V> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(answers.entry(key).or_default())
    }
}
