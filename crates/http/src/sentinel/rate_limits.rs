//! How much the registries may still be asked.

use axum::extract::State;
use lodeman_updater::app::RateLimit;
use serde::Serialize;
use utoipa::ToSchema;

use super::Sentinel;
use super::reply::Reply;

/// The instant that means "never" to clients.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// How much the registries may still be asked.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SentinelRateLimits, example = json!({ "health": "ok", "registries": [{
    "registry": "docker.io", "limit": 100, "remaining": 61, "reset_at": "2026-02-03T06:00:00Z",
    "reset": "2026-02-03T06:00:00Z", "is_auth": false, "has_limits": true, "container_count": 12,
    "last_updated": "2026-02-03T04:05:06Z"
}] }))]
pub struct RateLimits {
    /// `exhausted` where a registry has nothing left, `low` where one has less than a fifth, else `ok`.
    health: &'static str,
    /// Every registry that containers are from, by name.
    registries: Vec<Budget>,
}

/// How much one registry may still be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelRateLimit)]
pub struct Budget {
    /// Its host.
    registry: String,
    /// Requests in a window; -1 where it announces no limit.
    limit: i64,
    /// Requests left.
    remaining: i64,
    /// When the count starts afresh; the year 1 where that is not known.
    #[schema(format = DateTime)]
    reset_at: String,
    /// The same under its other name.
    #[schema(format = DateTime)]
    reset: String,
    /// Whether it is asked with a credential.
    is_auth: bool,
    /// Whether it announces a limit.
    has_limits: bool,
    /// How many containers' images are from it.
    container_count: usize,
    /// When it last told; the year 1 where it never did.
    #[schema(format = DateTime)]
    last_updated: String,
}

impl From<RateLimit> for Budget {
    fn from(known: RateLimit) -> Self {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let quota = known.quota.as_ref();
        let reset = quota.and_then(|quota| quota.resets_at);
        let reset = reset.map_or_else(|| NEVER.to_owned(), |at| at.to_string());
        Self {
            limit: quota.map_or(-1, |quota| number(quota.limit)),
            remaining: quota.map_or(0, |quota| number(quota.remaining)),
            reset_at: reset.clone(),
            reset,
            is_auth: known.is_authenticated,
            has_limits: quota.is_some(),
            container_count: known.containers,
            last_updated: quota.map_or_else(|| NEVER.to_owned(), |quota| quota.learned_at.to_string()),
            registry: known.registry,
        }
    }
}

/// Tells how much each registry may still be asked.
#[utoipa::path(
    get, path = "/api/ratelimits", tag = "Settings",
    responses((status = 200, description = "The registries", body = RateLimits))
)]
pub async fn get_rate_limits(State(sentinel): State<Sentinel>) -> Reply<RateLimits> {
    let limits = sentinel.app.rate_limits().await;
    Reply(RateLimits {
        health: limits.health,
        registries: limits.registries.into_iter().map(Budget::from).collect(),
    })
}
