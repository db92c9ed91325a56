//! The hooks that people set for containers.

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use lodeman_domain::hook::{DEFAULT_HOOK_TIMEOUT, Hook, HookKey, HookPhase, OnFailure, StoredHook};
use lodeman_domain::workload::HostId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sentinel;
use super::body::Body;
use super::envelope::{ErrorBody, Failure};
use super::host::Asked;
use super::reply::{Message, Reply, message};
use crate::surface::Caller;

/// The longest name of a container or a host, in bytes. Names are otherwise not looked at: a hook may be set
/// for what there is not.
const MAX_NAME: usize = 255;

/// A hook that is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelHook, example = json!({
    "container_name": "proxy", "phase": "pre-update", "command": ["sh", "-c", "backup"], "timeout": 30
}))]
pub struct Entry {
    /// The container; `host::name` of another host.
    container_name: String,
    /// `pre-update` or `post-update`.
    phase: String,
    /// The program and its arguments.
    command: Vec<String>,
    /// How long it may take, in seconds.
    timeout: u64,
    /// `continue`, where a failure before an update does not end it; absent where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_failure: Option<String>,
}

impl Entry {
    fn new(set: StoredHook, local: &HostId) -> Self {
        let StoredHook { key, phase, hook, .. } = set;
        let container_name =
            if key.host == *local { key.name } else { format!("{}::{}", key.host, key.name) };
        Self {
            container_name,
            phase: phase.to_string(),
            command: hook.command,
            timeout: hook.timeout.as_secs(),
            on_failure: (hook.on_failure != OnFailure::Abort).then(|| hook.on_failure.to_string()),
        }
    }
}

/// What hook is wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelHookRequest, example = json!({
    "phase": "pre-update", "command": ["sh", "-c", "backup"], "timeout": 60
}))]
pub struct HookRequest {
    /// `pre-update` or `post-update`.
    phase: String,
    /// The program and its arguments.
    command: Vec<String>,
    /// How long it may take, in seconds; 30 where it is absent or not above 0.
    timeout: i64,
    /// `abort` or `continue`: what follows where a hook before an update fails. `abort` where it is absent.
    on_failure: String,
}

impl HookRequest {
    fn read(self) -> Result<(HookPhase, Hook), Failure> {
        let phase = self
            .phase
            .parse()
            .map_err(|_| Failure::bad_request("phase must be pre-update or post-update"))?;
        if self.command.is_empty() {
            return Err(Failure::bad_request("command is required"));
        }
        if self.command.iter().any(|part| part.contains('\0')) {
            return Err(Failure::bad_request("command must not contain a zero byte"));
        }
        let on_failure = match self.on_failure.as_str() {
            "" => OnFailure::Abort,
            word => word.parse().map_err(|_| Failure::bad_request("on_failure must be abort or continue"))?,
        };
        let timeout = match u64::try_from(self.timeout) {
            Ok(seconds @ 1..) => Duration::from_secs(seconds),
            _ => DEFAULT_HOOK_TIMEOUT,
        };
        Ok((phase, Hook { command: self.command, timeout, on_failure }))
    }
}

/// Whose hooks a request means: `host` and name, or `host::name`.
fn key(name: &str, asked: &Asked, local: &HostId) -> Result<HookKey, Failure> {
    let host = asked.host().unwrap_or_default();
    let (host, name) = match name.split_once("::") {
        Some((host, name)) if !host.is_empty() => (host, name),
        _ => (host, name),
    };
    if name.is_empty() || name.len() > MAX_NAME || host.len() > MAX_NAME {
        return Err(Failure::bad_request("invalid container name"));
    }
    let host = if host.is_empty() { local.clone() } else { HostId(host.to_owned()) };
    Ok(HookKey { host, name: name.to_owned() })
}

fn told<T>(path: Result<Path<T>, PathRejection>) -> Result<T, Failure> {
    path.map(|Path(path)| path).map_err(|_| Failure::bad_request("invalid container name"))
}

/// Lists the hooks that are set for a container.
#[utoipa::path(
    get, path = "/api/hooks/{container}", tag = "Hooks",
    params(("container" = String, Path, description = "The container's name", example = "proxy"),
           ("host" = Option<String>, Query, description = "The host; empty for this one", example = "")),
    responses((status = 200, description = "The hooks", body = [Entry]),
              (status = 400, description = "No name", body = ErrorBody),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn list_hooks(
    State(sentinel): State<Sentinel>,
    container: Result<Path<String>, PathRejection>,
    asked: Asked,
) -> Result<Reply<Vec<Entry>>, Failure> {
    let name = told(container)?;
    let local = sentinel.app.host();
    let listed = sentinel.app.list_hooks(&key(&name, &asked, &local)?).await;
    let listed = listed.map_err(|error| Failure::inside(&error, "failed to list hooks"))?;
    Ok(Reply(listed.into_iter().map(|set| Entry::new(set, &local)).collect()))
}

/// Sets a container's hook of a phase, in place of the one that is set.
#[utoipa::path(
    post, path = "/api/hooks/{container}", tag = "Hooks",
    params(("container" = String, Path, description = "The container's name", example = "proxy"),
           ("host" = Option<String>, Query, description = "The host; empty for this one", example = "")),
    request_body = HookRequest,
    responses((status = 200, description = "It is set", body = Entry),
              (status = 400, description = "No JSON, no name, no phase or no command", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_hook(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    container: Result<Path<String>, PathRejection>,
    asked: Asked,
    body: Body,
) -> Result<Reply<Entry>, Failure> {
    let name = told(container)?;
    let wanted: HookRequest = body.parse("invalid JSON body")?;
    let local = sentinel.app.host();
    let (phase, hook) = wanted.read()?;
    let key = key(&name, &asked, &local)?;
    let set = sentinel.app.set_hook(key, phase, hook, &caller.user.name).await;
    let set = set.map_err(|error| Failure::inside(&error, "failed to save hook"))?;
    Ok(Reply(Entry::new(set, &local)))
}

/// Takes back a container's hook of a phase. What is not set is gone.
#[utoipa::path(
    delete, path = "/api/hooks/{container}/{phase}", tag = "Hooks",
    params(("container" = String, Path, description = "The container's name", example = "proxy"),
           ("phase" = String, Path, description = "`pre-update` or `post-update`", example = "pre-update"),
           ("host" = Option<String>, Query, description = "The host; empty for this one", example = "")),
    responses((status = 200, description = "It is gone", body = Message),
              (status = 400, description = "No name", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn delete_hook(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    asked: Asked,
) -> Result<Reply<Message>, Failure> {
    let (name, phase) = told(path)?;
    let key = key(&name, &asked, &sentinel.app.host())?;
    let cleared = sentinel.app.clear_hook(key, &phase, &caller.user.name).await;
    cleared.map_err(|error| Failure::inside(&error, "failed to delete hook"))?;
    Ok(message("hook deleted"))
}
