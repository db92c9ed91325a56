//! Dropping what has outlived its use.

use jiff::Timestamp;
use lodeman_store::StoreError;
use sqlx::sqlite::SqliteConnection;

use crate::adapter::columns::ms;
use crate::adapter::error::store_error;

/// Drops what is older than `before` and no longer needed; how many rows that were. Steps and specs go
/// with their operation, and an operation stays while a rollback point needs its spec.
pub(crate) async fn sweep(conn: &mut SqliteConnection, before: Timestamp) -> Result<u64, StoreError> {
    let before = ms(before);
    let dropped = [
        sqlx::query!(
            "DELETE FROM update_op
            WHERE updated_at < ? AND phase IN ('cleaned', 'rolled_back', 'aborted', 'external')
            AND id NOT IN (SELECT op_id FROM rollback_point)",
            before
        )
        .execute(&mut *conn)
        .await,
        sqlx::query!("DELETE FROM history WHERE at < ?", before).execute(&mut *conn).await,
        sqlx::query!("DELETE FROM event WHERE at < ?", before).execute(&mut *conn).await,
        sqlx::query!(
            "DELETE FROM queue_entry
            WHERE updated_at < ? AND state IN ('done', 'superseded', 'ignored', 'retired')",
            before
        )
        .execute(&mut *conn)
        .await,
        sqlx::query!(
            "DELETE FROM scan
            WHERE started_at < ? AND id NOT IN (SELECT id FROM scan ORDER BY started_at DESC LIMIT 1)",
            before
        )
        .execute(&mut *conn)
        .await,
    ];
    let mut count = 0;
    for done in dropped {
        count += done.map_err(store_error)?.rows_affected();
    }
    Ok(count)
}
