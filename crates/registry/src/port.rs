//! The port itself.

use async_trait::async_trait;
use lodeman_domain::digest::Digest;
use lodeman_domain::image::Repository;

use crate::{
    RegistryCredential, RegistryError, RegistryQuota, RemoteImageConfig, RemoteManifest, TagList, TagOrDigest,
};

/// What Lodeman asks of image registries. One client speaks to all of them; the repository says which.
///
/// Rules every adapter keeps: each call has a deadline and reads a bounded answer; a credential goes
/// to no registry but its own; a failure is an error of a named category, never an empty success.
#[async_trait]
pub trait RegistryClient: Send + Sync {
    /// The digest that a tag points to now, or the given digest once the registry confirms that it
    /// has it. Costs no pull: it is a `HEAD`, and a `GET` only where the registry needs one.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when there is no such manifest, and any other of its kind.
    async fn resolve(&self, repository: &Repository, what: &TagOrDigest) -> Result<Digest, RegistryError>;

    /// A manifest. Its digest is computed from what was received; one asked for by digest has it.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when there is none, [`RegistryError::Malformed`] when it is none of
    /// the four kinds or its content is not what its digest says, and any other of its kind.
    async fn get_manifest(
        &self,
        repository: &Repository,
        what: &TagOrDigest,
    ) -> Result<RemoteManifest, RegistryError>;

    /// The config of an image, checked against its digest.
    ///
    /// # Errors
    /// As for [`get_manifest`](Self::get_manifest).
    async fn get_image_config(
        &self,
        repository: &Repository,
        config: &Digest,
    ) -> Result<RemoteImageConfig, RegistryError>;

    /// All tags of a repository, up to a limit that the answer tells.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] when there is no such repository, and any other of its kind.
    async fn list_tags(&self, repository: &Repository) -> Result<TagList, RegistryError>;

    /// What is known of the registries' request quotas.
    fn quotas(&self) -> Vec<RegistryQuota>;

    /// The registries, host with its port where one is given, that a credential is configured for. No
    /// helper is asked; what cannot be read has none.
    async fn list_accounts(&self) -> Vec<String>;

    /// The credential with which the engine should pull from `repository`, if there is one: the same
    /// that this client uses itself.
    ///
    /// # Errors
    /// [`RegistryError::Credential`] when one is configured but cannot be read.
    async fn credential_for_pull(
        &self,
        repository: &Repository,
    ) -> Result<Option<RegistryCredential>, RegistryError>;
}
