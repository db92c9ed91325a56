//! Writes of history, outbox, ledgers and rollback points.

use lodeman_domain::digest::Digest;
use lodeman_domain::event::{Event, HistoryRow};
use lodeman_domain::image::Repository;
use lodeman_domain::update::OperationId;
use lodeman_store::{BadDigest, FirstSeen, RollbackPoint, StoreError};
use sqlx::sqlite::SqliteConnection;

use crate::adapter::columns::{int, ms, text, to_json};
use crate::adapter::error::store_error;

pub(super) async fn append_history(conn: &mut SqliteConnection, row: &HistoryRow) -> Result<(), StoreError> {
    let (host, name) = (row.workload.host.as_str(), row.workload.name.as_str());
    let at = ms(row.at);
    let op = text(row.operation.as_ref());
    let outcome = row.outcome.as_str();
    let duration = int(row.duration_ms);
    let dark = row.dark_ms.map(int);
    sqlx::query!(
        "INSERT INTO history (
            host_id, name, at, op_id, outcome, old_reference, old_image, new_reference, new_digest,
            duration_ms, dark_ms, reason, actor, data_may_have_changed
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        host,
        name,
        at,
        op,
        outcome,
        row.old_reference,
        row.old_image,
        row.new_reference,
        row.new_digest,
        duration,
        dark,
        row.reason,
        row.actor,
        row.data_may_have_changed,
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn append_event(conn: &mut SqliteConnection, event: &Event) -> Result<(), StoreError> {
    let kind = event.kind.as_str();
    let at = ms(event.at);
    let host = event.workload.as_ref().map(|key| key.host.as_str());
    let name = event.workload.as_ref().map(|key| key.name.as_str());
    let op = text(event.operation.as_ref());
    let data = to_json("event", &event.data)?;
    sqlx::query!(
        "INSERT INTO event (kind, at, host_id, name, op_id, message, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        kind,
        at,
        host,
        name,
        op,
        event.message,
        data
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// The first reason stays.
pub(super) async fn put_bad_digest(conn: &mut SqliteConnection, bad: &BadDigest) -> Result<(), StoreError> {
    let manifest = bad.manifest.as_str();
    let index = text(bad.index.as_ref());
    let tag = text(bad.tag.as_ref());
    let op = text(bad.operation.as_ref());
    let at = ms(bad.at);
    sqlx::query!(
        "INSERT INTO bad_digest (registry, path, manifest, index_digest, tag, reason, op_id, at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (registry, path, manifest) DO NOTHING",
        bad.repository.registry,
        bad.repository.path,
        manifest,
        index,
        tag,
        bad.reason,
        op,
        at
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn drop_bad_digest(
    conn: &mut SqliteConnection,
    repository: &Repository,
    manifest: &Digest,
) -> Result<(), StoreError> {
    let manifest = manifest.as_str();
    sqlx::query!(
        "DELETE FROM bad_digest WHERE registry = ? AND path = ? AND manifest = ?",
        repository.registry,
        repository.path,
        manifest
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// The earliest time stays.
pub(super) async fn put_first_seen(conn: &mut SqliteConnection, seen: &FirstSeen) -> Result<(), StoreError> {
    let manifest = seen.manifest.as_str();
    let at = ms(seen.at);
    sqlx::query!(
        "INSERT INTO first_seen (registry, path, manifest, at) VALUES (?, ?, ?, ?)
        ON CONFLICT (registry, path, manifest) DO UPDATE SET at = excluded.at WHERE excluded.at < at",
        seen.repository.registry,
        seen.repository.path,
        manifest,
        at
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn put_rollback_point(
    conn: &mut SqliteConnection,
    point: &RollbackPoint,
) -> Result<(), StoreError> {
    let op = point.op.to_string();
    let (host, name) = (point.workload.host.as_str(), point.workload.name.as_str());
    let image = point.image_id.as_str();
    let manifest = text(point.manifest.as_ref());
    let digests = to_json("rollback point", &point.repo_digests)?;
    let (created, expires) = (ms(point.created_at), ms(point.expires_at));
    sqlx::query!(
        "INSERT INTO rollback_point (
            op_id, host_id, name, image_id, manifest, repo_digests, reference, pin, created_at, expires_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (op_id) DO UPDATE SET
            host_id = excluded.host_id, name = excluded.name, image_id = excluded.image_id,
            manifest = excluded.manifest, repo_digests = excluded.repo_digests,
            reference = excluded.reference, pin = excluded.pin, created_at = excluded.created_at,
            expires_at = excluded.expires_at",
        op,
        host,
        name,
        image,
        manifest,
        digests,
        point.reference,
        point.pin,
        created,
        expires
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn drop_rollback_point(
    conn: &mut SqliteConnection,
    op: OperationId,
) -> Result<(), StoreError> {
    let op = op.to_string();
    sqlx::query!("DELETE FROM rollback_point WHERE op_id = ?", op)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}
