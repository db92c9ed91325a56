//! Starting, stopping and restarting containers.

use axum::extract::State;
use lodeman_updater::app::PowerAction;
use serde::Serialize;
use utoipa::ToSchema;

use super::Sentinel;
use super::containers::view;
use super::envelope::{ErrorBody, Failure};
use super::host::Asked;
use super::name::Name;
use super::reply::Reply;
use crate::surface::Caller;

/// What was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelPower, example = json!({
    "message": "restart initiated for proxy", "name": "proxy", "status": "restarting"
}))]
pub struct PowerAnswer {
    /// What was begun.
    message: String,
    /// The container.
    name: String,
    /// `starting`, `stopping` or `restarting`.
    status: &'static str,
}

async fn begin(
    sentinel: &Sentinel,
    action: PowerAction,
    name: &Name,
    asked: &Asked,
    by: &str,
) -> Result<Reply<PowerAnswer>, Failure> {
    let verb = action.verb();
    asked.here()?;
    let view = view(sentinel, name).await?;
    if view.is_self {
        return Err(Failure::forbidden(format!("cannot {verb} sentinel itself via the dashboard")));
    }
    sentinel.app.begin_power(action, view.name, by).await?;
    let status = match action {
        PowerAction::Start => "starting",
        PowerAction::Stop => "stopping",
        PowerAction::Restart => "restarting",
    };
    let message = format!("{verb} initiated for {name}");
    Ok(Reply(PowerAnswer { message, name: name.to_string(), status }))
}

/// Restarts a container; the answer does not wait for its end. A crash in between never leaves it down.
#[utoipa::path(
    post, path = "/api/containers/{name}/restart", tag = "Container Actions",
    params(("name" = String, Path, description = "The container's name", example = "proxy"),
           ("host" = Option<String>, Query, description = "Another host")),
    responses((status = 200, description = "It has begun", body = PowerAnswer),
              (status = 400, description = "No name of a container, or a host that another product manages", body = ErrorBody),
              (status = 403, description = "The server's own container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 409, description = "The container is being changed, or the engine would remove it", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody),
              (status = 503, description = "Not now, or another host is meant", body = ErrorBody))
)]
pub async fn restart_container(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    name: Name,
    asked: Asked,
) -> Result<Reply<PowerAnswer>, Failure> {
    begin(&sentinel, PowerAction::Restart, &name, &asked, &caller.user.name).await
}

/// Stops a container; the answer does not wait for its end.
#[utoipa::path(
    post, path = "/api/containers/{name}/stop", tag = "Container Actions",
    params(("name" = String, Path, description = "The container's name", example = "proxy"),
           ("host" = Option<String>, Query, description = "Another host")),
    responses((status = 200, description = "It has begun", body = PowerAnswer),
              (status = 400, description = "No name of a container, or a host that another product manages", body = ErrorBody),
              (status = 403, description = "The server's own container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 409, description = "The container is being changed, or the engine would remove it", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody),
              (status = 503, description = "Not now, or another host is meant", body = ErrorBody))
)]
pub async fn stop_container(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    name: Name,
    asked: Asked,
) -> Result<Reply<PowerAnswer>, Failure> {
    begin(&sentinel, PowerAction::Stop, &name, &asked, &caller.user.name).await
}

/// Starts a container; the answer does not wait for its end.
#[utoipa::path(
    post, path = "/api/containers/{name}/start", tag = "Container Actions",
    params(("name" = String, Path, description = "The container's name", example = "proxy"),
           ("host" = Option<String>, Query, description = "Another host")),
    responses((status = 200, description = "It has begun", body = PowerAnswer),
              (status = 400, description = "No name of a container, or a host that another product manages", body = ErrorBody),
              (status = 403, description = "The server's own container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 409, description = "The container is being changed", body = ErrorBody),
              (status = 500, description = "The engine cannot be asked", body = ErrorBody),
              (status = 503, description = "Not now, or another host is meant", body = ErrorBody))
)]
pub async fn start_container(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    name: Name,
    asked: Asked,
) -> Result<Reply<PowerAnswer>, Failure> {
    begin(&sentinel, PowerAction::Start, &name, &asked, &caller.user.name).await
}
