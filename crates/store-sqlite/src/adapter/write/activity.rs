//! Writes of the activity log.

use lodeman_store::{ACTIVITY_KEPT, ActivityEntry, StoreError};
use sqlx::sqlite::SqliteConnection;

use crate::adapter::columns::ms;
use crate::adapter::error::store_error;

pub(super) async fn append(conn: &mut SqliteConnection, entry: &ActivityEntry) -> Result<(), StoreError> {
    let at = ms(entry.at);
    let done = sqlx::query!(
        "INSERT INTO activity (at, type, message, container, host_id, user_name, kind)
        VALUES (?, ?, ?, ?, ?, ?, ?)",
        at,
        entry.entry_type,
        entry.message,
        entry.container,
        entry.host,
        entry.user,
        entry.kind,
    )
    .execute(&mut *conn)
    .await
    .map_err(store_error)?;
    // Numbers have no gaps: a transaction that fails takes its number back.
    let last_over = done.last_insert_rowid() - i64::from(ACTIVITY_KEPT);
    sqlx::query!("DELETE FROM activity WHERE seq <= ?", last_over)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}
