//! Makes an empty database of the current schema, for `cargo xtask sqlx`.
//!
//! Built without the feature `adapter`: the adapter's own statements are checked against this database.

use std::path::PathBuf;

use sqlx::ConnectOptions as _;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnectOptions;

type BoxError = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let path: PathBuf = std::env::args_os().nth(1).ok_or("the file to make is missing")?.into();
    let mut conn = SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await?;
    lodeman_store_sqlite::MIGRATOR.run(&mut conn).await?;
    conn.close().await?;
    Ok(())
}
