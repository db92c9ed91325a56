//! Reads of accounts and roles.

use lodeman_store::{RoleRecord, StoreError, UserRecord};
use sqlx::SqlitePool;
use uuid::Uuid;

use crate::adapter::columns::{count, from_json, instant, parse, some_instant};
use crate::adapter::error::store_error;

struct UserRow {
    id: String,
    name: String,
    password_hash: String,
    role: String,
    created_at: i64,
    enabled: i64,
    failed_attempts: i64,
    locked_until: Option<i64>,
    last_login_at: Option<i64>,
    password_changed_at: Option<i64>,
}

impl UserRow {
    fn read(self) -> Result<UserRecord, StoreError> {
        let what = "account";
        Ok(UserRecord {
            id: parse(what, &self.id)?,
            name: self.name,
            password_hash: self.password_hash,
            role: self.role,
            enabled: self.enabled != 0,
            failed_attempts: count(what, self.failed_attempts)?,
            locked_until: some_instant(what, self.locked_until)?,
            last_login_at: some_instant(what, self.last_login_at)?,
            password_changed_at: some_instant(what, self.password_changed_at)?,
            created_at: instant(what, self.created_at)?,
        })
    }
}

struct RoleRow {
    id: String,
    name: String,
    permissions: String,
    built_in: i64,
    created_at: i64,
}

impl RoleRow {
    fn read(self) -> Result<RoleRecord, StoreError> {
        let what = "role";
        Ok(RoleRecord {
            id: self.id,
            name: self.name,
            permissions: from_json(what, &self.permissions)?,
            built_in: self.built_in != 0,
            created_at: instant(what, self.created_at)?,
        })
    }
}

pub(crate) async fn find_user(pool: &SqlitePool, name: &str) -> Result<Option<UserRecord>, StoreError> {
    let row = sqlx::query_as!(UserRow, "SELECT * FROM user_account WHERE name = ?", name)
        .fetch_optional(pool)
        .await
        .map_err(store_error)?;
    row.map(UserRow::read).transpose()
}

pub(crate) async fn find_user_by_id(pool: &SqlitePool, id: Uuid) -> Result<Option<UserRecord>, StoreError> {
    let id = id.to_string();
    let row = sqlx::query_as!(UserRow, "SELECT * FROM user_account WHERE id = ?", id)
        .fetch_optional(pool)
        .await
        .map_err(store_error)?;
    row.map(UserRow::read).transpose()
}

pub(crate) async fn list_users(pool: &SqlitePool) -> Result<Vec<UserRecord>, StoreError> {
    let rows = sqlx::query_as!(UserRow, "SELECT * FROM user_account ORDER BY name")
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    rows.into_iter().map(UserRow::read).collect()
}

pub(crate) async fn count_users(pool: &SqlitePool) -> Result<u64, StoreError> {
    let users = sqlx::query_scalar!(r#"SELECT count(*) AS "n!: i64" FROM user_account"#)
        .fetch_one(pool)
        .await
        .map_err(store_error)?;
    count("number of accounts", users)
}

pub(crate) async fn find_role(pool: &SqlitePool, id: &str) -> Result<Option<RoleRecord>, StoreError> {
    let row = sqlx::query_as!(RoleRow, "SELECT * FROM role WHERE id = ?", id)
        .fetch_optional(pool)
        .await
        .map_err(store_error)?;
    row.map(RoleRow::read).transpose()
}

pub(crate) async fn list_roles(pool: &SqlitePool) -> Result<Vec<RoleRecord>, StoreError> {
    let rows = sqlx::query_as!(RoleRow, "SELECT * FROM role ORDER BY id")
        .fetch_all(pool)
        .await
        .map_err(store_error)?;
    rows.into_iter().map(RoleRow::read).collect()
}
