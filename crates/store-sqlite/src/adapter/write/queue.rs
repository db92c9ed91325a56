//! Writes of the queue.

use lodeman_domain::queue::{QueueEntry, QueueState};
use lodeman_store::StoreError;
use sqlx::sqlite::SqliteConnection;

use super::guarded;
use crate::adapter::columns::{int, ms, some_ms, text, to_json};
use crate::adapter::error::conflict_on;

pub(super) async fn insert(conn: &mut SqliteConnection, entry: &QueueEntry) -> Result<(), StoreError> {
    let id = entry.id.to_string();
    let (host, name) = (entry.workload.host.as_str(), entry.workload.name.as_str());
    let revision = int(entry.revision);
    let state = entry.state.as_str();
    let current_image = entry.current_image.as_str();
    let reference = entry.target.reference.to_string();
    let (digest, manifest) = (entry.target.digest.as_str(), entry.target.manifest.as_str());
    let config = text(entry.target.config.as_ref());
    let version = text(entry.target.version.as_ref());
    let newer = to_json("queue entry", &entry.newer_versions)?;
    let (detected, updated) = (ms(entry.detected_at), ms(entry.updated_at));
    let op = text(entry.operation.as_ref());
    let retry = some_ms(entry.retry_at);
    sqlx::query!(
        "INSERT INTO queue_entry (
            id, host_id, name, revision, state, current_reference, current_image, target_reference,
            target_digest, target_manifest, target_config, target_version, target_already_pulled,
            newer_versions, detected_at, updated_at, decided_by, op_id, note, retry_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        id,
        host,
        name,
        revision,
        state,
        entry.current_reference,
        current_image,
        reference,
        digest,
        manifest,
        config,
        version,
        entry.target.already_pulled,
        newer,
        detected,
        updated,
        entry.decided_by,
        op,
        entry.note,
        retry,
    )
    .execute(conn)
    .await
    .map_err(conflict_on("queue entry"))?;
    Ok(())
}

pub(super) async fn save(
    conn: &mut SqliteConnection,
    entry: &QueueEntry,
    expect_revision: u64,
    expect_state: QueueState,
) -> Result<(), StoreError> {
    let id = entry.id.to_string();
    let (host, name) = (entry.workload.host.as_str(), entry.workload.name.as_str());
    let revision = int(entry.revision);
    let state = entry.state.as_str();
    let current_image = entry.current_image.as_str();
    let reference = entry.target.reference.to_string();
    let (digest, manifest) = (entry.target.digest.as_str(), entry.target.manifest.as_str());
    let config = text(entry.target.config.as_ref());
    let version = text(entry.target.version.as_ref());
    let newer = to_json("queue entry", &entry.newer_versions)?;
    let (detected, updated) = (ms(entry.detected_at), ms(entry.updated_at));
    let op = text(entry.operation.as_ref());
    let retry = some_ms(entry.retry_at);
    let (expect_revision, expect_state) = (int(expect_revision), expect_state.as_str());
    let done = sqlx::query!(
        "UPDATE queue_entry SET
            host_id = ?, name = ?, revision = ?, state = ?, current_reference = ?, current_image = ?,
            target_reference = ?, target_digest = ?, target_manifest = ?, target_config = ?,
            target_version = ?, target_already_pulled = ?, newer_versions = ?, detected_at = ?,
            updated_at = ?, decided_by = ?, op_id = ?, note = ?, retry_at = ?
        WHERE id = ? AND revision = ? AND state = ?",
        host,
        name,
        revision,
        state,
        entry.current_reference,
        current_image,
        reference,
        digest,
        manifest,
        config,
        version,
        entry.target.already_pulled,
        newer,
        detected,
        updated,
        entry.decided_by,
        op,
        entry.note,
        retry,
        id,
        expect_revision,
        expect_state,
    )
    .execute(conn)
    .await
    .map_err(conflict_on("queue entry"))?;
    guarded("queue entry", &done)
}
