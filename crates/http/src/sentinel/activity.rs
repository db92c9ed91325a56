//! The activity log.

use axum::extract::State;
use jiff::Timestamp;
use lodeman_updater::control::StoredActivity;
use serde::Serialize;
use utoipa::ToSchema;

use super::Sentinel;
use super::envelope::{ErrorBody, Failure};
use super::reply::Reply;

/// How many entries are told.
const TOLD: u32 = 200;

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SentinelActivity, example = json!({
    "timestamp": "2026-02-03T04:05:06Z", "type": "policy_set", "message": "Policy set to manual",
    "container": "proxy", "user": "admin"
}))]
pub struct Entry {
    /// When.
    timestamp: Timestamp,
    /// What it is about: `update`, `approve`, `policy_set`, `settings`, `auth` and others.
    #[serde(rename = "type")]
    about: String,
    /// In words.
    message: String,
    /// The container.
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<String>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// `service`, where the container is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
}

impl From<StoredActivity> for Entry {
    fn from(stored: StoredActivity) -> Self {
        let entry = stored.entry;
        Self {
            timestamp: entry.at,
            about: entry.entry_type,
            message: entry.message,
            container: entry.container,
            user: entry.user,
            kind: entry.kind,
        }
    }
}

/// Lists what people did, the newest 200.
#[utoipa::path(
    get, path = "/api/logs", tag = "History",
    responses((status = 200, description = "The entries, newest first", body = [Entry]),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn list_activity(State(sentinel): State<Sentinel>) -> Result<Reply<Vec<Entry>>, Failure> {
    let listed = sentinel.app.list_activity(TOLD).await;
    let listed = listed.map_err(|error| Failure::inside(&error, "failed to list logs"))?;
    Ok(Reply(listed.into_iter().map(Entry::from).collect()))
}
