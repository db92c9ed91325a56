//! What exists of an image at its registry, without an engine.

use lodeman_domain::image::ImageReference;
use lodeman_domain::schedule::Trigger;
use lodeman_domain::version::{Rules, Version, choose};
use lodeman_registry::{ManifestContent, RegistryClient, RegistryError, TagOrDigest, with_reserve};

use crate::control::{ControlError, ErrorKind, ImageCheck};

/// Asks the registry about `reference`.
///
/// # Errors
/// [`ControlError`] when the registry does not answer or does not have it.
pub async fn check_image(
    client: &dyn RegistryClient,
    reference: ImageReference,
) -> Result<ImageCheck, ControlError> {
    with_reserve(u64::from(Trigger::Manual.registry_reserve()), ask(client, reference)).await
}

async fn ask(client: &dyn RegistryClient, reference: ImageReference) -> Result<ImageCheck, ControlError> {
    let repository = reference.repository().clone();
    let what = match (reference.digest(), reference.effective_tag()) {
        (Some(digest), _) => TagOrDigest::Digest(digest.clone()),
        (None, Some(tag)) => TagOrDigest::Tag(tag),
        (None, None) => {
            return Err(ControlError::new(ErrorKind::Invalid, "the reference names neither tag nor digest"));
        }
    };
    let failed = |error: RegistryError| {
        let kind = match error {
            RegistryError::NotFound { .. } => ErrorKind::NotFound,
            _ => ErrorKind::Unavailable,
        };
        ControlError::new(kind, format!("{reference}: {error}"))
    };
    let digest = client.resolve(&repository, &what).await.map_err(failed)?;
    let current = reference.tag().cloned().or_else(|| reference.effective_tag());
    let mut check = ImageCheck {
        reference: reference.clone(),
        digest: digest.clone(),
        newer_versions: Vec::new(),
        beyond_scope: 0,
        version: None,
        truncated: false,
    };
    let Some(current) = current else { return Ok(check) };
    if Version::parse(&current).is_some() {
        let list = client.list_tags(&repository).await.map_err(failed)?;
        let wide = Rules { scope: lodeman_domain::version::Scope::Major, ..Rules::default() };
        let choice = choose(&current, &*list.tags, &wide);
        check.newer_versions = choice.candidates.into_iter().map(|c| c.tag).collect();
        check.truncated = list.truncated;
    } else {
        check.version = version_label(client, &reference, &digest).await;
    }
    Ok(check)
}

/// The version the image gives itself. Display only, so whatever goes wrong leaves it open.
async fn version_label(
    client: &dyn RegistryClient,
    reference: &ImageReference,
    digest: &lodeman_domain::digest::Digest,
) -> Option<String> {
    let repository = reference.repository();
    let mut manifest = client.get_manifest(repository, &digest.clone().into()).await.ok()?;
    if let ManifestContent::Index { .. } = manifest.content {
        let first = manifest.runnable().next()?.digest.clone();
        manifest = client.get_manifest(repository, &first.into()).await.ok()?;
    }
    let ManifestContent::Image { config } = manifest.content else { return None };
    client.get_image_config(repository, &config).await.ok()?.version().map(str::to_owned)
}
