//! Writes of the hooks that people set.

use lodeman_domain::hook::{HookKey, HookPhase, StoredHook};
use lodeman_store::StoreError;
use sqlx::sqlite::SqliteConnection;

use crate::adapter::columns::{int, ms, to_json};
use crate::adapter::error::store_error;

pub(super) async fn put(conn: &mut SqliteConnection, set: &StoredHook) -> Result<(), StoreError> {
    let (host, phase) = (set.key.host.as_str(), set.phase.as_str());
    let command = to_json("hook", &set.hook.command)?;
    let timeout = int(set.hook.timeout.as_secs());
    let on_failure = set.hook.on_failure.as_str();
    let at = ms(set.at);
    sqlx::query!(
        "INSERT INTO hook (host_id, name, phase, command, timeout_seconds, on_failure, actor, at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (host_id, name, phase) DO UPDATE SET
            command = excluded.command, timeout_seconds = excluded.timeout_seconds,
            on_failure = excluded.on_failure, actor = excluded.actor, at = excluded.at",
        host,
        set.key.name,
        phase,
        command,
        timeout,
        on_failure,
        set.by,
        at
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub(super) async fn drop(
    conn: &mut SqliteConnection,
    key: &HookKey,
    phase: HookPhase,
) -> Result<(), StoreError> {
    let (host, phase) = (key.host.as_str(), phase.as_str());
    sqlx::query!("DELETE FROM hook WHERE host_id = ? AND name = ? AND phase = ?", host, key.name, phase)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}
