//! Reads of what people set, and of checks and scans.

use lodeman_domain::workload::WorkloadKey;
use lodeman_store::{CheckRecord, IgnoredTarget, Override, ScanRecord, StoreError};
use sqlx::SqlitePool;

use crate::adapter::columns::{count, from_json, instant, parse, parse_some, some_instant, workload};
use crate::adapter::error::store_error;

pub(crate) async fn ping(pool: &SqlitePool) -> Result<(), StoreError> {
    // Reads a page of the file, which `SELECT 1` would not.
    sqlx::query_scalar!(r#"SELECT count(*) AS "n!: i64" FROM setting"#)
        .fetch_one(pool)
        .await
        .map(|_| ())
        .map_err(store_error)
}

pub(crate) async fn list_ignored(
    pool: &SqlitePool,
    key: &WorkloadKey,
) -> Result<Vec<IgnoredTarget>, StoreError> {
    let what = "ignored update";
    let (host, name) = (key.host.as_str(), key.name.as_str());
    let rows =
        sqlx::query!("SELECT * FROM ignored_target WHERE host_id = ? AND name = ? ORDER BY id", host, name)
            .fetch_all(pool)
            .await
            .map_err(store_error)?;
    let read = rows.into_iter().map(|row| {
        Ok(IgnoredTarget {
            workload: workload(what, row.host_id, &row.name)?,
            version: parse_some(what, row.version.as_deref())?,
            manifest: parse_some(what, row.manifest.as_deref())?,
            by: row.actor,
            at: instant(what, row.at)?,
        })
    });
    read.collect()
}

pub(crate) async fn list_overrides(pool: &SqlitePool) -> Result<Vec<Override>, StoreError> {
    let what = "override";
    let rows = sqlx::query!("SELECT * FROM policy_override ORDER BY host_id, name")
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    let read = rows.into_iter().map(|row| {
        Ok(Override {
            workload: workload(what, row.host_id, &row.name)?,
            policy: row.policy,
            by: row.actor,
            at: instant(what, row.at)?,
        })
    });
    read.collect()
}

struct CheckRow {
    host_id: String,
    name: String,
    at: i64,
    explanation: String,
}

impl CheckRow {
    fn read(self) -> Result<CheckRecord, StoreError> {
        let what = "check";
        Ok(CheckRecord {
            workload: workload(what, self.host_id, &self.name)?,
            at: instant(what, self.at)?,
            explanation: from_json(what, &self.explanation)?,
        })
    }
}

pub(crate) async fn find_check(
    pool: &SqlitePool,
    key: &WorkloadKey,
) -> Result<Option<CheckRecord>, StoreError> {
    let (host, name) = (key.host.as_str(), key.name.as_str());
    sqlx::query_as!(CheckRow, "SELECT * FROM last_check WHERE host_id = ? AND name = ?", host, name)
        .fetch_optional(pool)
        .await
        .map_err(store_error)?
        .map(CheckRow::read)
        .transpose()
}

pub(crate) async fn list_checks(pool: &SqlitePool) -> Result<Vec<CheckRecord>, StoreError> {
    sqlx::query_as!(CheckRow, "SELECT * FROM last_check ORDER BY host_id, name")
        .fetch_all(pool)
        .await
        .map_err(store_error)?
        .into_iter()
        .map(CheckRow::read)
        .collect()
}

pub(crate) async fn find_last_scan(pool: &SqlitePool) -> Result<Option<ScanRecord>, StoreError> {
    let what = "scan";
    let row = sqlx::query!("SELECT * FROM scan ORDER BY started_at DESC LIMIT 1")
        .fetch_optional(pool)
        .await
        .map_err(store_error)?;
    row.map(|row| {
        Ok(ScanRecord {
            id: parse(what, &row.id)?,
            trigger: row.cause,
            started_at: instant(what, row.started_at)?,
            ended_at: some_instant(what, row.ended_at)?,
            total: count(what, row.total)?,
            checked: count(what, row.checked)?,
            available: count(what, row.available)?,
            to_apply: count(what, row.to_apply)?,
            queued: count(what, row.queued)?,
            skipped: count(what, row.skipped)?,
            failed: count(what, row.failed)?,
        })
    })
    .transpose()
}

pub(crate) async fn list_settings(pool: &SqlitePool) -> Result<Vec<(String, String)>, StoreError> {
    let rows = sqlx::query!("SELECT * FROM setting ORDER BY key").fetch_all(pool).await;
    Ok(rows.map_err(store_error)?.into_iter().map(|row| (row.key, row.value)).collect())
}
