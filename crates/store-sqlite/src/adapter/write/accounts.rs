//! Writes of accounts and roles.

use jiff::Timestamp;
use lodeman_store::{AccountWrite, RoleRecord, SecretHash, StoreError, UserRecord};
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::{credentials, guarded};
use crate::adapter::columns::{ms, some_ms, to_json};
use crate::adapter::error::{conflict_on, store_error};

pub(super) async fn apply(conn: &mut SqliteConnection, write: &AccountWrite) -> Result<(), StoreError> {
    match write {
        AccountWrite::PutRole(role) => put_role(conn, role).await,
        AccountWrite::DropRole(id) => drop_role(conn, id).await,
        AccountWrite::InsertUser(user) => insert_user(conn, user).await,
        AccountWrite::InsertFirstUser(user) => insert_first_user(conn, user).await,
        AccountWrite::DropUser { user, last_of } => drop_user(conn, *user, last_of).await,
        AccountWrite::SetAccess { user, role, enabled, last_of } => {
            set_access(conn, *user, role, *enabled, last_of).await
        }
        AccountWrite::SetPassword { user, hash, expect, changed_at } => {
            set_password(conn, *user, hash, expect, *changed_at).await
        }
        AccountWrite::RecordFailure { user, lock_after, lock_until } => {
            record_failure(conn, *user, *lock_after, *lock_until).await
        }
        AccountWrite::RecordSignIn { user, at } => record_sign_in(conn, *user, *at).await,
        other => credentials::apply(conn, other).await,
    }
}

async fn put_role(conn: &mut SqliteConnection, role: &RoleRecord) -> Result<(), StoreError> {
    let permissions = to_json("role", &role.permissions)?;
    let created = ms(role.created_at);
    sqlx::query!(
        "INSERT INTO role (id, name, permissions, built_in, created_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
            name = excluded.name, permissions = excluded.permissions, built_in = excluded.built_in",
        role.id,
        role.name,
        permissions,
        role.built_in,
        created
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

async fn drop_role(conn: &mut SqliteConnection, id: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM role WHERE id = ?", id).execute(conn).await.map_err(store_error)?;
    Ok(())
}

async fn insert_user(conn: &mut SqliteConnection, user: &UserRecord) -> Result<(), StoreError> {
    let id = user.id.to_string();
    let created = ms(user.created_at);
    let (locked, login) = (some_ms(user.locked_until), some_ms(user.last_login_at));
    let changed = some_ms(user.password_changed_at);
    sqlx::query!(
        "INSERT INTO user_account (
            id, name, password_hash, role, created_at, enabled, failed_attempts, locked_until,
            last_login_at, password_changed_at
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        id,
        user.name,
        user.password_hash,
        user.role,
        created,
        user.enabled,
        user.failed_attempts,
        locked,
        login,
        changed
    )
    .execute(conn)
    .await
    .map_err(conflict_on("user"))?;
    Ok(())
}

/// There is one writer, so nobody comes between the two statements.
async fn insert_first_user(conn: &mut SqliteConnection, user: &UserRecord) -> Result<(), StoreError> {
    let any = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT 1 FROM user_account) AS "any!: bool""#)
        .fetch_one(&mut *conn)
        .await
        .map_err(store_error)?;
    if any {
        return Err(StoreError::Conflict { what: "first user" });
    }
    insert_user(conn, user).await
}

async fn drop_user(conn: &mut SqliteConnection, user: Uuid, last_of: &str) -> Result<(), StoreError> {
    let id = user.to_string();
    keeps_role(conn, &id, "", false, last_of).await?;
    let done =
        sqlx::query!("DELETE FROM user_account WHERE id = ?", id).execute(conn).await.map_err(store_error)?;
    guarded("user", &done)
}

async fn set_access(
    conn: &mut SqliteConnection,
    user: Uuid,
    role: &str,
    enabled: bool,
    last_of: &str,
) -> Result<(), StoreError> {
    let id = user.to_string();
    keeps_role(conn, &id, role, enabled, last_of).await?;
    let done = sqlx::query!("UPDATE user_account SET role = ?, enabled = ? WHERE id = ?", role, enabled, id)
        .execute(conn)
        .await
        .map_err(store_error)?;
    guarded("user", &done)
}

/// Holds that the account `id`, when it becomes `role` and `enabled`, does not leave `last_of` to nobody. The
/// writer's transaction holds the database, so what is read here stays so.
async fn keeps_role(
    conn: &mut SqliteConnection,
    id: &str,
    role: &str,
    enabled: bool,
    last_of: &str,
) -> Result<(), StoreError> {
    if enabled && role == last_of {
        return Ok(());
    }
    let is_last = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM user_account WHERE id = ?1 AND role = ?2 AND enabled = 1)
        AND NOT EXISTS (SELECT 1 FROM user_account WHERE id <> ?1 AND role = ?2 AND enabled = 1)
        AS "is_last!: bool""#,
        id,
        last_of
    )
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    if is_last { Err(StoreError::Conflict { what: "last of role" }) } else { Ok(()) }
}

async fn set_password(
    conn: &mut SqliteConnection,
    user: Uuid,
    hash: &SecretHash,
    expect: &SecretHash,
    changed_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    let id = user.to_string();
    let changed = some_ms(changed_at);
    let done = sqlx::query!(
        "UPDATE user_account
        SET password_hash = ?, password_changed_at = coalesce(?, password_changed_at)
        WHERE id = ? AND password_hash = ?",
        hash.0,
        changed,
        id,
        expect.0
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    guarded("password", &done)
}

async fn record_failure(
    conn: &mut SqliteConnection,
    user: Uuid,
    lock_after: u32,
    lock_until: Timestamp,
) -> Result<(), StoreError> {
    let id = user.to_string();
    let until = ms(lock_until);
    sqlx::query!(
        "UPDATE user_account SET
            failed_attempts = min(failed_attempts + 1, 4294967295),
            locked_until = CASE WHEN failed_attempts + 1 >= ? THEN ? ELSE locked_until END
        WHERE id = ?",
        lock_after,
        until,
        id
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

async fn record_sign_in(conn: &mut SqliteConnection, user: Uuid, at: Timestamp) -> Result<(), StoreError> {
    let id = user.to_string();
    let at = ms(at);
    let done = sqlx::query!(
        "UPDATE user_account SET failed_attempts = 0, locked_until = NULL, last_login_at = ? WHERE id = ?",
        at,
        id
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    guarded("user", &done)
}
