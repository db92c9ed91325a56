//! Opening: lock, permissions, schema, key, connections; in this order.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};

use super::files::{self, DataLock, LockError};
use super::key::{self, Found, KeySource};
use super::seal::{Sealer, key_id};
use super::writer::WriterHandle;
use super::{SqliteStore, schema};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 2;

/// Where the store keeps its data, and how.
#[derive(Debug, Clone)]
pub struct SqliteStoreConfig {
    /// The data directory; made where it is missing.
    pub data_dir: PathBuf,
    /// Where the master key comes from.
    pub key: KeySource,
    /// Keep a rollback journal instead of a write-ahead log: slower, but works on network file systems.
    pub rollback_journal: bool,
}

impl SqliteStoreConfig {
    /// The usual settings for a data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), key: KeySource::default(), rollback_journal: false }
    }
}

/// Why the store cannot be opened. Nothing was changed then, but for what [`OpenError::Migrate`] says.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses the data directory.
    #[error("the data directory {} is in use by another process{}", path.display(), of(*pid))]
    DataLocked {
        /// The data directory.
        path: PathBuf,
        /// That process, as far as it told.
        pid: Option<u32>,
    },
    /// The data directory cannot be made or used.
    #[error("the data directory {} cannot be used", path.display())]
    DataDir {
        /// The data directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The data directory lies on a network file system.
    #[error(
        "the data directory {} lies on a network file system ({kind}), where the database cannot keep a \
         write-ahead log: use a local directory, or switch to a rollback journal",
        path.display()
    )]
    NetworkFileSystem {
        /// The data directory.
        path: PathBuf,
        /// Which file system.
        kind: &'static str,
    },
    /// A newer version made the database.
    #[error(
        "the database has schema {found}, this version knows schemas up to {known}: a newer version was \
         here; use that, or restore a backup made before it"
    )]
    NewerSchema {
        /// Schema of the database.
        found: i64,
        /// The newest schema this build knows.
        known: i64,
    },
    /// The copy before a migration failed.
    #[error("the database cannot be copied before its schema is changed")]
    Backup {
        /// Why.
        source: io::Error,
    },
    /// A migration failed; the database has the schema of the last that did not.
    #[error("the schema of the database cannot be changed")]
    Migrate(#[source] BoxError),
    /// No key can be made.
    #[error("the key file {} cannot be made", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error("the database cannot be opened")]
    Database(#[source] BoxError),
}

fn of(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

impl OpenError {
    pub(crate) fn database(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl SqliteStore {
    /// Opens the store of a data directory, alone: makes what is missing, migrates what is older.
    ///
    /// # Errors
    /// [`OpenError`], by what a person has to do about it.
    pub async fn open(config: SqliteStoreConfig) -> Result<Self, OpenError> {
        let dir = config.data_dir;
        let data_dir = |source| OpenError::DataDir { path: dir.clone(), source };
        files::prepare_dir(&dir).map_err(data_dir)?;
        let lock = DataLock::take(&dir).map_err(|error| match error {
            LockError::Taken { pid } => OpenError::DataLocked { path: dir.clone(), pid },
            LockError::Io(source) => data_dir(source),
        })?;
        if let Some(kind) = files::network_file_system(&dir).map_err(data_dir)?
            && !config.rollback_journal
        {
            return Err(OpenError::NetworkFileSystem { path: dir, kind });
        }
        let file = dir.join(files::DATABASE);
        files::prepare_file(&file).map_err(data_dir)?;
        let options = writing(&file, config.rollback_journal);
        let mut conn = schema::migrate(&options, &dir, &crate::MIGRATOR).await?;
        let sealer = Arc::new(sealer(&config.key, &dir, &mut conn).await?);
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(reading(&file))
            .await
            .map_err(OpenError::database)?;
        let writer = WriterHandle::start(options, conn, Arc::clone(&sealer), lock);
        Ok(Self { readers, writer, sealer })
    }
}

/// The one connection that writes. FULL: what was acknowledged survives a power cut.
pub(crate) fn writing(file: &Path, rollback_journal: bool) -> SqliteConnectOptions {
    let journal = if rollback_journal { SqliteJournalMode::Delete } else { SqliteJournalMode::Wal };
    base(file)
        .journal_mode(journal)
        .synchronous(SqliteSynchronous::Full)
        // The log is cut back to this many bytes after a checkpoint.
        .pragma("journal_size_limit", "8388608")
        .pragma("cache_size", "-1024")
}

fn reading(file: &Path) -> SqliteConnectOptions {
    base(file).read_only(true).pragma("query_only", "ON").pragma("cache_size", "-512")
}

fn base(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

async fn sealer(source: &KeySource, dir: &Path, conn: &mut SqliteConnection) -> Result<Sealer, OpenError> {
    let unavailable = |reason: String| {
        tracing::error!(reason = %reason, "secrets cannot be opened; no update can begin");
        Ok(Sealer::unavailable(reason))
    };
    match key::find(source, dir) {
        Found::Key(master) => {
            if sealed_with_another(&key_id(&master), conn).await.map_err(OpenError::database)? {
                return unavailable("the key is not the one that stored secrets were sealed with".into());
            }
            Ok(Sealer::ready(&master))
        }
        Found::Missing(path) => {
            // No key has an empty name.
            if sealed_with_another(&[], conn).await.map_err(OpenError::database)? {
                return unavailable(format!(
                    "the key file {} is missing, and stored secrets were sealed with it",
                    path.display()
                ));
            }
            let made = key::generate(&path).map_err(|source| OpenError::KeyFile { path, source })?;
            Ok(Sealer::ready(&made))
        }
        Found::Unusable(reason) => unavailable(reason),
    }
}

async fn sealed_with_another(id: &[u8], conn: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT 1 FROM update_op_spec WHERE substr(sealed, 2, 8) <> ?) AS "found!: bool""#,
        id
    );
    found.fetch_one(conn).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pragma(conn: &mut SqliteConnection, name: &'static str) -> String {
        let sql = sqlx::AssertSqlSafe(format!("SELECT CAST(\"{name}\" AS TEXT) FROM pragma_{name}"));
        sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
    }

    #[tokio::test]
    async fn the_writer_syncs_fully_and_keeps_a_write_ahead_log() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(files::DATABASE);
        files::prepare_file(&file).unwrap();
        let mut conn = writing(&file, false).connect().await.unwrap();
        assert_eq!(pragma(&mut conn, "synchronous").await, "2", "FULL");
        assert_eq!(pragma(&mut conn, "journal_mode").await, "wal");
        assert_eq!(pragma(&mut conn, "foreign_keys").await, "1");
        let timeout: i64 = sqlx::query_scalar("PRAGMA busy_timeout").fetch_one(&mut conn).await.unwrap();
        assert_eq!(timeout, 5_000);
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(SqliteStoreConfig::new(dir.path())).await.unwrap();
        let written = sqlx::query("DELETE FROM setting").execute(&store.readers).await;
        assert!(written.unwrap_err().to_string().contains("readonly"));
        store.close().await;
    }
}
