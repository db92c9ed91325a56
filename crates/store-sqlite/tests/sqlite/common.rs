//! What the tests share.

use std::path::Path;

use lodeman_store::contract::sample;
use lodeman_store::{SpecKind, Store as _, Write};
use lodeman_store_sqlite::{KeySource, OpenError, SqliteStore, SqliteStoreConfig};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

pub async fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(SqliteStoreConfig::new(dir)).await.expect("the store opens")
}

pub async fn open_error(dir: &Path) -> OpenError {
    match SqliteStore::open(SqliteStoreConfig::new(dir)).await {
        Ok(_) => panic!("the store must not open"),
        Err(error) => error,
    }
}

pub async fn open_with_key(dir: &Path, key: &str) -> SqliteStore {
    let key = KeySource::Given(key.to_owned().into());
    SqliteStore::open(SqliteStoreConfig { key, ..SqliteStoreConfig::new(dir) })
        .await
        .expect("the store opens")
}

/// Stores an operation on `container` whose old spec carries `secret`.
pub async fn with_spec(store: &SqliteStore, n: u64, container: &str, secret: &str) {
    let op = sample::operation(n, container);
    let spec = sample::spec(&op, SpecKind::Old, secret);
    let writes = vec![Write::InsertOperation(Box::new(op)), Write::PutSpec(spec)];
    store.commit(writes).await.expect("the commit succeeds");
}

/// A connection of its own to the database of a store that is closed, or nearly so.
pub async fn raw(dir: &Path) -> SqliteConnection {
    let file = dir.join("lodeman.db");
    SqliteConnectOptions::new().filename(file).connect().await.expect("the database opens")
}

pub async fn run(dir: &Path, sql: &'static str) {
    let mut conn = raw(dir).await;
    sqlx::raw_sql(sql).execute(&mut conn).await.expect("the statement runs");
    conn.close().await.expect("the connection closes");
}
