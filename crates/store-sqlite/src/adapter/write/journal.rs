//! Writes of the update journal.

use jiff::Timestamp;
use lodeman_domain::update::{Operation, OperationId, StepOutcome, StepRecord};
use lodeman_store::{SealedSpec, StoreError};
use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use zeroize::Zeroizing;

use super::guarded;
use crate::adapter::columns::{int, ms, some_ms, text, to_json};
use crate::adapter::error::{conflict_on, store_error};
use crate::adapter::read::{operation_detail, spec_kind, spec_row};
use crate::adapter::seal::{Place, Sealer};

pub(super) async fn insert_operation(conn: &mut SqliteConnection, op: &Operation) -> Result<(), StoreError> {
    let id = op.id.to_string();
    let op8 = op.id.op8();
    let version = int(op.version);
    let (kind, phase, direction) = (op.kind.as_str(), op.phase.as_str(), op.direction.as_str());
    let (host, name) = (op.host.as_str(), op.canonical_name.as_str());
    let (temp, retained) = (op.temp_name.as_str(), op.retained_name.as_str());
    let (old_id, old_image) = (op.old_id.as_str(), op.old_image_id.as_str());
    let target_reference = op.target_reference.to_string();
    let target_digest = text(op.target_digest.as_ref());
    let target_image = text(op.target_image_id.as_ref());
    let new_id = text(op.new_id.as_ref());
    let (budget, used) = (int(op.validate_budget_ms), int(op.validate_used_ms));
    let (created, updated) = (ms(op.created_at), ms(op.updated_at));
    let committed = some_ms(op.committed_at);
    let detail = operation_detail(op)?;
    let (known, open) = lock_of_record(conn, op).await?;
    if known {
        return Err(StoreError::Conflict { what: "operation" });
    }
    if open {
        return Err(StoreError::Conflict { what: "lock of record" });
    }
    sqlx::query!(
        "INSERT INTO update_op (
            id, op8, format, version, kind, host_id, engine_id, image_store, canonical_name, temp_name,
            retained_name, old_id, old_image_id, target_reference, target_digest, target_image_id,
            image_was_new, new_id, phase, direction, validate_budget_ms, validate_used_ms, recoveries,
            boot_id, process_id, reason, created_at, updated_at, committed_at, detail
        ) VALUES (
            ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
        )",
        id,
        op8,
        op.format,
        version,
        kind,
        host,
        op.engine_id,
        op.storage_driver,
        name,
        temp,
        retained,
        old_id,
        old_image,
        target_reference,
        target_digest,
        target_image,
        op.image_was_new,
        new_id,
        phase,
        direction,
        budget,
        used,
        op.recoveries,
        op.boot_id,
        op.process_id,
        op.reason,
        created,
        updated,
        committed,
        detail,
    )
    .execute(conn)
    .await
    .map_err(conflict_on("lock of record"))?;
    Ok(())
}

/// Whether the operation is stored already, and whether another holds its container. The unique index
/// would tell that something is in the way, but not what.
async fn lock_of_record(conn: &mut SqliteConnection, op: &Operation) -> Result<(bool, bool), StoreError> {
    let id = op.id.to_string();
    let (host, name) = (op.host.as_str(), op.canonical_name.as_str());
    let row = sqlx::query!(
        r#"SELECT
            EXISTS (SELECT 1 FROM update_op WHERE id = ?) AS "known!: bool",
            EXISTS (
                SELECT 1 FROM update_op WHERE host_id = ? AND canonical_name = ?
                AND phase NOT IN ('cleaned', 'rolled_back', 'aborted', 'external')
            ) AS "open!: bool""#,
        id,
        host,
        name
    )
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    Ok((row.known, row.open && !op.phase.is_terminal()))
}

pub(super) async fn save_operation(conn: &mut SqliteConnection, op: &Operation) -> Result<(), StoreError> {
    let id = op.id.to_string();
    let version = int(op.version);
    let (kind, phase, direction) = (op.kind.as_str(), op.phase.as_str(), op.direction.as_str());
    let (host, name) = (op.host.as_str(), op.canonical_name.as_str());
    let (temp, retained) = (op.temp_name.as_str(), op.retained_name.as_str());
    let (old_id, old_image) = (op.old_id.as_str(), op.old_image_id.as_str());
    let target_reference = op.target_reference.to_string();
    let target_digest = text(op.target_digest.as_ref());
    let target_image = text(op.target_image_id.as_ref());
    let new_id = text(op.new_id.as_ref());
    let (budget, used) = (int(op.validate_budget_ms), int(op.validate_used_ms));
    let (created, updated) = (ms(op.created_at), ms(op.updated_at));
    let committed = some_ms(op.committed_at);
    let detail = operation_detail(op)?;
    let done = sqlx::query!(
        "UPDATE update_op SET
            version = version + 1, format = ?, kind = ?, host_id = ?, engine_id = ?, image_store = ?,
            canonical_name = ?, temp_name = ?, retained_name = ?, old_id = ?, old_image_id = ?,
            target_reference = ?, target_digest = ?, target_image_id = ?, image_was_new = ?, new_id = ?,
            phase = ?, direction = ?, validate_budget_ms = ?, validate_used_ms = ?, recoveries = ?,
            boot_id = ?, process_id = ?, reason = ?, created_at = ?, updated_at = ?, committed_at = ?,
            detail = ?
        WHERE id = ? AND version = ?",
        op.format,
        kind,
        host,
        op.engine_id,
        op.storage_driver,
        name,
        temp,
        retained,
        old_id,
        old_image,
        target_reference,
        target_digest,
        target_image,
        op.image_was_new,
        new_id,
        phase,
        direction,
        budget,
        used,
        op.recoveries,
        op.boot_id,
        op.process_id,
        op.reason,
        created,
        updated,
        committed,
        detail,
        id,
        version,
    )
    .execute(conn)
    .await
    .map_err(conflict_on("lock of record"))?;
    guarded("operation", &done)
}

pub(super) async fn put_spec(
    conn: &mut SqliteConnection,
    sealer: &Sealer,
    spec: &SealedSpec,
) -> Result<(), StoreError> {
    let plain = Zeroizing::new(to_json("spec", &spec.json)?);
    let (op, kind) = (spec.op.to_string(), spec_kind(spec.kind));
    let row = spec_row(spec.op, spec.kind);
    let place = Place { table: "update_op_spec", row: &row, column: "sealed" };
    let stored = sealer.seal_spec(&place, plain.as_bytes())?;
    sqlx::query!(
        "INSERT INTO update_op_spec (op_id, kind, sealed) VALUES (?, ?, ?)
        ON CONFLICT (op_id, kind) DO UPDATE SET sealed = excluded.sealed",
        op,
        kind,
        stored
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn drop_specs(conn: &mut SqliteConnection, op: OperationId) -> Result<(), StoreError> {
    let op = op.to_string();
    sqlx::query!("DELETE FROM update_op_spec WHERE op_id = ?", op)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}

pub(super) async fn insert_intent(conn: &mut SqliteConnection, step: &StepRecord) -> Result<(), StoreError> {
    let op = step.op.to_string();
    let word = step.step.as_str();
    let (intent_at, outcome_at) = (ms(step.intent_at), some_ms(step.outcome_at));
    let args = to_json("step", &step.args)?;
    let outcome = step.outcome.map(StepOutcome::as_str);
    let observed = step.observed.as_ref().map(|value| to_json("step", value)).transpose()?;
    sqlx::query!(
        "INSERT INTO update_step (
            op_id, seq, step, attempt, intent_at, args, outcome_at, outcome, observed
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        op,
        step.seq,
        word,
        step.attempt,
        intent_at,
        args,
        outcome_at,
        outcome,
        observed
    )
    .execute(conn)
    .await
    .map_err(conflict_on("step"))?;
    Ok(())
}

pub(super) async fn record_outcome(
    conn: &mut SqliteConnection,
    op: OperationId,
    seq: u32,
    at: Timestamp,
    outcome: StepOutcome,
    observed: &Value,
) -> Result<(), StoreError> {
    let op = op.to_string();
    let at = ms(at);
    let outcome = outcome.as_str();
    let observed = to_json("step", observed)?;
    let done = sqlx::query!(
        "UPDATE update_step SET outcome_at = ?, outcome = ?, observed = ?
        WHERE op_id = ? AND seq = ? AND (outcome IS NULL OR outcome = 'unknown')",
        at,
        outcome,
        observed,
        op,
        seq
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    guarded("step", &done)
}
