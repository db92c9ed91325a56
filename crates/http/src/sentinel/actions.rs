//! What is done to containers.

use axum::extract::State;
use lodeman_domain::explain::{Action, ReasonCode, Verdict};
use lodeman_updater::app::ContainerView;
use lodeman_updater::control::ErrorKind;
use serde::Serialize;
use utoipa::ToSchema;

use super::Sentinel;
use super::containers::view;
use super::envelope::{ErrorBody, Failure};
use super::name::{Name, no_such_container};
use super::reply::{Message, Reply, message};
use crate::surface::Caller;

/// What was begun.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SentinelStarted, example = json!({
    "message": "update started for proxy", "name": "proxy", "status": "started"
}))]
pub struct Started {
    /// What was begun.
    message: String,
    /// The container.
    name: String,
    /// `started`.
    status: &'static str,
}

/// What a check found.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SentinelChecked, example = json!({
    "message": "Update available for proxy", "name": "proxy", "newer_versions": ["2.8.5"],
    "status": "update_available"
}))]
pub struct CheckAnswer {
    /// In words.
    message: String,
    /// The container.
    name: String,
    /// Newer versions, newest first; empty where the tag stays and its digest moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    newer_versions: Option<Vec<String>>,
    /// `update_available` or `up_to_date`.
    status: &'static str,
}

/// The container, unless it is the server's own.
async fn other(sentinel: &Sentinel, name: &Name, refusal: &str) -> Result<ContainerView, Failure> {
    let view = view(sentinel, name).await?;
    if view.is_self { Err(Failure::forbidden(refusal)) } else { Ok(view) }
}

/// Updates a container now, whatever its policy; the answer does not wait for its end.
#[utoipa::path(
    post, path = "/api/update/{name}", tag = "Container Actions",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "It has begun", body = Started),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 403, description = "The server's own container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody),
              (status = 503, description = "Not now: recovery is under way", body = ErrorBody))
)]
pub async fn update_container(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    name: Name,
) -> Result<Reply<Started>, Failure> {
    let view = other(&sentinel, &name, "cannot update sentinel itself via the dashboard").await?;
    sentinel.app.begin_update(view.name, &caller.user.name).await?;
    let message = format!("update started for {name}");
    Ok(Reply(Started { message, name: name.to_string(), status: "started" }))
}

/// Goes back to what a container ran before its last update; the answer does not wait for its end.
#[utoipa::path(
    post, path = "/api/containers/{name}/rollback", tag = "Container Actions",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "It has begun", body = Started),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 403, description = "The server's own container", body = ErrorBody),
              (status = 404, description = "Neither such a container nor a state to go back to", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody),
              (status = 503, description = "Not now: recovery is under way", body = ErrorBody))
)]
pub async fn roll_back_container(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    name: Name,
) -> Result<Reply<Started>, Failure> {
    let container = name.container()?;
    if sentinel.is_own(&container).await {
        return Err(Failure::forbidden("cannot rollback sentinel itself via the dashboard"));
    }
    let inside = |error| Failure::inside(&error, "failed to list containers");
    let is_there = sentinel.app.find_container(&container).await.map_err(inside)?.is_some();
    if !is_there && sentinel.app.rollback_points(&container).await.map_err(inside)?.is_empty() {
        return Err(no_such_container(name.as_str()));
    }
    sentinel.app.begin_rollback(container, &caller.user.name).await?;
    let message = format!("rollback started for {name}");
    Ok(Reply(Started { message, name: name.to_string(), status: "started" }))
}

/// Asks the registry about a container now, and queues what is found.
#[utoipa::path(
    post, path = "/api/check/{name}", tag = "Container Actions",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "What was found", body = CheckAnswer),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody),
              (status = 502, description = "The registry cannot be asked", body = ErrorBody))
)]
pub async fn check_container(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    name: Name,
) -> Result<Reply<CheckAnswer>, Failure> {
    let view = view(&sentinel, &name).await?;
    let found = sentinel.app.check_container(view.name, &caller.user.name).await;
    let found = found.map_err(|error| match error.kind {
        ErrorKind::NotFound => no_such_container(name.as_str()),
        _ => Failure::inside(&error, "failed to list containers"),
    })?;
    let answer = |message: String, newer_versions, status| {
        Ok(Reply(CheckAnswer { message, name: name.to_string(), newer_versions, status }))
    };
    let set_aside = found.reasons.iter().any(|reason| is_set_aside(reason.code));
    match &found.verdict {
        Verdict::UpdateAvailable { action: Action::Tell, .. } if set_aside => {
            answer(format!("{name} is up to date (newer versions ignored)"), None, "up_to_date")
        }
        Verdict::UpdateAvailable { target, .. } => {
            let versions = super::queue::versions(target.version.as_ref(), &found.newer_versions);
            answer(format!("Update available for {name}"), Some(versions), "update_available")
        }
        Verdict::Unknown => {
            let why = found.reasons.first().map_or(found.sentence.as_str(), |reason| reason.detail.as_str());
            let message = format!("registry check failed: {why}");
            Err(Failure::new(http::StatusCode::BAD_GATEWAY, message))
        }
        _ => answer(format!("{name} is up to date"), None, "up_to_date"),
    }
}

/// Whether a reason says that a person or a failed try keeps what exists from being offered.
fn is_set_aside(code: ReasonCode) -> bool {
    matches!(code, ReasonCode::Ignored | ReasonCode::BadDigest)
}

/// Looks for updates of all containers, also while automatic updates are paused.
#[utoipa::path(
    post, path = "/api/scan", tag = "Container Actions",
    responses((status = 200, description = "It has begun", body = Message),
              (status = 503, description = "Not now: recovery is under way", body = ErrorBody))
)]
pub async fn start_scan(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
) -> Result<Reply<Message>, Failure> {
    sentinel.app.begin_scan(&caller.user.name).await?;
    Ok(message("Scan started"))
}

/// Would replace the server itself. This server cannot yet, and says so.
#[utoipa::path(
    post, path = "/api/self-update", tag = "Container Actions",
    responses((status = 501, description = "Not available", body = ErrorBody))
)]
pub async fn update_self() -> Failure {
    Failure::not_implemented("self-update not available")
}

/// Would move a container to the same image at another registry. This server cannot yet, and says so.
#[utoipa::path(
    post, path = "/api/containers/{name}/switch-ghcr", tag = "Container Actions",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 400, description = "No name of a container", body = ErrorBody),
              (status = 501, description = "Not available", body = ErrorBody))
)]
pub async fn switch_registry(name: Name) -> Failure {
    let _ = name;
    Failure::not_implemented("GHCR detection not available")
}
