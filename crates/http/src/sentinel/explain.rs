//! Why a container runs what it runs.

use axum::extract::State;
use jiff::Timestamp;
use lodeman_domain::explain::{Action, Explanation, Reason as Why, Verdict};
use lodeman_domain::queue::Target as Wanted;
use serde::Serialize;
use utoipa::ToSchema;

use super::Sentinel;
use super::envelope::{ErrorBody, Failure};
use super::name::{Name, no_such_container};
use super::reply::Reply;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Reason, example = json!({
    "code": "minimum_age", "detail": "it must be 3d old", "until": "2026-02-06T04:05:06Z"
}))]
pub struct Reason {
    /// For programs: `policy_manual`, `window_closed`, `minimum_age`, `bad_digest`, …
    code: String,
    /// For people, one clause.
    detail: String,
    /// When it ends by itself, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl From<Why> for Reason {
    fn from(reason: Why) -> Self {
        Self { code: reason.code.to_string(), detail: reason.detail, until: reason.until }
    }
}

/// What would be installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = UpdateTarget, example = json!({
    "reference": "caddy:2.8.5", "digest": "sha256:7be2", "version": "2.8.5", "already_pulled": false
}))]
pub struct Target {
    /// The reference the container would run by.
    reference: String,
    /// The digest that its tag means now.
    digest: String,
    /// Its version, where the tag tells one.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Whether the host has it already.
    already_pulled: bool,
}

impl From<Wanted> for Target {
    fn from(target: Wanted) -> Self {
        Self {
            reference: target.reference.to_string(),
            digest: target.digest.to_string(),
            version: target.version.map(|version| version.to_string()),
            already_pulled: target.already_pulled,
        }
    }
}

/// Why a container runs what it runs.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Explanation, example = json!({
    "name": "proxy", "verdict": "update_available", "action": "ask",
    "sentence": "proxy runs caddy:2.8.4; 2.8.5 exists, it waits for a person (policy is manual (default): a person decides).",
    "reasons": [{ "code": "policy_manual", "detail": "policy is manual (default): a person decides" }],
    "target": { "reference": "caddy:2.8.5", "digest": "sha256:7be2", "version": "2.8.5", "already_pulled": false },
    "image": "caddy:2.8.4", "version": "2.8.4", "newer_versions": ["2.8.5"], "beyond_scope": 0,
    "policy": "manual (default)", "checked_at": "2026-02-03T04:05:06Z", "next_at": null,
    "can_do": ["lodeman approve proxy", "lodeman reject proxy", "lodeman ignore proxy"]
}))]
pub struct Explained {
    /// The container.
    name: String,
    /// `up_to_date`, `update_available`, `not_applicable` or `unknown`.
    verdict: &'static str,
    /// What becomes of an update that exists: `apply`, `ask`, `wait`, `pull_only` or `tell`.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    /// What runs, what exists, why not yet, when, who can change it.
    sentence: String,
    /// All reasons, weightiest first.
    reasons: Vec<Reason>,
    /// What would be installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    /// The reference it runs by.
    image: String,
    /// The version it runs, where that is known.
    #[schema(required)]
    version: Option<String>,
    /// All newer versions within its scope, newest first.
    newer_versions: Vec<String>,
    /// How many newer versions its scope hides.
    beyond_scope: usize,
    /// Its policy and where that comes from.
    policy: String,
    /// When the registry was last asked about it.
    #[schema(required)]
    checked_at: Option<Timestamp>,
    /// When something will happen by itself.
    #[schema(required)]
    next_at: Option<Timestamp>,
    /// Commands by which a person can change it.
    can_do: Vec<String>,
}

impl From<Explanation> for Explained {
    fn from(told: Explanation) -> Self {
        let (verdict, action, target) = match told.verdict {
            Verdict::UpToDate => ("up_to_date", None, None),
            Verdict::NotApplicable => ("not_applicable", None, None),
            Verdict::Unknown => ("unknown", None, None),
            Verdict::UpdateAvailable { target, action } => {
                ("update_available", Some(word(action)), Some(Target::from(*target)))
            }
        };
        Self {
            name: told.workload.name.to_string(),
            verdict,
            action,
            sentence: told.sentence,
            reasons: told.reasons.into_iter().map(Reason::from).collect(),
            target,
            image: told.reference,
            version: told.version,
            newer_versions: told.newer_versions.iter().map(ToString::to_string).collect(),
            beyond_scope: told.beyond_scope,
            policy: told.policy,
            checked_at: told.checked_at,
            next_at: told.next_at,
            can_do: told.can_do,
        }
    }
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Apply => "apply",
        Action::Ask => "ask",
        Action::Wait => "wait",
        Action::PullOnly => "pull_only",
        Action::Tell => "tell",
    }
}

/// Explains why a container runs what it runs, by its last check; the registry is not asked.
#[utoipa::path(
    get, path = "/api/containers/{name}/explain", tag = "Containers",
    params(("name" = String, Path, description = "The container's name", example = "proxy")),
    responses((status = 200, description = "The explanation", body = Explained),
              (status = 400, description = "No name of a container", body = ErrorBody),
              (status = 404, description = "No such container", body = ErrorBody),
              (status = 500, description = "Engine or store cannot be asked", body = ErrorBody))
)]
pub async fn explain_container(
    State(sentinel): State<Sentinel>,
    name: Name,
) -> Result<Reply<Explained>, Failure> {
    let told = sentinel.app.explanation(&name.container()?).await;
    let told = told.map_err(|error| Failure::inside(&error, "failed to explain container"))?;
    told.map(|told| Reply(Explained::from(told))).ok_or_else(|| no_such_container(name.as_str()))
}
