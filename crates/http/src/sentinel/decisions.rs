//! What people decide about updates that wait.

use axum::extract::State;
use lodeman_domain::container::ContainerName;
use lodeman_domain::queue::QueueState;
use lodeman_updater::control::{Control as _, ControlError, ErrorKind, Which};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sentinel;
use super::body::Body;
use super::envelope::{ErrorBody, Failure};
use super::key::Key;
use super::queue::waiting;
use super::reply::Reply;
use crate::surface::Caller;

/// Which state of the entry is meant; without a body the one that is current.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelApproval, example = json!({ "revision": 1 }))]
pub struct Approval {
    /// The revision that was shown.
    revision: Option<u64>,
    /// Or the digest that was shown.
    digest: Option<String>,
}

impl Approval {
    fn which(self) -> Result<Which, Failure> {
        match (self.revision, self.digest) {
            (Some(revision), _) => Ok(Which::Revision(revision)),
            (None, Some(digest)) => {
                let digest =
                    digest.parse().map_err(|error| Failure::bad_request(format!("digest: {error}")))?;
                Ok(Which::Digest(digest))
            }
            (None, None) => Ok(Which::Current),
        }
    }
}

/// What became of a queue entry.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SentinelQueueAnswer, example = json!({
    "message": "update started for proxy", "name": "proxy", "status": "approved"
}))]
pub struct Answer {
    /// What was done.
    message: String,
    /// The container.
    name: String,
    /// `approved`, `ignored` or `rejected`.
    status: &'static str,
    /// The version that is ignored from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// Nothing is queued: 404 in this surface's words. Everything else as it is told.
fn refusal(error: ControlError, name: &ContainerName) -> Failure {
    match error.kind {
        ErrorKind::NotFound => Failure::not_found(format!("no pending update for {name}")),
        _ => Failure::from(error),
    }
}

/// Approves an update and begins it; the answer does not wait for its end.
#[utoipa::path(
    post, path = "/api/approve/{key}", tag = "Queue",
    params(("key" = String, Path, description = "The container's name", example = "proxy")),
    request_body(content = Option<Approval>, description = "Optional: which state of the entry is meant"),
    responses((status = 200, description = "It has begun", body = Answer),
              (status = 400, description = "The body names no revision and no digest", body = ErrorBody),
              (status = 403, description = "The server's own container", body = ErrorBody),
              (status = 404, description = "Nothing waits for it", body = ErrorBody),
              (status = 409, description = "Something else waits now, or it is under way", body = ErrorBody),
              (status = 503, description = "Not now: recovery is under way", body = ErrorBody))
)]
pub async fn approve_update(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    key: Key,
    body: Body,
) -> Result<Reply<Answer>, Failure> {
    let name = key.local()?;
    if sentinel.is_own(&name).await {
        return Err(Failure::forbidden("cannot approve updates for sentinel itself"));
    }
    let which = body.optional::<Approval>("invalid JSON body")?.which()?;
    // What was rejected has left the queue here; the command line may still change its mind.
    let queue = sentinel.app.queue().await.map_err(|error| refusal(error, &name))?;
    if queue.iter().any(|entry| entry.workload.name == name && entry.state == QueueState::Rejected) {
        return Err(Failure::not_found(format!("no pending update for {name}")));
    }
    let entry = sentinel.app.approve_entry(name.clone(), which, &caller.user.name).await;
    let entry = entry.map_err(|error| refusal(error, &name))?;
    sentinel.app.begin_approved(entry);
    let message = format!("update started for {name}");
    Ok(Reply(Answer { message, name: name.to_string(), status: "approved", version: None }))
}

/// Never offers this version to this container again.
#[utoipa::path(
    post, path = "/api/ignore/{key}", tag = "Queue",
    params(("key" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "It is ignored", body = Answer),
              (status = 400, description = "The update has no version, only a digest", body = ErrorBody),
              (status = 404, description = "Nothing waits for it", body = ErrorBody),
              (status = 409, description = "It is under way", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn ignore_update(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    key: Key,
) -> Result<Reply<Answer>, Failure> {
    let name = key.local()?;
    let waiting = waiting(&sentinel).await?.into_iter().find(|entry| entry.workload.name == name);
    let entry = waiting.ok_or_else(|| Failure::not_found(format!("no pending update for {name}")))?;
    let Some(version) = entry.target.version else {
        return Err(Failure::bad_request("no specific version to ignore (digest-only update)"));
    };
    let done = sentinel.app.ignore(name.clone(), Which::Revision(entry.revision), &caller.user.name).await;
    done.map_err(|error| match error.kind {
        ErrorKind::Unavailable | ErrorKind::Internal => {
            Failure::inside(&error, "failed to save ignored version")
        }
        _ => refusal(error, &name),
    })?;
    let message = format!("version {version} ignored for {name}");
    let version = Some(version.to_string());
    Ok(Reply(Answer { message, name: name.to_string(), status: "ignored", version }))
}

/// Says no to an update; it stays so until something newer appears.
#[utoipa::path(
    post, path = "/api/reject/{key}", tag = "Queue",
    params(("key" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "Nothing waits for it any more", body = Answer),
              (status = 404, description = "No name of a container", body = ErrorBody),
              (status = 409, description = "It is under way", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn reject_update(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    key: Key,
) -> Result<Reply<Answer>, Failure> {
    let name = key.local()?;
    match sentinel.app.reject(name.clone(), Which::Current, &caller.user.name).await {
        Ok(_) => {}
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) if error.kind == ErrorKind::Conflict => return Err(error.into()),
        Err(error) => return Err(Failure::inside(&error, "failed to reject update")),
    }
    let message = format!("update rejected for {name}");
    Ok(Reply(Answer { message, name: name.to_string(), status: "rejected", version: None }))
}
