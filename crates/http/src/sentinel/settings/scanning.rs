//! What scans look at, and how many registry checks run at once.

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Change;
use crate::sentinel::Sentinel;
use crate::sentinel::body::Body;
use crate::sentinel::envelope::{ErrorBody, Failure};
use crate::sentinel::reply::{Message, Reply, message};
use crate::surface::Caller;

/// Which containers are left alone.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelFilters, example = json!({ "patterns": ["scratch-*", "image:ghcr.io/acme/*"] }))]
pub struct Filters {
    /// Globs for names, or `image:`, `stack:`, `host:` and `label:` before one for something else. Blank
    /// ones do not count.
    #[schema(value_type = Vec<String>)]
    patterns: Vec<Option<String>>,
}

/// Sets which containers are left alone.
#[utoipa::path(
    post, path = "/api/settings/filters", tag = "Settings",
    request_body = Filters,
    responses((status = 200, description = "It is set", body = Message,
               example = json!({ "message": "filters updated" })),
              (status = 400, description = "No JSON, or a pattern that can match nothing", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_filters(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Message>, Failure> {
    let asked: Filters = body.parse("invalid JSON body")?;
    let patterns: Vec<String> = asked.patterns.into_iter().flatten().collect();
    let said = "filters updated";
    let change = Change::new("filters", patterns.join("\n"), said, "Scan filters updated");
    change.store(&sentinel, &caller.user.name).await?;
    Ok(message(said))
}

/// How many registry checks run at once.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = SentinelScanConcurrency, example = json!({ "concurrency": 4 }))]
pub struct ScanConcurrency {
    /// 1 to 20.
    #[schema(minimum = 1, maximum = 20)]
    concurrency: i64,
}

/// Sets how many registry checks run at once.
#[utoipa::path(
    post, path = "/api/settings/scan-concurrency", tag = "Settings",
    request_body = ScanConcurrency,
    responses((status = 200, description = "It is set", body = Message,
               example = json!({ "message": "scan concurrency set to 4" })),
              (status = 400, description = "No JSON, no whole number, or out of range", body = ErrorBody),
              (status = 409, description = "The environment fixes it", body = ErrorBody),
              (status = 413, description = "The body is too large", body = ErrorBody),
              (status = 500, description = "It cannot be stored", body = ErrorBody))
)]
pub async fn set_scan_concurrency(
    State(sentinel): State<Sentinel>,
    Caller(caller): Caller,
    body: Body,
) -> Result<Reply<Message>, Failure> {
    let ScanConcurrency { concurrency } = body.parse("invalid JSON body")?;
    if !(1..=20).contains(&concurrency) {
        return Err(Failure::bad_request("concurrency must be between 1 and 20"));
    }
    let said = format!("scan concurrency set to {concurrency}");
    let noted = format!("Scan concurrency set to {concurrency}");
    let change = Change::new("scan_concurrency", concurrency.to_string(), &said, &noted);
    change.store(&sentinel, &caller.user.name).await?;
    Ok(message(said))
}
