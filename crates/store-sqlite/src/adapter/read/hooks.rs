//! Reads of the hooks that people set.

use std::time::Duration;

use lodeman_domain::hook::{Hook, HookKey, StoredHook};
use lodeman_domain::workload::HostId;
use lodeman_store::StoreError;
use sqlx::SqlitePool;

use crate::adapter::columns::{count, from_json, instant, parse};
use crate::adapter::error::store_error;

pub(crate) async fn list(pool: &SqlitePool, key: &HookKey) -> Result<Vec<StoredHook>, StoreError> {
    let what = "hook";
    let host = key.host.as_str();
    let rows = sqlx::query!("SELECT * FROM hook WHERE host_id = ? AND name = ?", host, key.name)
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    let read = rows.into_iter().map(|row| {
        Ok(StoredHook {
            key: HookKey { host: HostId(row.host_id), name: row.name },
            phase: parse(what, &row.phase)?,
            hook: Hook {
                command: from_json(what, &row.command)?,
                timeout: Duration::from_secs(count(what, row.timeout_seconds)?),
                on_failure: parse(what, &row.on_failure)?,
            },
            by: row.actor,
            at: instant(what, row.at)?,
        })
    });
    let mut hooks: Vec<StoredHook> = read.collect::<Result<_, _>>()?;
    hooks.sort_by_key(|hook| hook.phase);
    Ok(hooks)
}
