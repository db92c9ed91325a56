//! Writes of sessions and tokens.

use jiff::Timestamp;
use lodeman_store::{AccountWrite, ApiTokenRecord, SessionRecord, StoreError};
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::guarded;
use crate::adapter::columns::{int, ms, some_ms, to_json};
use crate::adapter::error::{conflict_of_account, store_error};

pub(super) async fn apply(conn: &mut SqliteConnection, write: &AccountWrite) -> Result<(), StoreError> {
    match write {
        AccountWrite::InsertSession { session, keep } => insert_session(conn, session, *keep).await,
        AccountWrite::TouchSession { token_hash, at } => touch_session(conn, token_hash, *at).await,
        AccountWrite::DropSession { token_hash } => drop_session(conn, token_hash).await,
        AccountWrite::DropSessions { user, except } => drop_sessions(conn, *user, except.as_deref()).await,
        AccountWrite::DropExpiredSessions(now) => drop_expired(conn, *now).await,
        AccountWrite::InsertToken(token) => insert_token(conn, token).await,
        AccountWrite::TouchToken { id, at, from } => touch_token(conn, id, *at, from).await,
        AccountWrite::DropToken { user, id } => drop_token(conn, *user, id).await,
        // The rest is applied by `accounts`.
        _ => Ok(()),
    }
}

async fn insert_session(
    conn: &mut SqliteConnection,
    session: &SessionRecord,
    keep: u32,
) -> Result<(), StoreError> {
    let user = session.user.to_string();
    let (created, last_used) = (ms(session.created_at), ms(session.last_used_at));
    let (authenticated, expires) = (ms(session.authenticated_at), ms(session.expires_at));
    let idle = i64::try_from(session.idle_limit.as_millis()).unwrap_or(i64::MAX);
    sqlx::query!(
        "INSERT INTO session (
            token_hash, handle, user_id, method, created_at, last_used_at, authenticated_at, expires_at,
            idle_ms, ip, user_agent
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        session.token_hash,
        session.handle,
        user,
        session.method,
        created,
        last_used,
        authenticated,
        expires,
        idle,
        session.ip,
        session.user_agent
    )
    .execute(&mut *conn)
    .await
    .map_err(conflict_of_account("session"))?;
    let others = int(u64::from(keep).saturating_sub(1));
    sqlx::query!(
        "DELETE FROM session WHERE user_id = ?1 AND token_hash <> ?2 AND token_hash NOT IN (
            SELECT token_hash FROM session WHERE user_id = ?1 AND token_hash <> ?2
            ORDER BY last_used_at DESC, created_at DESC LIMIT ?3
        )",
        user,
        session.token_hash,
        others
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

async fn touch_session(
    conn: &mut SqliteConnection,
    token_hash: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let at = ms(at);
    sqlx::query!(
        "UPDATE session SET last_used_at = ?1 WHERE token_hash = ?2 AND last_used_at < ?1",
        at,
        token_hash
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

async fn drop_session(conn: &mut SqliteConnection, token_hash: &str) -> Result<(), StoreError> {
    sqlx::query!("DELETE FROM session WHERE token_hash = ?", token_hash)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}

async fn drop_sessions(
    conn: &mut SqliteConnection,
    user: Uuid,
    except: Option<&str>,
) -> Result<(), StoreError> {
    let user = user.to_string();
    sqlx::query!("DELETE FROM session WHERE user_id = ? AND token_hash IS NOT ?", user, except)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}

async fn drop_expired(conn: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    let now = ms(now);
    sqlx::query!("DELETE FROM session WHERE expires_at <= ?1 OR ?1 - last_used_at >= idle_ms", now)
        .execute(conn)
        .await
        .map_err(store_error)?;
    Ok(())
}

async fn insert_token(conn: &mut SqliteConnection, token: &ApiTokenRecord) -> Result<(), StoreError> {
    let user = token.user.to_string();
    let permissions = token.permissions.as_ref().map(|ids| to_json("token", ids)).transpose()?;
    let created = ms(token.created_at);
    let (expires, last_used) = (some_ms(token.expires_at), some_ms(token.last_used_at));
    sqlx::query!(
        "INSERT INTO api_token (
            id, token_hash, user_id, name, permissions, created_at, expires_at, last_used_at, last_used_from
        ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        token.id,
        token.token_hash,
        user,
        token.name,
        permissions,
        created,
        expires,
        last_used,
        token.last_used_from
    )
    .execute(conn)
    .await
    .map_err(conflict_of_account("token"))?;
    Ok(())
}

async fn touch_token(
    conn: &mut SqliteConnection,
    id: &str,
    at: Timestamp,
    from: &str,
) -> Result<(), StoreError> {
    let at = ms(at);
    sqlx::query!(
        "UPDATE api_token SET last_used_at = ?1, last_used_from = ?2
        WHERE id = ?3 AND (last_used_at IS NULL OR last_used_at < ?1)",
        at,
        from,
        id
    )
    .execute(conn)
    .await
    .map_err(store_error)?;
    Ok(())
}

async fn drop_token(conn: &mut SqliteConnection, user: Uuid, id: &str) -> Result<(), StoreError> {
    let user = user.to_string();
    let done = sqlx::query!("DELETE FROM api_token WHERE id = ? AND user_id = ?", id, user)
        .execute(conn)
        .await
        .map_err(store_error)?;
    guarded("token", &done)
}
