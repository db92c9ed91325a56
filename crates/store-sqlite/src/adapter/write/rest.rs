//! Writes of what people set, and of checks and scans.

use lodeman_domain::workload::WorkloadKey;
use lodeman_store::{CheckRecord, IgnoredTarget, Override, ScanRecord, StoreError};
use sqlx::sqlite::SqliteConnection;

use crate::adapter::columns::{ms, some_ms, text, to_json};
use crate::adapter::error::store_error;

/// To ignore the same twice changes nothing.
pub(super) async fn put_ignored(conn: &mut SqliteConnection, it: &IgnoredTarget) -> Result<(), StoreError> {
    let (host, name) = (it.workload.host.as_str(), it.workload.name.as_str());
    let version = text(it.version.as_ref());
    let manifest = text(it.manifest.as_ref());
    let at = ms(it.at);
    sqlx::query!(
        "INSERT INTO ignored_target (host_id, name, version, manifest, actor, at) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING",
        host,
        name,
        version,
        manifest,
        it.by,
        at
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn drop_ignored(conn: &mut SqliteConnection, key: &WorkloadKey) -> Result<(), StoreError> {
    let (host, name) = (key.host.as_str(), key.name.as_str());
    sqlx::query!("DELETE FROM ignored_target WHERE host_id = ? AND name = ?", host, name)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}

pub(super) async fn put_override(conn: &mut SqliteConnection, set: &Override) -> Result<(), StoreError> {
    let (host, name) = (set.workload.host.as_str(), set.workload.name.as_str());
    let at = ms(set.at);
    sqlx::query!(
        "INSERT INTO policy_override (host_id, name, policy, actor, at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (host_id, name) DO UPDATE SET
            policy = excluded.policy, actor = excluded.actor, at = excluded.at",
        host,
        name,
        set.policy,
        set.by,
        at
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn drop_override(conn: &mut SqliteConnection, key: &WorkloadKey) -> Result<(), StoreError> {
    let (host, name) = (key.host.as_str(), key.name.as_str());
    sqlx::query!("DELETE FROM policy_override WHERE host_id = ? AND name = ?", host, name)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}

pub(super) async fn put_check(conn: &mut SqliteConnection, check: &CheckRecord) -> Result<(), StoreError> {
    let (host, name) = (check.workload.host.as_str(), check.workload.name.as_str());
    let at = ms(check.at);
    let explanation = to_json("check", &check.explanation)?;
    sqlx::query!(
        "INSERT INTO last_check (host_id, name, at, explanation) VALUES (?, ?, ?, ?)
        ON CONFLICT (host_id, name) DO UPDATE SET at = excluded.at, explanation = excluded.explanation",
        host,
        name,
        at,
        explanation
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn drop_check(conn: &mut SqliteConnection, key: &WorkloadKey) -> Result<(), StoreError> {
    let (host, name) = (key.host.as_str(), key.name.as_str());
    sqlx::query!("DELETE FROM last_check WHERE host_id = ? AND name = ?", host, name)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}

pub(super) async fn put_scan(conn: &mut SqliteConnection, scan: &ScanRecord) -> Result<(), StoreError> {
    let id = scan.id.to_string();
    let (started, ended) = (ms(scan.started_at), some_ms(scan.ended_at));
    sqlx::query!(
        "INSERT INTO scan (
            id, cause, started_at, ended_at, total, checked, available, to_apply, queued, skipped, failed
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
            cause = excluded.cause, started_at = excluded.started_at, ended_at = excluded.ended_at,
            total = excluded.total, checked = excluded.checked, available = excluded.available,
            to_apply = excluded.to_apply, queued = excluded.queued, skipped = excluded.skipped,
            failed = excluded.failed",
        id,
        scan.trigger,
        started,
        ended,
        scan.total,
        scan.checked,
        scan.available,
        scan.to_apply,
        scan.queued,
        scan.skipped,
        scan.failed
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn put_setting(
    conn: &mut SqliteConnection,
    key: &str,
    value: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO setting (key, value) VALUES (?, ?)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key,
        value
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn drop_setting(conn: &mut SqliteConnection, key: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM setting WHERE key = ?", key).execute(conn).await.map_err(store_error)?;
    Ok(())
}
