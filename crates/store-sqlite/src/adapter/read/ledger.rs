//! Reads of history, outbox, ledgers and rollback points.

use lodeman_domain::digest::Digest;
use lodeman_domain::event::{Event, HistoryRow};
use lodeman_domain::image::Repository;
use lodeman_domain::workload::WorkloadKey;
use lodeman_store::{BadDigest, FirstSeen, RollbackPoint, StoreError, StoredEvent, StoredHistory};
use sqlx::SqlitePool;

use crate::adapter::columns::{
    corrupt, count, from_json, instant, operation_id, parse, parse_some, repository, workload,
};
use crate::adapter::error::store_error;

struct Row {
    seq: i64,
    host_id: String,
    name: String,
    at: i64,
    op_id: Option<String>,
    outcome: String,
    old_reference: String,
    old_image: String,
    new_reference: String,
    new_digest: Option<String>,
    duration_ms: i64,
    dark_ms: Option<i64>,
    reason: Option<String>,
    actor: String,
    data_may_have_changed: i64,
}

impl Row {
    fn read(self) -> Result<StoredHistory, StoreError> {
        let what = "history row";
        let row = HistoryRow {
            workload: workload(what, self.host_id, &self.name)?,
            at: instant(what, self.at)?,
            operation: parse_some(what, self.op_id.as_deref())?,
            outcome: parse(what, &self.outcome)?,
            old_reference: self.old_reference,
            old_image: self.old_image,
            new_reference: self.new_reference,
            new_digest: self.new_digest,
            duration_ms: count(what, self.duration_ms)?,
            dark_ms: self.dark_ms.map(|ms| count(what, ms)).transpose()?,
            reason: self.reason,
            actor: self.actor,
            data_may_have_changed: self.data_may_have_changed != 0,
        };
        Ok(StoredHistory { seq: self.seq, row })
    }
}

pub(crate) async fn count_history(pool: &SqlitePool) -> Result<u64, StoreError> {
    let rows = sqlx::query_scalar!(r#"SELECT count(*) AS "n!: i64" FROM history"#).fetch_one(pool).await;
    Ok(u64::try_from(rows.map_err(store_error)?).unwrap_or_default())
}

pub(crate) async fn history(
    pool: &SqlitePool,
    of: Option<&WorkloadKey>,
    before_seq: Option<i64>,
    limit: u32,
) -> Result<Vec<StoredHistory>, StoreError> {
    let before = before_seq.unwrap_or(i64::MAX);
    let rows = match of {
        Some(key) => {
            let (host, name) = (key.host.as_str(), key.name.as_str());
            sqlx::query_as!(
                Row,
                "SELECT * FROM history WHERE host_id = ? AND name = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
                host,
                name,
                before,
                limit
            )
            .fetch_all(pool)
            .await
        }
        None => {
            sqlx::query_as!(
                Row,
                "SELECT * FROM history WHERE seq < ? ORDER BY seq DESC LIMIT ?",
                before,
                limit
            )
            .fetch_all(pool)
            .await
        }
    };
    rows.map_err(store_error)?.into_iter().map(Row::read).collect()
}

pub(crate) async fn events(
    pool: &SqlitePool,
    after_seq: i64,
    limit: u32,
) -> Result<Vec<StoredEvent>, StoreError> {
    let what = "event";
    let rows = sqlx::query!("SELECT * FROM event WHERE seq > ? ORDER BY seq LIMIT ?", after_seq, limit)
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    let read = rows.into_iter().map(|row| {
        let key = match (row.host_id, row.name) {
            (Some(host), Some(name)) => Some(workload(what, host, &name)?),
            (None, None) => None,
            _ => return Err(corrupt(what, "half of its container is missing")),
        };
        let event = Event {
            kind: parse(what, &row.kind)?,
            at: instant(what, row.at)?,
            workload: key,
            operation: parse_some(what, row.op_id.as_deref())?,
            message: row.message,
            data: from_json(what, &row.data)?,
        };
        Ok(StoredEvent { seq: row.seq, event })
    });
    read.collect()
}

struct BadRow {
    registry: String,
    path: String,
    manifest: String,
    index_digest: Option<String>,
    tag: Option<String>,
    reason: String,
    op_id: Option<String>,
    at: i64,
}

impl BadRow {
    fn read(self) -> Result<BadDigest, StoreError> {
        let what = "blocked digest";
        Ok(BadDigest {
            repository: repository(self.registry, self.path),
            manifest: parse(what, &self.manifest)?,
            index: parse_some(what, self.index_digest.as_deref())?,
            tag: parse_some(what, self.tag.as_deref())?,
            reason: self.reason,
            operation: parse_some(what, self.op_id.as_deref())?,
            at: instant(what, self.at)?,
        })
    }
}

pub(crate) async fn find_bad(
    pool: &SqlitePool,
    repository: &Repository,
    manifest: &Digest,
) -> Result<Option<BadDigest>, StoreError> {
    let manifest = manifest.as_str();
    sqlx::query_as!(
        BadRow,
        "SELECT * FROM bad_digest WHERE registry = ? AND path = ? AND manifest = ?",
        repository.registry,
        repository.path,
        manifest
    )
    .fetch_optional(pool)
    .await
    .map_err(store_error)?
    .map(BadRow::read)
    .transpose()
}

pub(crate) async fn list_bad(pool: &SqlitePool) -> Result<Vec<BadDigest>, StoreError> {
    sqlx::query_as!(BadRow, "SELECT * FROM bad_digest ORDER BY at, registry, path, manifest")
        .fetch_all(pool)
        .await
        .map_err(store_error)?
        .into_iter()
        .map(BadRow::read)
        .collect()
}

pub(crate) async fn find_first_seen(
    pool: &SqlitePool,
    repository: &Repository,
    manifest: &Digest,
) -> Result<Option<FirstSeen>, StoreError> {
    let digest = manifest.as_str();
    let at = sqlx::query_scalar!(
        "SELECT at FROM first_seen WHERE registry = ? AND path = ? AND manifest = ?",
        repository.registry,
        repository.path,
        digest
    )
    .fetch_optional(pool)
    .await
    .map_err(store_error)?;
    at.map(|at| {
        let at = instant("first-seen time", at)?;
        Ok(FirstSeen { repository: repository.clone(), manifest: manifest.clone(), at })
    })
    .transpose()
}

struct PointRow {
    op_id: String,
    host_id: String,
    name: String,
    image_id: String,
    manifest: Option<String>,
    repo_digests: String,
    reference: String,
    pin: String,
    created_at: i64,
    expires_at: i64,
}

impl PointRow {
    fn read(self) -> Result<RollbackPoint, StoreError> {
        let what = "rollback point";
        Ok(RollbackPoint {
            op: operation_id(what, &self.op_id)?,
            workload: workload(what, self.host_id, &self.name)?,
            image_id: parse(what, &self.image_id)?,
            manifest: parse_some(what, self.manifest.as_deref())?,
            repo_digests: from_json(what, &self.repo_digests)?,
            reference: self.reference,
            pin: self.pin,
            created_at: instant(what, self.created_at)?,
            expires_at: instant(what, self.expires_at)?,
        })
    }
}

pub(crate) async fn find_point(
    pool: &SqlitePool,
    key: &WorkloadKey,
) -> Result<Option<RollbackPoint>, StoreError> {
    let (host, name) = (key.host.as_str(), key.name.as_str());
    sqlx::query_as!(
        PointRow,
        "SELECT * FROM rollback_point WHERE host_id = ? AND name = ?
        ORDER BY created_at DESC, op_id DESC LIMIT 1",
        host,
        name
    )
    .fetch_optional(pool)
    .await
    .map_err(store_error)?
    .map(PointRow::read)
    .transpose()
}

pub(crate) async fn list_points(pool: &SqlitePool) -> Result<Vec<RollbackPoint>, StoreError> {
    sqlx::query_as!(PointRow, "SELECT * FROM rollback_point ORDER BY created_at, op_id")
        .fetch_all(pool)
        .await
        .map_err(store_error)?
        .into_iter()
        .map(PointRow::read)
        .collect()
}
