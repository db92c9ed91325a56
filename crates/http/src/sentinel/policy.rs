//! The policies that people set for containers.

use axum::extract::State;
use lodeman_domain::container::ContainerName;
use lodeman_domain::policy::Policy;
use lodeman_updater::app::PolicyPlan;
use lodeman_updater::control::ErrorKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sentinel;
use super::body::Body;
use super::envelope::{ErrorBody, Failure};
use super::name::Name;
use super::reply::Reply;
use crate::surface::Caller;

/// What policy is wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelPolicyRequest, example = json!({ "policy": "manual" }))]
pub struct PolicyRequest {
    /// `auto`, `manual` or `pinned`.
    policy: String,
}

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelPolicyAnswer, example = json!({
    "message": "policy set to manual for proxy", "name": "proxy", "policy": "manual", "status": "ok"
}))]
pub struct PolicyAnswer {
    /// What was done.
    message: String,
    /// The container.
    name: String,
    /// The policy that was set; absent where one was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// `ok`.
    status: &'static str,
}

/// The policy a text names, spelt exactly.
pub(super) fn policy(text: &str) -> Result<Policy, Failure> {
    Policy::ALL
        .iter()
        .copied()
        .find(|policy| policy.as_str() == text)
        .ok_or_else(|| Failure::bad_request("policy must be auto, manual, or pinned"))
}

/// Sets a container's policy, whether the container exists or not.
#[utoipa::path(
    post, path = "/api/containers/{name}/policy", tag = "Policy",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    request_body = PolicyRequest,
    responses((status = 200, description = "It is set", body = PolicyAnswer),
              (status = 400, description = "No name of a container, no JSON, or no policy", body = ErrorBody),
              (status = 403, description = "The server's own container", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_policy(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    name: Name,
    body: Body,
) -> Result<Reply<PolicyAnswer>, Failure> {
    let asked: PolicyRequest = body.parse("invalid JSON body")?;
    let policy = policy(&asked.policy)?;
    let container = container(&name)?;
    let found = sentinel.app.find_container(&container).await;
    if found.ok().flatten().is_some_and(|view| view.is_self) {
        return Err(Failure::forbidden("cannot change policy on sentinel itself"));
    }
    let set = sentinel.app.set_policy(container, policy, &caller.user.name).await;
    set.map_err(|error| Failure::inside(&error, "failed to set policy override"))?;
    Ok(Reply(PolicyAnswer {
        message: format!("policy set to {policy} for {name}"),
        name: name.to_string(),
        policy: Some(policy.to_string()),
        status: "ok",
    }))
}

/// The name as one a container can have.
fn container(name: &Name) -> Result<ContainerName, Failure> {
    name.as_str().parse().map_err(|_| Failure::bad_request("invalid container name"))
}

/// Takes back the policy that was set for a container.
#[utoipa::path(
    delete, path = "/api/containers/{name}/policy", tag = "Policy",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "It is taken back", body = PolicyAnswer),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 404, description = "None is set", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn clear_policy(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    name: Name,
) -> Result<Reply<PolicyAnswer>, Failure> {
    let cleared = sentinel.app.clear_policy(container(&name)?, &caller.user.name).await;
    cleared.map_err(|error| match error.kind {
        ErrorKind::NotFound => Failure::from(error),
        _ => Failure::inside(&error, "failed to delete policy override"),
    })?;
    Ok(Reply(PolicyAnswer {
        message: format!("policy override removed for {name}"),
        name: name.to_string(),
        policy: None,
        status: "ok",
    }))
}

/// One policy for several containers.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelBulkPolicyRequest, example = json!({
    "containers": ["proxy", "cache"], "policy": "pinned", "confirm": false
}))]
pub struct BulkRequest {
    /// The containers.
    containers: Vec<String>,
    /// `auto`, `manual` or `pinned`.
    policy: String,
    /// Whether to do it; without it, what would be done is told.
    confirm: bool,
}

/// A container that would stay as it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelBulkPolicySkipped, example = json!({ "name": "sentinel", "reason": "self-protected" }))]
pub struct Skipped {
    /// The container.
    name: String,
    /// Why.
    reason: String,
}

/// A container that would change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelBulkPolicyChange, example = json!({ "name": "proxy", "from": "auto", "to": "pinned" }))]
pub struct Change {
    /// The container.
    name: String,
    /// Its policy now.
    from: String,
    /// Its policy then.
    to: String,
}

/// What would be done, or was.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SentinelBulkPolicyAnswer, example = json!({
    "blocked": [{ "name": "lodeman", "reason": "self-protected" }],
    "changes": [{ "name": "proxy", "from": "manual", "to": "pinned" }],
    "mode": "preview",
    "unchanged": [{ "name": "cache", "reason": "already pinned" }]
}))]
pub enum BulkAnswer {
    /// What would be done.
    Preview {
        /// Containers that must not be changed so.
        blocked: Vec<Skipped>,
        /// Containers that would change.
        changes: Vec<Change>,
        /// `preview`.
        mode: &'static str,
        /// Containers that have it already.
        unchanged: Vec<Skipped>,
    },
    /// What was done, counted.
    Executed {
        /// Containers that were changed.
        applied: usize,
        /// Containers that must not be changed so.
        blocked: usize,
        /// `executed`.
        mode: &'static str,
        /// Containers that had it already.
        unchanged: usize,
    },
}

/// Sets one policy for several containers, or tells what that would do.
#[utoipa::path(
    post, path = "/api/bulk/policy", tag = "Policy",
    request_body = BulkRequest,
    responses((status = 200, description = "What would be done, or was", body = BulkAnswer),
              (status = 400, description = "No JSON, no policy, no containers", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_policies(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<BulkAnswer>, Failure> {
    let asked: BulkRequest = body.parse("invalid JSON body")?;
    let policy = policy(&asked.policy)?;
    if asked.containers.is_empty() {
        return Err(Failure::bad_request("containers list must not be empty"));
    }
    let mut names = Vec::new();
    for name in &asked.containers {
        let name: ContainerName = name.parse().map_err(|_| {
            let shown: String = name.chars().take(100).collect();
            Failure::bad_request(format!("containers: `{shown}` is no name of a container"))
        })?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let failed = "failed to set policy override";
    if !asked.confirm {
        let plan = sentinel.app.plan_policies(&names, policy).await;
        let plan = plan.map_err(|error| Failure::inside(&error, failed))?;
        return Ok(Reply(preview(plan, policy)));
    }
    let done = sentinel.app.set_policies(&names, policy, &caller.user.name).await;
    let done = done.map_err(|error| Failure::inside(&error, failed))?;
    Ok(Reply(BulkAnswer::Executed {
        applied: done.changes.len(),
        blocked: done.blocked.len(),
        mode: "executed",
        unchanged: done.unchanged.len(),
    }))
}

fn preview(plan: PolicyPlan, policy: Policy) -> BulkAnswer {
    let skipped = |names: Vec<ContainerName>, reason: &str| {
        names.into_iter().map(|name| Skipped { name: name.to_string(), reason: reason.to_owned() }).collect()
    };
    BulkAnswer::Preview {
        blocked: skipped(plan.blocked, "self-protected"),
        unchanged: skipped(plan.unchanged, &format!("already {policy}")),
        changes: plan
            .changes
            .into_iter()
            .map(|(name, from, to)| Change {
                name: name.to_string(),
                from: from.to_string(),
                to: to.to_string(),
            })
            .collect(),
        mode: "preview",
    }
}
