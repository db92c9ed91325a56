//! Settings with one of a few values.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Change;
use crate::sentinel::Sentinel;
use crate::sentinel::body::Body;
use crate::sentinel::envelope::{ErrorBody, Failure};
use crate::sentinel::policy::policy;
use crate::sentinel::reply::{Message, Reply, message};
use crate::surface::Caller;

/// Whether automatic updates are held.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelPause, example = json!({ "paused": true }))]
pub struct Pause {
    /// Whether they are.
    paused: bool,
}

/// Whether automatic updates are held now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelPauseSet, example = json!({ "message": "scheduler paused", "paused": "true" }))]
pub struct PauseSet {
    /// In words.
    message: String,
    /// `true` or `false`, as text.
    paused: String,
}

/// Holds automatic updates, or lets them go on.
#[utoipa::path(
    post, path = "/api/settings/pause", tag = "Settings",
    request_body = Pause,
    responses((status = 200, description = "It is so", body = PauseSet),
              (status = 400, description = "No JSON, or another type", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_pause(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<PauseSet>, Failure> {
    let asked: Pause = body.parse("invalid JSON body")?;
    let word = if asked.paused { "paused" } else { "unpaused" };
    let paused = asked.paused.to_string();
    let (said, noted) = (format!("scheduler {word}"), format!("Scheduler {word}"));
    Change::new("paused", paused.clone(), &said, &noted).store(&sentinel, &caller.user.name).await?;
    Ok(Reply(PauseSet { message: said, paused }))
}

/// Which policy holds where nothing else says one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelDefaultPolicy, example = json!({ "policy": "auto" }))]
pub struct DefaultPolicy {
    /// `auto`, `manual` or `pinned`.
    policy: String,
}

/// Sets which policy holds where nothing else says one.
#[utoipa::path(
    post, path = "/api/settings/default-policy", tag = "Settings",
    request_body = DefaultPolicy,
    responses((status = 200, description = "It is set", body = Message),
              (status = 400, description = "No JSON, or no policy", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_default_policy(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Message>, Failure> {
    let asked: DefaultPolicy = body.parse("invalid JSON body")?;
    let policy = policy(&asked.policy)?.to_string();
    let said = format!("default policy set to {policy}");
    let noted = format!("Default policy changed to {policy}");
    Change::new("default_policy", policy, &said, &noted).store(&sentinel, &caller.user.name).await?;
    Ok(message(said))
}

/// Which policy a container gets when its update was rolled back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelRollbackPolicy, example = json!({ "policy": "manual" }))]
pub struct RollbackPolicy {
    /// `manual`, `pinned`, or nothing (also `none`): it keeps its own.
    policy: String,
}

/// Sets which policy a container gets when its update was rolled back.
#[utoipa::path(
    post, path = "/api/settings/rollback-policy", tag = "Settings",
    request_body = RollbackPolicy,
    responses((status = 200, description = "It is set", body = Message,
               example = json!({ "message": "Rollback policy: set to manual" })),
              (status = 400, description = "No JSON, or no such policy", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_rollback_policy(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Message>, Failure> {
    let asked: RollbackPolicy = body.parse("invalid JSON body")?;
    let (policy, said) = match asked.policy.as_str() {
        "" | "none" => ("", "Rollback policy: no change".to_owned()),
        policy @ ("manual" | "pinned") => (policy, format!("Rollback policy: set to {policy}")),
        _ => return Err(Failure::bad_request("rollback policy must be empty, manual, or pinned")),
    };
    Change::new("rollback_policy", policy, &said, &said).store(&sentinel, &caller.user.name).await?;
    Ok(message(said))
}

/// How far versions may move.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelVersionScope, example = json!({ "scope": "strict" }))]
pub struct VersionScope {
    /// `default` or `strict`; nothing is as good as `default`. Labels know more.
    scope: String,
}

/// Sets how far versions may move.
#[utoipa::path(
    post, path = "/api/settings/version-scope", tag = "Settings",
    request_body = VersionScope,
    responses((status = 200, description = "It is set", body = Message,
               example = json!({ "message": "Version scope set to strict" })),
              (status = 400, description = "No JSON, or no such scope", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_version_scope(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Message>, Failure> {
    let asked: VersionScope = body.parse("invalid JSON body")?;
    let scope = match asked.scope.as_str() {
        "" | "default" => "default",
        "strict" => "strict",
        _ => return Err(Failure::bad_request("scope must be default or strict")),
    };
    let said = format!("Version scope set to {scope}");
    Change::new("version_scope", scope, &said, &said).store(&sentinel, &caller.user.name).await?;
    Ok(message(said))
}
