//! Reads of the queue.

use lodeman_domain::queue::{QueueEntry, Target};
use lodeman_domain::workload::WorkloadKey;
use lodeman_store::StoreError;
use sqlx::SqlitePool;

use crate::adapter::columns::{count, from_json, instant, parse, parse_some, some_instant, workload};
use crate::adapter::error::store_error;

struct EntryRow {
    id: String,
    host_id: String,
    name: String,
    revision: i64,
    state: String,
    current_reference: String,
    current_image: String,
    target_reference: String,
    target_digest: String,
    target_manifest: String,
    target_config: Option<String>,
    target_version: Option<String>,
    target_already_pulled: i64,
    newer_versions: String,
    detected_at: i64,
    updated_at: i64,
    decided_by: Option<String>,
    op_id: Option<String>,
    note: Option<String>,
    retry_at: Option<i64>,
}

impl EntryRow {
    fn read(self) -> Result<QueueEntry, StoreError> {
        let what = "queue entry";
        Ok(QueueEntry {
            id: parse(what, &self.id)?,
            workload: workload(what, self.host_id, &self.name)?,
            revision: count(what, self.revision)?,
            state: parse(what, &self.state)?,
            current_reference: self.current_reference,
            current_image: parse(what, &self.current_image)?,
            target: Target {
                reference: parse(what, &self.target_reference)?,
                digest: parse(what, &self.target_digest)?,
                manifest: parse(what, &self.target_manifest)?,
                config: parse_some(what, self.target_config.as_deref())?,
                version: parse_some(what, self.target_version.as_deref())?,
                already_pulled: self.target_already_pulled != 0,
            },
            newer_versions: from_json(what, &self.newer_versions)?,
            detected_at: instant(what, self.detected_at)?,
            updated_at: instant(what, self.updated_at)?,
            decided_by: self.decided_by,
            operation: parse_some(what, self.op_id.as_deref())?,
            note: self.note,
            retry_at: some_instant(what, self.retry_at)?,
        })
    }
}

pub(crate) async fn find(pool: &SqlitePool, key: &WorkloadKey) -> Result<Option<QueueEntry>, StoreError> {
    let (host, name) = (key.host.as_str(), key.name.as_str());
    sqlx::query_as!(
        EntryRow,
        "SELECT * FROM queue_entry WHERE host_id = ? AND name = ?
        AND state IN ('pending', 'waiting', 'approved', 'running', 'failed', 'rejected')",
        host,
        name
    )
    .fetch_optional(pool)
    .await
    .map_err(store_error)?
    .map(EntryRow::read)
    .transpose()
}

pub(crate) async fn list(pool: &SqlitePool) -> Result<Vec<QueueEntry>, StoreError> {
    sqlx::query_as!(
        EntryRow,
        "SELECT * FROM queue_entry
        WHERE state IN ('pending', 'waiting', 'approved', 'running', 'failed', 'rejected')
        ORDER BY detected_at, host_id, name"
    )
    .fetch_all(pool)
    .await
    .map_err(store_error)?
    .into_iter()
    .map(EntryRow::read)
    .collect()
}
