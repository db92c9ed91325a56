//! What happened.

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use jiff::Timestamp;
use lodeman_domain::update::Outcome;
use lodeman_updater::control::StoredHistory;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Sentinel;
use super::csv;
use super::envelope::{ErrorBody, Failure};
use super::queue::ExportQuery;
use super::reply::Reply;

/// How many records an answer has unless asked otherwise, and at most.
const DEFAULT: u32 = 50;
const MOST: u32 = 200;

/// One update, rollback or check and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = SentinelHistoryRecord, example = json!({
    "timestamp": "2026-02-03T04:05:06Z", "container_name": "proxy", "old_image": "caddy:2.8.3",
    "old_digest": "sha256:1f0c", "new_image": "caddy:2.8.4", "new_digest": "sha256:7be2",
    "outcome": "success", "duration": 8_750_000_000_u64
}))]
pub struct Record {
    /// When it ended.
    timestamp: Timestamp,
    /// The container.
    container_name: String,
    /// The reference before.
    old_image: String,
    /// The image before.
    old_digest: String,
    /// The reference after, or what it would have been.
    new_image: String,
    /// The digest after, or what it would have been; empty where it is not known.
    new_digest: String,
    /// `success`, `failed`, `rollback`, `rollback_failed`, `dry_run`, `pull_only` or `check_failed`.
    outcome: &'static str,
    /// How long it took, nanoseconds.
    duration: u64,
    /// Why, for everything but plain success.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<StoredHistory> for Record {
    fn from(stored: StoredHistory) -> Self {
        let row = stored.row;
        Self {
            timestamp: row.at,
            container_name: row.workload.name.to_string(),
            old_image: row.old_reference,
            old_digest: row.old_image,
            new_image: row.new_reference,
            new_digest: row.new_digest.unwrap_or_default(),
            outcome: outcome(row.outcome),
            duration: row.duration_ms.saturating_mul(1_000_000),
            error: row.reason,
        }
    }
}

/// The word this surface has for it.
fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        // A restart leaves no record; were there one, it would be of what was asked for and done.
        Outcome::Updated | Outcome::UpdatedUnproven | Outcome::Restarted => "success",
        Outcome::RolledBack | Outcome::Restored => "rollback",
        Outcome::Held => "rollback_failed",
        Outcome::Aborted | Outcome::External => "failed",
        Outcome::SkippedByHook => "skipped_by_hook",
        Outcome::Pulled => "pull_only",
        Outcome::DryRun => "dry_run",
        Outcome::CheckFailed => "check_failed",
    }
}

/// Which part of history.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// How many records: 1 to 200; anything else means 50.
    #[param(example = "50")]
    limit: String,
    /// Only what is older than this instant, RFC 3339: the `timestamp` of the last record that was seen.
    #[param(example = "2026-02-03T04:05:06Z")]
    before: String,
}

impl HistoryQuery {
    fn limit(&self) -> u32 {
        self.limit.parse().ok().filter(|limit| (1..=MOST).contains(limit)).unwrap_or(DEFAULT)
    }
}

/// Lists what happened, newest first.
#[utoipa::path(
    get, path = "/api/history", tag = "History",
    params(HistoryQuery),
    responses((status = 200, description = "The records", body = [Record]),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn list_history(
    State(sentinel): State<Sentinel>,
    Query(query): Query<HistoryQuery>,
) -> Result<Reply<Vec<Record>>, Failure> {
    let before = query.before.parse().ok();
    let listed = sentinel.app.history_before(before, query.limit()).await;
    let listed = listed.map_err(|error| Failure::inside(&error, "failed to list history"))?;
    Ok(Reply(listed.into_iter().map(Record::from).collect()))
}

/// Exports all of history.
#[utoipa::path(
    get, path = "/api/history/export", tag = "History",
    params(ExportQuery),
    responses((status = 200, description = "A file", content(
                  ([Record] = "application/json"), (String = "text/csv", example = json!(
                      "timestamp,container,type,old_image,new_image,outcome,duration_s,error,host_id,host_name\n2026-02-03T04:05:06Z,proxy,,caddy:2.8.3,caddy:2.8.4,success,8.8,,,\n")))),
              (status = 500, description = "The store cannot be read", body = ErrorBody))
)]
pub async fn export_history(
    State(sentinel): State<Sentinel>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Failure> {
    let listed = sentinel.app.history_before(None, u32::MAX).await;
    let listed = listed.map_err(|error| Failure::inside(&error, "failed to export history"))?;
    let records: Vec<Record> = listed.into_iter().map(Record::from).collect();
    if query.format != "csv" {
        let mut response = Reply(records).into_response();
        let name = HeaderValue::from_static("attachment; filename=sentinel-history.json");
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Ok(response);
    }
    let mut file = csv::File::new(&[
        "timestamp",
        "container",
        "type",
        "old_image",
        "new_image",
        "outcome",
        "duration_s",
        "error",
        "host_id",
        "host_name",
    ]);
    for record in records {
        file.row(&[
            &csv::seconds(record.timestamp),
            &record.container_name,
            "",
            &record.old_image,
            &record.new_image,
            record.outcome,
            &tenths(record.duration),
            record.error.as_deref().unwrap_or_default(),
            "",
            "",
        ]);
    }
    Ok(file.into_response("sentinel-history.csv"))
}

/// Nanoseconds as seconds with one decimal; nothing for none.
fn tenths(nanoseconds: u64) -> String {
    if nanoseconds == 0 {
        return String::new();
    }
    let tenths = nanoseconds.saturating_add(50_000_000) / 100_000_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_out_of_range_means_fifty() {
        let limit = |text: &str| HistoryQuery { limit: text.to_owned(), before: String::new() }.limit();
        assert_eq!([limit("1"), limit("200"), limit("")], [1, 200, 50]);
        assert_eq!([limit("0"), limit("201"), limit("-1"), limit("x")], [50; 4]);
    }

    #[test]
    fn durations_are_told_in_tenths_of_a_second() {
        assert_eq!(tenths(8_750_000_000), "8.8");
        assert_eq!(tenths(0), "");
        assert_eq!(tenths(1), "0.0");
    }
}
