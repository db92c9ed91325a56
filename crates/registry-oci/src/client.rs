//! The adapter itself.

use std::sync::Arc;

use async_trait::async_trait;
use lodeman_domain::clock::Clock;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Repository;
use lodeman_registry::{
    RegistryClient, RegistryCredential, RegistryError, RegistryQuota, RemoteImageConfig, RemoteManifest,
    TagList, TagOrDigest,
};
use reqwest::{Method, StatusCode};

use crate::cache::Bounded;
use crate::config::{BodyLimits, OciRegistryConfig};
use crate::exchange::{Ask, Exchange};
use crate::manifest::{ACCEPTED, digest_of, read_config, read_manifest};
use crate::metrics::{self, Kind};
use crate::tags::TagLister;
use crate::transport::Answer;

/// Manifests and configs that are kept; by digest they never change.
const MOST_KEPT: usize = 1024;
/// A config with more text in its labels is not kept.
const LARGEST_KEPT_LABELS_BYTES: usize = 32 * 1024;

/// Speaks with real registries over the OCI distribution API.
///
/// One client serves all registries and all scans. It keeps tokens, what is addressed by digest, and
/// tag lists that a registry can confirm by their `ETag`; where a tag points to is asked every time.
pub struct OciRegistryClient {
    exchange: Exchange,
    limits: BodyLimits,
    tags: TagLister,
    manifests: Bounded<(Repository, Digest), RemoteManifest>,
    configs: Bounded<(Repository, Digest), RemoteImageConfig>,
}

impl std::fmt::Debug for OciRegistryClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OciRegistryClient")
    }
}

impl OciRegistryClient {
    /// A client that has asked nothing yet. Nothing is read or connected to before the first question.
    #[must_use]
    pub fn new(config: &OciRegistryConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            exchange: Exchange::new(config, clock),
            limits: config.limits,
            tags: TagLister::new(config.max_tags, config.limits.tags_page),
            manifests: Bounded::new(MOST_KEPT),
            configs: Bounded::new(MOST_KEPT),
        }
    }

    async fn ask_manifest(
        &self,
        repository: &Repository,
        what: &TagOrDigest,
        kind: Kind,
        method: Method,
    ) -> Result<Answer, RegistryError> {
        let ask = Ask {
            repository,
            kind,
            method,
            url: self.exchange.endpoints.url(repository, &["manifests", &what.to_string()])?,
            accept: Some(ACCEPTED),
            if_none_match: None,
            what: "a manifest",
            limit_bytes: self.limits.manifest,
        };
        self.exchange.ask(&ask).await
    }

    /// A manifest over the wire, checked against the digest it was asked by.
    async fn fetch_manifest(
        &self,
        repository: &Repository,
        what: &TagOrDigest,
        kind: Kind,
    ) -> Result<RemoteManifest, RegistryError> {
        let answer = self.ask_manifest(repository, what, kind, Method::GET).await?;
        if !answer.status.is_success() {
            return Err(refusal(answer.status, repository, || named(what)));
        }
        let malformed =
            |what: String| RegistryError::Malformed { registry: repository.registry.clone(), what };
        let digest = digest_of(&answer.body);
        let promised = told_digest(&answer);
        let expected = match what {
            TagOrDigest::Digest(asked) => Some(asked),
            TagOrDigest::Tag(_) => promised.as_ref(),
        };
        if expected.is_some_and(|expected| *expected != digest) {
            return Err(malformed(format!("{} is not what its digest says", named(what))));
        }
        let manifest = RemoteManifest { digest, content: read_manifest(&answer.body).map_err(malformed)? };
        self.manifests.put((repository.clone(), manifest.digest.clone()), manifest.clone());
        Ok(manifest)
    }
}

#[async_trait]
impl RegistryClient for OciRegistryClient {
    #[tracing::instrument(name = "registry.resolve", skip_all, fields(image.repository = %repository))]
    async fn resolve(&self, repository: &Repository, what: &TagOrDigest) -> Result<Digest, RegistryError> {
        let registry = self.exchange.registry(&repository.registry);
        if !registry.head_is_refused() {
            let answer = self.ask_manifest(repository, what, Kind::Resolve, Method::HEAD).await?;
            let told = told_digest(&answer);
            match (answer.status, told, what) {
                (status, Some(told), TagOrDigest::Digest(asked)) if status.is_success() && told != *asked => {
                    let what = format!("{} is not what its digest says", named(what));
                    return Err(RegistryError::Malformed { registry: repository.registry.clone(), what });
                }
                (status, Some(told), _) if status.is_success() => {
                    registry.head_worked();
                    return Ok(told);
                }
                (status, None, TagOrDigest::Digest(asked)) if status.is_success() => return Ok(asked.clone()),
                (status, None, TagOrDigest::Tag(_)) if status.is_success() => {}
                (StatusCode::NOT_FOUND, _, _) if registry.head_works() => {
                    return Err(refusal(answer.status, repository, || named(what)));
                }
                // Refused, as far as one can tell without asking the other way.
                (
                    StatusCode::NOT_FOUND
                    | StatusCode::METHOD_NOT_ALLOWED
                    | StatusCode::BAD_REQUEST
                    | StatusCode::NOT_ACCEPTABLE,
                    _,
                    _,
                ) => {}
                (status, _, _) => return Err(refusal(status, repository, || named(what))),
            }
        }
        let manifest = self.fetch_manifest(repository, what, Kind::Resolve).await?;
        registry.head_was_refused();
        Ok(manifest.digest)
    }

    #[tracing::instrument(name = "registry.get_manifest", skip_all, fields(image.repository = %repository))]
    async fn get_manifest(
        &self,
        repository: &Repository,
        what: &TagOrDigest,
    ) -> Result<RemoteManifest, RegistryError> {
        if let TagOrDigest::Digest(digest) = what
            && let Some(manifest) = self.manifests.get(&(repository.clone(), digest.clone()))
        {
            metrics::not_sent(Kind::Manifest, "cache");
            return Ok(manifest);
        }
        self.fetch_manifest(repository, what, Kind::Manifest).await
    }

    #[tracing::instrument(name = "registry.get_image_config", skip_all, fields(image.repository = %repository))]
    async fn get_image_config(
        &self,
        repository: &Repository,
        config: &Digest,
    ) -> Result<RemoteImageConfig, RegistryError> {
        let key = (repository.clone(), config.clone());
        if let Some(kept) = self.configs.get(&key) {
            metrics::not_sent(Kind::Config, "cache");
            return Ok(kept);
        }
        let ask = Ask {
            repository,
            kind: Kind::Config,
            method: Method::GET,
            url: self.exchange.endpoints.url(repository, &["blobs", config.as_str()])?,
            accept: None,
            if_none_match: None,
            what: "an image's config",
            limit_bytes: self.limits.config,
        };
        let answer = self.exchange.ask(&ask).await?;
        if !answer.status.is_success() {
            return Err(refusal(answer.status, repository, || format!("the config `{config}`")));
        }
        let malformed =
            |what: String| RegistryError::Malformed { registry: repository.registry.clone(), what };
        if digest_of(&answer.body) != *config {
            return Err(malformed(format!("the config `{config}` is not what its digest says")));
        }
        let read = read_config(&answer.body).map_err(malformed)?;
        let labels_bytes: usize = read.labels.iter().map(|(key, value)| key.len() + value.len()).sum();
        if labels_bytes <= LARGEST_KEPT_LABELS_BYTES {
            self.configs.put(key, read.clone());
        }
        Ok(read)
    }

    #[tracing::instrument(name = "registry.list_tags", skip_all, fields(image.repository = %repository))]
    async fn list_tags(&self, repository: &Repository) -> Result<TagList, RegistryError> {
        self.tags.list(&self.exchange, repository).await
    }

    fn quotas(&self) -> Vec<RegistryQuota> {
        self.exchange.quotas()
    }

    async fn list_accounts(&self) -> Vec<String> {
        self.exchange.credentials.registries().await
    }

    async fn credential_for_pull(
        &self,
        repository: &Repository,
    ) -> Result<Option<RegistryCredential>, RegistryError> {
        self.exchange.credentials.find(repository).await
    }
}

/// The digest that an answer tells, if it is one that we can check.
fn told_digest(answer: &Answer) -> Option<Digest> {
    answer.headers.get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

fn named(what: &TagOrDigest) -> String {
    match what {
        TagOrDigest::Tag(tag) => format!("the tag `{tag}`"),
        TagOrDigest::Digest(digest) => format!("the manifest `{digest}`"),
    }
}

/// The error for a status that is no success; `what` was asked for.
pub(crate) fn refusal(
    status: StatusCode,
    repository: &Repository,
    what: impl FnOnce() -> String,
) -> RegistryError {
    let repository = repository.clone();
    match status {
        StatusCode::NOT_FOUND => RegistryError::NotFound { repository, what: what() },
        StatusCode::FORBIDDEN => RegistryError::Forbidden { repository },
        status => RegistryError::Unexpected { registry: repository.registry, status: status.as_u16() },
    }
}
