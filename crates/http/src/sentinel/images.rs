//! The images of the host.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use jiff::Timestamp;
use lodeman_updater::app::ImageView;
use lodeman_updater::control::{ControlError, ErrorKind};
use serde::Serialize;
use utoipa::ToSchema;

use super::Sentinel;
use super::envelope::{ErrorBody, Failure, status_of};
use super::reply::Reply;
use crate::surface::Caller;

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelImage)]
pub struct Image {
    /// The engine's id.
    id: String,
    /// Its names, `repository:tag`; empty where it has none.
    repo_tags: Vec<String>,
    /// Bytes on disk, with the layers that it shares with others.
    size: u64,
    /// When it was made, in seconds since 1970; 0 where it does not say.
    created: i64,
    /// Whether something needs it: a container in any state, a way back, an update under way.
    in_use: bool,
}

impl From<ImageView> for Image {
    fn from(view: ImageView) -> Self {
        Self {
            id: view.image.id.to_string(),
            repo_tags: view.image.repo_tags,
            size: view.image.size_bytes,
            created: view.image.created_at.map_or(0, Timestamp::as_second),
            in_use: view.in_use,
        }
    }
}

/// The images of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelImages, example = json!({ "images": [{
    "id": "sha256:4f5b0c7a3e9d4f5b0c7a3e9d4f5b0c7a3e9d4f5b0c7a3e9d4f5b0c7a3e9d4f5b",
    "repo_tags": ["caddy:2.8"], "size": 48_123_904, "created": 1_736_950_000, "in_use": true
}] }))]
pub struct Images {
    /// Those made last first.
    images: Vec<Image>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelPruned, example = json!({ "images_deleted": 3, "space_reclaimed": 104_857_600 }))]
pub struct PruneAnswer {
    /// How many images went.
    images_deleted: u32,
    /// The sizes of those images together, in bytes; a layer that others share is counted for each.
    space_reclaimed: u64,
}

/// The image went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelRemoved, example = json!({ "status": "ok" }))]
pub struct Removed {
    /// `ok`.
    status: &'static str,
}

/// Lists the images of the host.
#[utoipa::path(
    get, path = "/api/images", tag = "Images",
    responses((status = 200, description = "The images", body = Images),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody))
)]
pub async fn list_images(State(sentinel): State<Sentinel>) -> Result<Reply<Images>, Failure> {
    let listed = sentinel.app.list_images().await;
    let views = listed.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "images cannot be listed");
        Failure::internal(format!("failed to list images: {error}"))
    })?;
    Ok(Reply(Images { images: views.into_iter().map(Image::from).collect() }))
}

/// Removes the images that have no name and that nothing needs, one after the other.
#[utoipa::path(
    post, path = "/api/images/prune", tag = "Images",
    responses((status = 200, description = "What was removed", body = PruneAnswer),
              (status = 409, description = "A container is being updated", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody))
)]
pub async fn prune_images(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
) -> Result<Reply<PruneAnswer>, Failure> {
    let pruned = sentinel.app.prune_images(&caller.user.name).await;
    let pruned = pruned.map_err(|error| refusal(&error, "failed to prune images"))?;
    Ok(Reply(PruneAnswer { images_deleted: pruned.images, space_reclaimed: pruned.bytes }))
}

/// Removes an image by its id, or one name of it by that. Never one that something needs.
#[utoipa::path(
    delete, path = "/api/images/{id}", tag = "Images",
    params(("id" = String, Path, description = "Its id or a reference, percent-encoded", example = "caddy%3A2.8.3")),
    responses((status = 200, description = "It went", body = Removed),
              (status = 400, description = "No name of an image", body = ErrorBody),
              (status = 404, description = "No such image", body = ErrorBody),
              (status = 409, description = "Something needs it, or a container is being updated", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody))
)]
pub async fn remove_image(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Reply<Removed>, Failure> {
    let legal = |id: &String| is_name(id);
    let id = id.ok().map(|Path(id)| id).filter(legal);
    let id = id.ok_or_else(|| Failure::bad_request("failed to remove image: invalid image name"))?;
    let removed = sentinel.app.remove_image(&id, &caller.user.name).await;
    removed.map_err(|error| refusal(&error, "failed to remove image"))?;
    Ok(Reply(Removed { status: "ok" }))
}

/// Whether a text can be an id or a reference at all.
fn is_name(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/' | b':' | b'@');
    let segments = || text.split('/').all(|s| !matches!(s, "" | "." | ".."));
    text.len() <= 512 && text.bytes().all(legal) && segments()
}

fn refusal(error: &ControlError, said: &str) -> Failure {
    let status = match error.kind {
        // What a store or an engine that cannot be asked has always been told as here.
        ErrorKind::Unavailable => http::StatusCode::INTERNAL_SERVER_ERROR,
        kind => status_of(kind),
    };
    Failure::new(status, format!("{said}: {error}"))
}
