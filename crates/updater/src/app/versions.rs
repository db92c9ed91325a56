//! Which versions of a container's image there are, and going to one that a person names.

use std::collections::BTreeSet;

use lodeman_domain::container::ContainerName;
use lodeman_domain::image::{ImageReference, Tag};
use lodeman_domain::queue::Target;
use lodeman_domain::schedule::Trigger;
use lodeman_domain::update::OperationKind;
use lodeman_domain::version::{Rules, choose};
use lodeman_registry::check::{PlatformLookup, find_platform_image};
use lodeman_registry::{RegistryError, with_reserve};

use super::{App, swap_error};
use crate::control::{ControlError, ErrorKind};
use crate::scan::Finding;
use crate::swap::{SpecSource, SwapRequest};

fn asked(error: &RegistryError) -> ControlError {
    let kind = match error {
        RegistryError::NotFound { .. } => ErrorKind::NotFound,
        _ => ErrorKind::Unavailable,
    };
    ControlError::new(kind, error.to_string())
}

/// A reference that a container was made with.
fn read(image: &str) -> Result<ImageReference, ControlError> {
    image.parse().map_err(|error| ControlError::new(ErrorKind::Invalid, format!("`{image}`: {error}")))
}

impl App {
    /// The tags of an image's repository, in the registry's order.
    ///
    /// # Errors
    /// When the reference is none, or its registry cannot be asked.
    pub async fn list_tags(&self, image: &str) -> Result<Vec<Tag>, ControlError> {
        let reference = read(image)?;
        let listing = self.registry.list_tags(reference.repository());
        let reserve = u64::from(Trigger::Manual.registry_reserve());
        let list = with_reserve(reserve, listing).await.map_err(|error| asked(&error))?;
        Ok(list.tags.to_vec())
    }

    /// The versions that are newer than an image's tag, newest first, as far as its tag itself says that it
    /// may go.
    ///
    /// # Errors
    /// As for its tags.
    pub async fn list_versions(&self, image: &str) -> Result<Vec<Tag>, ControlError> {
        let Some(current) = read(image)?.effective_tag() else { return Ok(Vec::new()) };
        let tags = self.list_tags(image).await?;
        let choice = choose(&current, &tags, &Rules::default());
        Ok(choice.candidates.into_iter().map(|candidate| candidate.tag).collect())
    }

    /// Brings a container to this tag of its image, whatever its policy; gives the reference it will follow.
    /// How that ends is told by events and history.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the container's image has no name; while interrupted operations are being
    /// recovered.
    pub async fn begin_update_to(
        &self,
        name: ContainerName,
        image: &str,
        tag: Tag,
        by: &str,
    ) -> Result<ImageReference, ControlError> {
        self.ready_to_act()?;
        let reference = read(image)?.with_tag(tag.clone());
        self.record_activity("update_to_version", &format!("Update to {tag} triggered"), Some(&name), by)
            .await?;
        let (app, by, wanted) = (self.clone(), by.to_owned(), reference.clone());
        tokio::spawn(async move {
            if let Err(error) = app.update_to(name.clone(), wanted, tag.clone(), &by).await {
                app.tell_failure(name, &format!("update to {tag}"), &error).await;
            }
        });
        Ok(reference)
    }

    async fn update_to(
        &self,
        name: ContainerName,
        reference: ImageReference,
        tag: Tag,
        by: &str,
    ) -> Result<(), ControlError> {
        let outcome = self.scan(Trigger::Manual, BTreeSet::from([name.clone()])).await?;
        let finding = outcome.findings.into_iter().next().ok_or_else(|| {
            ControlError::new(ErrorKind::NotFound, format!("there is no container `{name}`"))
        })?;
        if let Some(refusal) = finding.subject.refusals.first() {
            return Err(ControlError::new(ErrorKind::Refused, refusal.detail.clone()));
        }
        let target = self.resolve(&finding, reference, tag).await?;
        let request = SwapRequest {
            key: self.key(name.clone()),
            kind: OperationKind::Update,
            target,
            spec: SpecSource::Derive,
            by: Some(by.to_owned()),
            grace: Some(finding.subject.rules.grace_period.value),
            soak: self.soak(),
            no_pull: finding.subject.rules.no_pull,
            entry: None,
        };
        let done = self.swapper().swap(request).await.map_err(|error| swap_error(&error))?;
        tracing::debug!(operation = %done.operation, outcome = %done.outcome, "an update to a version ended");
        // What waits in the queue may be older than what runs now.
        self.look_again(BTreeSet::from([name])).await;
        Ok(())
    }

    /// What the tag means at the registry now, for the platform that the container runs on.
    async fn resolve(
        &self,
        finding: &Finding,
        reference: ImageReference,
        tag: Tag,
    ) -> Result<Target, ControlError> {
        let running = finding.subject.running_image.as_ref().ok_or_else(|| {
            ControlError::new(ErrorKind::Refused, "the image that it was made from is not known")
        })?;
        let what = tag.clone().into();
        let looking = find_platform_image(&*self.registry, reference.repository(), &what, &running.platform);
        let reserve = u64::from(Trigger::Manual.registry_reserve());
        match with_reserve(reserve, looking).await.map_err(|error| asked(&error))? {
            PlatformLookup::Found(remote) => Ok(Target {
                reference,
                digest: remote.digest,
                manifest: remote.manifest,
                config: Some(remote.config),
                version: Some(tag),
                already_pulled: false,
            }),
            PlatformLookup::Missing { .. } => {
                let message = format!("{reference} has no image for {}", running.platform);
                Err(ControlError::new(ErrorKind::Refused, message))
            }
        }
    }
}
