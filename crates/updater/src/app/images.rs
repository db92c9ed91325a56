//! The images of the host: which there are, and removing those that nothing needs.
//!
//! An image goes only where no container in any state, no rollback point, no pin and no open operation uses
//! it; one at a time, never forced. What the engine refuses stays.

use lodeman_domain::digest::Digest;
use lodeman_domain::update::{Operation, Phase};
use lodeman_engine::{ContainerSummary, EngineError, ImageSummary};
use lodeman_store::RollbackPoint;

use super::{App, chain};
use crate::control::{ControlError, ErrorKind};
use crate::locks::ImagesFree;
use crate::swap::names::PIN_PREFIX;

/// How many characters of what a person asked for the activity log keeps.
const SHOWN: usize = 19;

/// One image, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageView {
    /// What the engine tells of it.
    pub image: ImageSummary,
    /// Whether something needs it.
    pub in_use: bool,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// How many images.
    pub images: u32,
    /// What they took together, layers that they share counted for each.
    pub bytes: u64,
}

/// All that can need an image.
struct Users {
    containers: Vec<ContainerSummary>,
    points: Vec<RollbackPoint>,
    open: Vec<Operation>,
}

impl Users {
    /// What needs this image, as a clause.
    fn of(&self, image: &ImageSummary) -> Option<String> {
        let made_from = |c: &&ContainerSummary| {
            c.image_id.as_ref() == Some(&image.id)
                || (c.image_id.is_none() && image.repo_tags.contains(&c.image))
        };
        if let Some(user) = self.containers.iter().find(made_from) {
            let name = user.name().map_or_else(|| user.id.short().to_owned(), ToString::to_string);
            return Some(format!("container `{name}` uses it"));
        }
        if let Some(point) = self.points.iter().find(|p| needs(&p.image_id, p.manifest.as_ref(), image)) {
            return Some(format!("container `{}` can be rolled back to it", point.workload.name));
        }
        let relies = |op: &&Operation| {
            let target = [&op.target_image_id, &op.target_digest, &op.target_manifest];
            needs(&op.old_image_id, op.old_manifest.as_ref(), image)
                || target.into_iter().flatten().any(|id| *id == image.id)
        };
        if let Some(op) = self.open.iter().find(relies) {
            return Some(format!("operation {} on container `{}` uses it", op.id, op.canonical_name));
        }
        let pin = image.repo_tags.iter().find(|tag| tag.starts_with(PIN_PREFIX));
        pin.map(|pin| format!("it is kept as `{pin}`"))
    }

    /// An operation that may come to rely on any image.
    fn under_way(&self) -> Option<&Operation> {
        self.open.iter().find(|op| !matches!(op.phase, Phase::Committed | Phase::Held))
    }
}

fn needs(id: &Digest, manifest: Option<&Digest>, image: &ImageSummary) -> bool {
    *id == image.id || manifest == Some(&image.id)
}

fn engine(error: &EngineError) -> ControlError {
    let kind = match error {
        EngineError::NotFound { .. } => ErrorKind::NotFound,
        EngineError::Refused { status: 409, .. } => ErrorKind::Conflict,
        EngineError::Refused { status: 400, .. } => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    };
    ControlError::new(kind, chain(error))
}

impl App {
    /// The images of the host, those that were made last first.
    ///
    /// # Errors
    /// When engine or store cannot be asked.
    pub async fn list_images(&self) -> Result<Vec<ImageView>, ControlError> {
        let images = self.images().await?;
        let users = self.users().await?;
        let mut views: Vec<ImageView> =
            images.into_iter().map(|image| ImageView { in_use: users.of(&image).is_some(), image }).collect();
        views.sort_by(|a, b| (b.image.created_at, &a.image.id).cmp(&(a.image.created_at, &b.image.id)));
        Ok(views)
    }

    /// Removes the images that have no tag and that nothing needs.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while an operation is under way; when engine or store cannot be asked.
    pub async fn prune_images(&self, by: &str) -> Result<Pruned, ControlError> {
        let _free = self.free_images().await?;
        self.record_activity("image_prune", "pruned images", None, by).await?;
        let dangling: Vec<ImageSummary> =
            self.images().await?.into_iter().filter(|image| image.repo_tags.is_empty()).collect();
        let mut pruned = Pruned::default();
        for image in dangling {
            // Others use the engine as well: what an earlier look found may not be so any more.
            if self.users().await?.of(&image).is_none() && self.remove_dangling(&image).await? {
                pruned.images += 1;
                pruned.bytes = pruned.bytes.saturating_add(image.size_bytes);
            }
        }
        Ok(pruned)
    }

    /// Whether the image went. One that the engine will not part with stays.
    async fn remove_dangling(&self, image: &ImageSummary) -> Result<bool, ControlError> {
        let deps = self.swapper.deps();
        match deps.engine.remove_image(image.id.as_str()).await {
            Ok(()) => {}
            Err(error @ EngineError::Refused { .. }) => {
                tracing::debug!(image = %image.id, error = &error as &dyn std::error::Error, "the image stays");
                return Ok(false);
            }
            Err(error) => return Err(engine(&error)),
        }
        let found = deps.engine.inspect_image(image.id.as_str()).await;
        let gone = found.is_err_and(|error| error.is_not_found());
        if gone {
            tracing::info!(image = %image.id, "removed an image without a name");
        }
        Ok(gone)
    }

    /// Removes one image by id, or one of its names.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Conflict`] when something needs it or an
    /// operation is under way, [`ErrorKind::Invalid`] when that is no name of an image; when engine or store
    /// cannot be asked.
    pub async fn remove_image(&self, asked: &str, by: &str) -> Result<(), ControlError> {
        let deps = self.swapper.deps();
        let missing = || ControlError::new(ErrorKind::NotFound, format!("no such image: {asked}"));
        let _free = self.free_images().await?;
        let found = deps.engine.inspect_image(asked).await.map_err(|error| match error {
            EngineError::NotFound { .. } => missing(),
            error => engine(&error),
        })?;
        let image = ImageSummary {
            id: found.id().clone(),
            repo_tags: found.repo_tags(),
            repo_digests: found.repo_digests(),
            size_bytes: 0,
            created_at: None,
        };
        if let Some(why) = self.users().await?.of(&image) {
            return Err(ControlError::new(ErrorKind::Conflict, why));
        }
        let what = if is_id(asked, &image) { image.id.as_str() } else { asked };
        deps.engine.remove_image(what).await.map_err(|error| engine(&error))?;
        let shown: String = asked.chars().take(SHOWN).collect();
        self.record_activity("image_remove", &format!("removed image: {shown}"), None, by).await
    }

    async fn images(&self) -> Result<Vec<ImageSummary>, ControlError> {
        self.swapper.deps().engine.list_images().await.map_err(|error| engine(&error))
    }

    async fn users(&self) -> Result<Users, ControlError> {
        let deps = self.swapper.deps();
        let mut points = deps.store.list_rollback_points().await?;
        points.retain(|point| point.workload.host == deps.host);
        let mut open = deps.store.list_open_operations().await?;
        open.retain(|op| op.host == deps.host);
        let containers = deps.engine.list_containers().await.map_err(|error| engine(&error))?;
        Ok(Users { containers, points, open })
    }

    /// The right to remove images: no operation begins meanwhile, and none is under way.
    async fn free_images(&self) -> Result<ImagesFree, ControlError> {
        let busy = |why: String| ControlError::new(ErrorKind::Conflict, why);
        let free = self.swapper.locks().try_free_images();
        let free = free.ok_or_else(|| busy("a container is being updated".to_owned()))?;
        if let Some(op) = self.users().await?.under_way() {
            return Err(busy(format!(
                "container `{}` is being changed by operation {}",
                op.canonical_name, op.id
            )));
        }
        Ok(free)
    }
}

/// Whether a person means the image itself by its id, whole or shortened, rather than one of its names.
fn is_id(asked: &str, image: &ImageSummary) -> bool {
    let hex = asked.strip_prefix("sha256:").unwrap_or(asked);
    let id = image.id.as_str();
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    let named = image.repo_tags.iter().any(|tag| tag.split(':').next() == Some(asked));
    hex.len() >= 4 && id.starts_with(hex) && !named
}
