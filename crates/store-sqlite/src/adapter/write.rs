//! Each [`Write`] as a statement within the writer's transaction.

mod accounts;
mod activity;
mod credentials;
mod hooks;
mod journal;
mod ledger;
mod queue;
mod rest;
mod sweep;

use lodeman_store::{StoreError, Write};
use sqlx::sqlite::SqliteConnection;

use super::seal::Sealer;

pub(crate) use sweep::sweep;

pub(crate) async fn apply_all(
    conn: &mut SqliteConnection,
    sealer: &Sealer,
    writes: &[Write],
) -> Result<(), StoreError> {
    for write in writes {
        apply(conn, sealer, write).await?;
    }
    Ok(())
}

async fn apply(conn: &mut SqliteConnection, sealer: &Sealer, write: &Write) -> Result<(), StoreError> {
    match write {
        Write::InsertOperation(op) => journal::insert_operation(conn, op).await,
        Write::SaveOperation(op) => journal::save_operation(conn, op).await,
        Write::PutSpec(spec) => journal::put_spec(conn, sealer, spec).await,
        Write::DropSpecs(op) => journal::drop_specs(conn, *op).await,
        Write::InsertIntent(step) => journal::insert_intent(conn, step).await,
        Write::RecordOutcome { op, seq, at, outcome, observed } => {
            journal::record_outcome(conn, *op, *seq, *at, *outcome, observed).await
        }
        Write::InsertQueueEntry(entry) => queue::insert(conn, entry).await,
        Write::SaveQueueEntry { entry, expect_revision, expect_state } => {
            queue::save(conn, entry, *expect_revision, *expect_state).await
        }
        Write::AppendHistory(row) => ledger::append_history(conn, row).await,
        Write::AppendEvent(event) => ledger::append_event(conn, event).await,
        Write::PutBadDigest(bad) => ledger::put_bad_digest(conn, bad).await,
        Write::DropBadDigest { repository, manifest } => {
            ledger::drop_bad_digest(conn, repository, manifest).await
        }
        Write::PutFirstSeen(seen) => ledger::put_first_seen(conn, seen).await,
        Write::PutRollbackPoint(point) => ledger::put_rollback_point(conn, point).await,
        Write::DropRollbackPoint(op) => ledger::drop_rollback_point(conn, *op).await,
        Write::PutIgnored(ignored) => rest::put_ignored(conn, ignored).await,
        Write::DropIgnored(key) => rest::drop_ignored(conn, key).await,
        Write::PutOverride(set) => rest::put_override(conn, set).await,
        Write::DropOverride(key) => rest::drop_override(conn, key).await,
        Write::PutHook(hook) => hooks::put(conn, hook).await,
        Write::DropHook(key, phase) => hooks::drop(conn, key, *phase).await,
        Write::PutCheck(check) => rest::put_check(conn, check).await,
        Write::DropCheck(key) => rest::drop_check(conn, key).await,
        Write::PutScan(scan) => rest::put_scan(conn, scan).await,
        Write::PutSetting { key, value } => rest::put_setting(conn, key, value).await,
        Write::DropSetting(key) => rest::drop_setting(conn, key).await,
        Write::AppendActivity(entry) => activity::append(conn, entry).await,
        Write::Account(write) => accounts::apply(conn, write).await,
    }
}

/// The guard on `what` held if a row was changed.
fn guarded(what: &'static str, done: &sqlx::sqlite::SqliteQueryResult) -> Result<(), StoreError> {
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict { what }) }
}
