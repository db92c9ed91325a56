//! Settings, as they are read and written here.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use lodeman_updater::control::{Control as _, ErrorKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sentinel;
use super::body::Body;
use super::envelope::{ErrorBody, Failure};
use super::reply::{Message, Reply, message};
use super::span;
use crate::surface::Caller;

/// An interval between scans.
///
/// # Errors
/// 400, as for the endpoint.
pub(super) fn poll_interval(text: &str) -> Result<Duration, Failure> {
    let span =
        span::parse(text).map_err(|_| Failure::bad_request(format!("invalid duration format: {text}")))?;
    if span.negative || span.length < Duration::from_mins(5) {
        return Err(Failure::bad_request("poll interval must be at least 5 minutes"));
    }
    if span.length > Duration::from_hours(24) {
        return Err(Failure::bad_request("poll interval must be at most 24 hours"));
    }
    Ok(span.length)
}

/// Stores a setting, puts it in force and notes who did it.
async fn store(sentinel: &Sentinel, by: &str, key: &str, value: String, noted: &str) -> Result<(), Failure> {
    let changes = BTreeMap::from([(key.to_owned(), (!value.is_empty()).then_some(value))]);
    let stored = sentinel.app.change_settings(changes, by).await;
    stored.map_err(|error| match error.kind {
        ErrorKind::Unavailable | ErrorKind::Internal => Failure::inside(&error, "failed to save setting"),
        _ => Failure::from(error),
    })?;
    if let Err(error) = sentinel.app.record_activity("settings", noted, None, by).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "an activity cannot be noted");
    }
    Ok(())
}

/// Every setting as text.
#[utoipa::path(
    get, path = "/api/settings", tag = "Settings",
    responses((status = 200, description = "The settings in force, each as text", body = BTreeMap<String, String>),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn list_settings(
    State(sentinel): State<Sentinel>,
) -> Result<Reply<BTreeMap<String, String>>, Failure> {
    let listed = sentinel.app.settings().await;
    let listed = listed.map_err(|error| Failure::inside(&error, "failed to load settings"))?;
    let mut told = BTreeMap::new();
    for setting in listed {
        let value = match setting.key.as_str() {
            "poll_interval" | "grace_period" => {
                span::parse(&setting.value).map_or(setting.value, |span| span::format(span.length))
            }
            _ => setting.value,
        };
        if let Some((_, twin)) = TWINS.iter().find(|(key, _)| *key == setting.key) {
            told.insert((*twin).to_owned(), value.clone());
        }
        told.insert(setting.key, value);
    }
    Ok(Reply(told))
}

/// Settings that are told under a second name, too.
const TWINS: [(&str, &str); 8] = [
    ("poll_interval", "SENTINEL_POLL_INTERVAL"),
    ("grace_period", "SENTINEL_GRACE_PERIOD"),
    ("default_policy", "SENTINEL_DEFAULT_POLICY"),
    ("image_cleanup", "SENTINEL_IMAGE_CLEANUP"),
    ("schedule", "SENTINEL_SCHEDULE"),
    ("rollback_policy", "SENTINEL_ROLLBACK_POLICY"),
    ("scan_concurrency", "SENTINEL_SCAN_CONCURRENCY"),
    ("maintenance_window", "SENTINEL_MAINTENANCE_WINDOW"),
];

/// How often to scan.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelPollInterval, example = json!({ "interval": "6h" }))]
pub struct PollInterval {
    /// 5 minutes to 24 hours: `90m`, `6h`.
    interval: String,
}

/// How often is scanned now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentinelPollIntervalSet, example = json!({
    "interval": "6h0m0s", "message": "poll interval updated to 6h0m0s", "status": "ok"
}))]
pub struct PollIntervalSet {
    /// As it is stored.
    interval: String,
    /// In words.
    message: String,
    /// `ok`.
    status: &'static str,
}

/// Sets how often to scan.
#[utoipa::path(
    post, path = "/api/settings/poll-interval", tag = "Settings",
    request_body = PollInterval,
    responses((status = 200, description = "It is set", body = PollIntervalSet),
              (status = 400, description = "No JSON, no duration, or out of range", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_poll_interval(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<PollIntervalSet>, Failure> {
    let asked: PollInterval = body.parse("invalid JSON body")?;
    let interval = span::format(poll_interval(&asked.interval)?);
    let noted = format!("Poll interval changed to {interval}");
    store(&sentinel, &caller.user.name, "poll_interval", interval.clone(), &noted).await?;
    let message = format!("poll interval updated to {interval}");
    Ok(Reply(PollIntervalSet { interval, message, status: "ok" }))
}

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
              (status = 400, description = "No JSON", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
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
    store(&sentinel, &caller.user.name, "paused", paused.clone(), &format!("Scheduler {word}")).await?;
    Ok(Reply(PauseSet { message: format!("scheduler {word}"), paused }))
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
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_default_policy(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Message>, Failure> {
    let asked: DefaultPolicy = body.parse("invalid JSON body")?;
    let policy = super::policy::policy(&asked.policy)?.to_string();
    let noted = format!("Default policy changed to {policy}");
    store(&sentinel, &caller.user.name, "default_policy", policy.clone(), &noted).await?;
    Ok(message(format!("default policy set to {policy}")))
}
