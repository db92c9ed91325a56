//! Reads of sessions and tokens.

use std::time::Duration;

use lodeman_store::{ApiTokenRecord, SessionRecord, StoreError, UserRecord};
use sqlx::SqlitePool;
use uuid::Uuid;

use super::accounts::find_user_by_id;
use crate::adapter::columns::{count, from_json, instant, parse, some_instant};
use crate::adapter::error::store_error;

struct SessionRow {
    token_hash: String,
    handle: String,
    user_id: String,
    method: String,
    created_at: i64,
    last_used_at: i64,
    authenticated_at: i64,
    expires_at: i64,
    idle_ms: i64,
    ip: String,
    user_agent: String,
}

impl SessionRow {
    fn read(self) -> Result<SessionRecord, StoreError> {
        let what = "session";
        Ok(SessionRecord {
            token_hash: self.token_hash,
            handle: self.handle,
            user: parse(what, &self.user_id)?,
            method: self.method,
            created_at: instant(what, self.created_at)?,
            last_used_at: instant(what, self.last_used_at)?,
            authenticated_at: instant(what, self.authenticated_at)?,
            expires_at: instant(what, self.expires_at)?,
            idle_limit: Duration::from_millis(count(what, self.idle_ms)?),
            ip: self.ip,
            user_agent: self.user_agent,
        })
    }
}

struct TokenRow {
    id: String,
    token_hash: String,
    user_id: String,
    name: String,
    permissions: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    last_used_from: Option<String>,
}

impl TokenRow {
    fn read(self) -> Result<ApiTokenRecord, StoreError> {
        let what = "token";
        Ok(ApiTokenRecord {
            id: self.id,
            token_hash: self.token_hash,
            user: parse(what, &self.user_id)?,
            name: self.name,
            permissions: self.permissions.map(|ids| from_json(what, &ids)).transpose()?,
            created_at: instant(what, self.created_at)?,
            expires_at: some_instant(what, self.expires_at)?,
            last_used_at: some_instant(what, self.last_used_at)?,
            last_used_from: self.last_used_from,
        })
    }
}

pub(crate) async fn find_session(
    pool: &SqlitePool,
    token_hash: &str,
) -> Result<Option<(SessionRecord, UserRecord)>, StoreError> {
    let row = sqlx::query_as!(SessionRow, "SELECT * FROM session WHERE token_hash = ?", token_hash)
        .fetch_optional(pool)
        .await
        .map_err(store_error)?;
    let Some(row) = row else { return Ok(None) };
    let session = row.read()?;
    // An account that was deleted in between took the session along.
    Ok(find_user_by_id(pool, session.user).await?.map(|user| (session, user)))
}

pub(crate) async fn list_sessions(pool: &SqlitePool, user: Uuid) -> Result<Vec<SessionRecord>, StoreError> {
    let user = user.to_string();
    let rows = sqlx::query_as!(
        SessionRow,
        "SELECT * FROM session WHERE user_id = ? ORDER BY last_used_at DESC, created_at DESC",
        user
    )
    .fetch_all(pool)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(SessionRow::read).collect()
}

pub(crate) async fn find_token(
    pool: &SqlitePool,
    token_hash: &str,
) -> Result<Option<(ApiTokenRecord, UserRecord)>, StoreError> {
    let row = sqlx::query_as!(TokenRow, "SELECT * FROM api_token WHERE token_hash = ?", token_hash)
        .fetch_optional(pool)
        .await
        .map_err(store_error)?;
    let Some(row) = row else { return Ok(None) };
    let token = row.read()?;
    Ok(find_user_by_id(pool, token.user).await?.map(|user| (token, user)))
}

pub(crate) async fn list_tokens(pool: &SqlitePool, user: Uuid) -> Result<Vec<ApiTokenRecord>, StoreError> {
    let user = user.to_string();
    let rows =
        sqlx::query_as!(TokenRow, "SELECT * FROM api_token WHERE user_id = ? ORDER BY created_at, id", user)
            .fetch_all(pool)
            .await
            .map_err(store_error)?;
    rows.into_iter().map(TokenRow::read).collect()
}
