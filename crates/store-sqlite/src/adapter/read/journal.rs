//! Reads of the update journal.

use lodeman_domain::update::{JOURNAL_FORMAT, Operation, OperationId, StepRecord};
use lodeman_domain::workload::{HostId, WorkloadKey};
use lodeman_store::{SealedSpec, SpecKind, StoreError};
use serde_json::{Map, Value, json};
use sqlx::SqlitePool;

use crate::adapter::columns::{
    corrupt, count, from_json, instant, operation_id, parse, some_instant, to_json,
};
use crate::adapter::error::store_error;
use crate::adapter::seal::{Place, Sealer};

/// What of an operation has a column of its own; the rest is its `detail`.
const COLUMNS: [&str; 28] = [
    "id",
    "format",
    "version",
    "kind",
    "host",
    "engine_id",
    "storage_driver",
    "canonical_name",
    "temp_name",
    "retained_name",
    "old_id",
    "old_image_id",
    "target_reference",
    "target_digest",
    "target_image_id",
    "image_was_new",
    "new_id",
    "phase",
    "direction",
    "validate_budget_ms",
    "validate_used_ms",
    "recoveries",
    "boot_id",
    "process_id",
    "reason",
    "created_at",
    "updated_at",
    "committed_at",
];

/// The operation without what has a column.
pub(crate) fn operation_detail(op: &Operation) -> Result<String, StoreError> {
    let whole = serde_json::to_value(op).map_err(|why| corrupt("operation", why))?;
    let Value::Object(mut whole) = whole else { return Err(corrupt("operation", "it is no object")) };
    whole.retain(|key, _| !COLUMNS.contains(&key.as_str()));
    to_json("operation", &whole)
}

pub(crate) fn spec_kind(kind: SpecKind) -> &'static str {
    match kind {
        SpecKind::Old => "old",
        SpecKind::New => "new",
        SpecKind::LastWords => "last_words",
        SpecKind::PreHook => "pre_hook",
        SpecKind::PostHook => "post_hook",
    }
}

/// The row of a spec, as its seal names it.
pub(crate) fn spec_row(op: OperationId, kind: SpecKind) -> String {
    format!("{op}/{}", spec_kind(kind))
}

struct OperationRow {
    id: String,
    op8: String,
    format: i64,
    version: i64,
    kind: String,
    host_id: String,
    engine_id: String,
    image_store: String,
    canonical_name: String,
    temp_name: String,
    retained_name: String,
    old_id: String,
    old_image_id: String,
    target_reference: String,
    target_digest: Option<String>,
    target_image_id: Option<String>,
    image_was_new: i64,
    new_id: Option<String>,
    phase: String,
    direction: String,
    validate_budget_ms: i64,
    validate_used_ms: i64,
    recoveries: i64,
    boot_id: String,
    process_id: i64,
    reason: Option<String>,
    created_at: i64,
    updated_at: i64,
    committed_at: Option<i64>,
    detail: String,
}

impl OperationRow {
    fn read(self) -> Result<Operation, StoreError> {
        let what = "operation";
        let mut whole: Map<String, Value> = from_json(what, &self.detail)?;
        let columns: [(&str, Value); 28] = [
            ("id", self.id.as_str().into()),
            ("format", self.format.into()),
            ("version", self.version.into()),
            ("kind", self.kind.into()),
            ("host", self.host_id.into()),
            ("engine_id", self.engine_id.into()),
            ("storage_driver", self.image_store.into()),
            ("canonical_name", self.canonical_name.into()),
            ("temp_name", self.temp_name.into()),
            ("retained_name", self.retained_name.into()),
            ("old_id", self.old_id.into()),
            ("old_image_id", self.old_image_id.into()),
            ("target_reference", self.target_reference.into()),
            ("target_digest", self.target_digest.into()),
            ("target_image_id", self.target_image_id.into()),
            ("image_was_new", (self.image_was_new != 0).into()),
            ("new_id", self.new_id.into()),
            ("phase", self.phase.into()),
            ("direction", self.direction.into()),
            ("validate_budget_ms", self.validate_budget_ms.into()),
            ("validate_used_ms", self.validate_used_ms.into()),
            ("recoveries", self.recoveries.into()),
            ("boot_id", self.boot_id.into()),
            ("process_id", self.process_id.into()),
            ("reason", self.reason.into()),
            ("created_at", json!(instant(what, self.created_at)?)),
            ("updated_at", json!(instant(what, self.updated_at)?)),
            ("committed_at", json!(some_instant(what, self.committed_at)?)),
        ];
        whole.extend(columns.map(|(key, value)| (key.to_owned(), value)));
        let op: Operation = serde_json::from_value(whole.into())
            .map_err(|why| corrupt(what, format!("{}: {why}", self.id)))?;
        if op.id.op8() != self.op8 {
            return Err(corrupt(what, format!("{}: its short id is `{}`", self.id, self.op8)));
        }
        Ok(op)
    }
}

pub(crate) async fn find(pool: &SqlitePool, id: OperationId) -> Result<Option<Operation>, StoreError> {
    let id = id.to_string();
    sqlx::query_as!(OperationRow, "SELECT * FROM update_op WHERE id = ?", id)
        .fetch_optional(pool)
        .await
        .map_err(store_error)?
        .map(OperationRow::read)
        .transpose()
}

/// A row of a newer journal format that this build cannot read is left out: it is not ours to touch, and
/// its lock of record holds all the same.
pub(crate) async fn list_open(pool: &SqlitePool) -> Result<Vec<Operation>, StoreError> {
    let rows = sqlx::query_as!(
        OperationRow,
        "SELECT * FROM update_op WHERE phase NOT IN ('cleaned', 'rolled_back', 'aborted', 'external')
        ORDER BY created_at, id"
    )
    .fetch_all(pool)
    .await
    .map_err(store_error)?;
    let mut open = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, newer) = (row.id.clone(), row.format > i64::from(JOURNAL_FORMAT));
        match row.read() {
            Ok(op) => open.push(op),
            Err(error) if newer => tracing::warn!(
                operation = %id,
                error = &error as &dyn std::error::Error,
                "an operation of a newer version is left alone"
            ),
            Err(error) => return Err(error),
        }
    }
    Ok(open)
}

pub(crate) async fn find_open(pool: &SqlitePool, key: &WorkloadKey) -> Result<Option<Operation>, StoreError> {
    let (host, name) = (key.host.as_str(), key.name.as_str());
    sqlx::query_as!(
        OperationRow,
        "SELECT * FROM update_op WHERE host_id = ? AND canonical_name = ?
        AND phase NOT IN ('cleaned', 'rolled_back', 'aborted', 'external')",
        host,
        name
    )
    .fetch_optional(pool)
    .await
    .map_err(store_error)?
    .map(OperationRow::read)
    .transpose()
}

pub(crate) async fn find_by_op8(
    pool: &SqlitePool,
    host: &HostId,
    op8: &str,
) -> Result<Option<Operation>, StoreError> {
    let host = host.as_str();
    sqlx::query_as!(
        OperationRow,
        "SELECT * FROM update_op WHERE host_id = ? AND op8 = ? ORDER BY id DESC LIMIT 1",
        host,
        op8
    )
    .fetch_optional(pool)
    .await
    .map_err(store_error)?
    .map(OperationRow::read)
    .transpose()
}

struct StepRow {
    op_id: String,
    seq: i64,
    step: String,
    attempt: i64,
    intent_at: i64,
    args: String,
    outcome_at: Option<i64>,
    outcome: Option<String>,
    observed: Option<String>,
}

impl StepRow {
    fn read(self) -> Result<StepRecord, StoreError> {
        let what = "step";
        Ok(StepRecord {
            op: operation_id(what, &self.op_id)?,
            seq: count(what, self.seq)?,
            step: parse(what, &self.step)?,
            attempt: count(what, self.attempt)?,
            intent_at: instant(what, self.intent_at)?,
            args: from_json(what, &self.args)?,
            outcome_at: some_instant(what, self.outcome_at)?,
            outcome: self.outcome.map(|word| parse(what, &word)).transpose()?,
            observed: self.observed.map(|text| from_json(what, &text)).transpose()?,
        })
    }
}

pub(crate) async fn list_steps(pool: &SqlitePool, op: OperationId) -> Result<Vec<StepRecord>, StoreError> {
    let op = op.to_string();
    sqlx::query_as!(StepRow, "SELECT * FROM update_step WHERE op_id = ? ORDER BY seq", op)
        .fetch_all(pool)
        .await
        .map_err(store_error)?
        .into_iter()
        .map(StepRow::read)
        .collect()
}

pub(crate) async fn find_spec(
    pool: &SqlitePool,
    sealer: &Sealer,
    op: OperationId,
    kind: SpecKind,
) -> Result<Option<SealedSpec>, StoreError> {
    let (id, word) = (op.to_string(), spec_kind(kind));
    let found =
        sqlx::query_scalar!("SELECT sealed FROM update_op_spec WHERE op_id = ? AND kind = ?", id, word)
            .fetch_optional(pool)
            .await
            .map_err(store_error)?;
    let Some(stored) = found else { return Ok(None) };
    let row = spec_row(op, kind);
    let plain = sealer.open_spec(&Place { table: "update_op_spec", row: &row, column: "sealed" }, &stored)?;
    let json = serde_json::from_slice(&plain).map_err(|why| corrupt("spec", why))?;
    Ok(Some(SealedSpec { op, kind, json }))
}
