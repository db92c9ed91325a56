//! The data directory: alone in it, and closed to others.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use lodeman_store::Store as _;
use lodeman_store_sqlite::{OpenError, SqliteStore, SqliteStoreConfig};

use crate::common::{open, open_error, with_spec};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file is there").mode() & 0o777
}

#[tokio::test]
async fn a_second_open_is_refused_while_the_first_lives() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).await;
    let error = open_error(dir.path()).await;
    assert!(
        matches!(&error, OpenError::DataLocked { pid: Some(pid), .. } if *pid == std::process::id()),
        "{error}"
    );
    assert!(error.to_string().contains("in use by another process"));
    first.ping().await.unwrap();
    first.close().await;
    open(dir.path()).await.close().await;
}

#[tokio::test]
async fn nobody_else_can_read_what_is_stored() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/b");
    let store = open(&dir).await;
    with_spec(&store, 1, "web", "s3cret").await;
    assert_eq!(mode(&dir), 0o700);
    let names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for wanted in ["lodeman.db", "lodeman.db-wal", "lodeman.db-shm", "lodeman.lock", "secret.key"] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is there");
    }
    for name in &names {
        assert_eq!(mode(&dir.join(name)), 0o600, "{}", name.display());
    }
    store.close().await;
}

#[tokio::test]
async fn rights_that_others_were_given_are_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.close().await;
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for name in ["lodeman.db", "secret.key", "lodeman.lock"] {
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    open(dir.path()).await.close().await;
    assert_eq!(mode(dir.path()), 0o700);
    for name in ["lodeman.db", "secret.key", "lodeman.lock"] {
        assert_eq!(mode(&dir.path().join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_directory_that_is_a_file_is_named_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    let error = open_error(&path).await;
    assert!(matches!(&error, OpenError::DataDir { path: named, .. } if *named == path), "{error}");
}

#[tokio::test]
async fn a_rollback_journal_serves_where_no_log_can_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    let config = SqliteStoreConfig { rollback_journal: true, ..SqliteStoreConfig::new(dir.path()) };
    let store = SqliteStore::open(config).await.unwrap();
    with_spec(&store, 1, "web", "s3cret").await;
    assert_eq!(store.list_open_operations().await.unwrap().len(), 1);
    assert!(!dir.path().join("lodeman.db-wal").exists());
    store.close().await;
}
