//! The one task that writes.
//!
//! A job runs to its end even when the one who asked no longer waits, so that no half of a transaction is
//! ever left open. After a failure of the medium the connection is discarded, never used again: what it
//! believes about the file may be wrong.

use std::sync::Arc;

use jiff::Timestamp;
use lodeman_store::{StoreError, Write};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{mpsc, oneshot, watch};

use super::error::{commit_error, store_error};
use super::files::DataLock;
use super::seal::Sealer;
use super::write;

/// How many may wait for the writer; further ones wait to be let in.
const QUEUE: usize = 64;

#[derive(Debug)]
pub(crate) enum Job {
    Commit(Vec<Write>),
    Sweep(Timestamp),
}

type Answer = oneshot::Sender<Result<u64, StoreError>>;

enum Request {
    Do(Job, Answer),
    Close(Answer),
}

/// The way to the writer. Its task ends when this is dropped.
#[derive(Debug)]
pub(crate) struct WriterHandle {
    requests: mpsc::Sender<Request>,
    generation: watch::Receiver<u64>,
}

impl WriterHandle {
    pub(crate) fn start(
        options: SqliteConnectOptions,
        conn: SqliteConnection,
        sealer: Arc<Sealer>,
        lock: DataLock,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (changed, generation) = watch::channel(0);
        let writer = Writer { options, conn: Some(conn), sealer, lock, generation: changed };
        tokio::spawn(writer.run(receiver));
        Self { requests: sender, generation }
    }

    /// Changes before and after each job.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.generation.clone()
    }

    /// Has the writer do `job`; the number is how many rows a sweep dropped.
    pub(crate) async fn ask(&self, job: Job) -> Result<u64, StoreError> {
        self.send(|answer| Request::Do(job, answer)).await
    }

    /// Has the writer finish, close its connection and give the data directory free.
    pub(crate) async fn close(&self) -> Result<u64, StoreError> {
        self.send(Request::Close).await
    }

    async fn send(&self, request: impl FnOnce(Answer) -> Request) -> Result<u64, StoreError> {
        let stopped = || StoreError::Failed("the store is closed".into());
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

struct Writer {
    options: SqliteConnectOptions,
    conn: Option<SqliteConnection>,
    sealer: Arc<Sealer>,
    lock: DataLock,
    generation: watch::Sender<u64>,
}

impl Writer {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut closing = None;
        while let Some(request) = requests.recv().await {
            match request {
                Request::Do(job, answer) => {
                    self.generation.send_modify(|generation| *generation += 1);
                    let done = self.serve(&job).await;
                    self.generation.send_modify(|generation| *generation += 1);
                    // Whoever asked may have gone.
                    let _ = answer.send(done);
                }
                Request::Close(answer) => {
                    closing = Some(answer);
                    break;
                }
            }
        }
        drop(requests);
        let closed = match self.conn.take() {
            Some(conn) => conn.close().await.map_err(store_error),
            None => Ok(()),
        };
        drop(self.lock);
        if let Some(answer) = closing {
            let _ = answer.send(closed.map(|()| 0));
        }
    }

    async fn serve(&mut self, job: &Job) -> Result<u64, StoreError> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.options.connect().await.map_err(store_error)?,
        };
        let done = transact(&mut conn, &self.sealer, job).await;
        if done.as_ref().err().is_none_or(keeps_connection) {
            self.conn = Some(conn);
        }
        done
    }
}

async fn transact(conn: &mut SqliteConnection, sealer: &Sealer, job: &Job) -> Result<u64, StoreError> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(store_error)?;
    let done = match job {
        Job::Commit(writes) => write::apply_all(&mut tx, sealer, writes).await.map(|()| 0),
        Job::Sweep(before) => write::sweep(&mut tx, *before).await,
    };
    match done {
        Ok(count) => tx.commit().await.map(|()| count).map_err(commit_error),
        Err(error) => match tx.rollback().await {
            // After a failure of the medium SQLite may have rolled back by itself.
            Err(lost) if keeps_connection(&error) => Err(store_error(lost)),
            _ => Err(error),
        },
    }
}

/// Whether an error says nothing about the state of the connection.
fn keeps_connection(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict { .. } | StoreError::Sealed { .. } | StoreError::Busy(_))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::files;
    use super::super::open::writing;
    use super::super::schema::migrate;
    use super::*;

    fn put(key: &str, size: usize) -> Job {
        Job::Commit(vec![Write::PutSetting { key: key.into(), value: "x".repeat(size) }])
    }

    /// A database with its schema, and a writer to it whose connections are made by `options`.
    async fn writer(
        dir: &Path,
        options: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions,
    ) -> WriterHandle {
        let file = dir.join(files::DATABASE);
        files::prepare_file(&file).unwrap_or_else(|error| panic!("{error}"));
        let usual = writing(&file, false);
        let made = migrate(&usual, dir, &crate::MIGRATOR).await;
        made.unwrap_or_else(|error| panic!("{error}"))
            .close()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let options = options(usual);
        let conn = options.connect().await.unwrap_or_else(|error| panic!("{error}"));
        let Ok(lock) = DataLock::take(dir) else { panic!("the directory is in use") };
        let sealer = Sealer::unavailable("none in this test".into());
        WriterHandle::start(options, conn, Arc::new(sealer), lock)
    }

    #[tokio::test]
    async fn without_space_nothing_is_written_and_what_fits_still_is() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(dir.path(), |options| options.pragma("max_page_count", "60")).await;
        writer.ask(put("small", 10)).await.unwrap();
        let both = Job::Commit(vec![
            Write::DropSetting("small".into()),
            Write::PutSetting { key: "large".into(), value: "x".repeat(1 << 20) },
        ]);
        assert!(matches!(writer.ask(both).await, Err(StoreError::Full(_))));
        writer.ask(put("small2", 10)).await.unwrap();
        writer.close().await.unwrap();
        let mut conn = writing(&dir.path().join(files::DATABASE), false).connect().await.unwrap();
        let keys: Vec<String> =
            sqlx::query_scalar("SELECT key FROM setting ORDER BY key").fetch_all(&mut conn).await.unwrap();
        assert_eq!(keys, ["small", "small2"]);
    }

    #[tokio::test]
    async fn another_writer_makes_it_busy_until_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(dir.path(), |options| options.busy_timeout(Duration::from_millis(20))).await;
        let mut other = writing(&dir.path().join(files::DATABASE), false).connect().await.unwrap();
        let taken = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
        assert!(matches!(writer.ask(put("k", 1)).await, Err(StoreError::Busy(_))));
        taken.rollback().await.unwrap();
        writer.ask(put("k", 1)).await.unwrap();
        writer.close().await.unwrap();
        assert!(matches!(writer.ask(put("k", 1)).await, Err(StoreError::Failed(_))), "closed is closed");
    }

    #[tokio::test]
    async fn a_damaged_database_is_told_and_a_repaired_one_is_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(dir.path(), |options| options).await;
        writer.ask(put("k", 1)).await.unwrap();
        let mut other = writing(&dir.path().join(files::DATABASE), false).connect().await.unwrap();
        let root: i64 = sqlx::query_scalar("SELECT rootpage FROM sqlite_schema WHERE name = 'setting'")
            .fetch_one(&mut other)
            .await
            .unwrap();
        for (page, version, damaged) in [(999_999, 77, true), (root, 78, false)] {
            let sql = format!(
                "PRAGMA writable_schema = ON;
                UPDATE sqlite_schema SET rootpage = {page} WHERE name = 'setting';
                PRAGMA schema_version = {version}"
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut other).await.unwrap();
            match writer.ask(put("k", 2)).await {
                Err(StoreError::Corrupt { what: "database", .. }) => assert!(damaged),
                done => assert!(!damaged && done.is_ok(), "{done:?}"),
            }
        }
        other.close().await.unwrap();
        writer.close().await.unwrap();
    }
}
