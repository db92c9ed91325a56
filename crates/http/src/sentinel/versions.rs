//! Which versions of a container's image there are, and going to one of them.

use axum::extract::State;
use lodeman_domain::image::Tag;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sentinel;
use super::body::Body;
use super::containers::view;
use super::envelope::{ErrorBody, Failure};
use super::host::Asked;
use super::name::Name;
use super::reply::Reply;
use crate::surface::Caller;

/// The version to go to.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelVersion, example = json!({ "tag": "2.8.5" }))]
pub struct Version {
    /// The tag.
    tag: String,
}

/// What was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelVersionStarted, example = json!({
    "message": "Updating proxy to caddy:2.8.5", "name": "proxy", "status": "started"
}))]
pub struct VersionStarted {
    /// What was begun.
    message: String,
    /// The container.
    name: String,
    /// `started`.
    status: &'static str,
}

/// Lists the versions newer than the one that a container follows, newest first.
///
/// Empty as well where its registry cannot be asked.
#[utoipa::path(
    get, path = "/api/containers/{name}/versions", tag = "Containers",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "Tags", body = [String], example = json!(["2.8.5", "2.8.4"])),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody))
)]
pub async fn list_versions(
    State(sentinel): State<Sentinel>,
    name: Name,
) -> Result<Reply<Vec<String>>, Failure> {
    let view = view(&sentinel, &name).await?;
    Ok(told(sentinel.app.list_versions(&view.image).await, &view.image))
}

/// Lists the tags of a container's repository, in the registry's order.
///
/// Empty as well where its registry cannot be asked.
#[utoipa::path(
    get, path = "/api/containers/{name}/tags", tag = "Containers",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "Tags", body = [String], example = json!(["latest", "2.8"])),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody))
)]
pub async fn list_tags(State(sentinel): State<Sentinel>, name: Name) -> Result<Reply<Vec<String>>, Failure> {
    let view = view(&sentinel, &name).await?;
    Ok(told(sentinel.app.list_tags(&view.image).await, &view.image))
}

/// Clients show an empty list for whatever cannot be asked.
fn told(listed: Result<Vec<Tag>, lodeman_updater::control::ControlError>, image: &str) -> Reply<Vec<String>> {
    let tags = listed.unwrap_or_else(|error| {
        tracing::debug!(image, error = &error as &dyn std::error::Error, "tags cannot be listed");
        Vec::new()
    });
    Reply(tags.iter().map(ToString::to_string).collect())
}

/// Brings a container to a tag of its image, whatever its policy; the answer does not wait for its end.
#[utoipa::path(
    post, path = "/api/containers/{name}/update-to-version", tag = "Container Actions",
    params(("name" = String, Path, description = "The container's name", example = "proxy"),
           ("host" = Option<String>, Query, description = "Another host")),
    request_body = Version,
    responses((status = 200, description = "It has begun", body = VersionStarted),
              (status = 400, description = "No name of a container, no tag, or a host that another product manages", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 415, description = "With a cookie: the body is not said to be JSON", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody),
              (status = 501, description = "The server's own container, which it cannot update yet", body = ErrorBody),
              (status = 503, description = "Not now, or another host is meant", body = ErrorBody))
)]
pub async fn update_to_version(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    name: Name,
    asked: Asked,
    body: Body,
) -> Result<Reply<VersionStarted>, Failure> {
    let Version { tag } = body.parse("tag required")?;
    if tag.is_empty() {
        return Err(Failure::bad_request("tag required"));
    }
    let tag: Option<Tag> = tag.parse().ok().filter(|_| !tag.starts_with('_'));
    let tag = tag.ok_or_else(|| Failure::bad_request("invalid tag format"))?;
    asked.here()?;
    let view = view(&sentinel, &name).await?;
    if view.is_self {
        return Err(Failure::not_implemented("self-update not available"));
    }
    let reference = sentinel.app.begin_update_to(view.name, &view.image, tag, &caller.user.name).await?;
    let message = format!("Updating {name} to {reference}");
    Ok(Reply(VersionStarted { message, name: name.to_string(), status: "started" }))
}
