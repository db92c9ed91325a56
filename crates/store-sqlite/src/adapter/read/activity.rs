//! Reads of the activity log.

use lodeman_store::{ActivityEntry, StoreError, StoredActivity};
use sqlx::SqlitePool;

use crate::adapter::columns::instant;
use crate::adapter::error::store_error;

pub(crate) async fn list(
    pool: &SqlitePool,
    before_seq: Option<i64>,
    limit: u32,
) -> Result<Vec<StoredActivity>, StoreError> {
    let before = before_seq.unwrap_or(i64::MAX);
    let rows = sqlx::query!("SELECT * FROM activity WHERE seq < ? ORDER BY seq DESC LIMIT ?", before, limit)
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    let mut log = Vec::with_capacity(rows.len());
    for row in rows {
        let entry = ActivityEntry {
            at: instant("activity entry", row.at)?,
            entry_type: row.r#type,
            message: row.message,
            container: row.container,
            host: row.host_id,
            user: row.user_name,
            kind: row.kind,
        };
        log.push(StoredActivity { seq: row.seq, entry });
    }
    Ok(log)
}
