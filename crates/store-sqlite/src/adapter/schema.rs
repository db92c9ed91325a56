//! The version of the schema: checked before anything else, migrated after a copy was taken.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::files;
use super::open::OpenError;

/// The newest version that the migrations lead to.
fn known(migrator: &Migrator) -> i64 {
    migrator.iter().map(|m| m.version).max().unwrap_or(0)
}

/// Version of the database; 0 for an empty one.
async fn found(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let managed = sqlx::query_scalar::<_, bool>(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations')",
    )
    .fetch_one(&mut *conn)
    .await?;
    if !managed {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations").fetch_one(conn).await
}

/// Brings the database to the newest version of `migrator` and gives the writing connection. Before an existing
/// database is changed, it is copied to `backups/` as a whole.
pub(crate) async fn migrate(
    options: &SqliteConnectOptions,
    dir: &Path,
    migrator: &Migrator,
) -> Result<SqliteConnection, OpenError> {
    let mut conn = options.connect().await.map_err(OpenError::database)?;
    let (found, known) = (found(&mut conn).await.map_err(OpenError::database)?, known(migrator));
    if found > known {
        return Err(OpenError::NewerSchema { found, known });
    }
    if found == known {
        return Ok(conn);
    }
    if found > 0 {
        // Without the write-ahead log, the file alone is not the database.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut conn)
            .await
            .map_err(OpenError::database)?;
        // Closed meanwhile: to close any handle on the file would drop this process's locks on it.
        conn.close().await.map_err(OpenError::database)?;
        let copy = files::prepare_backups(dir)
            .map(|backups| backups.join(format!("lodeman-schema-{found}.db")))
            .and_then(|copy| files::copy_whole(&dir.join(files::DATABASE), &copy).map(|()| copy))
            .map_err(|source| OpenError::Backup { source })?;
        tracing::info!(path = %copy.display(), "copied the database before changing its schema");
        conn = options.connect().await.map_err(OpenError::database)?;
    }
    migrator.run(&mut conn).await.map_err(|error| OpenError::Migrate(error.into()))?;
    tracing::info!(from = found, to = known, "the database has the schema of this version");
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::fs;

    use sqlx::AssertSqlSafe;
    use sqlx::migrate::{Migration, MigrationType};
    use sqlx::{SqlSafeStr as _, SqliteConnection};

    use super::super::open::writing;
    use super::*;
    use crate::MIGRATOR;

    /// The migrations of a later version, which adds `sql`.
    fn later(sql: &'static str) -> Migrator {
        let added = Migration::new(
            known(&MIGRATOR) + 1,
            Cow::Borrowed("later"),
            MigrationType::Simple,
            AssertSqlSafe(sql).into_sql_str(),
            false,
        );
        Migrator::with_migrations(MIGRATOR.iter().cloned().chain([added]).collect())
    }

    async fn settings(conn: &mut SqliteConnection) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM setting").fetch_one(conn).await.unwrap()
    }

    #[tokio::test]
    async fn an_older_database_is_copied_whole_before_it_is_migrated() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(files::DATABASE);
        files::prepare_file(&file).unwrap();
        let options = writing(&file, false);
        let mut conn = migrate(&options, dir.path(), &MIGRATOR).await.unwrap();
        assert!(!dir.path().join(files::BACKUPS).exists(), "a new database needs no copy");
        sqlx::query("INSERT INTO setting VALUES ('k', 'v')").execute(&mut conn).await.unwrap();
        // Ended without the end of a connection, so that the row is in the log only.
        std::mem::forget(conn);

        let migrator = later("DELETE FROM setting; CREATE TABLE later (n INTEGER) STRICT");
        let mut conn = migrate(&options, dir.path(), &migrator).await.unwrap();
        assert_eq!(settings(&mut conn).await, 0);
        assert_eq!(found(&mut conn).await.unwrap(), known(&migrator));
        let copies: Vec<_> = fs::read_dir(dir.path().join(files::BACKUPS)).unwrap().collect();
        assert_eq!(copies.len(), 1);
        let copy = copies[0].as_ref().unwrap().path();
        let mut old = writing(&copy, false).connect().await.unwrap();
        assert_eq!(settings(&mut old).await, 1, "the copy has what was in the log");
        assert_eq!(found(&mut old).await.unwrap(), known(&MIGRATOR));
    }

    #[tokio::test]
    async fn accounts_of_the_first_version_are_kept_and_may_sign_in() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(files::DATABASE);
        files::prepare_file(&file).unwrap();
        let options = writing(&file, false);
        let first = Migrator::with_migrations(MIGRATOR.iter().take(1).cloned().collect());
        let mut conn = migrate(&options, dir.path(), &first).await.unwrap();
        sqlx::query("INSERT INTO user_account VALUES ('1', 'ann', '$argon2id$', 'admin', 5)")
            .execute(&mut conn)
            .await
            .unwrap();
        conn.close().await.unwrap();
        let mut conn = migrate(&options, dir.path(), &MIGRATOR).await.unwrap();
        let account: (String, i64, i64, Option<i64>) =
            sqlx::query_as("SELECT name, enabled, failed_attempts, locked_until FROM user_account")
                .fetch_one(&mut conn)
                .await
                .unwrap();
        assert_eq!(account, ("ann".to_owned(), 1, 0, None));
    }

    #[tokio::test]
    async fn a_migration_that_fails_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(files::DATABASE);
        files::prepare_file(&file).unwrap();
        let options = writing(&file, false);
        let mut conn = migrate(&options, dir.path(), &MIGRATOR).await.unwrap();
        sqlx::query("INSERT INTO setting VALUES ('k', 'v')").execute(&mut conn).await.unwrap();
        conn.close().await.unwrap();
        let broken = later("DELETE FROM setting; INSERT INTO nowhere VALUES (1)");
        let error = migrate(&options, dir.path(), &broken).await.unwrap_err();
        assert!(matches!(error, OpenError::Migrate(_)), "{error}");
        let mut conn = migrate(&options, dir.path(), &MIGRATOR).await.unwrap();
        assert_eq!(settings(&mut conn).await, 1);
    }
}
